"""Duo's logs of administrators and of authentications: what their files say of an event."""

from typing import Any

import pytest

from tests.support.logtypes import terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action

ADMINISTRATOR, AUTHENTICATION = "Duo.Administrator", "Duo.Authentication"


def admin(action: str, description: str = "{}", **more: str) -> dict[str, Any]:
    """One act of Nadia's in the admin panel."""
    return {
        "p_log_type": ADMINISTRATOR,
        "isotimestamp": "2026-03-04T12:00:00+00:00",
        "action": action,
        "description": description,
        "username": "Nadia Rosenfeld",
        **more,
    }


def push(result: str, reason: str) -> dict[str, Any]:
    """One authentication of Nadia's."""
    return {
        "p_log_type": AUTHENTICATION,
        "event_type": "authentication",
        "result": result,
        "reason": reason,
        "user": {"name": "Nadia@acme.example", "key": "DU1"},
        "access_device": {"ip": "198.51.100.7", "location": {"country": "Norway"}},
        "application": {"name": "VPN", "key": "DI1"},
    }


def test_an_administrator_is_named_in_full_and_a_sign_in_by_its_address() -> None:
    """What an act was done to is the object; only sign-ins say where they came from."""
    assert terms_in(admin("bypass_create", '{"count": 1}', object="Bo@acme.example")) == {
        "actor": "nadia rosenfeld",
        "self": "nadia rosenfeld",
        "action": "bypass_create",
        "target": "bo@acme.example",
    }
    failed = terms_in(admin("admin_2fa_error", '{"ip_address": "198.51.100.7", "factor": "push"}'))
    assert failed["address"] == "198.51.100.7"
    assert failed["refused"] == "admin_2fa_error"


@pytest.mark.parametrize(
    ("action", "description", "named"),
    [
        ("user_update", '{"status": "Bypass"}', "user_update bypass"),
        ("user_update", '{"status": "Active"}', "user_update"),
        ("integration_create", '{"raw_type": "adminapi", "name": "Sync"}', "integration_create adminapi"),
        ("integration_create", '{"raw_type": "1password"}', "integration_create"),
        (
            "admin_single_sign_on_update",
            '{"enforcement_status": "optional"}',
            "admin_single_sign_on_update not required",
        ),
        ("admin_single_sign_on_update", '{"enforcement_status": "required"}', "admin_single_sign_on_update"),
        ("admin_lockout", '"message": "no JSON"', "admin_lockout"),
    ],
)
def test_what_takes_a_protection_away_is_an_act_of_its_own(action: str, description: str, named: str) -> None:
    """The description says whether it does, as JSON in a text."""
    assert terms_in(admin(action, description))["action"] == named


def test_what_lets_in_without_a_second_factor_is_harm() -> None:
    """Keys of the Admin API and new administrators before the ordinary work."""
    harms = {
        action: harmful_action(ADMINISTRATOR, action)
        for action in ("integration_create adminapi", "admin_create", "user_update bypass", "bypass_view")
    }
    assert [(found.harm, found.seriousness >= 0.8) for found in harms.values() if found] == [
        (Harm.PERSISTENCE, True),
        (Harm.PERSISTENCE, True),
        (Harm.EVASION, True),
        (Harm.CREDENTIALS, True),
    ]
    assert harmful_action(ADMINISTRATOR, "admin_login") is None


def test_a_push_that_its_owner_calls_a_fraud_is_told_from_a_refused_one() -> None:
    """Both are refused; the user goes by the login, in lower case."""
    fraud, denied = terms_in(push("fraud", "user_marked_fraud")), terms_in(push("denied", "no_response"))
    assert (fraud["action"], denied["action"]) == ("authentication reported as fraud", "authentication")
    assert fraud["refused"]
    assert denied["refused"]
    assert denied["actor"] == "nadia@acme.example"
    assert denied["country"] == "Norway"
    assert "refused" not in terms_in(push("success", "user_approved"))


def test_names_that_administrators_choose_are_theirs() -> None:
    """What happened and when is Duo's; a name in one word may stand as an identifier."""
    for path in ("action", "isotimestamp"):
        assert classify(ADMINISTRATOR, path) is Trust.PROVIDER
    for path in ("username", "object", "description"):
        assert classify(ADMINISTRATOR, path, value="Nadia Rosenfeld") is Trust.ACTOR
    assert classify(AUTHENTICATION, "access_device.ip") is Trust.PROVIDER
