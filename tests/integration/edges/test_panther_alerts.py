"""Alerts, their detail and their events."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import START, FakeClock
from tests.support.loopback import FakePanther, respond
from tests.support.panther import connected
from tests.support.tiny_world import write_world
from triage.domain.alert import Actor, Alert, DeletedOrigin, DetectionOrigin, Kind, SystemOrigin
from triage.domain.cuts import NO_NUMBER, TOO_DEEP
from triage.edges.panther.alert_nodes import read_alert, read_flawless, read_tolerant
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.edges.panther.wire import Unreadable
from triage.errors import NotFound, PantherProtocolError, PantherRefused
from triage.ports import AlertQuery, Listing
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world

pytestmark = pytest.mark.anyio

NODE: dict[str, Any] = {
    "id": "a-1",
    "title": "A door was left open",
    "severity": "HIGH",
    "status": "OPEN",
    "type": "RULE",
    "createdAt": "2031-05-06T11:00:00.250Z",
    "updatedAt": "2031-05-06T11:30:00Z",
    "firstEventOccurredAt": None,
    "lastReceivedEventAt": "2031-05-06T10:59:00.000Z",
    "description": "Doors should be shut.",
    "runbook": "Shut it.",
    "reference": "https://doors.example",
    "origin": {"__typename": "Detection", "id": "Door/Open now", "name": "Door", "detectionType": "RULE"},
    "assignee": {"id": "u-1", "email": "ada@acme.example", "givenName": "Ada", "familyName": "Byron"},
    "updatedBy": {"__typename": "APIToken", "id": "t-1", "name": "pipeline"},
}
DETAIL = {"id": "a-1", "type": "RULE", "eventCount": 7, "context": {"door": 3}}


def listed(*nodes: Any, cursor: str | None = None) -> dict[str, Any]:
    info = {"hasNextPage": cursor is not None, "endCursor": cursor}
    return {"alerts": {"edges": [{"node": node} for node in nodes], "pageInfo": info}}


async def one(node: dict[str, Any]) -> Alert:
    async with connected(FakePanther(graphql={"Alerts": listed(node)})) as (panther, _):
        page = await panther.alerts.page(AlertQuery())
        assert page.problems == ()
        return page.alerts[0]


async def test_an_alert_arrives_whole() -> None:
    """Every field of the schema has its place, and the value can be journalled."""
    alert = await one(NODE)
    assert Alert.model_validate(json.loads(alert.model_dump_json())) == alert
    assert alert == Alert(
        id="a-1",
        title="A door was left open",
        severity="HIGH",
        status="OPEN",
        kind=Kind.RULE,
        created_at=datetime(2031, 5, 6, 11, 0, 0, 250_000, tzinfo=UTC),
        updated_at=datetime(2031, 5, 6, 11, 30, tzinfo=UTC),
        first_event_at=None,
        last_event_at=datetime(2031, 5, 6, 10, 59, tzinfo=UTC),
        description="Doors should be shut.",
        runbook="Shut it.",
        reference="https://doors.example",
        origin=DetectionOrigin(id="Door/Open now", name="Door", type="RULE"),
        assignee=Actor(id="u-1", kind="user", email="ada@acme.example", name="Ada Byron"),
        updated_by=Actor(id="t-1", kind="api-token", name="pipeline"),
    )


@pytest.mark.parametrize(
    ("kind", "origin", "expected_kind", "expected"),
    [
        (
            "RULE",
            {"__typename": "Detection", "id": "C", "name": "", "detectionType": "CORRELATION_RULE"},
            Kind.CORRELATION_RULE,
            DetectionOrigin(id="C", type="CORRELATION_RULE"),
        ),
        (
            "RULE_ERROR",
            {"__typename": "Detection", "id": "C", "name": "", "detectionType": "CORRELATION_RULE"},
            Kind.CORRELATION_RULE_ERROR,
            DetectionOrigin(id="C", type="CORRELATION_RULE"),
        ),
        (
            "SCHEDULED_RULE",
            {"__typename": "Detection", "id": "S", "name": "s", "detectionType": "SCHEDULED_RULE"},
            Kind.SCHEDULED_RULE,
            DetectionOrigin(id="S", name="s", type="SCHEDULED_RULE"),
        ),
        ("RULE", {"__typename": "DeletedDetection", "id": "D"}, Kind.RULE, DeletedOrigin(id="D")),
        (
            "SYSTEM_ERROR",
            {"__typename": "SystemError", "relatedComponent": "LOG_SOURCE", "errorType": "SOURCE_NO_DATA"},
            Kind.SYSTEM_ERROR,
            SystemOrigin(component="LOG_SOURCE", type="SOURCE_NO_DATA"),
        ),
    ],
)
async def test_every_origin_is_distinguished(kind: str, origin: Any, expected_kind: Kind, expected: Any) -> None:
    """Detection, deleted detection and system error; a correlation rule shows in the alert's kind."""
    alert = await one({**NODE, "type": kind, "origin": origin})
    assert alert.origin == expected
    assert alert.kind is expected_kind


