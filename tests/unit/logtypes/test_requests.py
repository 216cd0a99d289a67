"""Logs of requests and of deliveries: what their terms find in an event."""

import pytest

from tests.support.logtypes import terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action

BLOCKED = {
    "p_log_type": "AWS.WAFWebACL",
    "action": "BLOCK",
    "terminatingRuleId": "no-admin",
    "httpRequest": {"clientIp": "203.0.113.9", "uri": "/admin", "country": "NZ"},
}
FIREWALL = {
    "p_log_type": "Cloudflare.Firewall",
    "Action": "block",
    "ClientIP": "203.0.113.9",
    "ClientRequestHost": "a.example",
}
DENIED = {
    "p_log_type": "GCP.HTTPLoadBalancer",
    "httpRequest": {"remoteIp": "203.0.113.9", "requestUrl": "https://a.example/"},
    "jsonPayload": {"statusDetails": "denied_by_security_policy"},
}


@pytest.mark.parametrize("event", [BLOCKED, FIREWALL, DENIED])
def test_a_request_is_made_by_its_address(event: dict[str, object]) -> None:
    """Nobody else is named; a blocked request is a refusal."""
    found = terms_in(event)
    assert found["actor"] == found["address"] == "203.0.113.9"
    assert found["refused"]


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ({"action": "created", "comment": {"id": 1}, "issue": {"number": 2}}, "comment created"),
        ({"action": "opened", "pull_request": {"number": 2}}, "pull_request opened"),
        ({"action": "completed", "workflow_run": {"id": 5}}, "workflow_run completed"),
        ({"ref": "refs/heads/main", "commits": [{"id": "ab"}]}, "push"),
        (
            {"action": "completed", "workflow_run": {"id": 5, "event": "pull_request_target"}},
            "workflow_run completed for pull_request_target",
        ),
        ({"action": "added", "member": {"login": "bo"}}, "member added"),
        ({"pages": [{"page_name": "Home", "action": "edited"}]}, "wiki edited"),
        ({"action": "publicized"}, "publicized"),
    ],
)
def test_a_delivery_is_named_by_what_it_is_about(event: dict[str, object], action: str) -> None:
    """`created` alone would not say what was."""
    assert terms_in({"p_log_type": "GitHub.Webhook", **event})["action"] == action


def test_an_envelope_has_its_sender_and_recipient() -> None:
    """The event's name is the act, and no address is told."""
    data = {"senderEmail": "A@example.com", "email": "b@example.com", "envelopeId": "e1"}
    found = terms_in({"p_log_type": "Docusign.Connect", "event": "envelope-sent", "data": data})
    assert (found["actor"], found["action"], found["target"]) == ("a@example.com", "envelope-sent", "e1")
    assert found["recipient"] == "b@example.com"
    assert not found.get("address")


def test_a_delivery_of_harm_is_told_from_daily_work() -> None:
    """A repository that is made public, a new member, and code of a stranger that runs with full rights."""
    for action, harm in (
        ("publicized", Harm.EXPOSURE),
        ("member added", Harm.PERSISTENCE),
        ("workflow_run completed for pull_request_target", Harm.EXECUTION),
    ):
        found = harmful_action("GitHub.Webhook", action)
        assert found is not None
        assert found.harm is harm
        assert found.seriousness >= 0.8
    assert harmful_action("GitHub.Webhook", "push") is None
    assert harmful_action("Docusign.Connect", "envelope-sent") is None


def test_who_sent_a_delivery_is_githubs_to_say() -> None:
    """Names of branches, and what is written in a comment, are their author's."""
    assert classify("GitHub.Webhook", "sender.login") is Trust.PROVIDER
    assert classify("Docusign.Connect", "data.envelopeId") is Trust.PROVIDER
    for log_type, path in (
        ("GitHub.Webhook", "ref"),
        ("GitHub.Webhook", "comment.body"),
        ("Docusign.Connect", "data.name"),
    ):
        assert classify(log_type, path) is Trust.ACTOR
