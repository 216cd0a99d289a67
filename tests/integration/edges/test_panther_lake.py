"""Queries of the data lake."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.support.clocks import START, FakeClock
from tests.support.loopback import FakePanther, respond, silence
from tests.support.panther import connected
from triage.domain.sql import ReadOnlyQuery
from triage.domain.window import TimeWindow
from triage.errors import (
    NotFound,
    PantherDenied,
    PantherProtocolError,
    PantherRefused,
    PantherUnreachable,
    QueryFailed,
    QueryTimeout,
)
from triage.ports import Column, Lake, QueryLimits, Table

pytestmark = pytest.mark.anyio

STARTED = {"executeDataLakeQuery": {"id": "q-1"}}
CANCELLED = {"cancelDataLakeQuery": {"id": "q-1"}}
LIMITS = QueryLimits()


def state(status: str, message: str = "") -> dict[str, Any]:
    return {"dataLakeQuery": {"status": status, "message": message, "results": None}}


def rows(*nodes: Any, cursor: str | None = None, count: Any = 0, **changes: Any) -> dict[str, Any]:
    results = {
        "columnInfo": {"order": ["n"]},
        "edges": [{"node": node} for node in nodes],
        "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor},
        "stats": {"rowCount": count},
        "tryAgain": False,
        **changes,
    }
    return {"dataLakeQuery": {"status": "succeeded", "message": "", "results": results}}


def lake(*results: Any, started: Any = STARTED) -> FakePanther:
    answers = {"ExecuteQuery": started, "QueryResults": list(results), "CancelQuery": CANCELLED}
    return FakePanther(graphql=answers)


def operations(fake: FakePanther) -> list[str]:
    return [name for name, _ in fake.calls]


async def test_a_checked_query_is_sent_as_the_guard_wrote_it() -> None:
    """The guard's text, not the caller's."""
    fake = lake(rows({"n": 1}))
    query = ReadOnlyQuery(sql="SELECT 1 LIMIT 1", tables=(), limit=1, window=None)
    async with connected(fake) as (panther, _):
        await panther.lake.run_query(query, limits=LIMITS)
    assert fake.calls[0] == ("ExecuteQuery", {"input": {"sql": "SELECT 1 LIMIT 1"}})


class TimedLake:
    """Answers of a lake on the clock of a test: each query is done so many seconds after it was started."""

    def __init__(self, clock: FakeClock, *seconds: float) -> None:
        self._clock = clock
        self._left = list(seconds)
        self._done_at = 0.0
        self.looks = 0
        self.fake = lake()
        self.fake.graphql.update(ExecuteQuery=self._start, QueryResults=self._look)

    async def _start(self, writer: asyncio.StreamWriter) -> None:
        self._done_at = self._clock.monotonic() + self._left.pop(0)
        await respond({"data": STARTED})(writer)

    async def _look(self, writer: asyncio.StreamWriter) -> None:
        self.looks += 1
        done = self._clock.monotonic() >= self._done_at
        await respond({"data": rows({"n": 1}) if done else state("running")})(writer)

    async def run(self, *statements: str) -> list[float]:
        """Seconds after which the caller of each has its rows."""
        async with connected(self.fake, self._clock) as (panther, _):
            return [(await panther.lake.run_sql(sql, limits=LIMITS)).seconds for sql in statements]


async def test_a_lake_of_steady_pace_is_seldom_asked_in_vain() -> None:
    """Forty queries of two seconds are looked at less than 1.5 times each, and their callers wait 7 % longer."""
    timed = TimedLake(FakeClock(), *[2.0] * 40)
    waits = await timed.run(*["SELECT 1"] * 40)
    assert timed.looks <= 1.5 * 40
    assert sum(waits) <= 1.07 * 2.0 * 40


async def test_a_quick_lake_is_asked_as_seldom_and_more_quickly_with_time() -> None:
    """A first look at once would never find a query done; the usual first pause would be too long."""
    timed = TimedLake(FakeClock(), *[0.1] * 100)
    waits = await timed.run(*["SELECT 1"] * 100)
    assert timed.looks <= 1.35 * 100
    assert waits[0] == 0.25
    assert min(waits) < 0.11


async def test_queries_of_different_length_are_waited_for_apart() -> None:
    """A batch of many questions takes its time; a short statement after it is not looked at as late."""
    timed = TimedLake(FakeClock(), 5.0, 0.2, 5.0, 0.2, 5.0, 0.2)
    waits = await timed.run(*["SELECT " + "n" * 5_000, "SELECT 1"] * 3)
    assert max(waits[1::2]) == 0.25


async def test_a_first_look_never_waits_for_most_of_the_limit() -> None:
    """A caller with less time gets its answer if there is one."""
    clock = FakeClock()
    async with connected(lake(*[state("running")] * 4, *[rows({"n": 1})] * 2), clock) as (panther, _):
        await panther.lake.run_sql("SELECT 1", limits=LIMITS)
        short = await panther.lake.run_sql("SELECT 2", limits=QueryLimits(seconds=1.0))
    assert short.seconds == pytest.approx(0.5)


async def test_one_slow_query_does_not_make_the_next_one_slow() -> None:
    """A warehouse that had to be woken up took half a minute; the next answers are there in a second, and seen soon."""
    timed = TimedLake(FakeClock(), 30.0, 1.0, 1.0, 30.0, 1.0)
    waits = await timed.run(*["SELECT 1"] * 5)
    assert waits[0] > 30
    assert waits[1] == 2.0
    assert waits[4] <= 2.5


async def test_a_query_is_started_waited_for_and_read_to_its_last_page() -> None:
    """The pauses grow up to two seconds; rows keep the server's order."""
    fake = lake(*[state("running")] * 8, rows({"n": 1}, '{"n":2}', cursor="c", count=3), rows({"n": 3}, count=3))
    clock = FakeClock()
    async with connected(fake, clock) as (panther, _):
        result = await panther.lake.run_sql("SELECT n FROM t", limits=LIMITS)
    assert result.rows == ({"n": 1}, {"n": 2}, {"n": 3})
    assert (result.columns, result.row_count, result.truncated, result.bytes) == (("n",), 3, False, 21)
    assert result.seconds == clock.monotonic()
    assert clock.sleeps[:4] == [0.25, 0.25, 0.375, 0.5625]
    assert max(clock.sleeps) == 2.0
    assert fake.calls[0] == ("ExecuteQuery", {"input": {"sql": "SELECT n FROM t"}})
    assert fake.calls[-1][1] == {"id": "q-1", "input": {"pageSize": 200, "cursor": "c"}}
    assert "CancelQuery" not in operations(fake)


