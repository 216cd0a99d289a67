"""A Panther that lacks what the program asks for: the operation goes on without it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.clocks import START, FakeClock, FastClock
from tests.support.loopback import Answer, FakePanther, Request, respond
from tests.support.panther import TOKEN, config, connected
from tests.support.tiny_world import write_world
from triage.domain.alert import DetectionOrigin
from triage.edges.panther.client import connect, open_probes
from triage.edges.panther.missing import SECONDS
from triage.errors import PantherDenied, PantherRefused
from triage.ports import AlertQuery, Clock, PantherApi, QueryLimits
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

pytestmark = pytest.mark.anyio

QUERY = AlertQuery(
    created_after=START - timedelta(days=1), created_before=START, statuses=("OPEN",), severities=("HIGH",)
)
FIRST = f"{1:032x}"


@asynccontextmanager
async def served(
    folder: Path, *lacking: str, clock: Clock | None = None, **options: Any
) -> AsyncIterator[tuple[PantherApi, SandboxServer]]:
    """A client of an embedded Panther that lacks parts of its schema."""
    world = load_world(write_world(folder), as_recorded=True)
    given = SandboxOptions(tokens=(ApiToken(TOKEN),), lacking=frozenset(lacking), **options)
    with SandboxServer(world, given) as server:
        async with connect(config(server.rest_url), clock=clock or FakeClock()) as panther:
            yield panther, server


def asked(server: SandboxServer, operation: str) -> int:
    """How often an operation was asked for."""
    return sum(name == operation for _, _, name in server.requests)


async def test_a_page_comes_without_a_field_that_the_server_lacks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The page is asked for again once, the lack is logged once, and each alert says what is missing."""
    async with served(tmp_path, "Alert.runbook") as (panther, server):
        first = await panther.alerts.page(QUERY)
        again = await panther.alerts.page(QUERY)
        alert = await panther.alerts.alert(FIRST)
    assert [one.title for one in first.alerts] == [f"Door {number} left open" for number in (1, 2, 3)]
    assert again == first
    assert {one.runbook for one in (*first.alerts, alert)} == {""}
    assert all("this Panther has no `Alert.runbook`" in one.notes for one in (*first.alerts, alert))
    assert first.problems == ()
    assert (asked(server, "Alerts"), asked(server, "Alert")) == (3, 1)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["this Panther has no Alert.runbook; the program goes on without"]


async def test_everything_that_may_be_missing_is_missing(tmp_path: Path) -> None:
    """Fields, arguments, input fields and types at once: the alerts, their events, the lake, sources and users are read."""
    lacking = (
        "Alert.title", "Alert.severity", "Alert.status", "Alert.origin", "Alert.assignee", "Alert.updatedBy",
        "Alert.events(input)", "AlertsInput.statuses", "AlertsInput.severities", "AlertsInput.pageSize",
        "DataLakeQueryResults.stats", "DataLakeQueryResults.columnInfo", "DataLakeQueryResults.tryAgain",
        "DataLakeQuery.results(input)", "Query.sources(input)", "LogIntegration.isHealthy", "Role.name", "User.email",
    )  # fmt: skip
    async with served(tmp_path, *lacking, clock=FastClock(pace=50)) as (panther, _):
        page = await panther.alerts.page(QUERY)
        events = await panther.alerts.events(FIRST, limit=10, max_bytes=10_000)
        rows = await panther.lake.run_sql("SELECT 1 AS one", limits=QueryLimits())
        sources = await panther.sources.sources()
        users = await panther.users.users()
    # No filter of the server has been applied: the program's own looks at each alert again.
    assert [alert.id for alert in page.alerts] == [f"{number:032x}" for number in (1, 2, 3, 4)]
    assert {(alert.title, alert.severity.value, alert.status.value) for alert in page.alerts} == {("UNKNOWN",) * 3}
    assert len(events.rows) == 3
    assert [dict(row) for row in rows.rows] == [{"one": 1}]
    assert rows.row_count == 1
    # Health that nobody vouches for is none.
    assert [source.healthy for source in sources] == [False]
    assert [(user.name, user.role, user.email) for user in users] == [("Ada Byron", "", "")]


