"""The audit log: JSON lines in a file that only grows, each line chained to the one before by its hash.

A line is a JSON object with `n` (from 1), `at`, the fields of `ports.AuditEntry`, `previous` (the hash of the line
before; 64 zeros at the start) and `hash` (SHA-256 over the canonical JSON of everything else in the line). Editing,
dropping or moving a line breaks the chain at that line. Lines dropped from the end leave a valid chain; the head file
beside the log (`<log>.head`) holds number and hash of the last line, so that this shows too. So does the state database,
which whoever can change the two files need not be able to change.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import JsonValue

from triage.edges.files import PRIVATE, make_private_directory
from triage.errors import StoreError
from triage.ports import AuditEntry, Values

START = "0" * 64
LOCK_SECONDS = 10.0
"""How long an append waits for one of another process; each takes a few milliseconds."""
RETRY_SECONDS = 30.0
"""How long an alert waits whose write could not be logged."""
_LOCK_PAUSE = 0.02
_LONGEST = 32 * 1024
"""Bytes of a line, its end included."""
_TAIL = 2 * _LONGEST
"""A whole line, what a kill has left of the next one, and the end of the line before."""
_TORN = 2_000
"""Characters kept of a line that a kill left half written."""


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that is not as it was written."""

    line: int
    """Number of the line in the file, from 1."""
    problem: str


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """What reading the whole log has found."""

    lines: int
    broken: tuple[BrokenLine, ...]

    @property
    def intact(self) -> bool:
        return not self.broken


