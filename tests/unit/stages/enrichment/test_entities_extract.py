"""Entities of whole alerts."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench import entities as bench
from triage.domain.entity import EntityKind, Role
from triage.domain.evidence import MISSING, lookup
from triage.logtypes import entity_fields, shipped_log_types
from triage.stages.enrichment.entities import extract_entities, log_type_of
from triage.stages.enrichment.entities.found import MAX_ENTITIES

ADA = "ada@acme.example"
ORDER = [Role.ACTOR, Role.SOURCE, Role.TARGET, Role.OTHER]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [ADA, "arn:aws:iam::111122223333:user/ada", "198.51.100.1", '{"arn": ["a"]}', "\ud800", "[" * 300]
    )
)
keys = st.text(max_size=8) | st.sampled_from(
    ["actor", "userIdentity", "arn", "target", "type", "event", "user", "p_any_emails", "p_log_type", "parameters", "0"]
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=15
)


def event(user: str, address: str = "198.51.100.1", **more: Any) -> dict[str, Any]:
    """A sign-in at Okta."""
    return {
        "p_log_type": "Okta.SystemLog",
        "actor": {"alternateId": user, "type": "User"},
        "client": {"ipAddress": address},
        **more,
    }


def test_an_entity_of_many_events_is_listed_once_with_its_fields() -> None:
    """Letter case of an address or a domain makes no second one, and the fields say where it was."""
    found = extract_entities([event("Ada@acme.example"), event(ADA, p_any_emails=[ADA])], context={}, log_types=())
    mine = [each for each in found if each.kind is EntityKind.EMAIL]
    assert [each.value for each in mine] == [ADA]
    assert mine[0].fields == ("actor.alternateId", "p_any_emails.0")


@pytest.mark.parametrize("place", ["requestParameters", "responseElements", "more"])
@pytest.mark.parametrize("name", ["_xmlns", "xmlns", "@xmlns:soap"])
def test_a_namespace_is_no_address(place: str, name: str) -> None:
    """Web services written in XML leave it in their parameters; nobody has ever visited it."""
    given = {
        "p_log_type": "AWS.CloudTrail",
        place: {"a": {name: "http://ec2.example.com/doc/2016-11-15/", "url": "http://x.example/y"}},
    }
    values = {each.value for each in extract_entities([given], context={}, log_types=())}
    assert "http://ec2.example.com/doc/2016-11-15/" not in values
    assert "http://x.example/y" in values


def test_entities_come_by_role_then_by_number_of_events() -> None:
    """Actors first; among them the one of most events."""
    found = extract_entities([event("bob@acme.example"), event(ADA), event(ADA)], context={}, log_types=())
    roles = [ORDER.index(each.role) for each in found]
    assert roles == sorted(roles)
    assert [each.value for each in found if each.role is Role.ACTOR] == [ADA, "bob@acme.example"]


def test_an_alert_with_many_entities_keeps_some_of_each_role() -> None:
    """Sixty at most, and a thousand source addresses don't push out the targets."""
    events = [
        event(
            f"u{n}@acme.example",
            f"198.51.{n // 250}.{n % 250 + 1}",
            target=[{"type": "AppInstance", "displayName": f"a{n}"}],
        )
        for n in range(300)
    ]
    found = extract_entities(events, context={}, log_types=())
    assert len(found) == MAX_ENTITIES
    assert {Role.ACTOR, Role.SOURCE, Role.TARGET} <= {each.role for each in found}


def test_indicator_columns_take_the_role_of_the_field_they_came_from() -> None:
    """Panther files a mailbox's name as a user name; it is the actor's if the address is, else no one's."""
    found = extract_entities(
        [event(ADA, p_any_usernames=["ada", "carol"], p_any_ip_addresses=["198.51.100.1"])], context={}, log_types=()
    )
    roles = {each.value: each.role for each in found}
    assert roles["ada"] is Role.ACTOR
    assert roles["carol"] is Role.OTHER
    assert roles["198.51.100.1"] is Role.SOURCE


def test_what_shows_its_own_type_is_found_in_unknown_fields() -> None:
    """An address, a key or an ARN deep in a record counts, without a role."""
    more: dict[str, Any] = {
        "extra": {"deep": [{"x": "AKIAIOSFODNN7EXAMPLE"}, {"y": "arn:aws:s3:::acme-data"}, {"z": "192.0.2.9"}]}
    }
    found = {each.value: each.role for each in extract_entities([event(ADA, **more)], context={}, log_types=())}
    assert found["AKIAIOSFODNN7EXAMPLE"] is found["arn:aws:s3:::acme-data"] is found["192.0.2.9"] is Role.OTHER


