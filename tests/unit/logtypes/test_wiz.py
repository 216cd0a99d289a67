"""Wiz's audit log: what its file says of an event."""

from typing import Any

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action

LOG_TYPE = "Wiz.Audit"


def event(action: str, parameters: dict[str, Any], *, status: str = "SUCCESS") -> dict[str, Any]:
    """One act of Nadia's."""
    return {
        "p_log_type": LOG_TYPE,
        "id": "c4fe",
        "action": action,
        "status": status,
        "sourceIP": "198.51.100.7",
        "user": {"id": "Nadia@acme.example", "name": "Nadia"},
        "serviceAccount": None,
        "actionParameters": parameters,
    }


def test_the_terms_say_who_did_what_to_whom_and_from_where() -> None:
    """A service account acts under its id."""
    created = event("CreateUser", {"input": {"email": "Bo@acme.example", "name": "Bo", "role": "GLOBAL_ADMIN"}})
    assert terms_in(created) == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "CreateUser",
        "address": "198.51.100.7",
        "target": "bo@acme.example",
        "receiver": "bo@acme.example",
    }
    by_machine = {
        **event("DeleteConnector", {"input": {"id": "7a55"}}),
        "user": None,
        "serviceAccount": {"id": "Rsao1"},
    }
    assert (terms_in(by_machine)["actor"], terms_in(by_machine)["target"]) == ("rsao1", "7a55")


def test_a_failure_is_a_refusal_only_where_it_says_so() -> None:
    """Denied for lack of rights, or a sign-in that failed."""
    assert terms_in(event("CreateUser", {}, status="ACCESS_DENIED"))["refused"] == "ACCESS_DENIED"
    assert terms_in(event("Login", {}, status="FAILED"))["refused"] == "FAILED"
    failed = terms_in(event("CreateUser", {}, status="FAILED"))
    assert failed["failed"] == "FAILED"
    assert "refused" not in failed


def test_parameters_and_names_are_the_actors() -> None:
    """Ids, the address and the outcome are Wiz's."""
    for path in ("user.id", "serviceAccount.id", "sourceIP", "status"):
        assert classify(LOG_TYPE, path) is Trust.PROVIDER
    for path in ("user.name", "serviceAccount.name", "userAgent", "actionParameters.input.name"):
        assert classify(LOG_TYPE, path) is Trust.ACTOR


def test_published_events_are_understood() -> None:
    """Also those whose columns are in lower case; every act that a rule is about counts as harmful."""
    events = published_events(LOG_TYPE)
    assert len(events) >= 48
    for each in events:
        assert terms_in(each).keys() >= {"actor", "action", "address"}
        assert harmful_action(LOG_TYPE, each["action"]) is not None, each["action"]
    for action, harm in (
        ("DeleteSAMLIdentityProvider", Harm.EVASION),
        ("UpdateIPRestrictions", Harm.EVASION),
        ("CreateServiceAccount", Harm.PERSISTENCE),
        ("DeleteServiceAccount", Harm.DESTRUCTION),
        ("UpdateIgnoreRule", Harm.EVASION),
    ):
        found = harmful_action(LOG_TYPE, action)
        assert found is not None
        assert found.harm is harm
        assert found.seriousness >= 0.8
