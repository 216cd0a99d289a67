"""Audit logs of Notion, Box, Dropbox, 1Password and Panther: what their files say of an event."""

from typing import Any

import pytest

from tests.support.logtypes import terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action, is_detection_event, is_self_service, terms_of
from triage.logtypes.parties import harm_of_call

ADA, BO = "Ada@acme.example", "Bo@acme.example"
NOTION, BOX, DROPBOX, ONEPASSWORD, PANTHER = (
    "Notion.AuditLogs",
    "Box.Event",
    "Dropbox.TeamEvent",
    "OnePassword.AuditEvent",
    "Panther.Audit",
)
SAML = "workspace.settings.enforce_saml_sso_config_updated"


def notion(kind: str, **event: Any) -> dict[str, Any]:
    """One event of Ada's in Notion."""
    return {"p_log_type": NOTION, "event": {"type": kind, "actor": {"person": {"email": ADA}}, **event}}


def dropbox(kind: str, **more: Any) -> dict[str, Any]:
    """One event of Ada's in Dropbox."""
    return {
        "p_log_type": DROPBOX,
        "event_type": {"_tag": kind},
        "actor": {"admin": {"email": ADA}},
        "origin": {"geo_location": {"ip_address": "198.51.100.7", "country": "NO"}},
        **more,
    }


def panther(action: str, result: str = "SUCCEEDED", **given: Any) -> dict[str, Any]:
    """One act of Ada's in Panther."""
    return {
        "p_log_type": PANTHER,
        "actionName": action,
        "actionResult": result,
        "actor": {"attributes": {"email": ADA}},
        "actionParams": {"dynamic": {"input": given}},
    }


def test_an_administrator_who_signs_in_as_another_is_not_that_person() -> None:
    """Whoever acts is the actor; the person whom the event is about is its target."""
    found = terms_in(dropbox("sign_in_as_session_start", context={"email": BO}))
    assert (found["actor"], found["self"], found["target"]) == (ADA.lower(), ADA.lower(), BO.lower())
    app = terms_in(dropbox("app_link_member", context={"email": ADA}, details={"app_info": {"app_id": "App-1"}}))
    assert app["target"] == "app-1"


def test_a_device_that_box_does_not_trust_is_refused() -> None:
    """As a wrong password is."""
    for kind in ("FAILED_LOGIN", "DEVICE_TRUST_CHECK_FAILED"):
        assert terms_in({"p_log_type": BOX, "event_type": kind, "created_by": {"login": ADA}})["refused"] == kind
    assert "refused" not in terms_in({"p_log_type": BOX, "event_type": "LOGIN", "created_by": {"login": ADA}})


def test_only_a_sign_in_to_panther_that_failed_is_refused() -> None:
    """Another failure says nothing of rights."""
    assert {"refused", "failed"} <= terms_in(panther("SIGN_IN", "FAILED")).keys()
    assert "refused" not in terms_in(panther("UPDATE_USER", "FAILED"))


@pytest.mark.parametrize(
    ("log_type", "action", "harm"),
    [
        (NOTION, "workspace.content_exported", Harm.COLLECTION),
        (NOTION, "page.exported", Harm.COLLECTION),
        (NOTION, SAML, Harm.EVASION),
        (NOTION, "workspace.scim_token_generated", Harm.PERSISTENCE),
        (BOX, "CHANGE_ADMIN_ROLE", Harm.PRIVILEGE),
        (BOX, "MULTI_FACTOR_AUTH_DISABLE", Harm.EVASION),
        (DROPBOX, "sign_in_as_session_start", Harm.CREDENTIALS),
        (DROPBOX, "app_link_team", Harm.PERSISTENCE),
        (DROPBOX, "tfa_change_policy", Harm.EVASION),
        (ONEPASSWORD, "vault export", Harm.COLLECTION),
        (ONEPASSWORD, "user begr", Harm.CREDENTIALS),
        (ONEPASSWORD, "sa create", Harm.PERSISTENCE),
        (PANTHER, "UPDATE_SAML_SETTINGS", Harm.PERSISTENCE),
        (PANTHER, "UPDATE_USER", Harm.PRIVILEGE),
        (PANTHER, "DELETE_DETECTION", Harm.EVASION),
    ],
)
def test_what_serves_an_intruder_is_severe(log_type: str, action: str, harm: Harm) -> None:
    """Exports of everything, ways back in, rights, and protections that are gone."""
    found = harmful_action(log_type, action)
    assert found is not None
    assert found.harm is harm
    assert found.seriousness >= 0.8


@pytest.mark.parametrize(
    ("event", "harmless"),
    [
        (notion(SAML, **{SAML: {"state": "enabled"}}), True),
        (notion(SAML, **{SAML: {"state": "disabled"}}), False),
        (notion("workspace.settings.allow_guests_setting_updated", details={"state": "disabled"}), True),
        (notion("workspace.settings.allow_guests_setting_updated", details={"state": "enabled"}), False),
        (dropbox("tfa_change_status", details={"new_value": {".tag": "authenticator"}}), True),
        (dropbox("tfa_change_status", details={"new_value": {".tag": "disabled"}}), False),
        (dropbox("shared_content_add_member", involve_non_team_member=False), True),
        (dropbox("shared_content_add_member", involve_non_team_member=True), False),
        (panther("CREATE_USER_ROLE", permissions=["AlertRead", "SummaryRead"]), True),
        (panther("CREATE_USER_ROLE", permissions=["AlertRead", "GeneralSettingsModify"]), False),
        (panther("CREATE_USER_ROLE"), False),
    ],
)
def test_parameters_tell_a_harmless_act(event: dict[str, Any], harmless: bool) -> None:
    """A setting that is made safer, what stays within the team, and a role that only reads."""
    action = terms_in(event)["action"]
    assert (harm_of_call(event["p_log_type"], action, [event]) is None) is harmless


def test_what_a_product_reports_by_itself_is_nobodys_habit() -> None:
    """And people change their own second factor."""
    assert is_detection_event(BOX, "SHIELD_ALERT")
    assert not is_detection_event(BOX, "DOWNLOAD")
    assert is_self_service(DROPBOX, "tfa_change_status")


def test_names_of_files_and_people_are_the_actors() -> None:
    """Addresses, ids and kinds are the provider's."""
    for log_type, own, chosen in (
        (NOTION, "event.actor.person.email", "event.details.target.name"),
        (BOX, "created_by.login", "source.item_name"),
        (DROPBOX, "actor.admin.email", "assets.0.display_name"),
        (ONEPASSWORD, "actor_details.email", "actor_details.name"),
        (PANTHER, "actor.attributes.email", "actionParams.dynamic.input.name"),
    ):
        assert classify(log_type, own) is Trust.PROVIDER
        assert classify(log_type, chosen) is Trust.ACTOR


def test_a_harmful_call_that_a_broader_sentence_names_is_asked_for_its_parameters() -> None:
    """The sentence is about `user_*_admin_role_changed`, the list of harm about one of them: the new role is shown."""
    assert "user_workspace_admin_role_changed" in terms_of("Asana.Audit")["conditional"].sql
