"""An SQLite file that one process holds at a time: opened, checked, and written in transactions."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from triage.edges.files import PRIVATE
from triage.errors import ConfigError, StoreError

VERSION = "1"
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE alerts (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created TEXT NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL,
  rank INTEGER NOT NULL, severity TEXT NOT NULL, status TEXT NOT NULL, detection TEXT NOT NULL, body TEXT NOT NULL,
  digest BLOB NOT NULL, version TEXT NOT NULL, events INTEGER NOT NULL,
  state TEXT, verdict TEXT, confidence REAL, leader TEXT
);
CREATE TABLE assets (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, value TEXT NOT NULL, provider TEXT NOT NULL, facts TEXT NOT NULL,
  first TEXT NOT NULL, last TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE seen (
  asset TEXT NOT NULL, created TEXT NOT NULL, alert INTEGER NOT NULL, roles TEXT NOT NULL,
  PRIMARY KEY (asset, created, alert)
) WITHOUT ROWID;
CREATE INDEX seen_alert ON seen (alert);
CREATE TABLE delivered (kind TEXT, id TEXT, digest BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE pending (kind TEXT, id TEXT, digest BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID;
"""
_NOT_OURS = "is no file of `triage export`; name another one"
_BUSY_MS = 2_000


class StateFile:
    """The file and what is named in it. A context manager; opening raises ConfigError, StoreError."""

    def __init__(self, path: Path, *, origin: str, kept: bool) -> None:
        """Open the file, or make it.

        Args:
            path: Where it is; made readable for its owner only.
            origin: The Panther that it belongs to.
            kept: Whether it outlives this process; if not, nothing waits for the disk.
        """
        self._path = path
        self.kept = kept
        try:
            if not path.exists():
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE))
            self._db = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_MS / 1000)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"--state: {path} cannot be opened ({error})") from error
        with self._translated():
            try:
                self._prepare(origin)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, origin: str) -> None:
        # Held to the end: two runs on one file would deliver the same rows twice.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL" if self.kept else "PRAGMA journal_mode = MEMORY")
        self._db.execute("PRAGMA synchronous = NORMAL" if self.kept else "PRAGMA synchronous = OFF")
        # Each checkpoint waits for the disk.
        self._db.execute("PRAGMA wal_autocheckpoint = 8000")
        self._db.execute("PRAGMA cache_size = -16000")
        with self._transaction():
            tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master")}
            if tables and "meta" not in tables:
                raise ConfigError(f"--state: {self._path} {_NOT_OURS}")
            if not tables:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._set("version", VERSION)
                self._set("origin", origin)
            if self._get("version") != VERSION:
                raise ConfigError(f"--state: {self._path} was written by another version of triage; name a new file")
            if self._get("origin") != origin:
                raise ConfigError(
                    f"--state: {self._path} belongs to {self._get('origin')}, not to {origin}; name another file"
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def _get(self, name: str) -> str | None:
        with self._translated():
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def _moments(self, name: str) -> list[datetime]:
        found = self._get(name)
        return [datetime.fromisoformat(text) for text in json.loads(found)] if found else []

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_BUSY":
                raise ConfigError(f"--state: {self._path} is in use by another export; wait for it") from error
            if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
                raise ConfigError(f"--state: {self._path} {_NOT_OURS}") from error
            raise StoreError(f"{self._path} cannot be read or written ({error})") from error


def text_of(moment: datetime) -> str:
    """A time as text that sorts as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
