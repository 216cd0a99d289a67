"""The wire format of every call to Panther, pinned by recordings of the embedded Panther.

`TRIAGE_RECORD=1` records them anew; that needs the extra `sandbox`.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.support.cassettes import FOLDER, HOST, RECORDING, HalfPlayed, cassette, requests_of
from tests.support.clocks import START, FakeClock
from tests.support.loopback import Answer, FakePanther, Loopback, Request, Script, respond
from tests.support.panther import TOKEN, Opening, config
from tests.support.tiny_world import write_world
from triage.domain.alert import DetectionOrigin, Kind, Quality, Status
from triage.domain.window import TimeWindow
from triage.edges.panther.client import connect, open_probes
from triage.edges.panther.graphql import request_of
from triage.edges.panther.operations import ALL
from triage.errors import NotFound, PantherDenied, QueryTimeout
from triage.ports import AlertQuery, QueryLimits

pytestmark = pytest.mark.anyio

CASSETTES = (
    "panther_alerts",
    "panther_broken_alert",
    "panther_comments",
    "panther_degraded",
    "panther_denied",
    "panther_detections",
    "panther_drift",
    "panther_labels",
    "panther_lake",
    "panther_lake_cancel",
    "panther_people",
    "panther_probes",
    "panther_profiles",
    "panther_rule_code",
)
FIRST = f"{1:032x}"


class TapeClock(FakeClock):
    """Waits for the server while it is recorded; no time passes while it is played."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if RECORDING:
            await asyncio.sleep(seconds)


@asynccontextmanager
async def taped(
    name: str,
    folder: Path,
    *,
    token: str = TOKEN,
    latency: float = 0.0,
    lacking: Collection[str] = (),
    script: Script | FakePanther | None = None,
    opening: Opening = connect,
) -> AsyncIterator[Any]:
    """A client that talks to a cassette, or, while recording, to the script or else to the embedded Panther."""
    if not RECORDING:
        with cassette(name):
            async with opening(config(f"https://{HOST}", token=token), clock=TapeClock()) as panther:
                yield panther
        return
    if script is not None:
        async with Loopback(script) as loopback:
            with cassette(name):
                async with opening(config(loopback.url, token=token), clock=TapeClock()) as panther:
                    yield panther
        return
    # The sandbox is an extra: playing cassettes needs neither DuckDB nor a server.
    from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer  # noqa: PLC0415
    from triage.sandbox.world import load_world  # noqa: PLC0415

    options = SandboxOptions(tokens=(ApiToken(TOKEN),), query_latency=latency, lacking=frozenset(lacking))
    with SandboxServer(load_world(write_world(folder), as_recorded=True), options) as server, cassette(name):
        async with opening(config(server.rest_url, token=token), clock=TapeClock()) as panther:
            yield panther


async def test_alerts(tmp_path: Path) -> None:
    """Pages, one alert with its detail, its events, an unknown one."""
    async with taped("panther_alerts", tmp_path) as panther:
        query = AlertQuery(created_after=START - timedelta(days=1), created_before=START, page_size=2)
        first = await panther.alerts.page(query)
        second = await panther.alerts.page(query, first.cursor)
        few = await panther.alerts.page(AlertQuery(severities=("LOW",), statuses=("CLOSED",), detection_id="Door.Open"))
        alert = await panther.alerts.alert(FIRST)
        events = await panther.alerts.events(FIRST, limit=2, max_bytes=10_000)
        with pytest.raises(NotFound):
            await panther.alerts.alert("f" * 32)
    found = [*first.alerts, *second.alerts]
    assert [one.title for one in found] == [f"Door {number} left open" for number in (1, 2, 3, 4)]
    assert [one.origin.kind for one in found] == ["detection", "deleted", "detection", "detection"]
    assert found[2].kind is Kind.CORRELATION_RULE
    assert second.cursor is None
    assert [one.title for one in few.alerts] == ["Door 4 left open"]
    assert alert.context == {"door": 1}
    assert alert.event_count == 3
    assert alert.notes == ()
    assert [row["door"] for row in events.rows] == [1, 2]
    assert events.truncated


async def test_detections(tmp_path: Path) -> None:
    """Each REST path that holds one, and one that is nowhere."""
    async with taped("panther_detections", tmp_path) as panther:
        asked = [("Door.Open", "RULE"), ("Door.Simple", "RULE"), ("Door.Nightly", "SCHEDULED_RULE")]
        asked += [("Door.Policy", "POLICY"), ("Door.Gone", "RULE")]
        asked += [("Door.Twice", "CORRELATION_RULE"), ("Door.Parted", "CORRELATION_RULE")]
        found = [await panther.rules.detection(DetectionOrigin(id=name, type=kind)) for name, kind in asked]
    types = ["RULE", "SIMPLE_RULE", "SCHEDULED_RULE", "POLICY", "RULE", "CORRELATION_RULE", "CORRELATION_RULE"]
    assert [one.type for one in found] == types
    assert [one.deleted for one in found] == [False, False, False, False, True, False, True]
    assert "RuleID: Door.Nightly" in found[5].body
    assert found[0].body.startswith("def rule")
    assert found[1].body == "Detection: []\n"
    assert found[0].techniques == ("T1078",)


