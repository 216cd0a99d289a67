"""Asana and Atlassian: what their files say of an event."""

from typing import Any

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action
from triage.logtypes.parties import harm_of_call

NADIA, BO = "nadia@acme.example", "bo@acme.example"


def asana(event_type: str, resource: dict[str, Any], **details: Any) -> dict[str, Any]:
    """One audit event of Nadia's."""
    return {
        "p_log_type": "Asana.Audit",
        "gid": "41",
        "created_at": "2026-03-04T09:14:00Z",
        "event_type": event_type,
        "event_category": "roles",
        "actor": {"actor_type": "user", "gid": "7", "name": "Nadia", "email": "Nadia@acme.example"},
        "context": {"client_ip_address": "198.51.100.7", "context_type": "web", "user_agent": "Mozilla/5.0"},
        "resource": resource,
        "details": details,
    }


def atlassian(action: str, *context: dict[str, Any]) -> dict[str, Any]:
    """One event of the organisation's log."""
    return {
        "p_log_type": "Atlassian.Audit",
        "id": "2508d209",
        "attributes": {
            "action": action,
            "time": "2026-03-04T09:14:00Z",
            "actor": {"id": "557058:7", "name": "Nadia", "email": "Nadia@acme.example"},
            "location": {"ip": "198.51.100.7", "countryName": "Ireland"},
            "container": [{"id": "cee4", "type": "sites", "attributes": {"siteName": "acme"}}],
            "context": list(context),
        },
        "message": {"content": "Logged in as bo", "format": "simple"},
    }


def test_asana_names_people_by_address_and_everything_else_by_id() -> None:
    """Whoever is given a role is the receiver; an object that is no person has none."""
    promoted = asana("user_workspace_admin_role_changed", {"gid": "9", "email": "Bo@acme.example"}, new_value="admin")
    assert terms_in(promoted) == {
        "actor": NADIA,
        "self": NADIA,
        "action": "user_workspace_admin_role_changed",
        "address": "198.51.100.7",
        "target": BO,
        "receiver": BO,
    }
    opened = terms_in(asana("team_privacy_settings_changed", {"gid": "88", "name": "Finance"}))
    assert opened["target"] == "88"
    assert "receiver" not in opened
    assert terms_in(asana("user_login_failed", {"gid": "7"}))["refused"] == "user_login_failed"


def test_a_setting_of_asana_that_becomes_stricter_is_no_harm() -> None:
    """To require SAML is not to drop it; a value that is not there excuses nothing."""
    for action, value, harmless in (
        ("workspace_saml_settings_changed", "required", True),
        ("workspace_saml_settings_changed", "optional", False),
        ("team_privacy_settings_changed", "private", True),
        ("team_privacy_settings_changed", "public", False),
        ("user_workspace_admin_role_changed", "domain_admin", False),
    ):
        event = asana(action, {"gid": "1"}, new_value=value)
        assert (harm_of_call("Asana.Audit", action, [event]) is None) is harmless, (action, value)
        assert harm_of_call("Asana.Audit", action, [asana(action, {"gid": "1"})]) is not None


def test_atlassian_says_whom_an_administrator_became() -> None:
    """The first of the context is what was acted on; without one, the site is."""
    became = atlassian("user_logged_in_as_user", {"type": "users", "attributes": {"email": "Bo@acme.example"}})
    assert terms_in(became) == {
        "actor": NADIA,
        "self": NADIA,
        "action": "user_logged_in_as_user",
        "address": "198.51.100.7",
        "country": "Ireland",
        "target": BO,
        "receiver": BO,
    }
    assert terms_in(atlassian("jira_issue_viewed"))["target"] == "cee4"
    assert terms_in(atlassian("user_login_failed"))["refused"] == "user_login_failed"


def test_names_that_people_choose_are_theirs() -> None:
    """Ids and e-mail addresses are the provider's."""
    for log_type, path in (
        ("Asana.Audit", "actor.email"),
        ("Asana.Audit", "resource.gid"),
        ("Atlassian.Audit", "attributes.actor.email"),
        ("Atlassian.Audit", "attributes.location.ip"),
    ):
        assert classify(log_type, path) is Trust.PROVIDER
    for log_type, path in (
        ("Asana.Audit", "actor.name"),
        ("Asana.Audit", "resource.name"),
        ("Asana.Audit", "context.user_agent"),
        ("Atlassian.Audit", "attributes.actor.name"),
        ("Atlassian.Audit", "message.content"),
    ):
        assert classify(log_type, path) is Trust.ACTOR


def test_published_events_of_asana_are_understood() -> None:
    """All but the one that gives its actor a name and nothing else."""
    events = published_events("Asana.Audit")
    assert len(events) >= 31
    nameless = [event for event in events if "gid" not in event["actor"]]
    assert len(nameless) == 1
    for event in events:
        needed = {"action", "address", "target"} | (set() if event in nameless else {"actor"})
        assert terms_in(event).keys() >= needed
    harms = {event["event_type"]: harmful_action("Asana.Audit", event["event_type"]) for event in events}
    admin = harms["user_workspace_admin_role_changed"]
    assert admin is not None
    assert (admin.harm, admin.seriousness) == (Harm.PRIVILEGE, 1.0)
    assert {action for action, harm in harms.items() if harm is None} == {"user_login_succeeded", "user_login_failed"}


def test_published_events_of_atlassian_are_understood() -> None:
    """There are two, and the rule is about becoming another user."""
    events = published_events("Atlassian.Audit")
    assert len(events) >= 2
    for event in events:
        assert terms_in(event).keys() >= {"actor", "action", "target"}
    became = harmful_action("Atlassian.Audit", "user_logged_in_as_user")
    assert became is not None
    assert became.harm is Harm.CREDENTIALS
