"""The file behind the exports of assets and risks: alerts read so far, their assets, and what was delivered.

One SQLite file, held by one process at a time. Each page of alerts and how far the reading has come are one transaction,
so a kill between two of them loses nothing and repeats nothing. What a run delivers is first listed as pending; it counts
as delivered once it is on stdout, or in its file under its name.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from triage.edges.files import PRIVATE
from triage.errors import ConfigError, StoreError
from triage.ports.exposure import (
    FreshAlert,
    KnownAlert,
    ReadWindow,
    Sighting,
    StoredAsset,
    StoredRisk,
    StoredVerdict,
    UnfinishedRead,
)

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
_BATCH = 500
"""Ids per statement; SQLite allows 999 variables in its older versions."""
_PEND = "INSERT OR REPLACE INTO pending VALUES (?, ?, ?)"
_BUSY_MS = 2_000
_PUT_ALERT = """
INSERT OR REPLACE INTO alerts
  (n, id, created, first, last, rank, severity, status, detection, body, digest, version, events)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_PUT_ASSET = """
INSERT INTO assets (id, type, value, provider, facts, first, last) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last),
  provider = CASE provider WHEN '' THEN excluded.provider ELSE provider END,
  facts = CASE facts WHEN '{}' THEN excluded.facts ELSE facts END
"""
_PUT_SEEN = "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)"
_UNSEEN = "WHERE NOT EXISTS (SELECT 1 FROM seen WHERE seen.asset = assets.id)"


