"""Every request of the client, and every reply of the embedded Panther, held to Panther's published definitions."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from tests.support.cassettes import cassette
from tests.support.clocks import START, FastClock
from tests.support.contract import Exchange, GraphQLContract, RestContract, exchanges
from tests.support.panther import TOKEN, config
from tests.support.shared import shared_path
from tests.support.tiny_world import MATCHES, write_world
from triage.domain.alert import DetectionOrigin, Quality, Status
from triage.domain.sql import parse_read_only
from triage.domain.window import TimeWindow
from triage.edges.panther import connect, open_probes
from triage.edges.panther.complaints import PartKind
from triage.edges.panther.documents import document_of
from triage.edges.panther.operations import ALL
from triage.errors import NotFound, QueryTimeout
from triage.ports import AlertQuery, Listing, PantherApi, QueryLimits
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import World, load_world

pytestmark = pytest.mark.anyio

FIRST = f"{1:032x}"
WINDOW = TimeWindow(START - timedelta(days=1), START)
SQL = "SELECT door FROM panther_logs.public.custom_door WHERE p_event_time > '2031-05-06 00:00:00' LIMIT 5"
DETECTIONS = (
    ("Door.Open", "RULE"),
    ("Door.Simple", "RULE"),
    ("Door.Nightly", "SCHEDULED_RULE"),
    ("Door.Policy", "POLICY"),
    ("Door.Twice", "CORRELATION_RULE"),
    ("Door.Gone", "RULE"),
)


async def _pages(panther: PantherApi) -> None:
    query = AlertQuery(
        created_after=WINDOW.start,
        created_before=WINDOW.end,
        statuses=("OPEN", "CLOSED"),
        severities=("HIGH", "LOW"),
        log_types=("Custom.Door",),
        page_size=2,
    )
    first = await panther.alerts.page(query)
    await panther.alerts.page(query, first.cursor)
    for listing in Listing:
        await panther.alerts.page(AlertQuery(listing=listing, ascending=False))
    await panther.alerts.page(AlertQuery(detection_id="Door.Open"))


async def _one(panther: PantherApi) -> None:
    await panther.alerts.alert(FIRST)
    with pytest.raises(NotFound):
        await panther.alerts.alert("f" * 32)


async def _detections(panther: PantherApi) -> None:
    for name, kind in DETECTIONS:
        await panther.rules.detection(DetectionOrigin(id=name, type=kind))


async def _update(panther: PantherApi) -> None:
    made = await panther.comments.create(FIRST, "<b>shut</b>", "HTML")
    await panther.comments.update(made, "shut again", "PLAIN_TEXT")


def _label(write: Callable[[PantherApi], Awaitable[object]]) -> Callable[[PantherApi], Awaitable[object]]:
    """Labels are written only where Panther has them, as write-back does."""

    async def call(panther: PantherApi) -> None:
        if await panther.labels.served():
            await write(panther)

    return call


async def _profiles(panther: PantherApi) -> None:
    (profile,) = await panther.profiles.of_alert(FIRST, seconds=60)
    assert profile.names == ("Ada Byron",)


CALLS: dict[str, Callable[[PantherApi], Awaitable[object]]] = {
    "alerts.page": _pages,
    "alerts.alert": _one,
    "alerts.listed": lambda panther: panther.alerts.listed(FIRST),
    "alerts.events": lambda panther: panther.alerts.events(FIRST, limit=2, max_bytes=10_000),
    "rules.detection": _detections,
    "rules.detections": lambda panther: panther.rules.detections(),
    "rules.helper": lambda panther: panther.rules.helper("door_helpers"),
    "rules.data_models": lambda panther: panther.rules.data_models(),
    "lake.run_query": lambda panther: panther.lake.run_query(parse_read_only(SQL, now=START), limits=QueryLimits(rows=2)),
    "lake.search": lambda panther: panther.lake.search(["192.0.2.7"], window=WINDOW, limits=QueryLimits()),
    "lake.databases": lambda panther: panther.lake.databases(),
    "lake.tables": lambda panther: panther.lake.tables("panther_logs"),
    "lake.columns": lambda panther: panther.lake.columns("panther_logs", "custom_door"),
    "sources.sources": lambda panther: panther.sources.sources(),
    "users.users": lambda panther: panther.users.users(),
    "comments.list": lambda panther: panther.comments.list(FIRST),
    "comments.create": lambda panther: panther.comments.create(FIRST, "shut", "PLAIN_TEXT"),
    "comments.update": _update,
    "comments.set_status": lambda panther: panther.comments.set_status(FIRST, Status.TRIAGED),
    "comments.assign": lambda panther: panther.comments.assign(FIRST, "ada@acme.example"),
    "labels.served": lambda panther: panther.labels.served(),
    "labels.set_quality": _label(lambda panther: panther.labels.set_quality(FIRST, Quality.NOISE)),
    "labels.set_tags": _label(lambda panther: panther.labels.set_tags(FIRST, ["seen"])),
    "labels.qualities": lambda panther: panther.labels.qualities(start=WINDOW.start, end=WINDOW.end),
    "profiles.of_alert": _profiles,
}  # fmt: skip
"""Every method of the client, by its part and name."""


def world_of(folder: Path) -> World:
    """The small world, whose source has an alarm, and whose actor has a profile."""
    matches = write_world(folder) / "lake/panther_rule_matches/custom_door.ndjson"
    rows = [{**row, "p_any_emails": ["ada@acme.example"]} for row in MATCHES]
    matches.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    world = load_world(folder, as_recorded=True)
    (source,) = world.sources.values()
    source["alarms"] = {"SOURCE_NO_DATA": {"state": "OK", "minutesThreshold": 60}}
    world.profiles["p-1"] = {
        "entityId": "p-1",
        "displayNames": ["Ada Byron"],
        "emails": ["ada@acme.example"],
        "lastLoginAt": "2031-05-05T12:00:00Z",
    }
    return world


def refuse_one_alert(server: SandboxServer) -> None:
    """The next page is refused because of one of its alerts, so that ids are asked for alone."""
    error = {"message": "Cannot return null for Alert.title", "path": ["alerts", "edges", 1, "node", "title"]}
    server.fail("Alerts", Fault(status=200, body=json.dumps({"data": None, "errors": [error]}).encode()))


async def recorded(folder: Path, generation: Any) -> list[Exchange]:
    """What is sent and answered when everything is called that the client offers."""
    (folder / "world").mkdir()
    options = SandboxOptions(tokens=(ApiToken(TOKEN),), generation=generation)
    running = {"data": {"dataLakeQuery": {"status": "running", "message": "", "results": None}}}
    with (
        SandboxServer(world_of(folder / "world"), options) as server,
        cassette("contract", folder=folder, recording=True) as tape,
    ):
        async with connect(config(server.rest_url), clock=FastClock(pace=50)) as panther:
            for call in CALLS.values():
                await call(panther)
            refuse_one_alert(server)
            await panther.alerts.page(AlertQuery())
            server.fail("QueryResults", Fault(status=200, body=json.dumps(running).encode()), times=100)
            with pytest.raises(QueryTimeout):
                await panther.lake.run_query(parse_read_only(SQL, now=START), limits=QueryLimits(seconds=5))
        async with open_probes(config(server.rest_url), clock=FastClock(pace=50)) as probes:
            await probes.drift()
        return list(exchanges(tape))


def is_graphql(exchange: Exchange) -> bool:
    return exchange.path == "/public/graphql"


def asks_in_vain(exchange: Exchange) -> bool:
    """A path asked for with ids that can't be, so that its refusal shows whether it exists."""
    return exchange.path.endswith("/NONE")