def _hash(fields: dict[str, object]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _head_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.head")


class AuditFile:
    """Appends to one log. Implements `ports.AuditLog`.

    Several processes of one host may share a file: each append holds a lock on it. A line that a kill left half
    written was never acted on, since the line is written before the call; its beginning is kept in the next line's
    `torn`. A file that does not end as a log does is left as it is.
    """

    def __init__(self, path: Path, *, values: Values | None = None, lock_seconds: float = LOCK_SECONDS) -> None:
        """Values keep number and hash of the last line as well; `None`: the head file alone does."""
        self._path = path
        self._values = values
        self._lock_seconds = lock_seconds
        self._lock = asyncio.Lock()

    async def append(self, entry: AuditEntry, *, now: datetime) -> None:
        """Write one line and wait until it is on the disk. Raises StoreError."""
        async with self._lock:
            number, digest = await asyncio.to_thread(self._append, entry, now)
            if self._values is not None:
                last: JsonValue = {"n": number, "hash": digest}
                await self._values.put(last_line_name(self._path), last, now=now)

    def _append(self, entry: AuditEntry, now: datetime) -> tuple[int, str]:
        try:
            with self._open() as file:
                last = _last(file, self._path)
                fields: dict[str, object] = {
                    "n": last.number + 1,
                    "at": now.isoformat(),
                    **entry.model_dump(mode="json", exclude_defaults=True),
                    "previous": last.digest,
                }
                if last.torn:
                    fields["torn"] = last.torn.decode("ascii", "backslashreplace")[:_TORN]
                digest = _hash(fields)
                line = (json.dumps({**fields, "hash": digest}, ensure_ascii=True) + "\n").encode("ascii")
                if len(line) > _LONGEST:
                    raise StoreError(
                        f"a line of {len(line)} bytes is too long for the audit log {self._path}; nothing is sent without one"
                    )
                if last.torn:
                    os.ftruncate(file, last.end)
                if last.number == 0:
                    # A log with lines has a head at any moment.
                    _write_head(_head_of(self._path), 0, START)
                _write(file, line)
                os.fsync(file)
                _write_head(_head_of(self._path), last.number + 1, digest)
                return last.number + 1, digest
        except OSError as error:
            raise _not_now(
                f"the audit log {self._path} cannot be written ({error.strerror}); nothing is sent without a line in it"
            ) from error

    @contextmanager
    def _open(self) -> Iterator[int]:
        make_private_directory(self._path.parent)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
        try:
            _lock(file, self._path, fcntl.LOCK_EX, self._lock_seconds)
            yield file
        finally:
            os.close(file)


def _not_now(text: str) -> StoreError:
    """A failure of the log, whatever the alert: it waits until somebody has seen to the log."""
    failure = StoreError(text)
    failure.retryable, failure.retry_after = True, RETRY_SECONDS
    return failure


def _lock(file: int, path: Path, kind: int, seconds: float) -> None:
    """Wait for a lock, but not forever. Raises StoreError."""
    ends = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > ends:
                raise _not_now(
                    f"the audit log {path} has been locked for {seconds:g} s, probably by a triage process of this "
                    "host that hangs or was stopped (`fuser` names it); nothing is sent without a line in it"
                ) from error
            time.sleep(_LOCK_PAUSE)
        else:
            return


@dataclass(frozen=True, slots=True)
class _Last:
    """The last whole line of a log."""

    number: int
    """0 where there is none."""
    digest: str
    end: int
    """Where it ends, in bytes from the start of the file."""
    torn: bytes
    """What follows it: the beginning of a line that was never finished."""


def _last(file: int, path: Path) -> _Last:
    """Find where to go on. Raises StoreError where the file does not end as a log does: it is never started again."""
    size = os.fstat(file).st_size
    start = max(0, size - _TAIL)
    tail = os.pread(file, size - start, start)
    whole, _, torn = tail.rpartition(b"\n")
    end = size - len(torn)
    if end == 0 and size < _LONGEST:
        # Empty, or killed over its first line.
        return _Last(0, START, end, torn)
    _, ended, last = whole.rpartition(b"\n")
    # The line is whole if another one ends before it, or the file begins with it.
    fields = _fields(last) if ended or start == 0 else None
    if fields is None:
        raise _not_now(
            f"the audit log {path} does not end with a whole line; `triage writeback audit` shows where. Move it away "
            "to begin another; nothing is sent without a line in it"
        )
    return _Last(int(str(fields["n"])), str(fields["hash"]), end, torn)


def _write(file: int, line: bytes) -> None:
    """Write all of it: a disk that fills up takes a part first, and refuses only the rest."""
    while line:
        line = line[os.write(file, line) :]


def _write_head(path: Path, number: int, digest: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    # One that a kill left, or that somebody has put there.
    temporary.unlink(missing_ok=True)
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
    try:
        _write(file, f"{number} {digest}\n".encode("ascii"))
    finally:
        os.close(file)
    temporary.replace(path)


def last_line_name(path: Path) -> str:
    """The named value of the store under which the last line of this host's log at a path is kept."""
    return f"audit/{socket.gethostname()}/{path.absolute()}"


def verify_audit(path: Path, stored: JsonValue | None = None) -> AuditVerification:
    """Read a log from start to end and name every line that is not as it was written.

    Args:
        path: The log.
        stored: What the store has under `last_line_name`; `None` where it knows no line.

    Raises StoreError where the file cannot be read. A log that doesn't exist has no lines and is intact, unless a head
    or the store says that there were some.
    """
    known = stored if isinstance(stored, dict) else {}
    at_known = ""
    broken: list[BrokenLine] = []
    number, previous = 0, START
    # A kill may come between a line and the head; nothing was sent for that line.
    before = ["0", START]
    try:
        lines, head = _lines_and_head(path)
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"the audit log {path} cannot be read") from error
    if lines[-1]:
        broken.append(BrokenLine(len(lines), "the line is not finished; nothing was sent for it"))
    for place, line in enumerate(lines[:-1], 1):
        fields = _fields(line)
        if fields is None:
            broken.append(BrokenLine(place, "not a JSON object with n, previous and hash"))
            continue
        stated = str(fields.pop("hash"))
        if _hash(fields) != stated:
            broken.append(BrokenLine(place, "the line was changed: its hash is not that of its content"))
        if fields["n"] != number + 1:
            broken.append(
                BrokenLine(place, f"number {fields['n']} where {number + 1} is expected: lines dropped or moved")
            )
        elif fields["previous"] != previous:
            broken.append(BrokenLine(place, "the line before is not the one that this line was written after"))
        before = [str(number), previous]
        number, previous = int(str(fields["n"])), stated
        at_known = stated if number == known.get("n") else at_known
    if head is None and number:
        broken.append(BrokenLine(len(lines), "the head file is missing: lines may have been dropped at the end"))
    elif head is not None and not _is_head(head):
        broken.append(
            BrokenLine(len(lines), "the head file is empty or no head: lines may have been dropped at the end")
        )
    elif head is not None and head not in ([str(number), previous], before):
        broken.append(BrokenLine(len(lines), f"the log should end with number {head[0]}: lines dropped at the end"))
    if known and at_known != known.get("hash"):
        broken.append(
            BrokenLine(len(lines), f"the state database knows another line {known.get('n')}: lines changed or dropped")
        )
    return AuditVerification(len(lines) - 1, tuple(broken))


def _is_head(head: list[str]) -> bool:
    return len(head) == 2 and head[0].isdecimal() and len(head[1]) == len(START)  # noqa: PLR2004 - number and hash


def _lines_and_head(path: Path) -> tuple[list[bytes], list[str] | None]:
    """The lines and the head, never in the middle of an append. Raises OSError, UnicodeDecodeError, StoreError."""
    with ExitStack() as stack:
        content = b""
        if path.exists():
            file = stack.enter_context(path.open("rb"))
            _lock(file.fileno(), path, fcntl.LOCK_SH, LOCK_SECONDS)
            content = file.read()
        head = _head_of(path)
        return content.split(b"\n"), head.read_text(encoding="ascii").split() if head.exists() else None


def _fields(line: bytes) -> dict[str, object] | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or not {"n", "previous", "hash"} <= fields.keys():
        return None
    return fields if isinstance(fields["n"], int) else None
