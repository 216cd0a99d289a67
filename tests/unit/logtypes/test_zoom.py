"""Zoom's operation and activity logs: what their files say of an event."""

from typing import Any

import pytest

from tests.support.logtypes import published_events, terms_in
from triage.domain.entity import Role
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action
from triage.stages.enrichment.entities import extract_entities

OPERATION, ACTIVITY = "Zoom.Operation", "Zoom.Activity"
SWITCH = "Security  - Sign in with Two-Factor Authentication: from On to Off"


@pytest.mark.parametrize(
    ("category", "action", "detail", "found", "target", "harm"),
    [
        ("Account", "Update", SWITCH, f"Account {SWITCH}", "security  - sign in with two-factor authentication", Harm.EVASION),
        ("Account", "Update", SWITCH.replace("On to Off", "Off to On"), None, None, None),
        ("Account", "Update", "Branding  - Logo: set to acme.png", "Account Update", "branding  - logo", None),
        ("User", "Batch Update", "Change Role  - Bo@acme.example: from Member to Co-Owner", "User Change Role", "bo@acme.example", Harm.PRIVILEGE),
        ("User", "Add", "Add User bo@acme.example  - User Type: Basic", "User Add", "bo@acme.example", Harm.PERSISTENCE),
        ("User Group", "Update", "Edit Group Sales  - Passcode: from On to Off", "User Group Update", "edit group sales  - passcode", None),
    ],
)  # fmt: skip
def test_the_sentence_says_what_was_changed(
    category: str, action: str, detail: str, found: str | None, target: str | None, harm: Harm | None
) -> None:
    """A switch of the account is an action of its own; other changes are told apart by kind, whoever they concern."""
    event = {"p_log_type": OPERATION, "operator": "Ada@acme.example", "category_type": category, "action": action}
    terms = terms_in({**event, "operation_detail": detail})
    assert terms["actor"] == "ada@acme.example"
    assert found is None or (terms["action"], terms["target"]) == (found, target)
    noted = harmful_action(OPERATION, terms["action"])
    assert (noted.harm if noted else None) is harm


def test_the_operators_words_are_theirs() -> None:
    """Zoom names the operator and the kind of change; the sentence repeats what they typed."""
    assert classify(OPERATION, "operator") is classify(OPERATION, "action") is Trust.PROVIDER
    assert classify(OPERATION, "operation_detail") is Trust.ACTOR
    assert classify(ACTIVITY, "ip_address") is Trust.PROVIDER


def test_a_sign_in_has_a_person_and_an_address() -> None:
    """The activity log is about sign-ins only."""
    event = {"p_log_type": ACTIVITY, "email": "Ada@acme.example", "ip_address": "198.51.100.7", "type": "Sign in"}
    assert terms_in(event) == {
        "actor": "ada@acme.example",
        "self": "ada@acme.example",
        "action": "Sign in",
        "address": "198.51.100.7",
    }


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ({"p_log_type": ACTIVITY, "type": "Sign in", "client_type": "mac"}, "Sign in mac"),
        (
            {
                "p_log_type": "OnePassword.SignInAttempt",
                "type": "credentials_ok",
                "client": {"app_name": "1Password CLI"},
            },
            "credentials_ok 1Password CLI",
        ),
        (
            {
                "p_log_type": "Snowflake.LoginHistory",
                "EVENT_TYPE": "LOGIN",
                "FIRST_AUTHENTICATION_FACTOR": "PASSWORD",
                "REPORTED_CLIENT_TYPE": "JDBC_DRIVER",
            },
            "LOGIN PASSWORD JDBC_DRIVER",
        ),
    ],
)
def test_a_program_is_part_of_a_sign_in_and_no_object_of_it(event: dict[str, Any], action: str) -> None:
    """Who else uses the program works on nothing of the person's; a program that they never used is a new act."""
    terms = terms_in(event)
    assert terms["action"] == action
    assert "target" not in terms


def test_published_events_are_understood() -> None:
    """Each names its operator and its change, and what the rules look for counts as harmful."""
    events = published_events(OPERATION)
    assert len(events) > 20
    for event in events:
        roles = {entity.role for entity in extract_entities([event], context={}, log_types=[OPERATION])}
        assert terms_in(event).keys() >= {"actor", "action", "target"}
        assert Role.ACTOR in roles
    harmful = [event for event in events if harmful_action(OPERATION, terms_in(event)["action"])]
    assert {event["operation_detail"] for event in harmful} >= {
        "Security  - Automatically sign users out after a specified time: from On to Off",
        "Security  - Require a passcode when scheduling new meetings: from On to Off",
        "Sign-in Methods  - Allow users to sign in with Google: from Off to On",
        "Change Role  - homer.simpson@duff.io: from Member to Billing Admin",
        SWITCH,
    }
    assert not [event for event in harmful if event["operation_detail"].endswith("Authentication: from Off to On")]
    assert all(terms_in(event)["actor"] for event in published_events(ACTIVITY))