@pytest.mark.parametrize(
    ("limits", "results", "kept", "count"),
    [
        (QueryLimits(rows=2), [rows({"n": 1}, {"n": 2}, cursor="c", count=500)], [1, 2], 500),
        (QueryLimits(rows=2), [rows({"n": 1}, {"n": 2}, {"n": 3}, count=3)], [1, 2], 3),
        (QueryLimits(bytes=14), [rows({"n": 1}, {"n": 2}, {"n": 3}, cursor="c", count=9)], [1, 2], 9),
        (QueryLimits(bytes=14), [rows({"n": "x" * 50}, {"n": 1}, count=2)], [1], 2),
        (QueryLimits(), [rows({"n": 1}, cursor="c"), rows({"n": 2}, cursor="c")], [1, 2], 2),
        (QueryLimits(), [rows({"n": 1}, 7, count=2)], [1], 2),
    ],
    ids=["page-limit", "row-limit", "byte-limit", "giant-row", "cursor-loop", "unreadable-row"],
)
async def test_an_answer_is_cut_at_the_limits_and_says_so(limits: Any, results: Any, kept: Any, count: int) -> None:
    """The kept rows, the count of all, and the mark; pages that would not be kept are not fetched."""
    fake = lake(*results)
    async with connected(fake) as (panther, _):
        found = await panther.lake.run_sql("SELECT 1", limits=limits)
    assert [row["n"] for row in found.rows] == kept
    assert found.row_count == count
    assert found.truncated
    assert len(fake.calls) == 1 + len(results)


@pytest.mark.parametrize("stats", [None, {}, *({"rowCount": count} for count in (None, "3", -1, [1]))])
async def test_a_useless_row_count_is_counted_instead(stats: Any) -> None:
    """What the lake says is believed only where it can be."""
    async with connected(lake(rows({"n": 1}, {"n": 2}, stats=stats))) as (panther, _):
        found = await panther.lake.run_sql("SELECT 1", limits=LIMITS)
    assert found.row_count == 2
    assert not found.truncated