async def test_all_filters_reach_the_server() -> None:
    """Times are widened to whole milliseconds, so that no alert falls between two windows."""
    fake = FakePanther(graphql={"Alerts": listed()})
    query = AlertQuery(
        created_after=START + timedelta(microseconds=1900),
        created_before=START + timedelta(hours=1, microseconds=1100),
        statuses=("OPEN", "TRIAGED"),
        severities=("HIGH",),
        log_types=("AWS.CloudTrail",),
        detection_id="Door.Open",
        listing=Listing.DETECTION_ERROR,
        ascending=False,
        page_size=7,
    )
    async with connected(fake) as (panther, _):
        await panther.alerts.page(query, "c-1")
    assert fake.calls == [
        (
            "Alerts",
            {
                "input": {
                    "createdAtAfter": "2031-05-06T12:00:00.001Z",
                    "createdAtBefore": "2031-05-06T13:00:00.002Z",
                    "cursor": "c-1",
                    "detectionId": "Door.Open",
                    "logTypes": ["AWS.CloudTrail"],
                    "pageSize": 7,
                    "severities": ["HIGH"],
                    "sortBy": "createdAt",
                    "sortDir": "descending",
                    "statuses": ["OPEN", "TRIAGED"],
                    "type": "DETECTION_ERROR",
                }
            },
        )
    ]


async def test_without_a_detection_both_ends_of_the_window_are_sent() -> None:
    """Panther requires them; the upper one leaves room for a clock ahead of ours. Empty filters are left out."""
    fake = FakePanther(graphql={"Alerts": listed()})
    async with connected(fake) as (panther, _):
        await panther.alerts.page(AlertQuery())
        await panther.alerts.page(AlertQuery(detection_id="D"))
    first, second = (variables["input"] for _, variables in fake.calls)
    assert (first["createdAtAfter"], first["createdAtBefore"]) == (
        "2015-01-01T00:00:00.000Z",
        "2031-05-07T12:00:00.000Z",
    )
    assert not {"createdAtAfter", "createdAtBefore", "logTypes"} & second.keys()
    assert "logTypes" not in first


@pytest.mark.parametrize("context", [{"door": 3}, '{"door": 3}'])
async def test_one_alert_has_its_context_and_event_count(context: Any) -> None:
    """REST gives what GraphQL lacks, for an id with any character, and knows correlation rules."""
    node = {**NODE, "id": "a/1 ?"}
    detail = {**DETAIL, "type": "CORRELATION_RULE", "context": context, "firstEventOccurredAt": "2031-05-06T10:00:00Z"}
    fake = FakePanther(graphql={"Alert": {"alert": node}}, rest={("GET", "/alerts/a%2F1%20%3F"): detail})
    async with connected(fake) as (panther, _):
        alert = await panther.alerts.alert("a/1 ?")
    assert alert.event_count == 7
    assert alert.context == {"door": 3}
    assert alert.first_event_at == datetime(2031, 5, 6, 10, tzinfo=UTC)
    assert alert.kind is Kind.CORRELATION_RULE
    assert alert.notes == ()


@pytest.mark.parametrize("answer", [respond({}, 500), respond({"message": "no"}, 403), respond([1]), respond({}, 404)])
async def test_an_alert_without_detail_says_so(answer: Any) -> None:
    """REST failing costs the context, not the alert."""
    fake = FakePanther(graphql={"Alert": {"alert": NODE}}, rest={("GET", "/alerts/a-1"): answer})
    async with connected(fake) as (panther, _):
        alert = await panther.alerts.alert("a-1")
    assert alert.title == "A door was left open"
    assert alert.event_count is None
    assert alert.notes == ("Panther's REST API did not give the alert's context and event count",)