async def test_graphql_is_panthers_own(tmp_path: Path) -> None:
    """Each operation, its variables and its answer fit the published schema; every operation is among them."""
    contract = GraphQLContract(shared_path("reference/panther.graphql"))
    asked = [each for each in await recorded(tmp_path, "2026") if is_graphql(each)]
    assert {each.body["operationName"] for each in asked} == {document_of(operation).name for operation in ALL}
    assert {each.body["operationName"]: problems for each in asked if (problems := contract.problems(each))} == {}


@pytest.mark.parametrize(
    ("definition", "generation"), [("panther_openapi.yaml", "2025"), ("panther_openapi_2026-07.yaml", "2026")]
)
async def test_rest_is_panthers_own(definition: str, generation: str, tmp_path: Path) -> None:
    """Each path, parameter and body fits the published definition; what it lacks is answered with 404."""
    contract = RestContract(shared_path(f"reference/{definition}"))
    asked = [each for each in await recorded(tmp_path, generation) if not is_graphql(each)]
    known = [each for each in asked if contract.knows(each) and not asks_in_vain(each)]
    assert {str(each): problems for each in known if (problems := contract.problems(each))} == {}
    later = {each.path.split("/")[1] for each in asked if not contract.knows(each)}
    new = {"log-source-alarms", "correlation-rules", "alert-context-tags"}
    assert later == (new if generation == "2025" else set())
    assert {each.status for each in asked if not contract.knows(each)} <= {404}
    assert {each.status for each in asked if asks_in_vain(each)} == ({404} if generation == "2025" else {400})


