"""The data lake: run a query, wait for it, take its rows up to limits, and never leave one running."""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from triage.domain.clean import printable_sentence
from triage.domain.window import TimeWindow
from triage.edges.panther.failures import DeadlineExceeded, not_found_as, unreadable
from triage.edges.panther.graphql import REFUSAL_STATUSES, GraphQL
from triage.edges.panther.operations import (
    CANCEL_QUERY,
    COLUMNS,
    DATABASES,
    EXECUTE_ACTOR_QUERY,
    EXECUTE_QUERY,
    EXECUTE_SEARCH,
    QUERY_RESULTS,
    TABLES,
    Operation,
)
from triage.edges.panther.rows import RowBuffer
from triage.edges.panther.wire import Connection, Id, Trail, Unreadable, Wire, pages, read, row_of, stamp
from triage.errors import (
    NotFound,
    PantherError,
    PantherRefused,
    QueryFailed,
    QueryTimeout,
)
from triage.ports import Clock, Column, QueryLimits, QueryResult, Table

if TYPE_CHECKING:
    from triage.domain.sql import ReadOnlyQuery

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 2.0
_GROWTH = 1.5
_SOONER = 0.95
"""Of the time after which the first look found a query done: when the next one of its sort is looked at."""
_LATER = 1.1
"""The most by which that grows where the first look came too early, so that one slow query does not slow the next."""
_PATIENCE = 8
"""A look that came too early is followed by another after this part of the time passed, or the usual pause."""
_CANCEL_SECONDS = 5.0
_LARGEST_PAGE = 999
_TABLES_PAGE = 100
_logger = logging.getLogger(__name__)