async def test_columns_without_a_header_are_those_of_the_rows() -> None:
    """In the order in which they appear."""
    async with connected(lake(rows({"b": 1, "a": 2}, {"c": 3}, columnInfo=None, stats=None))) as (panther, _):
        found = await panther.lake.run_sql("SELECT 1", limits=LIMITS)
    assert found.columns == ("b", "a", "c")


async def test_results_that_are_not_ready_are_asked_for_again() -> None:
    """`tryAgain`, and a success whose results are still missing."""
    fake = lake(rows(tryAgain=True), state("succeeded"), state("queued"), rows({"n": 1}))
    async with connected(fake) as (panther, _):
        found = await panther.lake.run_sql("SELECT 1", limits=LIMITS)
    assert [row["n"] for row in found.rows] == [1]
    assert operations(fake).count("QueryResults") == 4


async def test_a_query_past_its_budget_is_cancelled() -> None:
    """On the server, before the caller hears of it."""
    fake, clock = lake(state("running")), FakeClock()
    async with connected(fake, clock) as (panther, _):
        with pytest.raises(QueryTimeout, match="after 5 s"):
            await panther.lake.run_sql("SELECT 1", limits=QueryLimits(seconds=5))
    assert fake.calls[-1] == ("CancelQuery", {"input": {"id": "q-1"}})
    assert clock.monotonic() == 5


async def test_a_poll_that_never_answers_is_within_the_budget_too() -> None:
    """The query's own limit, not the client's much longer one, ends the wait."""
    fake = lake(silence())
    async with connected(fake) as (panther, _):
        with pytest.raises(QueryTimeout):
            await panther.lake.run_sql("SELECT 1", limits=QueryLimits(seconds=0.1))
    assert fake.calls[-1][0] == "CancelQuery"


async def test_a_failed_cancellation_does_not_hide_the_timeout() -> None:
    """The caller hears of the query, the log of the cancellation."""
    fake = lake(state("running"))
    fake.graphql["CancelQuery"] = respond({"errors": [{"message": "no"}]})
    async with connected(fake) as (panther, _):
        with pytest.raises(QueryTimeout):
            await panther.lake.run_sql("SELECT 1", limits=QueryLimits(seconds=1))


@pytest.mark.parametrize("moment", ["polling", "waiting"])
async def test_a_cancelled_task_cancels_its_query(moment: str) -> None:
    """Whoever stops waiting leaves nothing running on the server."""
    polled = asyncio.Event()
    fake, clock = lake(state("running")), FakeClock()

    class SlowClock(FakeClock):
        async def sleep(self, seconds: float) -> None:
            polled.set()
            await asyncio.sleep(30)

    if moment == "waiting":
        clock = SlowClock()
    else:

        async def hang(writer: asyncio.StreamWriter) -> None:
            polled.set()
            await asyncio.sleep(30)

        fake.graphql["QueryResults"] = hang
    async with connected(fake, clock) as (panther, _):
        task = asyncio.create_task(panther.lake.run_sql("SELECT 1", limits=LIMITS))
        await polled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert fake.calls[-1] == ("CancelQuery", {"input": {"id": "q-1"}})


async def test_a_task_cancelled_twice_still_cancels_its_query() -> None:
    """Closing the client waits for the cancellation that the impatient caller did not wait for."""
    polled, cancelling = asyncio.Event(), asyncio.Event()
    fake = lake()

    async def hang(writer: asyncio.StreamWriter) -> None:
        polled.set()
        await asyncio.sleep(30)

    async def slow(writer: asyncio.StreamWriter) -> None:
        cancelling.set()
        await asyncio.sleep(0.05)
        await respond({"data": CANCELLED})(writer)
        done.append("cancelled")

    done: list[str] = []
    fake.graphql.update(QueryResults=hang, CancelQuery=slow)
    async with connected(fake) as (panther, _):
        task = asyncio.create_task(panther.lake.run_sql("SELECT 1", limits=LIMITS))
        await polled.wait()
        task.cancel()
        await cancelling.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == []
        await panther.lake.close()
        assert done == ["cancelled"]


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (
            state("failed", "SQL compilation error\x1b[2J" + "x" * 999),
            QueryFailed,
            r"failed the query: SQL comp.*\\x1b",
        ),
        (state("cancelled"), QueryFailed, "the query was cancelled"),
        ({"dataLakeQuery": None, "x": 1}, PantherProtocolError, "no status"),
        (respond({"errors": [{"message": "forbidden"}]}), PantherDenied, "permissions"),
        (respond({}, 503), PantherUnreachable, "HTTP 503"),
    ],
)
async def test_what_ends_a_query_is_named(answer: Any, error: type[Exception], says: str) -> None:
    """The lake's own words are cut and cleaned; where the query may still run it is cancelled."""
    fake = lake(answer)
    async with connected(fake) as (panther, _):
        with pytest.raises(error, match=says) as caught:
            await panther.lake.run_sql("SELECT 1", limits=LIMITS)
    assert len(str(caught.value)) < 300
    assert (operations(fake)[-1] == "CancelQuery") is not issubclass(error, QueryFailed)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (respond({"errors": [{"message": "Object 'T' does not exist or not authorized."}]}), QueryFailed),
        (respond({"errors": [{"message": "syntax error"}]}, 400), QueryFailed),
        (respond({"errors": [{"message": "access denied"}]}), PantherDenied),
        (respond({}, 404), PantherRefused),
        ({"executeDataLakeQuery": None, "x": 1}, PantherProtocolError),
    ],
)
async def test_a_query_that_does_not_start(answer: Any, error: type[Exception]) -> None:
    """SQL that the lake refuses is a failed query; a wrong address or a missing permission is not."""
    fake = lake(started=answer)
    async with connected(fake) as (panther, _):
        with pytest.raises(error) as caught:
            await panther.lake.run_sql("SELECT 1", limits=LIMITS)
    assert type(caught.value) is error
    assert set(operations(fake)) == {"ExecuteQuery"}