async def test_shared_code_of_rules(tmp_path: Path) -> None:
    """A global helper, one that is nowhere, and the data models; each is asked for once."""
    async with taped("panther_rule_code", tmp_path) as panther:
        codes = [await panther.rules.helper(name) for name in ("door_helpers", "gone_helpers", "door_helpers")]
        (model,) = await panther.rules.data_models()
        assert await panther.rules.data_models() == (model,)
    assert [code.startswith("def is_open") for code in codes] == [True, False, True]
    assert [(each.name, each.path, each.method) for each in model.mappings] == [
        ("room", "$.door", ""),
        ("who", "", "who"),
    ]


async def test_lake(tmp_path: Path) -> None:
    """A query, an indicator search, and the catalogue."""
    async with taped("panther_lake", tmp_path) as panther:
        sql = "SELECT door, p_event_time FROM panther_logs.public.custom_door ORDER BY door LIMIT 3"
        whole = await panther.lake.run_sql(sql, limits=QueryLimits())
        window = TimeWindow(START - timedelta(days=1), START)
        search = await panther.lake.search(["192.0.2.7"], window=window, limits=QueryLimits())
        databases = await panther.lake.databases()
        tables = await panther.lake.tables("panther_rule_matches")
        columns = await panther.lake.columns("panther_logs", "custom_door")
    assert [row["door"] for row in whole.rows] == [1, 2, 3]
    assert whole.columns == ("door", "p_event_time")
    assert whole.row_count == 3
    assert search.row_count >= 1
    assert any(name.startswith("panther_logs") for name in databases)
    assert "custom_door" in {table.name for table in tables}
    assert "p_event_time" in {column.name for column in columns}


async def test_a_cancelled_query(tmp_path: Path) -> None:
    """Started, asked for, cancelled."""
    async with taped("panther_lake_cancel", tmp_path, latency=60) as panther:
        with pytest.raises(QueryTimeout):
            await panther.lake.run_sql("SELECT 1 AS one", limits=QueryLimits(seconds=1))


async def test_people_and_sources(tmp_path: Path) -> None:
    """Users and log sources."""
    async with taped("panther_people", tmp_path) as panther:
        users = await panther.users.users()
        sources = await panther.sources.sources()
    assert [(user.email, user.name, user.role) for user in users] == [("ada@acme.example", "Ada Byron", "Analyst")]
    assert [(source.label, source.log_types, source.healthy) for source in sources] == [
        ("doors", ("Custom.Door",), True)
    ]


async def test_comments(tmp_path: Path) -> None:
    """List, create, update, status, assignee."""
    async with taped("panther_comments", tmp_path) as panther:
        before = await panther.comments.list(FIRST)
        made = await panther.comments.create(FIRST, "<b>shut</b>", "HTML")
        changed = await panther.comments.update(made, "shut again", "PLAIN_TEXT")
        await panther.comments.set_status(FIRST, Status.TRIAGED)
        await panther.comments.assign(FIRST, "ada@acme.example")
        after = await panther.comments.list(FIRST)
    assert [one.body for one in before] == ["The porter is on his way."]
    assert (made.body, made.format, made.alert_id) == ("<b>shut</b>", "HTML", FIRST)
    assert (changed.id, changed.body) == (made.id, "shut again")
    assert [(one.id, one.body) for one in after] == [(before[0].id, before[0].body), (made.id, "shut again")]


async def test_labels(tmp_path: Path) -> None:
    """Quality and context tags of the newer generation: whether there are any, set, listed, read back, taken back."""
    async with taped("panther_labels", tmp_path) as panther:
        served = await panther.labels.served()
        await panther.labels.set_quality(FIRST, Quality.NOISE)
        await panther.labels.set_tags(FIRST, ["vip", "triage-benign"])
        listed = await panther.labels.qualities(start=START - timedelta(days=1), end=START)
        labelled = await panther.alerts.alert(FIRST)
        await panther.labels.set_quality(FIRST, None)
        cleared = await panther.alerts.alert(FIRST)
    assert served
    assert listed == {FIRST: Quality.NOISE}
    assert (labelled.quality, labelled.context_tags) == (Quality.NOISE, ("vip", "triage-benign"))
    assert cleared.quality is None


