"""The tables of a world in an in-memory DuckDB."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import duckdb

from triage.errors import ConfigError
from triage.logtypes import table_of
from triage.sandbox.columns import MATCH, STANDARD, Columns, SqlKind, expected
from triage.sandbox.world import LakeTable, Record, World

_DATABASES = ("panther_logs", "panther_rule_matches", "panther_signals", "panther_views")
_MOMENT = r'^"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?"$'
_BIGINT_MAX = 2**63 - 1
_MEMORY = "2GB"

# Events keep their variable parts as VARIANT, which compares, sorts and groups as Snowflake's does: a text in it equals
# a text, a number a number. (DuckDB's JSON type would compare the quoted text.)
_DUCKDB_TYPES = {
    SqlKind.TEXT: "VARCHAR",
    SqlKind.NUMBER: "BIGINT",
    SqlKind.BOOLEAN: "BOOLEAN",
    SqlKind.MOMENT: "TIMESTAMP",
    SqlKind.VARIANT: "VARIANT",
    SqlKind.TEXTS: "VARCHAR[]",
}
_JSON_SHAPES: dict[str, object] = {"TIMESTAMP": "VARCHAR", "VARIANT": "JSON", "VARCHAR[]": ["VARCHAR"]}

# Functions that Snowflake has and DuckDB lacks. They take plain values and VARIANTs alike. `sf_list` goes by way of a VARIANT, also
# from a list: DuckDB's list functions compare the bytes of VARIANTs, which differ with where a value was taken from.
# `sf_text` names its argument once: DuckDB copies it to each place, and a statement of fourteen questions has eight hundred
# of them, which took longer to plan than to run.
_MACROS = """
CREATE MACRO sf_list(x) AS TRY_CAST(CAST(x AS VARIANT) AS VARIANT[]);
CREATE MACRO sf_typeof(x) AS (
    CASE WHEN x IS NULL THEN NULL
         WHEN variant_typeof(CAST(x AS VARIANT)) LIKE 'OBJECT%' THEN 'OBJECT'
         WHEN variant_typeof(CAST(x AS VARIANT)) LIKE 'ARRAY%' THEN 'ARRAY'
         WHEN variant_typeof(CAST(x AS VARIANT)) LIKE 'BOOL%' THEN 'BOOLEAN'
         WHEN variant_typeof(CAST(x AS VARIANT)) LIKE '%INT%' THEN 'INTEGER'
         WHEN variant_typeof(CAST(x AS VARIANT)) IN ('DOUBLE', 'FLOAT') THEN 'DOUBLE'
         WHEN variant_typeof(CAST(x AS VARIANT)) LIKE 'DECIMAL%' THEN 'DECIMAL'
         ELSE 'VARCHAR' END);
