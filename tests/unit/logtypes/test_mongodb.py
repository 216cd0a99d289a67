"""MongoDB Atlas: what its files say of an event."""

from tests.support.logtypes import published_events, terms_in
from triage.domain.trust import Trust
from triage.logtypes import Harm, classify, harmful_action
from triage.logtypes.parties import harm_of_call

ORGANISATION, PROJECT = "MongoDB.OrganizationEvent", "MongoDB.ProjectEvent"
EVENT = {
    "id": "6480",
    "created": "2026-03-04 09:14:00",
    "orgId": "Org1",
    "remoteAddress": "198.51.100.7",
    "userId": "647f",
    "username": "Nadia@acme.example",
}


def test_the_terms_say_who_did_what_to_whom_and_from_where() -> None:
    """Where no one and nothing is named, the organisation is the target."""
    event = {
        **EVENT,
        "p_log_type": ORGANISATION,
        "eventTypeName": "INVITED_TO_ORG",
        "targetUsername": "Bo@acme.example",
    }
    assert terms_in(event) == {
        "actor": "nadia@acme.example",
        "self": "nadia@acme.example",
        "action": "INVITED_TO_ORG",
        "address": "198.51.100.7",
        "target": "bo@acme.example",
        "receiver": "bo@acme.example",
    }
    plain = {**EVENT, "p_log_type": ORGANISATION, "eventTypeName": "ORG_TWO_FACTOR_AUTH_OPTIONAL"}
    assert terms_in(plain)["target"] == "org1"


def test_an_entry_for_ones_own_network_exposes_nothing() -> None:
    """Everyone and an address on the internet are another matter."""
    for entry, harmless in (("0.0.0.0/0", False), ("8.8.8.8/32", False), ("10.20.0.0/16", True)):
        event = {**EVENT, "eventTypeName": "NETWORK_PERMISSION_ENTRY_ADDED", "whitelistEntry": entry}
        assert (harm_of_call(PROJECT, "NETWORK_PERMISSION_ENTRY_ADDED", [event]) is None) is harmless, entry


def test_only_what_atlas_records_is_its_own() -> None:
    """The old and new values of a setting may hold any text."""
    for path in ("username", "targetUsername", "remoteAddress", "eventTypeName"):
        assert classify(ORGANISATION, path) is Trust.PROVIDER
    assert classify(ORGANISATION, "currentValue.name") is Trust.ACTOR


def test_published_events_are_understood() -> None:
    """All but those of which nothing but the name is published, and also those whose columns are in lower case."""
    events = [event for event in published_events(ORGANISATION) if len(event) > 2]
    assert len(events) >= 20
    for event in [*events, *published_events(PROJECT)]:
        assert terms_in(event).keys() >= {"actor", "action", "address", "target"}
    for action, kind in (
        ("ALERT_CONFIG_DELETED_AUDIT", Harm.EVASION),
        ("ORG_PUBLIC_API_ACCESS_LIST_NOT_REQUIRED", Harm.EVASION),
        ("IDENTITY_PROVIDER_CREATED", Harm.PERSISTENCE),
        ("OIDC_IDENTITY_PROVIDER_DISABLED", Harm.EVASION),
    ):
        found = harmful_action(ORGANISATION, action)
        assert found is not None
        assert found.harm is kind
        assert found.seriousness >= 0.8
    assert harmful_action(ORGANISATION, "ORG_TWO_FACTOR_AUTH_REQUIRED") is None