def test_an_event_without_a_log_type_is_read_as_the_detection_says() -> None:
    """Of several log types the one whose fields are there is taken."""
    bare = {"actor": "ada", "user": "bob", "repo": "acme/site", "action": "repo.add_member"}
    found = extract_entities([bare], context={}, log_types=("AWS.CloudTrail", "GitHub.Audit"))
    assert {each.value: each.role for each in found}["bob"] is Role.TARGET


def test_the_context_of_a_rule_is_used_where_there_are_no_events() -> None:
    """Without events the context decides on roles; with them it only adds what shows its own type."""
    context = {"actor_email": ADA, "note": "198.51.100.77"}
    alone = extract_entities([], context=context, log_types=())
    assert [(each.value, each.fields) for each in alone if each.role is Role.ACTOR] == [
        (ADA, ("p_alert_context.actor_email",))
    ]
    beside = extract_entities([event("bob@acme.example")], context=context, log_types=())
    assert [each.value for each in beside if each.role is Role.ACTOR] == ["bob@acme.example"]
    assert ADA in {each.value for each in beside if each.role is Role.OTHER}


@pytest.mark.parametrize(
    ("row", "log_type"),
    [
        ({"p_log_type": "AWS.ALB"}, "AWS.ALB"),
        ({"userIdentity": {}, "eventSource": "", "eventName": ""}, "AWS.CloudTrail"),
        ({"useridentity": {}, "eventsource": "", "eventname": "", "p_log_type": None}, "AWS.CloudTrail"),
        ({"protoPayload": {}}, "GCP.AuditLog"),
        ({"n": 1}, ""),
        ({}, ""),
    ],
)
def test_a_log_type_is_named_or_shows_in_the_columns(row: dict[str, Any], log_type: str) -> None:
    """`p_log_type` wins; a query's rows may lack it."""
    assert log_type_of(row) == log_type


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(keys, trees, max_size=5), max_size=3), st.dictionaries(keys, trees, max_size=3), st.data()
)
def test_any_json_is_read_without_an_error(rows: list[Any], context: Any, data: st.DataObject) -> None:
    """Whatever a log holds: bounded, ordered, each once, storable, the same each time."""
    log_types = data.draw(st.lists(st.sampled_from([file.log_type for file in shipped_log_types()]), max_size=2))
    found = extract_entities(rows, context=context, log_types=log_types)
    assert found == extract_entities(rows, context=context, log_types=log_types)
    assert len(found) <= MAX_ENTITIES
    assert len({(each.kind, each.value) for each in found}) == len(found)
    assert all(each.model_validate_json(each.model_dump_json()) == each for each in found)


def test_a_bottomless_event_is_cut() -> None:
    """Depth and width have an end, and so have numbers."""
    deep: Any = ADA
    for _ in range(200):
        deep = {"a": [deep]}
    wide: dict[str, Any] = {f"k{n}": {f"k{m}": f"u{n}-{m}@acme.example" for m in range(50)} for n in range(200)}
    found = extract_entities([{"deep": deep, **wide, "json": "[" * 50_000, "n": 10**5_000}], context={}, log_types=())
    assert len(found) == MAX_ENTITIES


@pytest.fixture(scope="module")
def published() -> list[dict[str, Any]]:
    """The published test events."""
    if not (bench.shared() / "data" / "rule_tests.ndjson").is_file():
        pytest.skip("the shared data is not beside the project")
    return list(bench.published())


def test_published_events_give_an_actor_or_a_target(published: list[dict[str, Any]]) -> None:
    """No event of the published tests is an error, and at least 95 % name someone who acted or was acted upon."""
    covered = 0
    for test in published:
        found = extract_entities([test["event"]], context={}, log_types=bench.log_types_of(test))
        covered += any(each.role in (Role.ACTOR, Role.TARGET) for each in found)
    assert covered / len(published) >= bench.TARGET


def test_the_entities_of_every_published_log_type_are_known(published: list[dict[str, Any]]) -> None:
    """Each log type that a published detection names has known fields, its own or its family's."""
    named = {log_type for test in published for log_type in test["log_types"] or ()}
    assert [name for name in sorted(named) if not entity_fields(name)] == []


def test_fields_of_published_events_can_be_cited(published: list[dict[str, Any]]) -> None:
    """`lookup` finds what an entity's fields name; keys that hold dots and JSON inside a text are the exceptions."""
    cited = found = 0
    for test in published[::5]:
        for entity in extract_entities([test["event"]], context={}, log_types=()):
            cited += len(entity.fields)
            found += sum(lookup(test["event"], path) is not MISSING for path in entity.fields)
    assert found / cited >= 0.98
