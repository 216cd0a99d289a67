"""The audit log: JSON lines in a file that only grows, each line chained to the one before by its hash.

A line is a JSON object with `n` (from 1), `at`, the fields of `ports.AuditEntry`, `previous` (the hash of the line
before; 64 zeros at the start) and `hash` (SHA-256 over the canonical JSON of everything else in the line). Editing,
dropping or moving a line breaks the chain at that line. Lines dropped from the end leave a valid chain; the head file
beside the log (`<log>.head`) holds number and hash of the last line, so that this shows too.
"""

import asyncio
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from triage.errors import StoreError
from triage.ports import AuditEntry

START = "0" * 64
_TAIL = 64 * 1024
"""More than the longest line."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A line at which the log is not what was written."""

    line: int
    """Place in the file, from 1."""
    problem: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a walk through the log has found."""

    lines: int
    broken: tuple[Broken, ...]

    @property
    def holds(self) -> bool:
        return not self.broken


def _hash(fields: dict[str, object]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _head_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.head")


class AuditFile:
    """Appends to one log. Implements `ports.AuditLog`.

    Several processes of one host may share a file: each append holds a lock on it. A line that a kill left half
    written was never acted on, since the line stands before the call; it is set aside in the next line's `torn`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()

    async def append(self, entry: AuditEntry, *, now: datetime) -> None:
        """Write one line and wait until it is on the disk. Raises StoreError."""
        async with self._lock:
            await asyncio.to_thread(self._append, entry, now)

    def _append(self, entry: AuditEntry, now: datetime) -> None:
        try:
            with self._open() as file:
                number, previous, torn = _last(file, self._path)
                fields: dict[str, object] = {
                    "n": number + 1,
                    "at": now.isoformat(),
                    **entry.model_dump(mode="json", exclude_defaults=True),
                    "previous": previous,
                }
                if torn:
                    fields["torn"] = torn
                digest = _hash(fields)
                line = json.dumps({**fields, "hash": digest}, ensure_ascii=True) + "\n"
                os.write(file, line.encode("ascii"))
                os.fsync(file)
                _write_head(_head_of(self._path), number + 1, digest)
        except OSError as error:
            raise StoreError(
                f"the audit log {self._path} cannot be written ({error.strerror}); nothing was sent"
            ) from error

    @contextmanager
    def _open(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def _last(file: int, path: Path) -> tuple[int, str, str]:
    """Number and hash of the last whole line, and what stands behind it; the rest is cut off."""
    size = os.fstat(file).st_size
    start = max(0, size - _TAIL)
    tail = os.pread(file, size - start, start)
    whole, _, torn = tail.rpartition(b"\n")
    if torn:
        os.ftruncate(file, size - len(torn))
    last = whole.rpartition(b"\n")[2]
    if not last:
        return 0, START, torn.decode("ascii", "backslashreplace")
    try:
        fields = json.loads(last)
        return int(fields["n"]), str(fields["hash"]), torn.decode("ascii", "backslashreplace")
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the audit log {path} ends with a line that is none; `triage audit verify` shows it"
        ) from error


def _write_head(path: Path, number: int, digest: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(f"{number} {digest}\n", encoding="ascii")
    temporary.replace(path)


def verify_audit(path: Path) -> Verified:
    """Walk through a log and name every line that is not what was written.

    Raises StoreError where the file cannot be read. A log that doesn't exist has no lines and holds, unless a head
    says that there were some.
    """
    broken: list[Broken] = []
    number, previous = 0, START
    try:
        lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
        head = _head_of(path).read_text(encoding="ascii").split() if _head_of(path).exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"the audit log {path} cannot be read") from error
    if lines[-1]:
        broken.append(Broken(len(lines), "the line is not finished; nothing was sent for it"))
    for place, line in enumerate(lines[:-1], 1):
        fields = _fields(line)
        if fields is None:
            broken.append(Broken(place, "not a JSON object with n, previous and hash"))
            continue
        stated = str(fields.pop("hash"))
        if _hash(fields) != stated:
            broken.append(Broken(place, "the line was changed: its hash is not that of its content"))
        if fields["n"] != number + 1:
            broken.append(
                Broken(place, f"number {fields['n']} where {number + 1} should stand: lines dropped or moved")
            )
        elif fields["previous"] != previous:
            broken.append(Broken(place, "the line before is not the one that this was written behind"))
        number, previous = int(str(fields["n"])), stated
    if len(head) == 2 and head != [str(number), previous]:  # noqa: PLR2004 - number and hash
        broken.append(Broken(len(lines), f"the log should end with number {head[0]}: lines dropped at the end"))
    return Verified(len(lines) - 1, tuple(broken))


def _fields(line: bytes) -> dict[str, object] | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or not {"n", "previous", "hash"} <= fields.keys():
        return None
    return fields if isinstance(fields["n"], int) else None
