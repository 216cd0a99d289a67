"""Audit logs of Anthropic and OpenAI: what their files say of an event."""

from typing import Any

import pytest

from tests.support.logtypes import terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action
from triage.logtypes.parties import harm_of_call

ANTHROPIC, OPENAI = "Anthropic.Activity", "OpenAI.Audit"


def activity(kind: str, **more: Any) -> dict[str, Any]:
    """One activity of Nadia's at Anthropic."""
    actor = {"type": "user_actor", "email_address": "Nadia@acme.example", "ip_address": "198.51.100.7"}
    return {"p_log_type": ANTHROPIC, "type": kind, "created_at": "2026-03-04T12:00:00Z", "actor": actor, **more}


def openai(kind: str, **more: Any) -> dict[str, Any]:
    """One act of Nadia's at OpenAI."""
    session = {"user": {"id": "user-1", "email": "Nadia@acme.example"}, "ip_address": "198.51.100.7"}
    return {"p_log_type": OPENAI, "type": kind, "actor": {"type": "session", "session": session}, **more}


def test_an_activity_says_who_did_what_and_whether_it_was_denied() -> None:
    """A failed sign-in is refused; a deletion that failed merely came to nothing."""
    assert terms_in(activity("mcp_server_created", mcp_server_id="mcpsrv_1", mcp_server_name="Any")) == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "mcp_server_created",
        "target": "mcpsrv_1",
        "address": "198.51.100.7",
    }
    assert {"refused", "failed"} <= terms_in(activity("sso_login_failed")).keys()
    deletion = terms_in(activity("claude_chat_deletion_failed"))
    assert "failed" in deletion
    assert "refused" not in deletion


def test_people_are_targets_by_the_id_under_which_they_act() -> None:
    """OpenAI names them by id when they are given a role."""
    found = terms_in(openai("role.assignment.created", role_assignment_created={"principal_id": "user-2"}))
    assert (found["actor"], found["self"], found["target"]) == ("nadia@acme.example", "user-1", "user-2")


@pytest.mark.parametrize(
    ("log_type", "action", "harm"),
    [
        (ANTHROPIC, "primary_owner_transferred", Harm.PRIVILEGE),
        (ANTHROPIC, "org_ip_restriction_deleted", Harm.EVASION),
        (ANTHROPIC, "admin_api_key_created", Harm.PERSISTENCE),
        (ANTHROPIC, "org_data_export_started", Harm.COLLECTION),
        (OPENAI, "role.assignment.created", Harm.PRIVILEGE),
        (OPENAI, "ip_allowlist.config.deactivated", Harm.EVASION),
        (OPENAI, "scim.disabled", Harm.EVASION),
        (OPENAI, "api_key.created", Harm.PERSISTENCE),
    ],
)
def test_what_rules_call_severe_is_harm(log_type: str, action: str, harm: Harm) -> None:
    """Owners, admin keys, restrictions by address and exports of everything."""
    found = harmful_action(log_type, action)
    assert found is not None
    assert found.harm is harm
    assert found.seriousness >= 0.8


@pytest.mark.parametrize(
    ("event", "harmless"),
    [
        (activity("org_sso_toggled", is_enabled=True), True),
        (activity("org_sso_toggled", is_enabled=False), False),
        (activity("claude_artifact_sharing_updated", audience=[{"type": "organization"}]), True),
        (activity("claude_artifact_sharing_updated", audience=[{"type": "public"}]), False),
        (activity("claude_artifact_sharing_updated"), False),
        (openai("role.assignment.created", role_assignment_created={"id": "role_assignment_role-api-x-viewer"}), True),
        (openai("role.assignment.created", role_assignment_created={"id": "role_assignment_role-api-x-owner"}), False),
        (openai("role.assignment.created"), False),
    ],
)
def test_parameters_tell_a_harmless_act(event: dict[str, Any], harmless: bool) -> None:
    """Sign-on that is switched on, an artifact that stays inside, a role that only reads."""
    assert (harm_of_call(event["p_log_type"], event["type"], [event]) is None) is harmless


def test_names_are_the_actors() -> None:
    """Ids and addresses are the provider's."""
    assert classify(ANTHROPIC, "actor.email_address") is Trust.PROVIDER
    assert classify(ANTHROPIC, "mcp_server_name") is Trust.ACTOR
    assert classify(OPENAI, "role_assignment_created.principal_id") is Trust.PROVIDER
    assert classify(OPENAI, "api_key_created.data.name") is Trust.ACTOR