async def test_a_broken_field_of_the_detail_is_noted() -> None:
    """The rest of the detail is kept."""
    broken = {**DETAIL, "eventCount": "many"}
    fake = FakePanther(graphql={"Alert": {"alert": NODE}}, rest={("GET", "/alerts/a-1"): broken})
    async with connected(fake) as (panther, _):
        alert = await panther.alerts.alert("a-1")
    assert alert.event_count is None
    assert alert.context == {"door": 3}
    assert alert.notes == ("`eventCount` could not be read",)


async def test_an_unknown_alert_is_not_found_and_other_refusals_are_refusals() -> None:
    """What Panther says distinguishes the two."""
    answers = [
        respond({"errors": [{"message": "Alert does not exist"}]}),
        respond({"data": {"alert": None}}),
        respond({"errors": [{"message": "bad id"}]}),
        respond({"data": {"alert": {"id": "a-1"}}}),
    ]
    async with connected(FakePanther(graphql={"Alert": answers})) as (panther, _):
        for error in (NotFound, NotFound, PantherRefused, PantherProtocolError):
            with pytest.raises(error):
                await panther.alerts.alert("a-1")


def events(*nodes: Any, cursor: str | None = None) -> dict[str, Any]:
    info = {"hasNextPage": cursor is not None, "endCursor": cursor}
    return {"alert": {"events": {"edges": [{"node": node} for node in nodes], "pageInfo": info}}}


async def test_events_come_page_by_page_as_objects_or_text() -> None:
    """Panther's JSON scalar may be either."""
    pages = [events({"n": 1}, '{"n": 2}', cursor="c1"), events(cursor="c2"), events({"n": 3})]
    fake = FakePanther(graphql={"AlertEvents": pages})
    async with connected(fake) as (panther, _):
        found = await panther.alerts.events("a-1", limit=10, max_bytes=1000)
    assert found.rows == ({"n": 1}, {"n": 2}, {"n": 3})
    assert not found.truncated
    assert [variables["input"]["cursor"] for _, variables in fake.calls] == [None, "c1", "c2"]


@pytest.mark.parametrize(
    ("limit", "max_bytes", "pages", "kept"),
    [
        (2, 1000, [events({"n": 1}, {"n": 2}, {"n": 3})], [1, 2]),
        (2, 1000, [events({"n": 1}, {"n": 2}, cursor="c"), events({"n": 3})], [1, 2]),
        (9, 20, [events({"n": 1}, {"n": 2}, {"n": 33333}, {"n": 4})], [1, 2]),
        (9, 20, [events({"n": "x" * 99}, {"n": 1}, cursor="c"), events({"n": 2})], [1, 2]),
        (9, 1000, [events({"n": 1}, cursor="c"), events({"n": 2}, cursor="c")], [1, 2]),
        (9, 1000, [events({"n": 1}, "no json", 5, None, {"n": 2})], [1, 2]),
        (0, 1000, [events({"n": 1})], []),
    ],
    ids=["rows", "rows-at-a-page-end", "bytes", "giant-row", "cursor-loop", "unreadable", "none-wanted"],
)
async def test_events_are_cut_at_the_limits_and_say_so(limit: int, max_bytes: int, pages: Any, kept: Any) -> None:
    """By rows, by bytes, at a loop; a giant record does not hide those behind it."""
    async with connected(FakePanther(graphql={"AlertEvents": pages})) as (panther, _):
        found = await panther.alerts.events("a-1", limit=limit, max_bytes=max_bytes)
    assert [row["n"] for row in found.rows] == kept
    assert found.truncated is (limit > 0)


async def test_a_padded_event_is_cut_rather_than_hidden() -> None:
    """Padding an event beyond the budget hides neither it nor those after it."""
    padded = {"action": "delete", "who": "mallory", "note": "x" * 50_000, "list": ["y" * 300] * 300}
    pages = [events(padded, {"action": "sign in"})]
    async with connected(FakePanther(graphql={"AlertEvents": pages})) as (panther, _):
        found = await panther.alerts.events("a-1", limit=9, max_bytes=20_000)
    first, second = found.rows
    assert (first["action"], first["who"], second["action"]) == ("delete", "mallory", "sign in")
    assert str(first["note"]).endswith("[cut]")
    assert len(json.dumps(first)) <= 5_100
    assert found.truncated


