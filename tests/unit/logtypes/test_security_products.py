"""Audit logs of security products and of device management: what their files say of an event."""

from typing import Any

import pytest

from tests.support.logtypes import terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action, is_detection_event

ADA = "Ada@acme.example"
ADDRESS = "198.51.100.7"


def tailscale(kind: str, action: str, **target: str) -> dict[str, Any]:
    """A change that Ada made to the tailnet."""
    event = {"action": action, "actor": {"loginName": ADA, "id": "u1"}, "target": {"type": kind, **target}}
    return {"p_log_type": "Tailscale.Audit", "event": event}


def intune(operation: str, **actor: str) -> dict[str, Any]:
    """A change in Intune."""
    properties = {"Actor": actor, "TargetObjectIds": ["D-1"]}
    return {
        "p_log_type": "MicrosoftIntune.AuditLogs",
        "operationName": operation,
        "identity": "",
        "resultType": "Success",
        "properties": properties,
    }


def carbon_black(description: str, url: str | None = None) -> dict[str, Any]:
    """An entry of Ada's in Carbon Black's audit log."""
    return {
        "p_log_type": "CarbonBlack.Audit",
        "loginName": ADA,
        "clientIp": ADDRESS,
        "description": description,
        "requestUrl": url,
    }


def netskope(event: str, kind: str, *values: Any) -> dict[str, Any]:
    """An entry of Ada's in Netskope's audit log."""
    supporting = {"data_type": kind, "data_values": list(values)}
    return {"p_log_type": "Netskope.Audit", "audit_log_event": event, "user": ADA, "supporting_data": supporting}


def axonius(category: str, action: str, user: str = ADA, **params: str) -> dict[str, Any]:
    """An activity in Axonius."""
    event = {"category": f"AuditCategory.{category}", "action": f"AuditAction.{action}", "params": params, "user": user}
    return {"p_log_type": "Axonius.Activity", "event": event}


def test_a_change_to_a_tailnet_is_named_as_tailscale_names_it() -> None:
    """Users are targets by the name that they act under, all else by id."""
    assert terms_in(tailscale("TAILNET", "DISABLE", id="acme.example", property="HTTPS")) == {
        "actor": ADA.lower(),
        "self": ADA.lower(),
        "action": "TAILNET.DISABLE.HTTPS",
        "target": "acme.example",
    }
    invited = terms_in(tailscale("USER", "INVITE", id="u2", name="Bo@acme.example"))
    assert (invited["action"], invited["target"]) == ("USER.INVITE", "bo@acme.example")


def test_who_changed_something_in_intune_may_be_an_app() -> None:
    """Which has an id and no name of a user."""
    person = terms_in(intune("Create MobileApp", UPN=ADA, ObjectId="O-1"))
    assert (person["actor"], person["self"], person["target"]) == (ADA.lower(), "o-1", "d-1")
    assert terms_in(intune("Create MobileApp", UPN="", Application="App-1"))["actor"] == "app-1"


def test_what_an_agent_finds_is_told_of_its_machine() -> None:
    """Unless a user of the console acted; the number may be text."""
    found = {
        "p_log_type": "SentinelOne.Activity",
        "activitytype": 19,
        "agentid": "77",
        "data": {"computername": "BOB-PC", "filecontenthash": "ABC1"},
    }
    assert terms_in(found) == {"actor": "77", "action": "19", "host": "bob-pc", "target": "abc1"}
    assert terms_in({**found, "activitytype": "64", "data": {"username": ADA}})["actor"] == ADA.lower()
    assert is_detection_event("SentinelOne.Activity", "19")
    assert not is_detection_event("SentinelOne.Activity", "64")


@pytest.mark.parametrize(
    ("description", "action", "target"),
    [
        ("Created grant: psc:cnn:A1:B2 with role Super Admin", "created grant of admin", "psc:cnn:a1:b2"),
        ("Created grant: psc:cnn:A1:B2 with role Read Only", "created grant", "psc:cnn:a1:b2"),
        ("User Ada@acme.example retrieved secret for API ID K1 in org 1", "retrieved secret of API key", "k1"),
        ("Added API ID K1 with name x in org 1", "added API key", "k1"),
        ("Added user Bo@acme.example to org 1 (Email Invitation)", "added user", "bo@acme.example"),
        ('Updated Config: {"id":"c1","enabled":false}', "disabled data forwarder", "/configs/c1"),
        ('Updated Config: {"id":"c1","enabled":true}', "updated data forwarder", "/configs/c1"),
        ("ada@acme.example logged in successfully", "logged in", "/configs/c1"),
        ("Deleted policy 7", "deleted", "/configs/c1"),
    ],
)
def test_a_sentence_of_carbon_black_is_an_act_and_its_target(description: str, action: str, target: str) -> None:
    """Where it names nothing, the target is what was requested."""
    found = terms_in(carbon_black(description, "/configs/c1"))
    assert (found["action"], found["target"]) == (action, target)
    assert (found["actor"], found["address"]) == (ADA.lower(), ADDRESS)


def test_the_values_of_netskope_follow_their_type() -> None:
    """A user's address and name, or the status and path of a call."""
    sign_in = terms_in(netskope("Login Successful", "user", ADDRESS, ADA))
    assert (sign_in["address"], sign_in["target"]) == (ADDRESS, ADA.lower())
    refused = terms_in(netskope("Rest API V2 Call", "incidents", 403, "POST", "/api/v2/x"))
    assert (refused["target"], bool(refused["refused"])) == ("/api/v2/x", True)
    assert "address" not in refused
    assert "refused" not in terms_in(netskope("Rest API V2 Call", "incidents", 200, "POST", "/api/v2/x"))
    assert terms_in(netskope("Login Failed", "user", ADDRESS, ADA))["refused"]


