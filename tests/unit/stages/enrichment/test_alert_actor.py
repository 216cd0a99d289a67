"""The subject of an alert: who did what, read from its events."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.facts import ALERT, MOMENT
from tests.support.shared import ROOT
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.identity import Identity, IdentityKind
from triage.logtypes import Take
from triage.stages.enrichment.actor import AlertActor, alert_actors, draft_actors, parse_time, take
from triage.stages.enrichment.entities import extract_entities
from triage.stages.enrichment.playbooks import Playbooks, load_playbooks

SHIPPED = ROOT / "prompts" / "playbooks"


@pytest.fixture(scope="module")
def shipped() -> Playbooks:
    """The playbooks of the project."""
    return load_playbooks([SHIPPED])


def subject(
    playbooks: Playbooks, log_type: str, *events: dict[str, Any], entities: tuple[Entity, ...] = ()
) -> AlertActor:
    """The subject of an alert with these events."""
    rows = [{"p_log_type": log_type, "p_event_time": "2026-03-04 12:00:00.000", **event} for event in events]
    return actors(playbooks, log_type, rows, entities)[0]


def actors(
    playbooks: Playbooks, log_type: str, rows: list[dict[str, Any]], entities: tuple[Entity, ...] = ()
) -> tuple[AlertActor, ...]:
    """Every actor of an alert with these events."""
    terms = {log_type: playbooks.terms_of(log_type)}
    return alert_actors(ALERT, draft_actors(rows, terms), terms, rows, entities)


def session(role: str, name: str) -> dict[str, Any]:
    """An event of an assumed role."""
    return {
        "eventName": "StopLogging",
        "sourceIPAddress": "198.51.100.7",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAX:{name}",
            "arn": f"arn:aws:sts::1:assumed-role/{role}/{name}",
            "accessKeyId": "ASIAX",
            "sessionContext": {"sessionIssuer": {"userName": role, "arn": f"arn:aws:iam::1:role/{role}"}},
        },
    }


def test_a_person_behind_the_identity_center_is_known_by_email(shipped: Playbooks) -> None:
    """AWS sets that session name, so it names the person, over all accounts and permission sets."""
    found = subject(shipped, "AWS.CloudTrail", session("AWSReservedSSO_Admin_1", "Ada@Example.com"))

    assert found.identity == "ada@example.com"
    assert found.people == ("ada@example.com",)
    assert Identity(kind=IdentityKind.EMAIL, value="ada@example.com") in found.identities


def test_a_session_named_after_a_person_is_the_actor_not_the_role(shipped: Playbooks) -> None:
    """Several people share a role; the session is one of them. Its name is no proof of who it is, only a question."""
    found = subject(shipped, "AWS.CloudTrail", session("support", "Ada@Example.com"))

    assert found.identity == "arn:aws:sts::1:assumed-role/support/Ada@Example.com"
    assert found.people == ("ada@example.com",)
    assert not any(each.kind is IdentityKind.EMAIL for each in found.identities)
    assert "arn:aws:iam::1:role/support" not in found.values


@pytest.mark.parametrize("role", ["AWSReservedSSO_Developer_0123456789abcdef", "support"])
def test_two_people_on_one_role_are_searched_for_by_nothing_that_both_have(shipped: Playbooks, role: str) -> None:
    """The role's ARN, name and id are in the events of everyone who assumes it; what is the person's own stays."""

    def values(name: str) -> set[str]:
        event = session(role, name)
        event["userIdentity"]["sessionContext"]["sessionIssuer"]["principalId"] = "AROAX"
        rows = [{"p_log_type": "AWS.CloudTrail", "p_event_time": "2026-03-04 12:00:00.000", **event}]
        found = extract_entities(rows, context={}, log_types=["AWS.CloudTrail"])
        return set(subject(shipped, "AWS.CloudTrail", event, entities=found).values)

    ada, bo = values("ada@example.com"), values("bo@example.com")
    assert ada & bo == {"ASIAX"}, "the fixture gives both the same key"
    assert f"arn:aws:sts::1:assumed-role/{role}/ada@example.com" in ada
    assert "AROAX:ada@example.com" in ada


def test_a_role_with_no_person_behind_it_is_searched_for_by_its_names(shipped: Playbooks) -> None:
    """The role itself acts: its ARN and its name are its own."""
    event = session("deploy", "run-17")
    rows = [{"p_log_type": "AWS.CloudTrail", "p_event_time": "2026-03-04 12:00:00.000", **event}]
    found = extract_entities(rows, context={}, log_types=["AWS.CloudTrail"])
    assert {"arn:aws:iam::1:role/deploy", "deploy"} <= set(
        subject(shipped, "AWS.CloudTrail", event, entities=found).values
    )


def test_the_sessions_of_a_pipeline_are_one_actor(shipped: Playbooks) -> None:
    """A name with a number is that of a run: the role is who acts, and no person's sign-ins are asked for."""
    email = Entity(kind=EntityKind.EMAIL, value="ada@example.com", role=Role.ACTOR)
    found = subject(shipped, "AWS.CloudTrail", session("deploy", "run-17"), entities=(email,))

    assert found.identity == "arn:aws:iam::1:role/deploy"
    assert found.people == ()


@pytest.mark.parametrize("stand_in", ["unknown", "UNKNOWN", "-", "null", "N/A", " "])
def test_a_stand_in_names_nobody(shipped: Playbooks, stand_in: str) -> None:
    """Okta gives each refused sign-in the session `unknown`: whoever asked for it would find everybody's."""
    refused = {
        "actor": {"alternateId": "ada@example.com"},
        "eventType": "user.session.start",
        "outcome": {"result": "FAILURE"},
        "authenticationContext": {"externalSessionId": stand_in},
        "target": [{"alternateId": stand_in}],
    }
    found = subject(shipped, "Okta.SystemLog", refused)
    assert (found.identity, found.sessions, found.targets) == ("ada@example.com", (), ())

    nobody = subject(shipped, "Okta.SystemLog", {**refused, "actor": {"alternateId": stand_in}})
    assert (nobody.identity, nobody.actions) == ("", ("user.session.start",))


