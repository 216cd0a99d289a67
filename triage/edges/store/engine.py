"""Opening a database: SQLite in a file, or PostgreSQL through psycopg 3."""

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from triage.edges.files import PRIVATE, make_private_directory
from triage.errors import ConfigError, StoreError
from triage.resources import how_to_install

SQLITE_READERS = 2
POSTGRES_CONNECTIONS = 4
"""Per process. One serves many workers, since these wait for a model or the lake nearly all the time."""

LOCK_SECONDS = 15.0
"""How long a write waits for another process's write (SQLite)."""

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 60
"""How long PostgreSQL lets one statement run, and a silent transaction stay open (PostgreSQL)."""

SILENCE_SECONDS = 60
"""Silence after which a connection counts as broken (PostgreSQL); the default is two hours."""
_PROBES = 3
_WAL_PAUSE = 0.02

_WRITES = "triage_writes"


class _DriverConnection(Protocol):
    """What hooks need of a DB-API connection."""

    isolation_level: str | None

    def cursor(self) -> "_Cursor": ...

    def commit(self) -> None: ...


class _Cursor(Protocol):
    def execute(self, statement: str) -> object: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Engines:
    """One database. `reader` and `writer` share a pool and differ in how a transaction begins."""

    reader: Engine
    writer: Engine
    readers: int
    """Threads that may read at once; 0 where reading and writing share threads."""
    writers: int
    place: str
    """The database's name for messages, without its password."""
    driver_error: type[Exception]


def open_engines(url: str) -> Engines:
    """Make the engines; no connection is opened yet.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or `postgresql://user:password@host/database`.

    Raises:
        ConfigError: the URL is of another kind, or its driver is not installed.
        StoreError: the file cannot be made.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The library's message quotes the URL, password and all, so it is dropped from the traceback, too.
        raise ConfigError(
            "store.url is not a database URL: it reads sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite(parsed)
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _postgres(parsed)
    raise ConfigError(f"store.url names {parsed.drivername}; this program keeps its state in sqlite or postgresql")


def _sqlite(url: URL) -> Engines:
    if not url.database or url.database == ":memory:" or url.query.get("uri"):
        raise ConfigError("store.url names no file: sqlite:///FILE is one in this directory, sqlite:////PATH anywhere")
    path = Path(url.database)
    _make_file(path)
    engine = create_engine(
        url,
        pool_size=SQLITE_READERS + 1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={} if "timeout" in url.query else {"timeout": LOCK_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: _DriverConnection, _record: object) -> None:
        # The driver would begin transactions on its own, late and never as IMMEDIATE.
        connection.isolation_level = None
        cursor = connection.cursor()
        _use_wal(cursor, float(str(url.query.get("timeout", LOCK_SECONDS))))
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "journal_size_limit = 67108864",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later could find the lock taken in between, without waiting.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return Engines(
        reader=engine,
        writer=engine.execution_options(**{_WRITES: True}),
        readers=SQLITE_READERS,
        writers=1,
        place=str(path),
        driver_error=sqlite3.Error,
    )


def _use_wal(cursor: _Cursor, seconds: float) -> None:
    """Turn the write-ahead log on. SQLite doesn't wait for it where another process has the new file open just then."""
    ends = time.monotonic() + seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > ends:
                raise
            time.sleep(_WAL_PAUSE)
        else:
            return


def _make_file(path: Path) -> None:
    """Make an absent file, and its directory, so that only their owner can read them; SQLite gives its side files the same mode.

    A file that exists is never opened here: closing it would drop the locks that SQLite holds on it in this process.
    """
    try:
        make_private_directory(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE))
    except FileExistsError as error:
        if path.is_dir():
            raise StoreError(f"the state database {path} is a directory; name a file in store.url") from error
        if not path.parent.is_dir():
            raise StoreError(f"the state database {path} cannot be made: {path.parent} is no directory") from error
    except FileNotFoundError as error:
        raise StoreError(f"the state database {path} cannot be made: its directory does not exist") from error
    except (OSError, ValueError) as error:
        raise StoreError(f"the state database {path} cannot be made: {error}") from error


def _postgres(url: URL) -> Engines:
    url = url.set(drivername="postgresql+psycopg")
    arguments: dict[str, object] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "panther-triage",
        # Source: PostgreSQL manual, libpq, "Parameter Key Words".
        "keepalives_idle": SILENCE_SECONDS // 2,
        "keepalives_interval": SILENCE_SECONDS // 2 // _PROBES,
        "keepalives_count": _PROBES,
        "tcp_user_timeout": SILENCE_SECONDS * 1_000,
    }
    try:
        engine = create_engine(
            url,
            pool_size=POSTGRES_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            # psycopg sends many small inserts in one go; one statement of thousands of parameters takes longer.
            use_insertmanyvalues=False,
            connect_args={name: value for name, value in arguments.items() if name not in url.query},
        )
    except ImportError as error:
        raise ConfigError(
            f"store.url names PostgreSQL, whose driver is not installed: {how_to_install('postgres')}"
        ) from error

    @event.listens_for(engine, "connect")
    def prepare(connection: _DriverConnection, _record: object) -> None:
        # A host that vanishes in the middle of a transaction must not keep its rows locked.
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s'")
        cursor.close()
        connection.commit()

    return Engines(
        reader=engine,
        writer=engine,
        readers=0,
        writers=POSTGRES_CONNECTIONS,
        place=url.set(drivername="postgresql", query={}).render_as_string(hide_password=True),
        driver_error=engine.dialect.loaded_dbapi.Error,
    )