class PantherLake:
    """Implements `ports.Lake`.

    Source: Panther GraphQL schema, `executeDataLakeQuery`, `executeIndicatorSearchQuery`, `dataLakeQuery`,
    `cancelDataLakeQuery`, `dataLakeDatabases`, `dataLakeDatabaseTables`, `dataLakeDatabaseTable`.
    """

    def __init__(self, graphql: GraphQL, clock: Clock) -> None:
        self._graphql = graphql
        self._clock = clock
        self._cancelling: set[asyncio.Task[None]] = set()
        self._expected: dict[tuple[str, int], float] = {}
        """Seconds from the start of a query to the first look, by its sort. Queries of a sort take about as long;
        looking earlier only uses up the rate limit."""

    async def run_query(self, query: "ReadOnlyQuery", *, limits: QueryLimits) -> QueryResult:
        """Run one SELECT and wait for its rows.

        Args:
            query: A statement that the guard has accepted and re-emitted.
            limits: Rows kept (in server order), bytes kept, and seconds until the query is cancelled.

        Returns:
            The rows that fit, how many the answer had, and whether any were left out.

        Raises:
            QueryTimeout: still running after `limits.seconds`; it has been cancelled on the server.
            QueryFailed: the lake refused, failed or cancelled it.
            PantherError: denied or unreachable.
        """
        return await self.run_sql(query.sql, limits=limits)

    async def run_sql(self, sql: str, *, limits: QueryLimits) -> QueryResult:
        """As `run_query`, for this program's own constant statements."""
        return await self._run(EXECUTE_QUERY, "executeDataLakeQuery", {"sql": sql}, limits)

    async def search(self, indicators: Sequence[str], *, window: TimeWindow, limits: QueryLimits) -> QueryResult:
        """Panther's indicator search over all log tables. Raises as `run_query`."""
        given: dict[str, JsonValue] = {
            "indicators": list(indicators),
            "startTime": stamp(window.start),
            "endTime": stamp(window.end, up=True),
        }
        return await self._run(EXECUTE_SEARCH, "executeIndicatorSearchQuery", given, limits)

    async def alert_actors(self, alert_id: str, *, limits: QueryLimits) -> QueryResult:
        """Panther's own query for what its profiles know of an alert's actors. Raises as `run_query`."""
        given: dict[str, JsonValue] = {"alertId": alert_id, "limit": limits.rows}
        return await self._run(EXECUTE_ACTOR_QUERY, "executeAlertActorQuery", given, limits)

    async def databases(self) -> tuple[str, ...]:
        """Names of the lake's databases. Raises PantherError."""
        answer = await self._graphql.execute(DATABASES)
        return tuple(name for node in _listed(answer.data.get("dataLakeDatabases")) if (name := _text(node, "name")))

    async def tables(self, database: str) -> tuple[Table, ...]:
        """The tables of a database, without columns. Raises NotFound, PantherError."""

        async def fetch(cursor: str | None) -> Connection:
            given: dict[str, JsonValue] = {"databaseName": database, "pageSize": _TABLES_PAGE, "cursor": cursor}
            return Connection.of(await self._schema(TABLES, "dataLakeDatabaseTables", given, database), cursor)

        return tuple(
            [
                Table(database=database, name=name, log_type=_text(node, "logType"))
                async for page in pages("Tables", fetch)
                for node in page.nodes
                if (name := _text(node, "name"))
            ]
        )

    async def columns(self, database: str, table: str) -> tuple[Column, ...]:
        """The columns of a table. Raises NotFound, PantherError."""
        given: dict[str, JsonValue] = {"databaseName": database, "tableName": table}
        answer = await self._schema(COLUMNS, "dataLakeDatabaseTable", given, f"{database}.{table}")
        nodes = _listed(answer.get("columns") if isinstance(answer, dict) else None)
        return tuple(
            Column(name=name, type=_text(node, "type"), description=_text(node, "description"))
            for node in nodes
            if (name := _text(node, "name"))
        )

    async def close(self) -> None:
        """Wait for cancellations that are still running; each has its own short limit."""
        if self._cancelling:
            await asyncio.gather(*self._cancelling, return_exceptions=True)

    async def _schema(self, operation: Operation, field: str, given: Mapping[str, JsonValue], name: str) -> JsonValue:
        missing = f"the data lake has no {printable_sentence(name, 80)!r}"
        with not_found_as(missing):
            answer = await self._graphql.execute(operation, {"input": dict(given)})
        found = answer.data.get(field)
        if found is None:
            raise NotFound(missing)
        return found

    async def _run(
        self, operation: Operation, field: str, given: Mapping[str, JsonValue], limits: QueryLimits
    ) -> QueryResult:
        start = self._clock.monotonic()
        query_id = await self._start(operation, field, given, limits.seconds)
        # Long statements ask many questions; by length they sort well enough.
        sort = operation.file, len(str(given)).bit_length()
        try:
            return await self._wait(query_id, limits, start, sort)
        except (PantherError, QueryTimeout):
            await self._cancel(query_id)
            raise
        except asyncio.CancelledError:
            # A query that nobody waits for must not go on running and costing money. The shield lets its cancellation
            # finish even if this task is cancelled once more.
            task = asyncio.create_task(self._cancel(query_id))
            self._cancelling.add(task)
            task.add_done_callback(self._cancelling.discard)
            await asyncio.shield(task)
            raise

    async def _start(self, operation: Operation, field: str, given: Mapping[str, JsonValue], seconds: float) -> str:
        try:
            answer = await self._graphql.execute(operation, {"input": dict(given)}, seconds=seconds)
        except PantherRefused as error:
            if error.status in REFUSAL_STATUSES:
                raise QueryFailed(str(error)) from error
            raise
        try:
            started, _ = read(StartedNode, answer.data.get(field))
        except Unreadable as error:
            raise unreadable(operation.file, f"the started query {error}") from error
        return started.id

    async def _wait(self, query_id: str, limits: QueryLimits, start: float, sort: tuple[str, int]) -> QueryResult:
        pause, looks = _FIRST_PAUSE, 0
        page_size = max(1, min(limits.rows, _LARGEST_PAGE))
        expected = self._expected.get(sort)
        ahead = _FIRST_PAUSE if expected is None else expected - (self._clock.monotonic() - start)
        if ahead > 0:
            await self._clock.sleep(min(ahead, limits.seconds / 2))
        while True:
            status, results = await self._poll(query_id, page_size, None, limits, start)
            seen = self._clock.monotonic() - start
            if status == "succeeded" and results is not None and results.get("tryAgain") is not True:
                self._learn(sort, seen, at_once=not looks)
                return await self._rows(query_id, results, limits, start, page_size)
            left = limits.seconds - seen
            if left <= 0:
                raise _timeout(limits)
            looks += 1
            pause = max(pause, min(seen / _PATIENCE, _LONGEST_PAUSE))
            await self._clock.sleep(min(pause, left))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)

    def _learn(self, sort: tuple[str, int], seen: float, *, at_once: bool) -> None:
        """Look at the next query of a sort a little sooner than this one was found done, until that is too early."""
        expected = self._expected.get(sort)
        if at_once:
            # It may have been done for a while, which nobody has seen.
            self._expected[sort] = _SOONER * (seen if expected is None else min(seen, expected))
        else:
            self._expected[sort] = min(seen, _LONGEST_PAUSE if expected is None else _LATER * expected)

    async def _poll(
        self, query_id: str, page_size: int, cursor: str | None, limits: QueryLimits, start: float
    ) -> tuple[str, dict[str, JsonValue] | None]:
        """Status and, where there are any, results. Raises QueryFailed, QueryTimeout, PantherError."""
        left = limits.seconds - (self._clock.monotonic() - start)
        if left <= 0:
            raise _timeout(limits)
        variables: dict[str, JsonValue] = {"id": query_id, "input": {"pageSize": page_size, "cursor": cursor}}
        try:
            answer = await self._graphql.execute(QUERY_RESULTS, variables, seconds=left)
        except DeadlineExceeded as error:
            raise _timeout(limits) from error
        query = answer.data.get("dataLakeQuery")
        if not isinstance(query, dict) or not isinstance(query.get("status"), str):
            raise unreadable("QueryResults", "the query has no status")
        status, results = _text(query, "status"), query.get("results")
        if status in ("failed", "cancelled"):
            said = self._graphql.clean(_text(query, "message"))
            raise QueryFailed(f"the data lake {status} the query: {said}" if said else f"the query was {status}")
        return status, results if isinstance(results, dict) else None

    async def _rows(
        self, query_id: str, results: dict[str, JsonValue], limits: QueryLimits, start: float, page_size: int
    ) -> QueryResult:
        buffer = RowBuffer(limits.rows, limits.bytes)
        columns = _columns(results)
        trail = Trail("QueryResults")
        count = _row_count(results)
        page = Connection.of(results, None)
        while True:
            for node in page.nodes:
                buffer.add(row_of(node))
            buffer.truncated = buffer.truncated or bool(page.skipped)
            cursor = page.cursor
            if cursor is None:
                break
            if buffer.full or trail.loops(cursor):
                buffer.truncated = True
                break
            _, following = await self._poll(query_id, page_size, cursor, limits, start)
            if following is None:
                raise unreadable("QueryResults", "a page of results is missing")
            page = Connection.of(following, cursor)
        return QueryResult(
            columns=columns or tuple(dict.fromkeys(name for row in buffer.rows for name in row)),
            rows=tuple(buffer.rows),
            row_count=max(count, buffer.seen),
            truncated=buffer.truncated or count > len(buffer.rows),
            bytes=buffer.bytes,
            seconds=self._clock.monotonic() - start,
        )

    async def _cancel(self, query_id: str) -> None:
        """Cancel on the server if possible; the caller has a better error to report than a failure here."""
        try:
            await self._graphql.execute(CANCEL_QUERY, {"input": {"id": query_id}}, seconds=_CANCEL_SECONDS)
        except PantherError as error:
            _logger.warning("a data-lake query may still be running: %s", error)


class StartedNode(Wire):
    id: Id


def _columns(results: Mapping[str, JsonValue]) -> tuple[str, ...]:
    info = results.get("columnInfo")
    order = info.get("order") if isinstance(info, dict) else None
    return tuple(name for name in order if isinstance(name, str)) if isinstance(order, list) else ()


def _row_count(results: Mapping[str, JsonValue]) -> int:
    """As stated by the lake; 0 if that is unusable, so that the rows seen are counted instead."""
    stats = results.get("stats")
    count = stats.get("rowCount") if isinstance(stats, dict) else None
    return int(count) if isinstance(count, int | float) and 0 <= count < math.inf else 0


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _text(node: JsonValue, name: str) -> str:
    value = node.get(name) if isinstance(node, dict) else None
    return value if isinstance(value, str) else ""


def _timeout(limits: QueryLimits) -> QueryTimeout:
    return QueryTimeout(f"the query still ran after {limits.seconds:g} s and was cancelled; narrow its time window")