CREATE MACRO sf_text(x) AS json_extract_string(to_json(x), '$');
CREATE MACRO sf_moment(x) AS strftime(CAST(x AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g');
CREATE MACRO sf_epoch(n) AS (
    CASE WHEN abs(n) < 31536000000 THEN make_timestamp(CAST(n * 1000000 AS BIGINT))
         WHEN abs(n) < 31536000000000 THEN make_timestamp(CAST(n * 1000 AS BIGINT))
         WHEN abs(n) < 31536000000000000 THEN make_timestamp(CAST(n AS BIGINT))
         ELSE make_timestamp(CAST(n / 1000 AS BIGINT)) END);
CREATE MACRO sf_timestamp(x) AS (
    CASE WHEN TRY_CAST(CAST(x AS VARCHAR) AS DOUBLE) IS NOT NULL THEN sf_epoch(TRY_CAST(CAST(x AS VARCHAR) AS DOUBLE))
         ELSE CAST(CAST(x AS VARCHAR) AS TIMESTAMP) END);
CREATE MACRO sf_try_timestamp(x) AS (
    CASE WHEN TRY_CAST(CAST(x AS VARCHAR) AS DOUBLE) IS NOT NULL THEN sf_epoch(TRY_CAST(CAST(x AS VARCHAR) AS DOUBLE))
         ELSE TRY_CAST(CAST(x AS VARCHAR) AS TIMESTAMP) END);
CREATE MACRO sf_object(j) AS CAST(json_merge_patch(CAST('{}' AS JSON), j) AS VARIANT);
CREATE MACRO sf_divide(a, b) AS (CASE WHEN b = 0 THEN CAST(concat('Division by zero: ', b) AS DOUBLE) ELSE a / b END);
"""


class Tables:
    """Every table of a world, its columns, and the recorded events behind each alert."""

    def __init__(self, world: World) -> None:
        """Load the lake.

        Raises:
            ConfigError: A line of a table is not a JSON object; the text names the file.
        """
        self.columns: dict[LakeTable, Columns] = {}
        self.sizes: dict[LakeTable, int] = {}
        """Bytes of recorded events."""
        self.log_types: dict[LakeTable, str] = {}
        # Within bounds, and without files: a query that needs more memory fails.
        self.connection = duckdb.connect(":memory:", config={"memory_limit": _MEMORY, "temp_directory": ""})
        self._events: dict[str, list[str]] = {}
        self._inserts: dict[LakeTable, tuple[str, str]] = {}
        """How a loaded table takes more events: the statement, and the shape of an event."""
        self.connection.execute(_MACROS)
        for database in sorted({*_DATABASES, *(database for database, _ in world.lake)}):
            self.connection.execute(f"ATTACH ':memory:' AS {_quoted(database)}")
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(database)}.public")
        for table, path in world.lake.items():
            self._load(table, world.lines(table), path)
        self._add_missing(world)
        self._add_views()
        # From here on a query reaches these tables and nothing else on this machine.
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def alert_events(self, alert_id: str) -> list[Record]:
        """The events of an alert as recorded, in the order of the world's files."""
        return [cast("Record", json.loads(line)) for line in self._events.get(alert_id, ())]

    def append(self, table: LakeTable, events: Sequence[Record]) -> None:
        """Deliver more events, of the columns that the table has. Raises KeyError for a table that had none."""
        insert, shape = self._inserts[table]
        lines = [json.dumps(event) for event in events]
        self.connection.cursor().execute(insert, {"lines": lines, "shape": shape})
        self.sizes[table] += sum(map(len, lines))
        self._note_events(table, lines)

    def _note_events(self, table: LakeTable, lines: Sequence[str]) -> None:
        if table[0] == "panther_rule_matches":
            for line in lines:
                self._events.setdefault(str(json.loads(line).get("p_alert_id")), []).append(line)

    def _load(self, table: LakeTable, lines: list[str], path: Path) -> None:
        self.sizes[table] = sum(map(len, lines))
        execute = self.connection.execute
        execute("CREATE OR REPLACE TEMP TABLE raw AS SELECT unnest($lines::VARCHAR[]) AS line", {"lines": lines})
        try:
            execute("SELECT count(CASE WHEN json_type(line) <> 'OBJECT' THEN error('not an object') END) FROM raw")
            self._note_events(table, lines)
            # One row for each key and JSON type that occurs; keys in the order of the documents.
            found = execute(
                "SELECT key, type,"
                " bool_and(CASE WHEN type = 'VARCHAR' THEN regexp_matches(CAST(value AS VARCHAR), $moment) END),"
                " coalesce(max(CASE WHEN type = 'UBIGINT' THEN CAST(CAST(value AS VARCHAR) AS HUGEINT) END), 0)"
                " FROM raw, json_each(line) GROUP BY key, type ORDER BY min(id), key",
                {"moment": _MOMENT},
            ).fetchall()
            types = _column_types(table, found)
            shape = json.dumps({name: _JSON_SHAPES.get(type_, type_) for name, type_ in types.items()})
            values = ", ".join(
                f"CAST(event.{_quoted(name)} AS {type_}) AS {_quoted(name)}" for name, type_ in types.items()
            )
            rows = "SELECT from_json(line, $shape) AS event FROM raw"
            execute(f"CREATE TABLE {_full(table)} AS SELECT {values} FROM ({rows})", {"shape": shape})  # noqa: S608 - quoted names
            given = "(SELECT unnest($lines::VARCHAR[]) AS line)"
            insert = f"INSERT INTO {_full(table)} SELECT {values} FROM ({rows.replace('raw', given)})"  # noqa: S608 - quoted names
            self._inserts[table] = insert, shape
        except (duckdb.Error, ValueError) as error:
            raise ConfigError(f"{path}: a line is not a JSON object, or a field cannot be read") from error
        finally:
            execute("DROP TABLE raw")
        kinds = {type_: kind for kind, type_ in _DUCKDB_TYPES.items()}
        self.columns[table] = {name: kinds.get(type_, SqlKind.NUMBER) for name, type_ in types.items()}
        row = execute(f"SELECT any_value(p_log_type) FROM {_full(table)}").fetchone()  # noqa: S608 - quoted names
        if row and row[0] and table[0] == "panther_logs":
            self.log_types[table] = str(row[0])

    def _add_missing(self, world: World) -> None:
        """Create the tables that Panther creates before an event arrives: one for each log type of each source."""
        for source in world.sources.values():
            log_types = source.get("logTypes")
            for log_type in log_types if isinstance(log_types, list) else ():
                self.log_types.setdefault(("panther_logs", table_of(str(log_type))), str(log_type))
        logs = [name for database, name in (*self.columns, *self.log_types) if database == "panther_logs"]
        for name in logs:
            self._create_empty(("panther_logs", name), expected("panther_logs", name))
            # A rule match is its event with the columns of the match.
            self._create_empty(("panther_rule_matches", name), {**self.columns["panther_logs", name], **MATCH})
        self._create_empty(
            ("panther_signals", "correlation_signals"), expected("panther_signals", "correlation_signals")
        )

    def _create_empty(self, table: LakeTable, columns: Columns) -> None:
        if table not in self.columns:
            declared = ", ".join(f"{_quoted(name)} {_DUCKDB_TYPES[kind]}" for name, kind in columns.items())
            self.connection.execute(f"CREATE TABLE {_full(table)} ({declared})")
            self.columns[table] = columns

    def _add_views(self) -> None:
        """Panther's views over all tables, with the standard columns."""
        views = {
            "all_logs": ("panther_logs",),
            "all_rule_matches": ("panther_rule_matches",),
            "all_databases": ("panther_logs", "panther_rule_matches"),
        }
        for view, databases in views.items():
            columns = {**STANDARD, **(MATCH if "logs" not in view else {}), "p_db_name": SqlKind.TEXT}
            parts = []
            for table in sorted(table for table in self.columns if table[0] in databases):
                has = {name.lower() for name in self.columns[table]}
                values = (
                    f"'{table[0]}' AS p_db_name"
                    if name == "p_db_name"
                    else f"CAST({_quoted(name) if name in has else 'NULL'} AS {_DUCKDB_TYPES[kind]}) AS {_quoted(name)}"
                    for name, kind in columns.items()
                )
                parts.append(f"SELECT {', '.join(values)} FROM {_full(table)}")  # noqa: S608 - quoted names
            if parts:
                self.connection.execute(f"CREATE VIEW panther_views.public.{view} AS {' UNION ALL '.join(parts)}")
                self.columns["panther_views", view] = columns


def _column_types(table: LakeTable, found: list[tuple[str, str, bool, int]]) -> dict[str, str]:
    """DuckDB types by column: those that occurred, then those that the table has anyway; `p_` columns last."""
    json_types: dict[str, set[str]] = {}
    moments: dict[str, bool] = {}
    spelling: dict[str, str] = {}
    for key, type_, is_moment, largest in found:
        # SQL has one column for names that differ only in case; the first spelling wins.
        name = spelling.setdefault(key.lower(), key)
        if name != key:
            continue
        json_types.setdefault(key, set()).add("HUGE" if largest > _BIGINT_MAX else type_)
        if type_ == "VARCHAR":
            moments[key] = is_moment
    wanted = {name.lower(): (name, kind) for name, kind in expected(*table).items()}
    types = {
        name: _column_type(
            name, kinds - {"NULL"}, moment=moments.get(name, False), wanted=wanted.pop(name.lower(), ("", None))[1]
        )
        for name, kinds in json_types.items()
    }
    types |= {name: _DUCKDB_TYPES[kind] for name, kind in wanted.values()}
    return dict(sorted(types.items(), key=lambda item: item[0].startswith("p_")))


def _column_type(name: str, json_types: set[str], *, moment: bool, wanted: SqlKind | None) -> str:
    if wanted is SqlKind.TEXTS or (name.startswith("p_any_") and json_types == {"ARRAY"}):
        return "VARCHAR[]"
    if wanted is SqlKind.VARIANT:
        return "VARIANT"
    if not json_types:
        return _DUCKDB_TYPES[wanted or SqlKind.TEXT]
    if json_types == {"VARCHAR"}:
        return "TIMESTAMP" if moment else "VARCHAR"
    if json_types == {"BOOLEAN"}:
        return "BOOLEAN"
    if json_types <= {"BIGINT", "UBIGINT"}:
        return "BIGINT"
    if json_types <= {"BIGINT", "UBIGINT", "DOUBLE"}:
        return "DOUBLE"
    return "VARIANT"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _full(table: LakeTable) -> str:
    return f"{_quoted(table[0])}.public.{_quoted(table[1])}"
