"""The data lake: runs Snowflake SQL and indicator searches on the tables of a world."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from time import perf_counter

import duckdb

from triage.sandbox.columns import INDICATORS, Columns, SqlKind
from triage.sandbox.errors import QueryError
from triage.sandbox.sql.repeated import Translator
from triage.sandbox.tables import Tables
from triage.sandbox.times import lake_time
from triage.sandbox.world import LakeTable, Record, World

_SEARCHED_DATABASES = ("panther_logs", "panther_rule_matches", "panther_signals")
_EXACT = 2.0**53
_SNOWFLAKE_TYPES = {
    "VARCHAR": "VARCHAR",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "DATE": "DATE",
    "TIME": "TIME",
    "DOUBLE": "FLOAT",
    "FLOAT": "FLOAT",
    "VARIANT": "VARIANT",
    "JSON": "VARIANT",
}
_INVALID_COLUMN = re.compile(r'(?:Referenced column|Referenced table|does not have a column named) "([^"]+)"')


@dataclass(frozen=True, slots=True)
class LakeAnswer:
    """The rows of a finished query."""

    columns: tuple[str, ...]
    """In order. `SELECT *` and plain columns have the table's own case, an alias the case it was written in; Snowflake
    matches both case-insensitively. A computed column without an alias is named by its text."""
    types: dict[str, str]
    """Snowflake type names by column."""
    rows: tuple[Record, ...]
    seconds: float
    bytes_scanned: int


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


class DuckLake:
    """Tables of a world, queried in Snowflake SQL. Each query has its own cursor, so threads may query at once."""

    def __init__(self, world: World, *, remember: bool = False) -> None:
        """Load every table of the world.

        Args:
            world: The world whose events they hold.
            remember: Answer a repeated statement from memory.

        Raises:
            ConfigError: An event cannot be read.
        """
        self.tables = Tables(world)
        self._translator = Translator(self.tables.columns)
        self._world = world
        self._remembered: dict[tuple[str, str], LakeAnswer] | None = {} if remember else None

    def close(self) -> None:
        """Free the tables."""
        self.tables.connection.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor for one query; its `interrupt` stops that query."""
        return self.tables.connection.cursor()

    def run(
        self, sql: str, *, database: str = "panther_logs", cursor: duckdb.DuckDBPyConnection | None = None
    ) -> LakeAnswer:
        """Run one Snowflake SELECT.

        Args:
            sql: The statement, with Panther's macros.
            database: Where unqualified table names are looked up: `panther_logs` or `panther_logs.public`.
            cursor: From `cursor()`, if the caller wants to be able to interrupt the query.

        Raises:
            QueryError: Snowflake would refuse it, or it failed; the text is worded as Snowflake words it.
        """
        home = database.lower().removesuffix(".public")
        known = self._remembered.get((home, sql)) if self._remembered is not None else None
        if known is not None:
            return known
        translated = self._translator.translate(sql, database=home, now=self._world.clock())
        scanned = sum(self.tables.sizes.get(table, 0) for table in translated.tables)
        found = self._fetch(cursor or self.cursor(), translated.sql, {}, scanned)
        if self._remembered is not None:
            self._remembered[home, sql] = found
        return found

    def search(self, search: IndicatorSearch, cursor: duckdb.DuckDBPyConnection | None = None) -> LakeAnswer:
        """Count the events that carry an indicator, by table. Raises QueryError."""
        sql, parameters = _search_sql(search, self.tables.columns)
        return self._fetch(cursor or self.cursor(), sql, parameters, sum(self.tables.sizes.values()))

    def _fetch(
        self, cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object], scanned: int
    ) -> LakeAnswer:
        started = perf_counter()
        try:
            cursor.execute(sql, parameters)
            description = cursor.description or []
            values = cursor.fetchall()
        except duckdb.Error as error:
            raise QueryError(_message(error)) from error
        names = _distinct(str(column[0]) for column in description)
        return LakeAnswer(
            columns=names,
            types={name: _type(str(column[1])) for name, column in zip(names, description, strict=True)},
            rows=tuple(dict(zip(names, map(_json, row), strict=True)) for row in values),
            seconds=perf_counter() - started,
            bytes_scanned=scanned,
        )


def _message(error: duckdb.Error) -> str:
    """DuckDB's refusal in Snowflake's words; where there is no such wording, DuckDB's own first line."""
    text = str(error)
    column = _INVALID_COLUMN.search(text)
    if isinstance(error, duckdb.BinderException) and column:
        return str(QueryError.no_column(column[1]))
    if "Division by zero" in text:
        return "100051 (22012): Division by zero"
    if isinstance(error, duckdb.ConversionException):
        return f"100038 (22018): {text.splitlines()[0]}"
    if isinstance(error, duckdb.InterruptException):
        return "000604 (57014): SQL execution canceled"
    return f"000603 (XX000): SQL execution error: {text.splitlines()[0]}"


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """A row is a JSON object: the second column of a name is called `name_2`."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(unique)


def _type(duckdb_type: str) -> str:
    if duckdb_type.endswith("]"):
        return "ARRAY"
    return _SNOWFLAKE_TYPES.get(duckdb_type, "NUMBER" if "INT" in duckdb_type or "DEC" in duckdb_type else "VARIANT")


def _json(value: object) -> object:
    """A value as the API gives it: times as `YYYY-MM-DD HH:MM:SS.mmm`, objects and arrays as they are."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        # Snowflake's NUMBER has no infinities, and a whole sum is written without a fraction.
        return None if not isfinite(value) else int(value) if value.is_integer() and abs(value) < _EXACT else value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return lake_time(value)
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def _search_sql(search: IndicatorSearch, catalog: Mapping[LakeTable, Columns]) -> tuple[str, dict[str, object]]:
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
    databases = {name.removesuffix(".public") for name in search.databases} or set(_SEARCHED_DATABASES)
    tables = {name.rsplit(".", 1)[-1].lower() for name in search.tables}
    parts = [
        _count(table, field)
        for table, columns in sorted(catalog.items())
        if table[0] in databases and table[0] != "panther_views" and (not tables or table[1] in tables)
        for field in fields
        if columns.get(field) is SqlKind.TEXTS
    ]
    if not parts:
        raise QueryError("no table to search")
    sql = f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY matches DESC, 1, 2, 4, 5"  # noqa: S608 - of the parts below
    return sql, {"indicators": list(search.indicators), "start": lake_time(search.start), "end": lake_time(search.end)}


def _count(table: LakeTable, field: str) -> str:
    database, name = table
    return (
        f"SELECT '{database}' AS p_db_name, '{name}' AS p_table_name, p_log_type, '{field}' AS indicator_name,"  # noqa: S608 - names from the catalogue
        " indicator, count(*) AS matches, min(p_event_time) AS first_event_time, max(p_event_time) AS last_event_time"
        " FROM (SELECT p_log_type, p_event_time,"
        f" unnest(list_distinct(list_intersect({field}, $indicators))) AS indicator"
        f' FROM "{database}".public."{name}" WHERE p_event_time BETWEEN $start AND $end) GROUP BY ALL'
    )
