"""Zscaler Internet Access, log of administrators: what its file says of an event."""

from typing import Any

from tests.support.logtypes import terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action

LOG_TYPE = "Zscaler.ZIA.AdminAuditLog"


def change(subcategory: str, action: str, resource: str = "None", **more: Any) -> dict[str, Any]:
    """One change that Nadia made."""
    event = {
        "action": action,
        "adminid": "Nadia@acme.zscaler.example",
        "clientip": "198.51.100.7",
        "subcategory": subcategory,
        "resource": resource,
        "result": "SUCCESS",
        "time": "2026-03-04 12:00:00.000000000",
        **more,
    }
    return {"p_log_type": LOG_TYPE, "sourcetype": "zscalernss-audit", "event": event}


def test_the_place_and_the_kind_of_change_make_the_action() -> None:
    """Administrators are named by login, what has no name by its place."""
    added = change("ADMINISTRATOR_ADMIN_USER", "CREATE", "bo", postaction={"loginName": "Bo@acme.zscaler.example"})
    assert terms_in(added) == {
        "actor": "nadia@acme.zscaler.example",
        "self": "nadia@acme.zscaler.example",
        "action": "ADMINISTRATOR_ADMIN_USER CREATE",
        "target": "bo@acme.zscaler.example",
        "address": "198.51.100.7",
    }
    assert terms_in(change("AUTH_SETTINGS_PROFILE", "UPDATE"))["target"] == "auth_settings_profile"
    assert terms_in(change("NSS_FEED", "DELETE", "Feed-2"))["target"] == "feed-2"


def test_a_failed_sign_in_is_refused_and_another_failure_is_not() -> None:
    """Both came to nothing."""
    sign_in, other = change("LOGIN", "SIGN_IN", result="FAILURE"), change("USER", "CREATE", "bo", result="FAILURE")
    assert {"refused", "failed"} <= terms_in(sign_in).keys()
    assert "failed" in terms_in(other)
    assert "refused" not in terms_in(other)


def test_what_serves_an_intruder_is_told_from_daily_work() -> None:
    """New administrators, how they sign in, and the log feeds."""
    for action, harm in (
        ("ADMINISTRATOR_ADMIN_USER CREATE", Harm.PERSISTENCE),
        ("ADMINISTRATOR_SAML UPDATE", Harm.PERSISTENCE),
        ("NSS_FEED DELETE", Harm.EVASION),
        ("AUDIT_LOGS DOWNLOAD", Harm.COLLECTION),
    ):
        found = harmful_action(LOG_TYPE, action)
        assert found is not None
        assert found.harm is harm
    assert harmful_action(LOG_TYPE, "USER UPDATE") is None


def test_what_a_change_holds_is_the_administrators() -> None:
    """Who, when, what and from where is Zscaler's."""
    for path in ("event.adminid", "event.clientip", "event.subcategory", "event.result"):
        assert classify(LOG_TYPE, path) is Trust.PROVIDER
    for path in ("event.resource", "event.postaction.loginName"):
        assert classify(LOG_TYPE, path) is Trust.ACTOR
