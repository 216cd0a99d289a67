"""The rows of log tables while an import runs: on disk, each once, read back in order of time."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from pydantic import JsonValue

from triage.errors import ConfigError
from triage.sandbox.columns import STANDARD
from triage.sandbox.importing.event_time import read_time
from triage.sandbox.importing.indicators import indicators
from triage.sandbox.times import lake_time, parse_time

MAX_COLUMNS = 2_000
"""Columns of one table: a record that would need more is left out."""
_MAX_KEY = 200
_ROW_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")
# Panther's spelling of characters that a column's name cannot have.
_CHARACTERS = {
    "@": "at_sign_", ",": "_comma_", "`": "_backtick_", "'": "_apostrophe_", "$": "_dollar_sign_", "*": "_asterisk_",
    "&": "_ampersand_", "!": "_exclamation_", "%": "_percent_", "+": "_plus_", "/": "_slash_", "\\": "_backslash_",
    "#": "_hash_", "~": "_tilde_", "=": "_eq_",
}  # fmt: skip
_SPECIAL = re.compile("[" + re.escape("".join(_CHARACTERS)) + "]")
_EXPORTED = ("p_row_id", "p_event_time", "p_log_type")
_SCHEMA = "CREATE TABLE rows (tbl TEXT, id TEXT, at TEXT, line TEXT, UNIQUE (tbl, id))"
_CACHE = "PRAGMA cache_size = -32768"


@dataclass(frozen=True, slots=True)
class LakeRow:
    """A row of the lake, ready to be written."""

    id: str
    at: str
    """`p_event_time`."""
    line: str
    columns: tuple[str, ...] = ()
    """Names of its columns, where it is new."""


class Unfit(ValueError):
    """A record that cannot become a row, and why."""


def make_row(
    record: Mapping[str, JsonValue],
    log_type: str,
    source: Mapping[str, object],
    find_time: Callable[[Mapping[str, JsonValue]], datetime | None],
) -> LakeRow:
    """Add the columns that Panther adds.

    The id is a digest of log type and content, so that the same record is the same row wherever it is read. A row that
    was exported from Panther keeps its own id, times and indicators; in other records, fields that start with `p_` are
    left out, because only Panther writes them.

    Args:
        record: As its publisher wrote it.
        log_type: Panther's name.
        source: The log source that it is said to come from.
        find_time: Gives the time of a record.

    Raises:
        Unfit: It has no time, or keys that cannot be columns.
    """
    own = {name: value for name, value in record.items() if not name.startswith("p_")}
    if not own:
        raise Unfit("the record is empty")
    exported = _exported(record, log_type)
    at = _time(exported.get("p_event_time")) or find_time(own)
    if at is None:
        raise Unfit("no time between 2000 and 2099 (see --time-field and --undated)")
    content = json.dumps([log_type, own], sort_keys=True, separators=(",", ":"))
    event_time = lake_time(at)
    columns: dict[str, object] = {
        **{column_name(name): value for name, value in own.items()},
        "p_event_time": event_time,
        "p_parse_time": event_time,
        "p_log_type": log_type,
        "p_row_id": hashlib.sha256(content.encode()).hexdigest()[:32],
        "p_schema_version": 0,
        "p_source_id": source["integrationId"],
        "p_source_label": source["integrationLabel"],
        **(indicators(own) if not exported else {}),
        **exported,
    }
    return LakeRow(str(columns["p_row_id"]), event_time, encode(columns), tuple(columns))


def column_name(name: str) -> str:
    """The column of a record's key, as Panther spells it. Raises Unfit."""
    column = _SPECIAL.sub(lambda match: _CHARACTERS[match[0]], name)
    if not name or len(column) > _MAX_KEY or not column.isprintable():
        raise Unfit("one of its keys cannot be a column name")
    return column


