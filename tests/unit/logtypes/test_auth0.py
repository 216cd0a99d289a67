"""Auth0's tenant log: what its file says of an event."""

from typing import Any

import pytest

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action, is_detection_event
from triage.logtypes.parties import harm_of_call

LOG_TYPE = "Auth0.Events"


def call(description: str, body: Any, answer: Any = None, *, path: str = "/api/v2/roles") -> dict[str, Any]:
    """A call of the Management API by Nadia."""
    request = {
        "auth": {"user": {"email": "Nadia@acme.example", "name": "Nadia", "user_id": "google-oauth2|7"}},
        "body": body,
        "method": "post",
        "path": path,
    }
    details = {"request": request, "response": {"body": answer, "statusCode": 200}}
    data = {"type": "sapi", "description": description, "client_id": "c1", "ip": "198.51.100.7", "details": details}
    return {"p_log_type": LOG_TYPE, "log_id": "900", "data": data}


def event(code: str, **data: Any) -> dict[str, Any]:
    """What a user did."""
    return {"p_log_type": LOG_TYPE, "log_id": "900", "data": {"type": code, "ip": "198.51.100.7", **data}}


def test_a_call_of_the_management_api_is_named_by_its_endpoint() -> None:
    """All such calls have one code; whoever is let in is the target."""
    invited = call("Create tenant invitations for a given client", {"owners": ["Bo@acme.example"], "roles": ["owner"]})
    assert terms_in(invited) == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "Create tenant invitations for a given client",
        "address": "198.51.100.7",
        "target": "bo@acme.example",
        "receiver": "bo@acme.example",
    }
    assert terms_in(call("Create a role", {"name": "admin"}))["target"] == "/api/v2/roles"


def test_what_a_user_does_is_named_by_its_code() -> None:
    """A name that is empty counts as none; an application acts only where it calls an API."""
    failed = terms_in(event("fp", user_name="Nadia@acme.example", user_id="", client_id="c1"))
    assert (failed["actor"], failed["action"], failed["refused"], failed["failed"]) == (
        "nadia@acme.example", "fp", "fp", "fp",
    )  # fmt: skip
    assert "actor" not in terms_in(event("fcoa", user_name="", client_id="c1"))
    assert terms_in(event("seccft", client_id="c1"))["actor"] == "c1"
    assert "failed" not in terms_in(event("flows_execution_completed"))
    assert "refused" not in terms_in(event("fapi", description="Create a role", user_id="auth0|7"))
    assert terms_in(event("gd_auth_rejected"))["second_factor"] == "gd_auth_rejected"


@pytest.mark.parametrize(
    ("action", "answer", "harmless"),
    [
        ("Update Brute-force settings", {"enabled": True}, True),
        ("Update Brute-force settings", {"enabled": False}, False),
        ("Update Suspicious IP Throttling settings", {"enabled": True, "shields": ["block"]}, True),
        ("Update Suspicious IP Throttling settings", {"enabled": True, "shields": ["user_notification"]}, False),
        ("Set the Multi-factor Authentication policies", ["all-applications"], True),
        ("Set the Multi-factor Authentication policies", [], False),
        ("Updates risk assessment configs", {"AfterAuthentication": False}, False),
        ("Create or update the anomaly detection captcha", {"policy": True}, True),
        ("Create a role", {"name": "x"}, False),
    ],
)
def test_a_protection_that_is_switched_on_is_no_harm(action: str, answer: Any, harmless: bool) -> None:
    """The answer to the call says what holds from now on."""
    assert (harm_of_call(LOG_TYPE, action, [call(action, {}, answer)]) is None) is harmless


def test_a_typed_name_is_not_auth0s() -> None:
    """Nor is what a caller sent."""
    assert classify(LOG_TYPE, "data.details.request.auth.user.email") is Trust.PROVIDER
    assert classify(LOG_TYPE, "data.ip") is Trust.PROVIDER
    assert classify(LOG_TYPE, "data.user_name", value="ada@acme.example") is Trust.PROVIDER
    for path in ("data.user_name", "data.description", "data.user_agent", "data.details.request.body.name"):
        assert classify(LOG_TYPE, path, value="approved by security") is Trust.ACTOR


def test_published_events_are_understood() -> None:
    """All but the sign-in that names nobody."""
    events = published_events(LOG_TYPE)
    assert len(events) >= 57
    nobody = [each for each in events if "actor" not in terms_in(each)]
    assert [each["data"]["type"] for each in nobody] == ["fcoa"]
    for each in events:
        assert terms_in(each).keys() >= {"action", "address"}
    for code in ("pwd_leak", "limit_wc", "ferrt"):
        assert is_detection_event(LOG_TYPE, code)
    harms = {action: harmful_action(LOG_TYPE, action) for action in (terms_in(each)["action"] for each in events)}
    severe = {action for action, harm in harms.items() if harm is not None and harm.seriousness >= 0.8}
    assert severe >= {
        "Set the Multi-factor Authentication policies",
        "Updates risk assessment configs",
        "Update Brute-force settings",
        "Create or update the anomaly detection captcha",
        "Create a role",
        "Dynamic client registration",
    }
    role = harms["Create a role"]
    assert role is not None
    assert role.harm is Harm.PRIVILEGE