def test_of_several_actors_the_busiest_counts_and_only_what_it_did(shipped: Playbooks) -> None:
    """An alert that took in somebody else's events is about whom most of them are."""
    mine = {
        "actor": {"alternateId": "ada@example.com"},
        "eventType": "user.session.start",
        "outcome": {"result": "FAILURE"},
    }
    other = {
        "actor": {"alternateId": "bob@example.com"},
        "eventType": "zone.delete",
        "client": {"ipAddress": "192.0.2.1"},
    }
    found = subject(shipped, "Okta.SystemLog", other, mine, mine)

    assert found.identity == "ada@example.com"
    assert found.actions == ("user.session.start",)
    assert found.addresses == ()
    assert found.refused
    assert found.events == 2


def test_who_else_acts_in_the_alert_is_not_the_subject(shipped: Playbooks) -> None:
    """Failed sign-ins, then a reset by the help desk: only the first person's sign-ins are asked for as their own."""
    mine = {
        "actor": {"alternateId": "ada@example.com", "displayName": "Ada", "id": "00uada"},
        "eventType": "user.session.start",
    }
    desk = {
        "actor": {"alternateId": "desk@example.com", "displayName": "Desk", "id": "00udesk"},
        "eventType": "user.mfa.factor.reset_all",
        "target": [{"alternateId": "ada@example.com", "type": "User"}],
    }
    entities = extract_entities([mine, mine, desk], context={}, log_types=["Okta.SystemLog"])
    assert {"ada@example.com", "desk@example.com"} <= {each.value for each in entities if each.role is Role.ACTOR}
    found = subject(shipped, "Okta.SystemLog", mine, mine, desk, entities=entities)

    assert found.people == ("ada@example.com",)
    assert "desk@example.com" not in found.values
    assert {"ada@example.com", "00uada"} <= set(found.values)


def test_a_service_address_is_no_place(shipped: Playbooks) -> None:
    """Calls that AWS makes itself come from a name, not from an address."""
    event = session("deploy", "x") | {"sourceIPAddress": "cloudformation.amazonaws.com"}

    assert subject(shipped, "AWS.CloudTrail", event).addresses == ()


def test_an_azure_claim_with_dots_in_its_name_is_found(shipped: Playbooks) -> None:
    """Claims are keyed by URLs, which no dotted path reaches."""
    claim = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
    event = {"identity": {"claims": {claim: "Ada@Example.com"}}, "operationName": "A/B", "callerIpAddress": "192.0.2.1"}
    found = subject(shipped, "Azure.MonitorActivity", event)

    assert (found.identity, found.actions) == ("ada@example.com", ("a/b",))


def test_an_alert_without_events_keeps_its_own_moment(shipped: Playbooks) -> None:
    """Nothing is known but when."""
    (found,) = alert_actors(ALERT, draft_actors([], {}), {}, [], ())

    assert found == AlertActor(moment=MOMENT, last=MOMENT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02 03:04:05.678", datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        ("2026-01-02 03:04:05.678901234", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05+01:00", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("yesterday", None),
        (5, None),
        (None, None),
    ],
)
def test_times_are_read_as_lakes_write_them(text: object, expected: datetime | None) -> None:
    """Naive times are UTC; nine digits of a second are cut to six."""
    assert parse_time(text) == expected


@given(
    st.datetimes(timezones=st.none() | st.just(UTC)).map(str)
    | st.text("0123456789-: TZ.+", max_size=36)
    | st.text(max_size=36)
)
@example("2026-01-02 03:04:05.678901234")
def test_a_remembered_time_is_the_time_read_anew(text: str) -> None:
    """Short texts are remembered; the same text behind spaces is too long for that and is read each time."""
    assert parse_time(text) == parse_time(text) == parse_time(41 * " " + text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "id"]), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "id"]), json_values, max_size=3))
def test_taking_a_term_never_fails(row: dict[str, Any]) -> None:
    """Whatever an event holds, a term gives a text."""
    ways = [
        Take(path="a.b.0.id"),
        Take(path="{a}.b"),
        Take(text="{a} {b.id}"),
        Take(path="id", where={"a": "x*"}, after=":"),
    ]

    assert isinstance(take(row, ways), str)


def test_whoever_was_given_something_is_looked_for_as_they_act_themselves(shipped: Playbooks) -> None:
    """Not by the domain of a share's recipient, with the kind of a member, or by a number that nobody acts under."""
    share = {"name": "change_user_access", "parameters": {"doc_id": "d", "target_user": "Bo@Other.example"}}
    member = {
        "protoPayload": {"serviceData": {"policyDelta": {"bindingDeltas": [{"member": "user:Bo@other.example"}]}}}
    }
    snapshot = {"createVolumePermission": {"add": {"items": [{"userId": "999900001111"}]}}, "snapshotId": "snap-1"}
    granted = {"target": [{"alternateId": "bo@other.example"}]}
    cases: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        ("GSuite.ActivityEvent", share, ("bo@other.example",)),
        ("GCP.AuditLog", member, ("bo@other.example",)),
        ("AWS.CloudTrail", {"requestParameters": snapshot}, ()),
        ("Okta.SystemLog", granted, ("bo@other.example",)),
    ]
    for log_type, event, names in cases:
        assert subject(shipped, log_type, event).receivers == names, log_type
