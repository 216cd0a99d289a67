"""Slack audit logs: what its file says of an event."""

from typing import Any

from tests.support.logtypes import published_events, terms_in
from triage.domain.entity import Role
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action, recognise
from triage.stages.enrichment.entities import extract_entities

LOG_TYPE = "Slack.AuditLogs"


def event(action: str, entity: dict[str, Any], **actor: str) -> dict[str, Any]:
    """One audit event of Nadia's."""
    user = actor or {"id": "W01NADIA", "name": "nadia", "email": "Nadia@acme.example"}
    return {
        "p_log_type": LOG_TYPE,
        "id": "0b9c",
        "action": action,
        "actor": {"type": "user", "user": user},
        "entity": entity,
        "context": {"ip_address": "198.51.100.7", "session_id": 847288190092, "ua": "Mozilla/5.0"},
    }


def test_the_terms_say_who_did_what_to_whom_and_from_where() -> None:
    """People are named by e-mail address, everything else by its id."""
    promoted = event("role_change_to_admin", {"type": "user", "user": {"id": "W02BO", "email": "bo@acme.example"}})
    assert terms_in(promoted) == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "role_change_to_admin",
        "target": "bo@acme.example",
        "receiver": "bo@acme.example",
        "address": "198.51.100.7",
        "session": "847288190092",
    }
    by_app = event("app_installed", {"type": "app", "app": {"id": "A01", "name": "Helper"}}, id="W03APP")
    assert (terms_in(by_app)["actor"], terms_in(by_app)["target"]) == ("w03app", "a01")
    assert terms_in(event("user_login_failed", {}))["refused"] == "user_login_failed"


def test_names_that_people_choose_are_theirs() -> None:
    """The e-mail address, ids and the address are Slack's."""
    for path in ("actor.user.email", "entity.channel.id", "context.ip_address", "action"):
        assert classify(LOG_TYPE, path) is Trust.PROVIDER
    for path in ("actor.user.name", "entity.channel.name", "context.ua", "details.new_value"):
        assert classify(LOG_TYPE, path) is Trust.ACTOR


def test_published_events_are_understood() -> None:
    """Each has an actor by terms and by entities, and the actions that the rules call severe count as harmful."""
    events = published_events(LOG_TYPE)
    assert len(events) > 50
    for one in events:
        roles = {entity.role for entity in extract_entities([one], context={}, log_types=[LOG_TYPE])}
        assert terms_in(one).keys() >= {"actor", "action", "address"}
        assert Role.ACTOR in roles
        assert recognise(one) == ""
    harms = {action: found.harm for one in events if (found := harmful_action(LOG_TYPE, action := one["action"]))}
    assert harms["service_owner_transferred"] is harms["role_change_to_owner"] is Harm.PRIVILEGE
    assert harms["ekm_unenrolled"] is harms["pref.two_factor_auth_changed"] is Harm.EVASION
    assert harms["private_channel_converted_to_public"] is Harm.EXPOSURE
    assert harms["app_scopes_expanded"] is Harm.PERSISTENCE
    assert harms["organization_deleted"] is Harm.DESTRUCTION