async def test_an_indicator_search_is_a_query_too() -> None:
    """It has its own start and the same wait."""
    fake = lake(rows({"n": 1}))
    fake.graphql["ExecuteSearch"] = {"executeIndicatorSearchQuery": {"id": 77}}
    window = TimeWindow(START, START + timedelta(hours=1))
    async with connected(fake) as (panther, _):
        found = await panther.lake.search(["192.0.2.1", "ada"], window=window, limits=LIMITS)
    assert found.rows == ({"n": 1},)
    given = {
        "indicators": ["192.0.2.1", "ada"],
        "startTime": "2031-05-06T12:00:00.000Z",
        "endTime": "2031-05-06T13:00:00.000Z",
    }
    assert fake.calls[0] == ("ExecuteSearch", {"input": given})
    assert fake.calls[1][1]["id"] == "77"


async def test_databases_tables_and_columns() -> None:
    """Names to the last page; broken entries are left out."""
    info = {"hasNextPage": True, "endCursor": "c"}
    first = {"edges": [{"node": {"name": "t1", "logType": "A.B"}}, {"node": {}}], "pageInfo": info}
    last = {"edges": [{"node": {"name": "t2", "logType": None}}], "pageInfo": None}
    columns = [{"name": "a", "type": "VARCHAR", "description": "an a"}, {"name": "b", "type": None}, None]
    fake = FakePanther(
        graphql={
            "Databases": {"dataLakeDatabases": [{"name": "panther_logs"}, None, {"name": 5}]},
            "Tables": [{"dataLakeDatabaseTables": first}, {"dataLakeDatabaseTables": last}],
            "Columns": {"dataLakeDatabaseTable": {"columns": columns}},
        }
    )
    async with connected(fake) as (panther, _):
        port: Lake = panther.lake
        assert await port.databases() == ("panther_logs",)
        assert await port.tables("db") == (Table("db", "t1", "A.B"), Table("db", "t2"))
        assert await port.columns("db", "t1") == (Column("a", "VARCHAR", "an a"), Column("b"))
    assert fake.calls[2] == ("Tables", {"input": {"databaseName": "db", "pageSize": 100, "cursor": "c"}})


async def test_unknown_tables_are_not_found() -> None:
    """Whether Panther says so in words or with a null; a loop of cursors is an error."""
    unknown = respond({"errors": [{"message": "table not found"}]})
    ahead, back = (
        {"dataLakeDatabaseTables": {"edges": [], "pageInfo": {"hasNextPage": True, "endCursor": cursor}}}
        for cursor in "cd"
    )
    answers = {"Columns": [unknown, {"dataLakeDatabaseTable": None}], "Tables": [ahead, back, ahead]}
    fake = FakePanther(graphql=answers)
    async with connected(fake) as (panther, _):
        for _ in range(2):
            with pytest.raises(NotFound, match=r"no 'db\.t'"):
                await panther.lake.columns("db", "t")
        with pytest.raises(PantherProtocolError, match="cursors repeat"):
            await panther.lake.tables("db")
