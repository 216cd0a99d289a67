"""How values are stored: text, JSON and times as both engines hold them, the clock of leases, and upserts.

Text and JSON are TEXT on both engines, escaped so that NUL characters and lone surrogates, which PostgreSQL and UTF-8
cannot hold, come back as they went in. Large JSON is compressed. Times are whole microseconds since 1970 in UTC: exact, ordered, the same on
both engines.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, JsonValue
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    LargeBinary,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    literal_column,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from triage.errors import StoreError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

AT_ONCE = EPOCH
"""The time of something that need not wait, by any clock."""

KEY_CHARACTERS = 400
"""Longest key kept whole. PostgreSQL refuses index entries over 2,704 bytes; a character takes 6 at most, escaped."""

BATCH = 500
"""Keys per statement; SQLite allows 999 variables in its older versions."""

_ENCODER = json.JSONEncoder(separators=(",", ":"))

_UNSTORABLE = re.compile(r"[\\\x00\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


def escape(value: str) -> str:
    """Write backslashes, NUL and lone surrogates in ASCII; `unescape` gives the same text back."""
    return _UNSTORABLE.sub(lambda found: "\\\\" if found[0] == "\\" else f"\\u{ord(found[0]):04x}", value)


def unescape(value: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "\\", value) if "\\" in value else value


def short_key(value: str) -> str:
    """The key itself, or, where it is very long, its beginning and its SHA-256."""
    if len(value) <= KEY_CHARACTERS:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{value[: KEY_CHARACTERS - 72]}#sha256:{digest}"


def dump(value: BaseModel | JsonValue) -> str:
    """Compact JSON in ASCII, keys in the order they came: a replayed step reads exactly as the first time."""
    try:
        content = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        return _ENCODER.encode(content)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"a {type(value).__name__} cannot be written as JSON: {type(error).__name__}") from error


def load(stored: str) -> JsonValue:
    """Read what `dump` wrote."""
    try:
        value: JsonValue = json.loads(stored)
    except (ValueError, RecursionError) as error:
        raise StoreError("the state database holds JSON that cannot be read; it has been changed by hand") from error
    return value


def _stored_text(value: str | None) -> str | None:
    return value if value is None or _UNSTORABLE.search(value) is None else escape(value)


def _stored_key(value: str | None) -> str | None:
    return None if value is None else _stored_text(short_key(value))


def _stored_instant(value: datetime | None) -> int | None:
    return None if value is None else microseconds(value - EPOCH)


def _read_text(value: str | None) -> str | None:
    return unescape(value) if value and "\\" in value else value


def _read_instant(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + timedelta(microseconds=value)


class Escaped(TypeDecorator[str]):
    """Any text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return _stored_text(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:  # noqa: ARG002 - SQLAlchemy's signature
        # The library's own wraps each value in two more calls; a backlog has two million values.
        return _stored_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], str | None]:  # noqa: ARG002 - SQLAlchemy's signature
        return _read_text


class Key(Escaped):
    """Any text that stands in an index; one over `KEY_CHARACTERS` is kept as its beginning and its digest."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return _stored_key(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:  # noqa: ARG002 - SQLAlchemy's signature
        return _stored_key


class Instant(TypeDecorator[datetime]):
    """An aware time, stored as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        return _stored_instant(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:  # noqa: ARG002 - SQLAlchemy's signature
        return _stored_instant

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:  # noqa: ARG002 - SQLAlchemy's signature
        return _read_instant


_LEVEL = 7
"""4 % smaller than the default, 0.7 ms more for all steps of an alert; higher levels take twice the time for 1 %."""
_ZLIB = b"x"
"""The first byte of a zlib stream, with which no JSON begins."""


def pack(text: str) -> bytes:
    """JSON of `dump`, compressed where that makes it shorter."""
    plain = text.encode("ascii")
    packed = zlib.compress(plain, _LEVEL)
    return packed if len(packed) < len(plain) else plain


def unpack(stored: str | bytes) -> str:
    """Read what `pack` wrote, or what an older version stored as it was."""
    if isinstance(stored, str):
        return stored
    try:
        return (zlib.decompress(stored) if stored.startswith(_ZLIB) else stored).decode("ascii")
    except (zlib.error, ValueError) as error:
        raise StoreError("the state database holds bytes that cannot be read; it has been changed by hand") from error


class Packed(TypeDecorator[str]):
    """JSON of `dump` that may be long, compressed."""

    # SQLite keeps bytes in a column of any type, and another declared type would mean to copy the table.
    impl = LargeBinary().with_variant(Text(), "sqlite")
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], bytes | None]:  # noqa: ARG002 - SQLAlchemy's signature
        return lambda value: None if value is None else pack(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | bytes | None], str | None]:  # noqa: ARG002 - SQLAlchemy's signature
        return lambda value: None if value is None else unpack(value)


class clock(FunctionElement[datetime]):  # noqa: N801 - stands in SQL as a function
    """The moment that leases and waiting times are measured by, and `plus` microseconds.

    PostgreSQL is shared by hosts whose clocks differ, so there it is the database's clock and `now` is not used.
    SQLite is shared on one host only, so there it is `now`.
    """

    name = "clock"
    type = Instant()
    inherit_cache = True

    def __init__(self, now: ColumnElement[datetime], plus: ColumnElement[int]) -> None:
        super().__init__(now, plus)


@compiles(clock)
def _callers_clock(element: clock, compiler: SQLCompiler, **options: Any) -> str:
    now, plus = element.clauses
    return f"({compiler.process(now, **options)} + {compiler.process(plus, **options)})"


@compiles(clock, "postgresql")
def _database_clock(element: clock, compiler: SQLCompiler, **options: Any) -> str:
    # clock_timestamp(), unlike now(), moves on while a transaction waits for a lock.
    _, plus = element.clauses
    return f"((extract(epoch from clock_timestamp()) * 1000000)::bigint + {compiler.process(plus, **options)})"


def microseconds(length: timedelta) -> int:
    # Integers throughout, like a division by `timedelta(microseconds=1)`, in a third of the time.
    return (length.days * 86_400 + length.seconds) * 1_000_000 + length.microseconds


NOW = bindparam("now", type_=Instant())
PLUS = bindparam("plus", type_=BigInteger())

MOMENT: ColumnElement[datetime] = clock(NOW, literal_column("0", BigInteger()))
"""The present moment of a statement that is given `now`."""

MOMENT_PLUS: ColumnElement[datetime] = clock(NOW, PLUS)
"""`plus` microseconds after it."""

if TYPE_CHECKING:
    # Importing a dialect takes as long as a query; only that of the database in use is needed.
    from sqlalchemy.dialects import postgresql, sqlite

    Upsert = postgresql.Insert | sqlite.Insert
else:
    Upsert = Any


class Upserts:
    """An INSERT with ON CONFLICT for either engine, by the name of the dialect; built when it is first used."""

    def __init__(self, table: Table, build: Callable[[Upsert], Upsert]) -> None:
        self._table = table
        self._build = build
        self._built: dict[str, Upsert] = {}

    def __getitem__(self, dialect: str) -> Upsert:
        if dialect not in self._built:
            insert = import_module(f"sqlalchemy.dialects.{dialect}").insert(self._table)
            self._built[dialect] = self._build(insert).execution_options(preserve_rowcount=True)
        return self._built[dialect]


def upsert(table: Table, build: Callable[[Upsert], Upsert]) -> Upserts:
    """Write such a statement. Its `rowcount` can be trusted."""
    return Upserts(table, build)
