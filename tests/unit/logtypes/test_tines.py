"""Tines' audit log: what its file says of an event."""

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action

LOG_TYPE = "Tines.Audit"


def test_the_terms_say_who_did_what_to_what_and_from_where() -> None:
    """Where nothing is named, the tenant is the target."""
    event = {
        "p_log_type": LOG_TYPE,
        "operation_name": "AuthenticationTokenCreation",
        "request_ip": "198.51.100.7",
        "tenant_id": "8888",
        "user_email": "Nadia@acme.example",
        "user_id": "17",
        "inputs": {"inputs": {"isServiceToken": True, "name": "Deploy"}},
    }
    assert terms_in(event) == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "AuthenticationTokenCreation",
        "address": "198.51.100.7",
        "target": "deploy",
    }
    assert terms_in({**event, "inputs": {}})["target"] == "8888"


def test_what_a_caller_asks_for_is_theirs() -> None:
    """The operation, the address and the account are Tines'."""
    for path in ("operation_name", "request_ip", "user_email", "tenant_id"):
        assert classify(LOG_TYPE, path) is Trust.PROVIDER
    for path in ("user_name", "request_user_agent", "inputs.inputs.name"):
        assert classify(LOG_TYPE, path) is Trust.ACTOR


def test_published_events_are_understood() -> None:
    """Every act that a rule is about counts as harmful."""
    events = published_events(LOG_TYPE)
    assert len(events) >= 20
    for event in events:
        assert terms_in(event).keys() >= {"actor", "action", "address", "target"}
        harm = harmful_action(LOG_TYPE, event["operation_name"])
        assert (harm is None) is (event["operation_name"] == "Login")
    for action, kind in (
        ("SsoConfigurationSamlSet", Harm.PERSISTENCE),
        ("CustomCertificateAuthoritySet", Harm.EVASION),
    ):
        found = harmful_action(LOG_TYPE, action)
        assert found is not None
        assert found.harm is kind
        assert found.seriousness >= 0.8