def _exported(record: Mapping[str, JsonValue], log_type: str) -> dict[str, object]:
    """The columns of a row that Panther itself wrote; none of one that it did not."""
    row_id = record.get("p_row_id")
    if not all(record.get(name) for name in _EXPORTED) or record["p_log_type"] != log_type:
        return {}
    at = read_time(record["p_event_time"])
    if not isinstance(row_id, str) or not _ROW_ID.fullmatch(row_id) or at is None:
        return {}
    parsed = read_time(record.get("p_parse_time")) or at
    kept: dict[str, object] = {"p_row_id": row_id, "p_event_time": lake_time(at), "p_parse_time": lake_time(parsed)}
    for name in STANDARD:
        value = record.get(name)
        if name.startswith("p_any_") and isinstance(value, list):
            kept[name] = [item for item in value if isinstance(item, str)]
    return kept


def _time(value: object) -> datetime | None:
    try:
        return parse_time(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def encode(record: Mapping[str, object]) -> str:
    """A JSON line; what UTF-8 cannot hold (half of a surrogate pair) becomes U+FFFD."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class RowStore:
    """Rows by table and id, in a scratch database that is deleted with its directory."""

    def __init__(self, directory: Path) -> None:
        """Create the file in a directory."""
        self._connection = sqlite3.connect(directory / "rows.db")
        # The file is useless after a crash; it only keeps the rows out of memory.
        for statement in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", _CACHE, _SCHEMA):
            self._connection.execute(statement)
        self._columns: dict[str, set[str]] = {}
        self.tables: dict[str, int] = {}
        """Rows added by table; 0 for a table that was only loaded."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def load(self, table: str, path: Path) -> None:
        """Take in the rows that a world has already; once per table. Raises ConfigError where one is not JSON."""
        if table in self.tables:
            return
        self.tables[table] = 0
        if not path.is_file():
            return
        number = 0
        try:
            with path.open(encoding="utf-8", newline="\n") as lines:
                for number, line in enumerate(lines, 1):
                    if text := line.rstrip("\n"):
                        self._keep(table, text, number)
        except (ValueError, AttributeError) as error:
            raise ConfigError(f"{path}:{number}: not a JSON object") from error

    def _keep(self, table: str, text: str, number: int) -> None:
        record = cast("dict[str, object]", json.loads(text))
        self._columns.setdefault(table, set()).update(name.lower() for name in record)
        row_id = str(record.get("p_row_id") or hashlib.sha256(text.encode()).hexdigest())
        at = _time(record.get("p_event_time"))
        row = LakeRow(row_id, lake_time(at) if at else "", text)
        if not self._insert(table, row):
            self._insert(table, LakeRow(f"{row_id}#{number}", row.at, text))

    def add(self, table: str, row: LakeRow) -> bool:
        """Add a row; False where the table has it already.

        Raises:
            Unfit: The table would get too many columns.
        """
        known = self._columns.setdefault(table, set())
        new = {name.lower() for name in row.columns} - known
        if len(known) + len(new) > MAX_COLUMNS:
            raise Unfit(f"its table would have more than {MAX_COLUMNS} columns")
        known |= new
        added = self._insert(table, row)
        self.tables[table] = self.tables.get(table, 0) + added
        return added

    def _insert(self, table: str, row: LakeRow) -> bool:
        statement = "INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?)"
        return self._connection.execute(statement, (table, row.id, row.at, row.line)).rowcount > 0

    def get(self, table: str, row_id: str) -> LakeRow | None:
        """One row of a table."""
        found = self._connection.execute(
            "SELECT id, at, line FROM rows WHERE tbl = ? AND id = ?", (table, row_id)
        ).fetchone()
        return LakeRow(*found) if found else None

    def ordered(self, table: str, since: str = "", until: str = "~") -> Iterator[LakeRow]:
        """The rows of a table within two times (both included), by time and then by id."""
        found = self._connection.execute(
            "SELECT id, at, line FROM rows WHERE tbl = ? AND at BETWEEN ? AND ? ORDER BY at, id", (table, since, until)
        )
        return (LakeRow(*each) for each in found)

    def span(self, table: str) -> tuple[int, str, str]:
        """How many rows a table has, and its first and last time; empty where it has none."""
        count, first, last = self._connection.execute(
            "SELECT count(*), coalesce(min(nullif(at, '')), ''), coalesce(max(at), '') FROM rows WHERE tbl = ?",
            (table,),
        ).fetchone()
        return int(count), str(first), str(last)