def test_a_sign_in_in_a_browser_names_the_application() -> None:
    """The employee's address counts before that of an account; a control speaks of an employee."""
    event = {
        "p_log_type": "PushSecurity.Activity",
        "object": "LOGIN",
        "new": {"loginType": "PASSWORD_LOGIN", "email": ADA, "appType": "DROPBOX", "sourceIpAddress": ADDRESS},
    }
    assert terms_in(event) == {
        "actor": ADA.lower(),
        "self": ADA.lower(),
        "action": "LOGIN PASSWORD_LOGIN",
        "target": "dropbox",
        "address": ADDRESS,
    }
    control = {"object": "PASSWORD_PHISHING", "new": {"mode": "BLOCK", "employee": {"email": ADA}, "url": "https://e/"}}
    assert terms_in({"p_log_type": "PushSecurity.Controls", **control})["action"] == "PASSWORD_PHISHING BLOCK"
    assert is_detection_event("PushSecurity.Controls", "PASSWORD_PHISHING BLOCK")


def test_what_push_learns_of_an_account_is_told_of_its_owner() -> None:
    """A finding is Push's own report, a changed account isn't."""
    account = {"object": "ACCOUNT", "type": "UPDATE", "new": {"email": ADA, "appType": "DROPBOX"}}
    found = terms_in({"p_log_type": "PushSecurity.Entities", **account})
    assert (found["actor"], found["action"], found["target"]) == (ADA.lower(), "ACCOUNT UPDATE", "dropbox")
    assert is_detection_event("PushSecurity.Entities", "FINDING CREATE")
    assert not is_detection_event("PushSecurity.Entities", "ACCOUNT UPDATE")


def test_a_failed_sign_in_to_axonius_is_refused() -> None:
    """And an activity that names no one has no actor."""
    failed = axonius("UserSession", "LoginFrom", ip=ADDRESS, status="failure")
    assert terms_in(failed)["refused"]
    assert terms_in(failed)["address"] == ADDRESS
    added = terms_in(axonius("UserManagement", "AddExternalUser", "", user_name="Bo@acme.example"))
    assert added["action"] == "AuditCategory.UserManagement AuditAction.AddExternalUser"
    assert added["target"] == "bo@acme.example"
    assert "actor" not in added


def test_a_request_to_sublime_says_to_which_object() -> None:
    """As its path."""
    event = {
        "p_log_type": "Sublime.Audit",
        "type": "message_source.deactivate",
        "created_by": {"email_address": ADA},
        "data": {"request": {"ip": ADDRESS, "path": "/v1/message-sources/F1/deactivate"}},
    }
    assert terms_in(event) == {
        "actor": ADA.lower(),
        "self": ADA.lower(),
        "action": "message_source.deactivate",
        "target": "/v1/message-sources/f1/deactivate",
        "address": ADDRESS,
    }


@pytest.mark.parametrize(
    ("log_type", "action", "harm"),
    [
        ("Tailscale.Audit", "TAILNET.DISABLE.HTTPS", Harm.EVASION),
        ("Tailscale.Audit", "TAILNET.DISABLE.MACHINE_APPROVAL_NEEDED", Harm.EVASION),
        ("Tailscale.Audit", "API_KEY.CREATE", Harm.PERSISTENCE),
        ("MicrosoftIntune.AuditLogs", "createDeviceComplianceScript DeviceComplianceScript", Harm.EXECUTION),
        ("MicrosoftIntune.AuditLogs", "wipe ManagedDevice", Harm.DESTRUCTION),
        ("SentinelOne.Activity", "64", Harm.CREDENTIALS),
        ("CarbonBlack.Audit", "created grant of admin", Harm.PRIVILEGE),
        ("CarbonBlack.Audit", "disabled data forwarder", Harm.EVASION),
        ("Netskope.Audit", "Created new support admin", Harm.PERSISTENCE),
        ("Netskope.Audit", "Edit admin record", Harm.PRIVILEGE),
        ("Netskope.Audit", "Deleted Netskope SSO admin", Harm.DESTRUCTION),
        ("Sublime.Audit", "rules.delete", Harm.EVASION),
        ("Axonius.Activity", "AuditCategory.Settings AuditAction.ResetApiKey", Harm.PERSISTENCE),
    ],
)
def test_what_serves_an_intruder_is_severe(log_type: str, action: str, harm: Harm) -> None:
    """Protections that are gone, ways back in, rights, and code on every device."""
    found = harmful_action(log_type, action)
    assert found is not None
    assert found.harm is harm
    assert found.seriousness >= 0.8


def test_names_that_people_choose_are_theirs() -> None:
    """Who acted, and from where, is the provider's."""
    for log_type, own, chosen in (
        ("Tailscale.Audit", "event.actor.loginName", "event.target.name"),
        ("MicrosoftIntune.AuditLogs", "properties.Actor.UPN", "properties.TargetDisplayNames.0"),
        ("SentinelOne.Activity", "data.filecontenthash", "data.computername"),
        ("CarbonBlack.Audit", "clientIp", "description"),
        ("Netskope.Audit", "user", "supporting_data.data_values.0"),
        ("PushSecurity.Activity", "new.sourceIpAddress", "new.userAgent"),
        ("PushSecurity.Controls", "new.employee.email", "new.url"),
        ("Sublime.Audit", "created_by.email_address", "data.request.path"),
        ("Axonius.Activity", "event.params.ip", "event.params.user_name"),
    ):
        assert classify(log_type, own) is Trust.PROVIDER
        assert classify(log_type, chosen) is Trust.ACTOR