async def test_what_the_documents_say_is_sent_is_sent(tmp_path: Path) -> None:
    """The marks on an operation's variables name each field of its input that the client fills, and no other."""
    sent: dict[str, set[str]] = {}
    for each in await recorded(tmp_path, "2026"):
        if is_graphql(each):
            given = each.body["variables"].get("input")
            sent.setdefault(each.body["operationName"], set()).update(given or {})
    marked = {
        document.name: {part.name for part in document.parts if part.kind is PartKind.INPUT_FIELD}
        for document in map(document_of, ALL)
    }
    # The ids are listed with the variables of the page that was refused, which had fewer filters.
    assert marked.pop("AlertIds") >= sent.pop("AlertIds")
    assert sent == marked


def test_the_client_is_called_whole() -> None:
    """A new method of the client joins the calls above."""
    parts = get_type_hints(PantherApi)
    methods = {
        f"{part}.{name}"
        for part, protocol in parts.items()
        for name, member in vars(protocol).items()
        if not name.startswith("_") and callable(member)
    }
    assert methods == set(CALLS)


# ---- The check itself can fail -----------------------------------------------------------------------------------


def test_a_wrong_exchange_is_noticed() -> None:
    """An unknown parameter, a wrong type, an unknown field, a missing one, an unknown status."""
    contract = RestContract(shared_path("reference/panther_openapi_2026-07.yaml"))
    good = Exchange("GET", "/alert-comments", (("alert-id", "a"), ("limit", "5")), None, 200, {"results": []})
    assert contract.problems(good) == []
    comment = {"id": "c", "createdBy": {"id": "user-1", "type": "user"}}
    wrong = (
        Exchange("GET", "/alert-comments", (("limit", "5"),), None, 200, {"results": []}),
        Exchange("GET", "/alert-comments", (("alert-id", "a"), ("limit", "51")), None, 200, {"results": []}),
        Exchange("GET", "/alert-comments", (("alert-id", "a"), ("page", "5")), None, 200, {"results": []}),
        Exchange("GET", "/alert-comments", (("alert-id", "a"),), None, 200, {}),
        Exchange("GET", "/alert-comments", (("alert-id", "a"),), None, 200, {"results": [{**comment, "mood": 1}]}),
        Exchange("GET", "/alert-comments", (("alert-id", "a"),), None, 418, {"results": []}),
        Exchange("POST", "/alert-comments/c", (), {"body": 1}, 200, comment),
        Exchange("GET", "/log-source-alarms/00000000-0000-0000-0000-000000000000/NONE", (), None, 400, {}),
        Exchange("PUT", "/alert-comments", (), None, 200, {}),
    )
    for exchange in wrong:
        assert contract.problems(exchange), exchange


def test_a_wrong_answer_of_graphql_is_noticed() -> None:
    """A missing field, one too many, a null, an unknown enum value, a variable of another type."""
    contract = GraphQLContract(shared_path("reference/panther.graphql"))
    query = "query Q($id: ID!) { alert(id: $id) { id severity } }"
    alert = {"id": "a", "severity": "HIGH"}

    def exchange(given: object, variables: object) -> Exchange:
        body = {"query": query, "variables": variables, "operationName": "Q"}
        return Exchange("POST", "/public/graphql", (), body, 200, {"data": {"alert": given}})

    assert contract.problems(exchange(alert, {"id": "a"})) == []
    for given, variables in (
        ({"id": "a"}, {"id": "a"}),
        ({**alert, "title": "x"}, {"id": "a"}),
        ({**alert, "id": None}, {"id": "a"}),
        ({**alert, "severity": "SEVERE"}, {"id": "a"}),
        (alert, {"id": ["a"]}),
        (alert, {}),
    ):
        assert contract.problems(exchange(given, variables)), (given, variables)
