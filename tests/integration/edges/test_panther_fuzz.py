"""Whatever JSON a server answers with, the client gives a typed result or one of its own errors."""

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.clocks import START, FakeClock
from tests.support.loopback import Loopback, Request, respond
from tests.support.panther import config
from triage.domain.alert import DetectionOrigin, Quality, Status
from triage.domain.window import TimeWindow
from triage.edges.panther.client import connect
from triage.errors import TriageError
from triage.ports import AlertQuery, Comment, PantherApi, QueryLimits

LIMITS = QueryLimits(rows=5, bytes=500, seconds=5)
COMMENT = Comment(id="c", alert_id="a", body="b")
WINDOW = TimeWindow(START, START + timedelta(hours=1))

CALLS: dict[str, Callable[[PantherApi], Awaitable[object]]] = {
    "page": lambda panther: panther.alerts.page(AlertQuery()),
    "alert": lambda panther: panther.alerts.alert("a"),
    "events": lambda panther: panther.alerts.events("a", limit=5, max_bytes=500),
    "query": lambda panther: panther.lake.run_sql("SELECT 1", limits=LIMITS),
    "search": lambda panther: panther.lake.search(["x"], window=WINDOW, limits=LIMITS),
    "databases": lambda panther: panther.lake.databases(),
    "tables": lambda panther: panther.lake.tables("d"),
    "columns": lambda panther: panther.lake.columns("d", "t"),
    "sources": lambda panther: panther.sources.sources(),
    "users": lambda panther: panther.users.users(),
    "rule": lambda panther: panther.rules.detection(DetectionOrigin(id="r")),
    "comments": lambda panther: panther.comments.list("a"),
    "create": lambda panther: panther.comments.create("a", "b", "HTML"),
    "update": lambda panther: panther.comments.update(COMMENT, "b", "HTML"),
    "status": lambda panther: panther.comments.set_status("a", Status.OPEN),
    "correlation": lambda panther: panther.rules.detection(DetectionOrigin(id="r", type="CORRELATION_RULE")),
    "profiles": lambda panther: panther.profiles.of_alert("a", seconds=5),
    "helper": lambda panther: panther.rules.helper("h"),
    "data models": lambda panther: panther.rules.data_models(),
    "qualities": lambda panther: panther.labels.qualities(start=WINDOW.start, end=WINDOW.end),
    "quality": lambda panther: panther.labels.set_quality("a", Quality.NOISE),
    "tags": lambda panther: panther.labels.set_tags("a", ["b"]),
    "assign": lambda panther: panther.comments.assign("a", "x@acme.example"),
}

NODE: dict[str, Any] = {
    "id": "a",
    "title": "t",
    "severity": "HIGH",
    "status": "succeeded",
    "type": "RULE",
    "createdAt": "2031-05-06T11:00:00Z",
    "updatedAt": "2031-05-06T11:00:00Z",
    "origin": {"__typename": "Detection", "id": "D", "name": "n", "detectionType": "RULE"},
    "assignee": {"id": "u"},
    "updatedBy": {"__typename": "User", "id": "u"},
    "integrationId": "s",
    "entity_id": "e",
    "isHealthy": True,
    "logTypes": ["x"],
    "name": "n",
    "email": "e",
    "role": {"name": "r"},
    "body": "b",
    "format": "HTML",
    "reports": {"MITRE ATT&CK": ["T1"]},
    "mappings": [{"name": "n", "path": "p", "method": "m"}],
    "quality": "NOISE",
    "contextTags": ["t"],
    "threshold": 1,
}
PAGE = {"edges": [{"node": NODE}, {"node": NODE}], "pageInfo": {"hasNextPage": False, "endCursor": None}}
RESULTS = {**PAGE, "columnInfo": {"order": ["a"]}, "stats": {"rowCount": 2}, "tryAgain": False}
ALERTS = {"alerts": [NODE]}
DATA: dict[str, Any] = {
    "alerts": PAGE,
    "alert": {**NODE, "events": PAGE},
    "executeDataLakeQuery": {"id": "q"},
    "executeIndicatorSearchQuery": {"id": "q"},
    "executeAlertActorQuery": {"id": "q"},
    "actorProfileInfo": {"entityId": "e", "emails": ["e"], "employmentStatus": ["active"]},
    "dataLakeQuery": {"status": "succeeded", "message": "m", "results": RESULTS},
    "dataLakeDatabases": [NODE],
    "dataLakeDatabaseTables": PAGE,
    "dataLakeDatabaseTable": {"columns": [NODE]},
    "sources": PAGE,
    "users": [NODE],
    "createAlertComment": {"comment": NODE},
    "updateAlertStatusById": ALERTS,
    "updateAlertsAssigneeByEmail": ALERTS,
}
GRAPHQL = {
    "data": DATA,
    "errors": [{"message": "m", "path": ["alerts", "edges", 0, "node"], "extensions": {"code": "c"}}],
}
REST = {**NODE, "results": [NODE, NODE], "next": "", "eventCount": 1, "context": {"a": 1}}

JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    float("inf"),
    "",
    "\ud800\0\u202e",
    "2031-05-06T11:00:00Z",
    "9999-12-31T23:59:59-10:00",
    "running",
    "failed",
    "x" * 400,
    [],
    {},
    [None],
    [[{}]],
    {"id": []},
    {"message": {"a": 1}, "path": [None, {}, 2.5, "a"]},
)


def spoiled(value: Any, chance: float, dice: random.Random) -> Any:
    """A value with some of its parts replaced or left out."""
    if dice.random() < chance:
        return dice.choice(JUNK)
    if isinstance(value, dict):
        return {key: spoiled(item, chance, dice) for key, item in value.items() if dice.random() > chance / 3}
    if isinstance(value, list):
        return [spoiled(item, chance, dice) for item in value]
    return value


@settings(max_examples=150, deadline=None)
@given(
    call=st.sampled_from(sorted(CALLS)),
    seed=st.integers(0, 2**32),
    chance=st.sampled_from((0.01, 0.05, 0.2)),
    partial=st.booleans(),
)
def test_no_answer_breaks_the_client(call: str, seed: int, chance: float, partial: bool) -> None:
    """A foreign exception would end the poll loop or lose an alert without a word."""
    dice = random.Random(seed)
    whole = GRAPHQL if partial else {"data": DATA}
    graphql, rest = spoiled(whole, chance, dice), spoiled(REST, chance, dice)

    def answer(request: Request) -> Any:
        return respond(json.dumps(graphql if request.path == "/public/graphql" else rest))

    async def run() -> None:
        async with Loopback(answer) as server, connect(config(server.url), clock=FakeClock()) as panther:
            with contextlib.suppress(TriageError):
                await CALLS[call](panther)

    asyncio.run(run())
