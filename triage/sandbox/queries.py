"""Data-lake queries as Panther runs them: started by one request, polled by others, cancelled by a third."""

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from triage.sandbox.backend import ApiToken
from triage.sandbox.errors import QueryError, RequestError
from triage.sandbox.world import World

if TYPE_CHECKING:
    import duckdb

    from triage.sandbox.lake import DuckLake, LakeAnswer

_WORKERS = 4
_NUDGE_SECONDS = 0.02
KEPT = 1_000
"""Queries that are remembered."""
_NAMESPACE = uuid.UUID("6f1c2a52-2d3a-4a83-9d2e-6a4e0a4d2f10")


@dataclass(slots=True, eq=False)
class Query:
    """A query and its state."""

    id: str
    sql: str
    token: ApiToken
    started: datetime
    cursor: "duckdb.DuckDBPyConnection"
    status: str = "running"
    """As the enum `DataLakeQueryStatus`: running, succeeded, failed or cancelled."""
    message: str = "Query is running"
    completed: datetime | None = None
    result: "LakeAnswer | None" = None
    work: "Future[LakeAnswer] | None" = None
    """The work in the pool."""


class Queries:
    """The queries of one server. Everything but the work itself happens on the server's event loop."""

    def __init__(self, lake: "DuckLake", world: World, *, latency: float, kept: int = KEPT) -> None:
        """Take over a lake.

        Args:
            lake: What the queries read.
            world: Its clock stamps them.
            latency: Minimum seconds of a query.
            kept: How many are remembered, those that run besides.
        """
        self._lake = lake
        self._world = world
        self._latency = latency
        self._kept = kept
        self._queries: OrderedDict[str, Query] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._pool = ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="sandbox-lake")

    def submit(self, work: "Callable[[duckdb.DuckDBPyConnection], LakeAnswer]", sql: str, token: ApiToken) -> Query:
        """Start a query and return at once.

        Args:
            work: Runs it on the cursor that it is given; raises QueryError.
            sql: What to show as its text.
            token: The token of the caller.
        """
        self._count += 1
        query = Query(
            # Ids depend on the order of queries only, so that two equal runs give equal ids.
            id=str(uuid.uuid5(_NAMESPACE, str(self._count))),
            sql=sql,
            token=token,
            started=self._world.stamp(),
            cursor=self._lake.cursor(),
        )
        self._queries[query.id] = query
        query.work = self._pool.submit(self._work, query, work)
        self._keep(self._finish(query, query.work))
        # Of those that are over; whoever waits for one that runs gets its rows, as from Panther.
        over = [each.id for each in self._queries.values() if each.status != "running"]
        for query_id in over[: max(0, len(self._queries) - self._kept)]:
            del self._queries[query_id]
        return query

    def get(self, query_id: str) -> Query:
        """One query. Raises RequestError (404)."""
        query = self._queries.get(query_id)
        if query is None:
            raise RequestError(404, f"query {query_id} not found", kind="NotFound")
        return query

    def cancel(self, query_id: str) -> Query:
        """Stop a query; one that is over stays as it ended. Raises RequestError (404)."""
        query = self.get(query_id)
        self._stop(query)
        return query

    def close(self) -> None:
        """Stop everything and wait for the workers."""
        pending = set()
        for query in self._queries.values():
            if query.status == "running":
                query.status = "cancelled"
            if query.work:
                pending.add(query.work)
        while pending := wait(pending, timeout=_NUDGE_SECONDS).not_done:
            for query in self._queries.values():
                if query.work in pending:
                    query.cursor.interrupt()
        self._pool.shutdown()

    def _stop(self, query: Query) -> None:
        if query.status == "running":
            query.status = "cancelled"
            query.message = "Query was cancelled"
            query.completed = self._world.stamp()
            self._keep(self._interrupt(query))

    async def _interrupt(self, query: Query) -> None:
        """Interrupt the work until it ends: DuckDB forgets an interrupt that comes before the statement starts."""
        while query.work and not query.work.done():
            query.cursor.interrupt()
            await asyncio.sleep(_NUDGE_SECONDS)

    def _work(self, query: Query, work: "Callable[[duckdb.DuckDBPyConnection], LakeAnswer]") -> "LakeAnswer":
        if query.status != "running":
            raise QueryError(query.message)
        return work(query.cursor)

    async def _finish(self, query: Query, work: "Future[LakeAnswer]") -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._latency
        result: LakeAnswer | None = None
        status, message = "succeeded", ""
        try:
            result = await asyncio.wrap_future(work)
        except QueryError as error:
            status, message = "failed", str(error)
        await asyncio.sleep(max(0.0, due - loop.time()))
        if query.status == "running":
            query.status, query.message, query.result = status, message, result
            query.completed = self._world.stamp()

    def _keep(self, coroutine: Coroutine[None, None, None]) -> None:
        """Run a coroutine beside the requests; the loop itself would not hold on to it."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