async def test_a_type_that_is_unknown_takes_only_its_part_along(tmp_path: Path) -> None:
    """An alert of a deleted detection has no origin then; the others keep theirs."""
    async with served(tmp_path, "SystemError") as (panther, _):
        page = await panther.alerts.page(QUERY)
    assert isinstance(page.alerts[0].origin, DetectionOrigin)
    assert page.alerts[0].origin.id == "Door.Open"
    assert "this Panther has no `SystemError`" in page.alerts[0].notes


@pytest.mark.parametrize("name", ["Alert.createdAt", "AlertsInput.createdAtAfter", "Query.alerts"])
async def test_what_is_needed_stays_a_failure(name: str, tmp_path: Path) -> None:
    """One clear line names it and the command that shows the rest; nothing is sent twice."""
    async with served(tmp_path, name, "Alert.runbook") as (panther, server):
        with pytest.raises(PantherRefused, match=rf"this Panther has no `{name}`.*triage panther schema --diff"):
            await panther.alerts.page(QUERY)
    assert asked(server, "Alerts") <= 2


async def test_an_upgraded_server_is_noticed_within_the_hour(tmp_path: Path) -> None:
    """After an hour the field is asked for again; until then it is not."""
    clock = FakeClock()
    async with served(tmp_path, "Alert.runbook", clock=clock) as (panther, server):
        await panther.alerts.page(QUERY)
        object.__setattr__(server.options, "lacking", frozenset())
        early = await panther.alerts.page(QUERY)
        clock.advance(SECONDS + 1)
        late = await panther.alerts.page(QUERY)
    assert early.alerts[0].runbook == ""
    assert late.alerts[0].runbook == "Find out who opened the door."
    assert late.alerts[0].notes == ()


async def test_a_comment_is_written_once(tmp_path: Path) -> None:
    """A refusal of the text comes before anything is done: the write may be sent again, and one comment is there."""
    async with served(tmp_path, "Comment.createdBy") as (panther, server):
        made = await panther.comments.create(FIRST, "shut", "PLAIN_TEXT")
        assert asked(server, "CreateComment") == 2
        assert [comment["body"] for comment in server.comments(FIRST)] == ["The porter is on his way.", "shut"]
    assert (made.body, made.created_by.id) == ("shut", "")


@pytest.mark.parametrize(
    "errors",
    [
        [{"message": 'Cannot query field "createdBy" on type "Comment".', "path": ["createAlertComment", "comment"]}],
        [{"message": 'Cannot query field "createdBy" on type "Comment".'}, {"message": "something went wrong"}],
    ],
)
async def test_a_write_that_may_have_been_done_is_not_sent_again(errors: list[dict[str, Any]]) -> None:
    """An error from within the answer, or a second one of another kind: the refusal is passed on."""
    async with connected([respond({"data": None, "errors": errors})]) as (panther, server):
        with pytest.raises(PantherRefused):
            await panther.comments.create(FIRST, "shut", "PLAIN_TEXT")
        assert len(server.requests) == 1


