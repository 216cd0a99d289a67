"""What was delivered of the rows of an export, and what is about to be."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from triage.edges.exposure.state_file import StateFile

_PEND = "INSERT OR REPLACE INTO pending VALUES (?, ?, ?)"
_BATCH = 500
"""Rows that are listed as pending in one statement."""


class Delivery(StateFile):
    """Knows each delivered row by the digest of its content."""

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


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
