"""Snyk's audit logs: what their files say of an event."""

from typing import Any

import pytest

from tests.support.logtypes import terms_in
from tests.support.shared import shared_lines
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action, identities_of
from triage.logtypes.parties import harm_of_call

LOG_TYPES = ("Snyk.GroupAudit", "Snyk.OrgAudit")


def published(log_type: str) -> list[dict[str, Any]]:
    """The published events that may be of a log type: Panther's rules are for both, and their tests don't say which."""
    return [
        {**test["event"], "p_log_type": log_type}
        for test in shared_lines("data/rule_tests.ndjson")
        if log_type in (test["log_types"] or ()) and isinstance(test["event"], dict)
    ]


@pytest.mark.parametrize("log_type", LOG_TYPES)
def test_people_are_known_by_an_id(log_type: str) -> None:
    """It is no name under which another log would know them."""
    event = {
        "p_log_type": log_type,
        "event": "org.user.role.edit",
        "userId": "U-1",
        "orgId": "O-1",
        "content": {"userPublicId": "U-2", "afterRoleName": "ADMIN"},
    }
    assert terms_in(event) == {
        "actor": "u-1",
        "self": "u-1",
        "action": "org.user.role.edit",
        "target": "u-2",
        "receiver": "u-2",
    }
    assert identities_of(log_type) == {}
    assert terms_in({**event, "content": {}})["target"] == "o-1"


def test_a_role_that_gives_less_is_no_harm() -> None:
    """Where the new role is not said, nothing is excused."""
    cases: list[tuple[str, Any, bool]] = [
        ("group.user.role.edit", {"after": {"role": "MEMBER"}}, True),
        ("group.user.role.edit", {"after": {"role": "ADMIN"}}, False),
        ("org.user.role.edit", {"afterRoleName": "Org Collaborator"}, True),
        ("org.user.role.edit", {}, False),
    ]
    for action, content, harmless in cases:
        found = harm_of_call("Snyk.GroupAudit", action, [{"event": action, "content": content}])
        assert (found is None) is harmless, (action, content)


def test_what_a_caller_sends_is_theirs() -> None:
    """Ids are Snyk's."""
    for path in ("userId", "event", "content.userPublicId"):
        assert classify("Snyk.OrgAudit", path) is Trust.PROVIDER
    for path in ("content.orgName", "content.after.name", "content.reason"):
        assert classify("Snyk.OrgAudit", path) is Trust.ACTOR


@pytest.mark.parametrize("log_type", LOG_TYPES)
def test_published_events_are_understood(log_type: str) -> None:
    """All say what was done to what; those of a person name that person."""
    events = published(log_type)
    assert len(events) >= 34
    for event in events:
        assert terms_in(event).keys() >= {"action", "target"}
    assert sum("actor" in terms_in(event) for event in events) >= 25
    for action, kind in (
        ("group.sso.edit", Harm.PERSISTENCE),
        ("org.service_account.create", Harm.PERSISTENCE),
        ("group.user.role.edit", Harm.PRIVILEGE),
        ("group.policy.create", Harm.EVASION),
        ("group.request_access_settings.edit", Harm.EXPOSURE),
        ("org.delete", Harm.DESTRUCTION),
    ):
        found = harmful_action(log_type, action)
        assert found is not None
        assert found.harm is kind
        assert found.seriousness >= 0.8