async def test_many_calls_at_once_learn_it_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All succeed, and the log has one line."""
    async with served(tmp_path, "Alert.runbook") as (panther, _):
        pages = await asyncio.gather(*(panther.alerts.page(QUERY) for _ in range(6)))
    assert {len(page.alerts) for page in pages} == {3}
    assert sum("Alert.runbook" in record.getMessage() for record in caplog.records) == 1


# ---- The words of other servers ----------------------------------------------------------------------------------


NODE = {"id": "a-1", "createdAt": "2031-05-06T10:00:00Z", "title": "A door", "severity": "HIGH", "status": "OPEN",
        "type": "RULE", "origin": {"__typename": "DeletedDetection", "id": "Door.Gone"}}  # fmt: skip
PAGE = {"alerts": {"edges": [{"node": NODE}], "pageInfo": {"hasNextPage": False, "endCursor": None}}}


def until(accepted: Callable[[Any], bool], *errors: dict[str, Any], status: int = 200) -> Callable[[Request], Answer]:
    """Refuses an operation until its body is accepted."""

    def answer(request: Request) -> Answer:
        if accepted(request.json):
            return respond({"data": PAGE})
        return respond({"data": None, "errors": list(errors)}, status)

    return answer


def no_runbook(body: Any) -> bool:
    return "runbook" not in body["query"]


def no_statuses(body: Any) -> bool:
    return "statuses" not in body["variables"]["input"]


APPSYNC = {
    "path": None,
    "locations": [{"line": 1, "column": 200, "sourceName": None}],
    "message": "Validation error of type FieldUndefined: Field 'runbook' in type 'Alert' is undefined @ 'alerts/edges/node/runbook'",
}
APPSYNC_INPUT = {
    "path": None,
    "message": "The variables input contains a field that is not defined for input object type 'AlertsInput' ",
}
GQLGEN_INPUT = {
    "message": "unknown field",
    "path": ["variable", "input", "statuses"],
    "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
}
APOLLO = {
    "message": 'Cannot query field "runbook" on type "Alert". Did you mean "rulebook"?',
    "locations": [{"line": 1, "column": 200}],
    "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
}


@pytest.mark.parametrize(
    ("accepted", "error", "status"),
    [
        (no_runbook, APPSYNC, 200),
        (no_runbook, APOLLO, 400),
        (no_runbook, APOLLO, 422),
        (no_statuses, APPSYNC_INPUT, 200),
        (no_statuses, GQLGEN_INPUT, 422),
    ],
)
async def test_the_words_of_other_servers_are_understood(
    accepted: Callable[[Any], bool], error: dict[str, Any], status: int
) -> None:
    """AppSync, Apollo and gqlgen, with the statuses that they use."""
    async with connected(until(accepted, error, status=status)) as (panther, server):
        page = await panther.alerts.page(QUERY)
    assert [alert.id for alert in page.alerts] == ["a-1"]
    assert len(server.requests) == 2


async def test_a_server_that_is_never_content_is_given_up() -> None:
    """A complaint that leaving out doesn't silence is the server's refusal."""
    async with connected(until(lambda _: False, APOLLO)) as (panther, server):
        with pytest.raises(PantherRefused, match='Cannot query field "runbook"'):
            await panther.alerts.page(QUERY)
    assert len(server.requests) == 2


async def test_a_server_that_always_finds_something_else_is_given_up() -> None:
    """One call is sent five times at most; what has been learned helps the next one."""
    fields = ("title", "severity", "status", "updatedAt", "description", "runbook", "reference", "origin")

    def complain(request: Request) -> Answer:
        query = request.json["query"]
        left = [name for name in fields if f" {name} " in f" {query.replace('{', ' { ').replace('}', ' } ')} "]
        message = f'Cannot query field "{left[0]}" on type "Alert".' if left else ""
        return respond({"errors": [{"message": message}]}) if left else respond({"data": PAGE})

    async with connected(complain) as (panther, server):
        with pytest.raises(PantherRefused, match='Cannot query field "description"'):
            await panther.alerts.page(QUERY)
        assert len(server.requests) == 5
        assert len((await panther.alerts.page(QUERY)).alerts) == 1


async def test_a_denial_is_no_lack() -> None:
    """Where the token may not do it, nothing is left out."""
    denied = {"message": "Not Authorized to access alerts on type Query", "errorType": "Unauthorized"}
    async with connected(until(lambda _: False, denied, APOLLO)) as (panther, server):
        with pytest.raises(PantherDenied):
            await panther.alerts.page(QUERY)
    assert len(server.requests) == 1


async def test_a_complaint_about_what_was_not_sent_is_a_refusal() -> None:
    """A field that the operation doesn't have can't be left out of it."""
    error = {"message": 'Cannot query field "password" on type "Alert".'}
    async with connected(until(lambda _: False, error)) as (panther, server):
        with pytest.raises(PantherRefused, match="password"):
            await panther.alerts.page(QUERY)
    assert len(server.requests) == 1


# ---- What is said of it ------------------------------------------------------------------------------------------


async def test_where_the_schema_is_closed_the_refusals_so_far_are_known(tmp_path: Path) -> None:
    """What the probes were refused is reported; why nothing else was compared is said."""
    world = load_world(write_world(tmp_path), as_recorded=True)
    options = SandboxOptions(
        tokens=(ApiToken(TOKEN),), lacking=frozenset({"Alert.runbook"}), introspection=False, generation="2025"
    )
    with SandboxServer(world, options) as server:
        async with open_probes(config(server.rest_url), clock=FakeClock()) as probes:
            for probe in probes.reading:
                await probe.run()
            drift = await probes.drift()
    assert [each.name for each in drift.missing] == ["Alert.runbook"]
    assert "introspection has been disabled" in drift.unread
    assert drift.paths == ("GET /alert-context-tags", "GET /correlation-rules", "GET /log-source-alarms/{id}/{id}")


async def test_an_older_server_that_does_not_know_of_deprecated_inputs_is_read() -> None:
    """`includeDeprecated` on arguments is of a later GraphQL: it is left out of the question."""
    words = "Validation error of type UnknownArgument: Unknown field argument includeDeprecated @ "
    refusals = [{"message": f"{words}'__schema/types/{place}'"} for place in ("fields/args", "inputFields")]
    fields = {"kind": "OBJECT", "name": "Query", "interfaces": [], "inputFields": None, "enumValues": None,
              "possibleTypes": None, "fields": [{"name": "alive", "args": [], "isDeprecated": False,
              "deprecationReason": None, "type": {"kind": "SCALAR", "name": "Boolean", "ofType": None}}]}  # fmt: skip
    scalar = {**fields, "kind": "SCALAR", "name": "Boolean", "fields": None, "interfaces": None}
    schema = {"queryType": {"name": "Query"}, "mutationType": None, "subscriptionType": None,
              "types": [fields, scalar], "directives": []}  # fmt: skip
    fake = FakePanther(graphql={"Introspection": [respond({"errors": refusals}), {"__schema": schema}]})
    async with connected(fake, opening=open_probes) as (probes, server):
        assert await probes.schema_text() == "type Query {\n  alive: Boolean\n}"
    query = server.requests[-1].json["query"]
    assert query.count("includeDeprecated") == 2
    assert "$hidden" not in query


@pytest.mark.parametrize("data", [{}, {"__schema": None}, {"__schema": {"types": [{"kind": "OBJECT", "name": "a b"}]}}])
async def test_an_answer_that_is_no_schema(data: dict[str, Any]) -> None:
    """It counts as not readable."""
    async with connected(FakePanther(graphql={"Introspection": respond({"data": data})}), opening=open_probes) as (
        probes,
        _,
    ):
        assert (await probes.drift()).unread


@pytest.mark.parametrize("path", ["/scheduled-rules", "/alert-context-tags"])
async def test_a_page_in_the_place_of_an_answer_is_a_path_that_is_missing(path: str) -> None:
    """A gateway answers 200 with HTML; the comparison goes on."""
    paths = ("/rules", "/simple-rules", "/scheduled-rules", "/correlation-rules", "/alert-context-tags")
    known: dict[tuple[str, str], Any] = {("GET", each): {"results": []} for each in paths}
    alarm = ("GET", "/log-source-alarms/00000000-0000-0000-0000-000000000000/NONE")
    page = respond("<html>sign in</html>", content_type="text/html")
    fake = FakePanther(rest={**known, alarm: {"state": "OK"}, ("GET", path): page})
    async with connected(fake, opening=open_probes) as (probes, _):
        drift = await probes.drift()
    assert drift.paths == (f"GET {path}",)


@pytest.mark.parametrize(
    ("answer", "lacks"),
    [
        (respond({"message": "Forbidden"}, 403), True),
        (respond({"message": "Not Found"}, 404), True),
        (respond({"message": 'value of type must be one of "SOURCE_NO_DATA"'}, 400), False),
        (respond({"state": "OK"}), False),
    ],
)
async def test_a_later_path_is_known_by_its_refusal(answer: Answer, lacks: bool) -> None:
    """It is asked for with ids that can't be: a server that knows the path refuses these."""
    fake = FakePanther(rest={
        ("GET", "/rules"): {"results": []}, ("GET", "/simple-rules"): {"results": []},
        ("GET", "/correlation-rules"): {"results": []}, ("GET", "/alert-context-tags"): {"results": []},
        ("GET", "/log-source-alarms/00000000-0000-0000-0000-000000000000/NONE"): answer,
    })  # fmt: skip
    async with connected(fake, opening=open_probes) as (probes, _):
        paths = (await probes.drift()).paths
    assert paths == (*(["GET /log-source-alarms/{id}/{id}"] if lacks else []), "GET /scheduled-rules")