async def test_events_of_a_partial_answer_are_marked() -> None:
    """What could not be given counts as cut."""
    errors = [{"message": "lake slow", "path": ["alert", "events", "edges", 1]}]
    partial = respond({"data": events({"n": 1}, None), "errors": errors})
    async with connected(FakePanther(graphql={"AlertEvents": partial})) as (panther, _):
        found = await panther.alerts.events("a-1", limit=10, max_bytes=1000)
    assert found.rows == ({"n": 1},)
    assert found.truncated


def outcome(call: Callable[[], Alert | None]) -> Alert | str | None:
    try:
        return call()
    except Unreadable as error:
        return str(error)


TEXTS = ["", " ", "x", "CORRELATION_RULE", "DELETED", "2031-05-06", "20310506", "2031-05-06T11:00:00"]
TIMES = ["2031-05-06T11:00:00+02:00", " 2031-05-06T11:00:00Z "]
OTHERS = [None, 0, 7, 1.5, True, False, [], ["x"], {}, {"id": 5}, {"__typename": "APIToken"}]
ODD = st.sampled_from([*TEXTS, *TIMES, *OTHERS])
ORIGINS = st.fixed_dictionaries(
    {"__typename": st.sampled_from(["Detection", "DeletedDetection", "SystemError", "Other", 5])},
    optional=dict.fromkeys(("id", "name", "detectionType", "relatedComponent", "errorType"), ODD),
)


@given(st.dictionaries(st.sampled_from([*NODE, "novelty"]), ODD, max_size=3), st.none() | ORIGINS, st.booleans())
def test_a_flawless_alert_reads_the_same_both_ways(changes: dict[str, Any], origin: Any, without: bool) -> None:
    """The quick reading gives what the tolerant one gives, or leaves it to that; a plain alert it reads itself."""
    node = {**NODE, **changes, **({"origin": origin} if origin else {})}
    if without:
        node = {name: value for name, value in node.items() if name not in changes}
    found = read_flawless(node)
    if found is not None:
        assert found == outcome(lambda: read_tolerant(node, (), partial=False))
    assert outcome(lambda: read_alert(node, (), partial=False)) == outcome(
        lambda: read_tolerant(node, (), partial=False)
    )
    assert read_flawless(NODE) is not None


async def test_a_page_of_one_log_type(tmp_path: Path) -> None:
    """The embedded Panther lists what has events of a log type."""
    with SandboxServer(load_world(write_world(tmp_path))) as server:
        config = PantherConfig(url=server.url, token="sandbox-token")
        async with connect(config, clock=FakeClock()) as panther:
            sizes = [
                len((await panther.alerts.page(AlertQuery(log_types=wanted))).alerts)
                for wanted in ((), ("Custom.Door",), ("Custom.Window", "Custom.Door"), ("Custom.Window",))
            ]
    assert sizes[0] >= sizes[1] == sizes[2] > sizes[3] == 0


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("depth", [200, 10_000])
async def test_an_event_nested_too_deeply_is_read_and_so_are_its_neighbours(depth: int, as_text: bool) -> None:
    """Whether it comes as an object or as text: what lies deep is cut, visibly, and nothing else is lost."""
    deep = '{"door": 1, "log": ' + '{"a": ' * depth + "NaN" + "}" * depth + ', "state": "open"}'
    plain = '{"door": 2, "ratio": Infinity}'
    nodes = ", ".join(f'{{"node": {json.dumps(event) if as_text else event}}}' for event in (deep, plain))
    page = f'{{"edges": [{nodes}], "pageInfo": {{"hasNextPage": false}}}}'
    body = f'{{"data": {{"alert": {{"events": {page}}}}}}}'
    async with connected(FakePanther(graphql={"AlertEvents": respond(body.encode())})) as (panther, _):
        found = await panther.alerts.events("a-1", limit=10, max_bytes=100_000)

    assert [row["door"] for row in found.rows] == [1, 2]
    assert found.rows[0]["state"] == "open"
    assert TOO_DEEP in json.dumps(found.rows[0])
    assert found.rows[1]["ratio"] == NO_NUMBER


@pytest.mark.parametrize("odd", ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+05:00"])
async def test_a_time_at_which_nothing_was_logged_is_left_out_and_noted(odd: str) -> None:
    """Panther takes the first event's time from the event, which may claim any."""
    alert = await one({**NODE, "firstEventOccurredAt": odd, "lastReceivedEventAt": odd})

    assert (alert.first_event_at, alert.last_event_at) == (None, None)
    assert "`firstEventOccurredAt` could not be read" in alert.notes
    assert alert.moment + timedelta(days=400) > alert.created_at