async def test_probes(tmp_path: Path) -> None:
    """What `triage check` sends. Recorded from a scripted server: the probes need no world behind them."""
    results = {"edges": [{"node": {"ONE": 1}}], "pageInfo": None, "stats": {"rowCount": 1}, "tryAgain": False}
    last_page = {"edges": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    answers = FakePanther(
        graphql={
            "Alerts": {"alerts": last_page},
            "Databases": {"dataLakeDatabases": [{"name": "panther_logs.public"}]},
            "ExecuteQuery": {"executeDataLakeQuery": {"id": "query-1"}},
            "QueryResults": {"dataLakeQuery": {"status": "succeeded", "message": "", "results": results}},
            "Sources": {"sources": last_page},
            "Users": {"users": []},
            "UpdateStatus": {"updateAlertStatusById": {"alerts": []}},
        },
        rest={("GET", "/rules"): {"results": []}},
    )
    async with taped("panther_probes", tmp_path, script=answers, opening=open_probes) as probes:
        for probe in (*probes.reading, probes.writing):
            await probe.run()


async def test_actor_profiles(tmp_path: Path) -> None:
    """The query for an alert's actors, its rows, and a profile. Recorded from a scripted server."""
    rows = {"edges": [{"node": {"entity_id": "p-1"}}], "pageInfo": None, "stats": {"rowCount": 1}, "tryAgain": False}
    answers = FakePanther(
        graphql={
            "ExecuteActorQuery": {"executeAlertActorQuery": {"id": "query-1"}},
            "QueryResults": {"dataLakeQuery": {"status": "succeeded", "message": "", "results": rows}},
            "ActorProfile": {"actorProfileInfo": {"entityId": "p-1", "emails": ["ada@acme.example"]}},
        }
    )
    async with taped("panther_profiles", tmp_path, script=answers) as panther:
        (found,) = await panther.profiles.of_alert(FIRST, seconds=5)
    assert (found.id, found.emails, found.employment) == ("p-1", ("ada@acme.example",), ())


async def test_a_wrong_token(tmp_path: Path) -> None:
    """The gateway's answer to a token that it does not know."""
    async with taped("panther_denied", tmp_path, token="tok-unknown") as panther:
        with pytest.raises(PantherDenied):
            await panther.users.users()
        with pytest.raises(PantherDenied):
            await panther.comments.list(FIRST)


async def test_a_page_with_a_broken_alert(tmp_path: Path) -> None:
    """One alert that Panther can't give takes the page with it; the others are then asked for one by one."""
    nodes = [{"id": name, "createdAt": "2031-05-06T10:01:00.000Z"} for name in ("whole", "broken")]
    whole = {**nodes[0], "title": "A door", "severity": "HIGH", "status": "OPEN", "type": "RULE"}
    whole["origin"] = {"__typename": "DeletedDetection", "id": "Door.Gone"}
    page = {"edges": [{"node": node} for node in nodes], "pageInfo": {"hasNextPage": False, "endCursor": None}}

    def refusal(*path: str | int) -> Answer:
        error = {"message": "Cannot return null for Alert.title", "path": path, "errorType": "DataFetchingException"}
        return respond({"data": None, "errors": [error]})

    def alone(request: Request) -> Answer:
        body = request.json
        if body["operationName"] == "Alerts":
            return refusal("alerts", "edges", 1, "node", "title")
        if body["operationName"] == "AlertIds":
            return respond({"data": {"alerts": page}})
        is_whole = body["variables"]["id"] == "whole"
        return respond({"data": {"alert": whole}}) if is_whole else refusal("alert", "title")

    async with taped("panther_broken_alert", tmp_path, script=alone) as panther:
        found = await panther.alerts.page(AlertQuery(created_after=START, created_before=START))
    assert [(alert.id, alert.title, alert.severity.value) for alert in found.alerts] == [
        ("whole", "A door", "HIGH"),
        ("broken", "UNKNOWN", "UNKNOWN"),
    ]
    (problem,) = found.problems
    assert problem.startswith("alert broken: only its id and time could be read: ")
    assert "Cannot return null for Alert.title" in problem


async def test_a_poll_of_a_panther_that_lacks_a_field(tmp_path: Path) -> None:
    """The page is refused, asked for without the field and the filter, and so is the next one at once."""
    async with taped("panther_degraded", tmp_path, lacking=("Alert.runbook", "AlertsInput.statuses")) as panther:
        query = AlertQuery(
            created_after=START - timedelta(days=1), created_before=START, statuses=("OPEN",), page_size=2
        )
        first = await panther.alerts.page(query)
        second = await panther.alerts.page(query, first.cursor)
    assert [one.title for one in (*first.alerts, *second.alerts)] == [
        f"Door {number} left open" for number in (1, 2, 3, 4)
    ]
    sent = [json.loads(request.body) for request in requests_of("panther_degraded")]
    assert ["runbook" in body["query"] for body in sent] == [True, False, False, False]
    assert ["statuses" in body["variables"]["input"] for body in sent] == [True, True, False, False]


async def test_how_a_panther_differs(tmp_path: Path) -> None:
    """The paths, with ids that can't be where the path is of a later generation; and the schema, here a very small one."""
    named = {"kind": "SCALAR", "name": "Boolean", "ofType": None}
    alive = {"name": "alive", "args": [], "type": named, "isDeprecated": False, "deprecationReason": None}
    empty = dict.fromkeys(("fields", "inputFields", "interfaces", "enumValues", "possibleTypes"))
    types = [
        {**empty, "kind": "OBJECT", "name": "Query", "fields": [alive], "interfaces": []},
        {**empty, "kind": "SCALAR", "name": "Boolean"},
    ]
    schema = {"queryType": {"name": "Query"}, "mutationType": None, "subscriptionType": None, "types": types}
    answers = FakePanther(
        graphql={"Introspection": {"__schema": {**schema, "directives": []}}},
        rest={("GET", path): {"results": []} for path in ("/rules", "/simple-rules", "/scheduled-rules")},
    )
    async with taped("panther_drift", tmp_path, script=answers, opening=open_probes) as probes:
        drift = await probes.drift()
    assert drift.unread == ""
    assert drift.paths == ("GET /alert-context-tags", "GET /correlation-rules", "GET /log-source-alarms/{id}/{id}")
    assert {"Query.alerts", "Query.users"} <= {each.name for each in drift.missing if each.needed}


def test_every_operation_is_recorded() -> None:
    """Each GraphQL operation and each REST path that the client uses."""
    graphql, rest = set(), set()
    for request in (request for name in CASSETTES for request in requests_of(name)):
        if request.path == "/public/graphql":
            graphql.add(json.loads(request.body)["operationName"])
        else:
            rest.add((request.method, re.sub(r"(?<=.)/[^/]+$", "/{id}", request.path)))
    assert graphql == {request_of(operation)[1] for operation in ALL}
    assert rest == {
        ("GET", "/alerts"),
        ("GET", "/alerts/{id}"),
        ("PATCH", "/alerts/{id}"),
        ("GET", "/alert-context-tags"),
        ("GET", "/alert-comments"),
        ("GET", "/log-source-alarms/source-1/{id}"),
        ("GET", "/log-source-alarms/00000000-0000-0000-0000-000000000000/{id}"),
        ("POST", "/alert-comments/{id}"),
        ("GET", "/rules"),
        ("GET", "/simple-rules"),
        ("GET", "/scheduled-rules"),
        ("GET", "/rules/{id}"),
        ("GET", "/simple-rules/{id}"),
        ("GET", "/scheduled-rules/{id}"),
        ("GET", "/policies/{id}"),
        ("GET", "/globals/{id}"),
        ("GET", "/data-models"),
        ("GET", "/correlation-rules"),
        ("GET", "/correlation-rules/{id}"),
    }


def test_no_cassette_holds_a_secret() -> None:
    """No token, no cookie, no address of the machine that recorded."""
    for name in CASSETTES:
        text = (FOLDER / f"{name}.yaml").read_text("utf-8").lower()
        for secret in (TOKEN, "tok-unknown", "x-api-key", "authorization", "cookie", "127.0.0.1", "localhost"):
            assert secret not in text, (name, secret)


async def replay(folder: Path, calls: int, alert_id: str = "a-1") -> None:
    with cassette("own", folder=folder, recording=False):
        async with connect(config(f"https://{HOST}"), clock=FakeClock()) as panther:
            for _ in range(calls):
                await panther.comments.create(alert_id, "text", "HTML")


async def test_a_cassette_must_be_played_whole_and_matches_the_body(tmp_path: Path) -> None:
    """A request left out, one too many, or another body fails; the token that recorded it is nowhere in it."""
    answer = {"createAlertComment": {"comment": {"id": "c-1"}}}
    async with Loopback(FakePanther(graphql={"CreateComment": answer})) as server:
        with cassette("own", folder=tmp_path, recording=True):
            async with connect(config(server.url), clock=FakeClock()) as panther:
                for _ in range(2):
                    await panther.comments.create("a-1", "text", "HTML")
        assert len(server.requests) == 2
    assert TOKEN not in (tmp_path / "own.yaml").read_text("utf-8")
    await replay(tmp_path, 2)
    with pytest.raises(HalfPlayed, match="POST /public/graphql"):
        await replay(tmp_path, 1)
    other: Any
    for other in ({"calls": 3}, {"calls": 2, "alert_id": "a-2"}):
        with pytest.raises(CannotOverwriteExistingCassetteException):
            await replay(tmp_path, **other)
