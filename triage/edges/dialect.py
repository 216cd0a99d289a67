"""A data lake that runs another dialect than Snowflake's: each query is translated before it is sent."""

from collections.abc import Sequence

from triage.domain.sql import Dialect, ReadOnlyQuery, SqlRefused, in_dialect
from triage.domain.window import TimeWindow
from triage.errors import QueryFailed
from triage.ports import Clock, Column, Lake, QueryLimits, QueryResult, Table


class TranslatedLake:
    """A lake that takes queries in Snowflake's SQL and sends them in its own dialect."""

    def __init__(self, lake: Lake, dialect: str, clock: Clock) -> None:
        """Wrap a lake.

        Args:
            lake: Where the queries go.
            dialect: The lake's own, a value of `domain.sql.Dialect`.
            clock: Says what CURRENT_TIMESTAMP means.
        """
        self._lake = lake
        self._dialect = dialect
        self._clock = clock

    async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> QueryResult:
        """Run one SELECT. Raises QueryFailed, with nothing sent, also where the query has no form in the lake's dialect."""

        try:
            query = in_dialect(query, Dialect(self._dialect), now=self._clock.now())
        except SqlRefused as error:
            raise QueryFailed(f"not sent: {error}") from error
        return await self._lake.run_query(query, limits=limits)

    async def search(self, indicators: Sequence[str], *, window: TimeWindow, limits: QueryLimits) -> QueryResult:
        return await self._lake.search(indicators, window=window, limits=limits)

    async def databases(self) -> tuple[str, ...]:
        return await self._lake.databases()

    async def tables(self, database: str) -> tuple[Table, ...]:
        return await self._lake.tables(database)

    async def columns(self, database: str, table: str) -> tuple[Column, ...]:
        return await self._lake.columns(database, table)
