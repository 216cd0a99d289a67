"""Databricks' audit log: what its file says of an event."""

from typing import Any

import pytest

from tests.support.logtypes import terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action, is_self_service
from triage.logtypes.parties import harm_of_call

LOG_TYPE = "Databricks.Audit"


def call(action: str, service: str = "accounts", **parameters: Any) -> dict[str, Any]:
    """One call of Nadia's."""
    return {
        "p_log_type": LOG_TYPE,
        "serviceName": service,
        "actionName": action,
        "userIdentity": {"email": "Nadia@acme.example"},
        "sourceIPAddress": "198.51.100.7",
        "requestParams": parameters,
        "response": {"statusCode": 200},
    }


@pytest.mark.parametrize(
    ("event", "action"),
    [
        (call("create", "globalInitScripts"), "globalInitScripts create"),
        (call("delete"), "accounts delete"),
        (call("setAdmin"), "setAdmin"),
        (
            call("workspaceConfEdit", workspaceConfKeys="enableVerboseAuditLogs", workspaceConfValues="false"),
            "workspaceConfEdit enableVerboseAuditLogs false",
        ),
        (
            call("workspaceConfEdit", workspaceConfKeys="displayName", workspaceConfValues="Production"),
            "workspaceConfEdit displayName",
        ),
        (call("workspaceConfEdit"), "workspaceConfEdit "),
    ],
)
def test_a_name_that_services_share_is_told_apart(event: dict[str, Any], action: str) -> None:
    """By the service, and an edited setting by its key, and its value where that is on or off."""
    assert terms_in(event)["action"] == action


def test_the_terms_say_who_did_what_to_whom() -> None:
    """A member is the recipient of what a group gives."""
    found = terms_in(call("addPrincipalToGroup", principal="Bo@acme.example", targetGroupName="admins"))
    assert found == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "addPrincipalToGroup",
        "service": "accounts",
        "address": "198.51.100.7",
        "target": "admins",
        "recipient": "bo@acme.example",
    }


@pytest.mark.parametrize(
    ("action", "harm", "least"),
    [
        ("workspaceConfEdit enableVerboseAuditLogs false", Harm.EVASION, 1.0),
        ("workspaceConfEdit enforceMFA false", Harm.EVASION, 0.8),
        ("setAccountAdmin", Harm.PRIVILEGE, 1.0),
        ("grant", Harm.PRIVILEGE, 0.8),
        ("ssoConfigBackend update", Harm.PERSISTENCE, 0.8),
        ("globalInitScripts create", Harm.EXECUTION, 0.8),
        ("createRecipient", Harm.EXPOSURE, 0.8),
    ],
)
def test_what_rules_call_severe_is_harm(action: str, harm: Harm, least: float) -> None:
    """The audit log, rights, sign-on, code that every cluster runs, and data for outsiders."""
    found = harmful_action(LOG_TYPE, action)
    assert found is not None
    assert found.harm is harm
    assert found.seriousness >= least


def test_parameters_tell_ordinary_changes() -> None:
    """A metastore that keeps its owner, and a recipient who is held to addresses."""
    for event, harmless in (
        (call("updateMetastore", metastoreId="m1", name="Production"), True),
        (call("updateMetastore", metastoreId="m1", owner="bo@acme.example"), False),
        (call("createRecipient", name="partner", ipAccessList=["203.0.113.0/24"]), True),
        (call("createRecipient", name="partner", ipAccessList=[]), False),
    ):
        assert (harm_of_call(LOG_TYPE, event["actionName"], [event]) is None) is harmless
    assert is_self_service(LOG_TYPE, "mfaAddKey")
    assert harmful_action(LOG_TYPE, "getTable") is None


def test_parameters_are_the_callers() -> None:
    """Who called what from where is the provider's."""
    assert classify(LOG_TYPE, "userIdentity.email") is Trust.PROVIDER
    assert classify(LOG_TYPE, "requestParams.targetUserName") is Trust.ACTOR
