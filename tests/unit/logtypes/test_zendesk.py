"""Zendesk's audit log: what its file says of an event."""

import pytest

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action

LOG_TYPE = "Zendesk.Audit"


def event(source_type: str, label: str, change: str, *, action: str = "update") -> dict[str, object]:
    """One change by user 7."""
    return {
        "p_log_type": LOG_TYPE,
        "id": 1,
        "actor_id": 7,
        "actor_name": "Nadia",
        "source_id": 9,
        "source_type": source_type,
        "source_label": label,
        "action": action,
        "change_description": change,
        "ip_address": "198.51.100.7",
    }


def test_people_are_known_by_number() -> None:
    """A target says of what kind it is, since numbers of users and of other things may be the same."""
    promoted = terms_in(event("user", "Bo", "Role changed from End User to Administrator"))
    assert promoted == {
        "actor": "7",
        "self": "user 7",
        "action": "user: made administrator",
        "address": "198.51.100.7",
        "target": "user 9",
        "receiver": "9",
    }
    assert "receiver" not in terms_in(event("api_token", "API token", "", action="create"))


@pytest.mark.parametrize(
    ("source_type", "label", "change", "action"),
    [
        ("account_setting", "Require Two Factor", "Disabled", "account_setting Require Two Factor: Disabled"),
        ("account_setting", "Account Assumption", "Changed", "account_setting Account Assumption"),
        ("user_setting", "Suspension state: Bo", "Unsuspended", "user_setting: Unsuspended"),
        ("user", "Bo", "Role changed from Administrator to End User", "user: role changed"),
        ("user", "Bo", "Talk role changed from Admin to Agent\nGuide role changed from not set to Admin",
         "user: made administrator"),
        ("user", "Bo", "Organization: Acme is assigned", "update user"),
        ("account", "Account: Account", "Owner changed from Bo to Cy", "account: owner changed"),
    ],
)  # fmt: skip
def test_the_sentence_tells_changes_apart(source_type: str, label: str, change: str, action: str) -> None:
    """Names of people are no part of an action."""
    assert terms_in(event(source_type, label, change))["action"] == action


def test_labels_are_peoples_own() -> None:
    """Numbers, kinds and the address are Zendesk's."""
    for path in ("actor_id", "source_id", "ip_address", "action"):
        assert classify(LOG_TYPE, path) is Trust.PROVIDER
    for path in ("actor_name", "source_label", "change_description"):
        assert classify(LOG_TYPE, path) is Trust.ACTOR


def test_published_events_are_understood() -> None:
    """Each has an actor, and what the rules call severe is severe here."""
    events = published_events(LOG_TYPE)
    assert len(events) >= 24
    for each in events:
        assert terms_in(each).keys() >= {"actor", "action", "address", "target"}
    for action, kind in (
        ("create api_token", Harm.PERSISTENCE),
        ("account: owner changed", Harm.PRIVILEGE),
        ("account_setting Require Two Factor: Disabled", Harm.EVASION),
        ("account_setting Two-Factor authentication for all admins and agents: Disabled", Harm.EVASION),
        ("account_setting Credit Card Redaction: Disabled", Harm.EVASION),
        ("user_setting: Unsuspended", Harm.PERSISTENCE),
    ):
        found = harmful_action(LOG_TYPE, action)
        assert found is not None
        assert found.harm is kind
        assert found.seriousness >= 0.8
    assert harmful_action(LOG_TYPE, "account_setting Credit Card Redaction: Enabled") is None
