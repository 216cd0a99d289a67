"""What an investigator has who may not ask the data lake: the alert alone, beside which the full one is measured."""

from triage.errors import QueryFailed
from triage.ports import Column, QueryResult, Table

LAKE_STEPS = frozenset({"query", "search", "columns", "tables"})
"""Kinds of journalled steps that the lake has answered."""
LAKE_TOOLS = frozenset({"query_lake", "search_indicators", "list_tables", "show_columns"})
"""The model's tools that ask it."""


class NoLake:
    """A lake that answers nothing: what remains is the alert alone. Implements `ports.Lake`."""

    async def run_query(self, *_given: object, **_named: object) -> QueryResult:
        """Raises QueryFailed, always."""
        raise QueryFailed("this run has no data lake")

    async def search(self, *_given: object, **_named: object) -> QueryResult:
        """Raises QueryFailed, always."""
        raise QueryFailed("this run has no data lake")

    async def databases(self) -> tuple[str, ...]:
        """None."""
        return ()

    async def tables(self, *_given: object, **_named: object) -> tuple[Table, ...]:
        """None."""
        return ()

    async def columns(self, *_given: object, **_named: object) -> tuple[Column, ...]:
        """None."""
        return ()
