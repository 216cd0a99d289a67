"""A data lake that does not speak Snowflake's SQL: each query is carried over before it is sent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from triage.domain.window import TimeWindow
from triage.errors import QueryFailed
from triage.ports import Clock, Column, Lake, QueryLimits, QueryResult, Table

if TYPE_CHECKING:
    from triage.domain.sql import ReadOnlyQuery


class SpokenLake:
    """A lake whose queries arrive in Snowflake's SQL and leave in its own."""

    def __init__(self, lake: Lake, dialect: str, clock: Clock) -> None:
        """Stand before a lake.

        Args:
            lake: Where the queries go.
            dialect: A value of `domain.sql.Dialect`.
            clock: The present, which CURRENT_TIMESTAMP becomes.
        """
        self._lake = lake
        self._dialect = dialect
        self._clock = clock

    async def run_query(self, query: "ReadOnlyQuery", *, limits: QueryLimits) -> QueryResult:
        """Run one SELECT. Raises QueryFailed also where the lake's language has no equal of it; nothing is sent then."""
        from triage.domain.sql import Dialect, SqlRefused, spoken  # noqa: PLC0415 - sqlglot costs start-up time

        try:
            query = spoken(query, Dialect(self._dialect), now=self._clock.now())
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