class ExposureFile:
    """Implements `ports.exposure.ExposureStore`. A context manager; opening raises ConfigError, StoreError."""

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

    # ---- reading Panther ---------------------------------------------------------------------------------------------

    def complete(self) -> ReadWindow | None:
        """How far Panther has been read; `None` before the first reading has ended."""
        found = self._moments("complete")
        return ReadWindow(*found) if found else None

    def unfinished(self) -> UnfinishedRead | None:
        """A reading that was broken off."""
        found = self._moments("unfinished")
        return UnfinishedRead(*found) if found else None

    def begin(self, read: UnfinishedRead) -> None:
        """Note that a reading begins."""
        with self._transaction():
            self._set("unfinished", json.dumps([_text(read.read_from), _text(read.as_of), _text(read.at)]))

    def known(self, ids: Sequence[str]) -> Mapping[str, KnownAlert]:
        """What is stored of these alerts."""
        found: dict[str, KnownAlert] = {}
        with self._translated():
            for start in range(0, len(ids), _BATCH):
                part = ids[start : start + _BATCH]
                marks = ",".join("?" * len(part))
                query = f"SELECT id, n, digest, version, events FROM alerts WHERE id IN ({marks})"  # noqa: S608 - question marks
                found.update(
                    (id_, KnownAlert(number, digest, version, bool(events)))
                    for id_, number, digest, version, events in self._db.execute(query, part)
                )
        return found

    def add(self, alerts: Collection[FreshAlert], *, at: datetime | None) -> None:
        """Store alerts, and how far the reading has come; `None`: as far as before."""
        with self._transaction():
            (last,) = self._db.execute("SELECT coalesce(max(n), 0) FROM alerts").fetchone()
            rows, assets, seen, replaced = [], [], [], []
            for each in alerts:
                alert = each.alert
                last += each.known is None
                number = last if each.known is None else each.known.number
                created, first, end = _text(alert.created_at), _text(alert.first_seen), _text(alert.last_seen)
                rows.append(
                    (
                        *(number, alert.id, created, first, end, alert.rank, alert.severity, alert.status),
                        *(alert.detection_id, alert.body, each.digest, alert.version, alert.events_read),
                    )
                )
                if alert.assets is None:
                    continue
                if each.known is not None:
                    replaced.append((number,))
                for asset in alert.assets:
                    assets.append((asset.id, asset.type, asset.value, asset.provider, asset.facts, first, end))
                    seen.append((asset.id, created, number, " ".join(asset.roles)))
            self._db.executemany(_PUT_ALERT, rows)
            self._db.executemany("DELETE FROM seen WHERE alert = ?", replaced)
            self._db.executemany(_PUT_ASSET, assets)
            self._db.executemany(_PUT_SEEN, seen)
            read = self._moments("unfinished")
            if at is not None and read:
                self._set("unfinished", json.dumps([*map(_text, read[:2]), _text(at)]))

    def finish(self) -> None:
        """The reading has reached its end: its whole window is as it was when it began, or later."""
        read = self.unfinished()
        if read is None:
            return
        with self._transaction():
            self._set("complete", json.dumps([_text(read.read_from), _text(read.as_of)]))
            self._db.execute("DELETE FROM meta WHERE name = 'unfinished'")

    def forget(self, before: datetime) -> None:
        """Delete alerts that were created before, and assets that no other alert has."""
        with self._transaction():
            moment = _text(before)
            self._db.execute(
                "DELETE FROM delivered WHERE kind = 'risk' AND id IN (SELECT id FROM alerts WHERE created < ?)",
                (moment,),
            )
            self._db.execute("DELETE FROM seen WHERE alert IN (SELECT n FROM alerts WHERE created < ?)", (moment,))
            self._db.execute("DELETE FROM alerts WHERE created < ?", (moment,))
            self._db.execute(f"DELETE FROM delivered WHERE kind = 'asset' AND id IN (SELECT id FROM assets {_UNSEEN})")  # noqa: S608 - a constant
            self._db.execute(f"DELETE FROM assets {_UNSEEN}")  # noqa: S608 - a constant
            known = self._moments("complete")
            if known and known[0] < before:
                self._set("complete", json.dumps([_text(before), _text(known[1])]))

    # ---- rows --------------------------------------------------------------------------------------------------------

    def alert_ids(self) -> Iterator[tuple[str, ...]]:
        """The ids of all alerts, in batches."""
        last = ""
        while True:
            with self._translated():
                rows = self._db.execute("SELECT id FROM alerts WHERE id > ? ORDER BY id LIMIT ?", (last, _BATCH))
                batch = tuple(id_ for (id_,) in rows)
            if not batch:
                return
            yield batch
            last = batch[-1]

    def set_verdicts(self, verdicts: Mapping[str, StoredVerdict]) -> None:
        """Put what this program says of alerts beside them."""
        with self._transaction():
            self._db.executemany(
                "UPDATE alerts SET state = ?, verdict = ?, confidence = ?, leader = ? WHERE id = ?",
                [(each.state, each.verdict, each.confidence, each.leader, id_) for id_, each in verdicts.items()],
            )

    def risks(self, *, min_rank: int = 0) -> Iterator[StoredRisk]:
        """Every alert, the most severe first, then the oldest."""
        with self._translated():
            rows = self._db.execute(
                "SELECT id, body, events, state, verdict, confidence, leader, "
                "(SELECT group_concat(asset, ' ') FROM seen WHERE alert = n) FROM alerts WHERE rank >= ? "
                "ORDER BY rank DESC, created, id",
                (min_rank,),
            )
            for id_, body, events, state, verdict, confidence, leader, assets in rows:
                known = None if state is None else StoredVerdict(state, verdict, confidence, leader)
                yield StoredRisk(id_, json.loads(body), known, bool(events), tuple(sorted((assets or "").split())))

    def assets(self) -> Iterator[StoredAsset]:
        """Every asset, by type and value."""
        with self._translated():
            rows = self._db.execute(
                "SELECT id, type, value, provider, facts, first, last FROM assets ORDER BY type, value"
            )
            for id_, type_, value, provider, facts, first, last in rows:
                yield StoredAsset(id_, type_, value, provider, json.loads(facts), first, last, self._sightings(id_))

    def _sightings(self, asset: str) -> Iterator[Sighting]:
        rows = self._db.execute(
            "SELECT id, severity, rank, status, detection, verdict, roles FROM seen JOIN alerts ON alerts.n = seen.alert "
            "WHERE seen.asset = ? ORDER BY seen.created DESC, seen.alert DESC",
            (asset,),
        )
        for id_, severity, rank, status, detection, verdict, roles in rows:
            yield Sighting(id_, severity, rank, status, detection, verdict, tuple(roles.split()))

    # ---- what was delivered ------------------------------------------------------------------------------------------

    def settle(self, kind: str) -> Path | None:
        """Count what an interrupted run has put into its file, or forget that it meant to.

        Returns:
            That file, where it is there, whole.
        """
        found = self._get(f"out {kind}")
        if found is None:
            return None
        name, digest = json.loads(found)
        path = Path(name)
        try:
            whole = _digest_of(path) == digest
        except OSError:
            whole = False
        if whole:
            self.delivered(kind)
            return path
        with self._transaction():
            self._clear(kind)
        return None

    def changed(self, kind: str, lines: Iterator[tuple[str, str]], write: Callable[[str], None]) -> int:
        """Write the rows that were not delivered as they are now, and list them as pending; all of them in a file that isn't kept.

        Args:
            kind: `asset` or `risk`.
            lines: Id, an alert's own for a risk, and content of each row.
            write: Called with the content.

        Returns:
            How many were written.
        """
        count = 0
        pending: list[tuple[str, str, bytes]] = []
        with self._transaction():
            self._clear(kind)
            first = not self._db.execute("SELECT EXISTS (SELECT 1 FROM delivered WHERE kind = ?)", (kind,)).fetchone()[
                0
            ]
            for id_, content in lines:
                if self.kept:
                    digest = hashlib.blake2b(content.encode(), digest_size=16).digest()
                    if not first and self._is_delivered(kind, id_, digest):
                        continue
                    pending.append((kind, id_, digest))
                    if len(pending) == _BATCH:
                        self._db.executemany(_PEND, pending)
                        pending.clear()
                write(content)
                count += 1
            self._db.executemany(_PEND, pending)
        return count

    def _is_delivered(self, kind: str, id_: str, digest: bytes) -> bool:
        query = "SELECT digest = ? FROM delivered WHERE kind = ? AND id = ?"
        row = self._db.execute(query, (digest, kind, id_)).fetchone()
        return row is not None and bool(row[0])

    def delivering(self, kind: str, out: Path, written: Path) -> None:
        """Note that what is pending is about to get its name: `written` will be `out`. On the disk when it returns."""
        with self._translated():
            self._db.execute("PRAGMA synchronous = FULL")
        with self._transaction():
            self._set(f"out {kind}", json.dumps([str(out.absolute()), _digest_of(written)]))

    def delivered(self, kind: str) -> None:
        """What is pending has been delivered."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO delivered SELECT * FROM pending WHERE kind = ?", (kind,))
            self._clear(kind)

    def _clear(self, kind: str) -> None:
        self._db.execute("DELETE FROM pending WHERE kind = ?", (kind,))
        self._db.execute("DELETE FROM meta WHERE name = ?", (f"out {kind}",))

    # ---- below -------------------------------------------------------------------------------------------------------

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


def _text(moment: datetime) -> str:
    """A time as text that sorts as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
