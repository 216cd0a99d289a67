"""Indicator search: where values occur in the indicator fields of all tables."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.sandbox.columns import INDICATORS, Columns, Kind
from triage.sandbox.errors import QueryError
from triage.sandbox.times import lake_time
from triage.sandbox.world import Table

_DATABASES = ("panther_logs", "panther_rule_matches", "panther_signals")


@dataclass(frozen=True, slots=True)
class IndicatorSearch:
    """A search, as the GraphQL input `ExecuteIndicatorSearchQueryInput` says it."""

    indicators: Sequence[str]
    start: datetime
    end: datetime
    name: str = "AutoDetectType"
    """An indicator field, or `AutoDetectType` for all of them."""
    databases: Collection[str] = ()
    """Empty: logs, rule matches and signals."""
    tables: Collection[str] = ()
    """Empty: all."""


def search_sql(search: IndicatorSearch, catalog: Mapping[Table, Columns]) -> tuple[str, dict[str, object]]:
    """DuckDB's statement for a search, and its parameters.

    Its rows are one for each table, field and value found: `p_db_name`, `p_table_name`, `p_log_type`, `indicator_name`,
    `indicator`, `matches` (events), `first_event_time`, `last_event_time`. Panther documents the query but not the
    columns of its answer; these are what its console draws from it.

    Raises:
        QueryError: The kind of search is not available here.
    """
    fields = INDICATORS if search.name == "AutoDetectType" else (search.name,)
    if not set(fields) <= set(INDICATORS):
        raise QueryError.unsupported(search.name)
    databases = {name.removesuffix(".public") for name in search.databases} or set(_DATABASES)
    tables = {name.rsplit(".", 1)[-1].lower() for name in search.tables}
    parts = [
        _count(table, field)
        for table, columns in sorted(catalog.items())
        if table[0] in databases and table[0] != "panther_views" and (not tables or table[1] in tables)
        for field in fields
        if columns.get(field) is Kind.TEXTS
    ]
    if not parts:
        raise QueryError("no table to search")
    sql = f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY matches DESC, 1, 2, 4, 5"  # noqa: S608 - of the parts below
    return sql, {"indicators": list(search.indicators), "start": lake_time(search.start), "end": lake_time(search.end)}


def _count(table: Table, field: str) -> str:
    database, name = table
    return (
        f"SELECT '{database}' AS p_db_name, '{name}' AS p_table_name, p_log_type, '{field}' AS indicator_name,"  # noqa: S608 - names from the catalogue
        " indicator, count(*) AS matches, min(p_event_time) AS first_event_time, max(p_event_time) AS last_event_time"
        " FROM (SELECT p_log_type, p_event_time,"
        f" unnest(list_distinct(list_intersect({field}, $indicators))) AS indicator"
        f' FROM "{database}".public."{name}" WHERE p_event_time BETWEEN $start AND $end) GROUP BY ALL'
    )
