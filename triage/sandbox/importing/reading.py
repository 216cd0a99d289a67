"""Reads records from untrusted files: bounded, a few megabytes at a time, never outside the path that was given.

Three forms, told apart by their first bytes: `{"Records": [...]}` as AWS delivers CloudTrail, a JSON array, and one JSON
object a line. Each may be gzip, whatever its name says.
"""

import codecs
import gzip
import json
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Never, cast

from pydantic import JsonValue

from triage.errors import ConfigError

Rejected = Callable[[Path, int, str], None]
"""Called with file, line and reason for everything that is left out."""

LOG_FILES = (".json", ".ndjson", ".jsonl", ".log", ".gz")
_NOT_LOGS = ("CloudTrail-Digest",)
_GZIP = b"\x1f\x8b"
_ARRAY = re.compile(r'\ufeff?\s*(?:\{\s*"Records"\s*:\s*)?\[')
_NEXT = re.compile(r'\s*\}?\s*(?:\{\s*"Records"\s*:\s*)?\[')
_HEAD = 4096
_CHUNK = 1 << 18
_SPACE = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost."""

    record: int = 4 << 20
    """Bytes of one record."""
    depth: int = 64
    """Objects and arrays within each other."""
    ratio: int = 250
    """Bytes out for each byte of gzip; what lies below `free` is not looked at."""
    free: int = 32 << 20
    """Bytes that any gzip file may unpack to."""
    unpacked: int = 64 << 30
    """Bytes that a file may hold when unpacked."""


class _TooLarge(Exception):
    """A file unpacks to more than is reasonable."""


def files(path: Path, suffixes: tuple[str, ...], skipped: Callable[[Path], None]) -> Iterator[Path]:
    """The regular files at or below a path, in order of their names.

    Of a directory those count whose names end as log files do. A link inside it is followed only to a file within it.
    Other files are passed to `skipped`; hidden ones (`.git`) are ignored, as are CloudTrail's digests, which hold no
    records.

    Args:
        path: A file, which is read whatever it is called, or a directory.
        suffixes: How the names of wanted files end, in lower case.
        skipped: Called with each of the others.

    Raises:
        ConfigError: There is nothing at the path.
    """
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise ConfigError(f"{path}: no such file or directory")
    root = path.resolve()
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_LOGS)
        for name in sorted(names):
            file = Path(folder) / name
            if name.startswith("."):
                continue
            if name.lower().endswith(suffixes) and within(file, root):
                yield file
            else:
                skipped(file)


def within(file: Path, root: Path) -> bool:
    """Whether a path leads to a regular file below a resolved directory."""
    try:
        real = file.resolve(strict=True)
        return real.is_relative_to(root) and stat.S_ISREG(real.stat().st_mode)
    except (OSError, RuntimeError, ValueError):
        # A name may hold what no file's name can, such as NUL.
        return False


def records(path: Path, limits: Limits, reject: Rejected) -> Iterator[tuple[int, dict[str, JsonValue]]]:
    """Each record of a file with its line (in an array: its number); what cannot be read goes to `reject`."""
    number = 0
    try:
        with ExitStack() as stack:
            raw: BinaryIO = stack.enter_context(path.open("rb"))
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            stream: _Unpacked = _Unpacked(raw, limits, packed=packed)
            stack.callback(stream.close)
            head = stream.peek()
            form = _array if _ARRAY.match(head.decode("utf-8", "replace")) else _lines
            for number, value in form(stream, limits):
                if isinstance(value, str):
                    reject(path, number, value)
                else:
                    yield number, value
    except _TooLarge as error:
        reject(path, 0, str(error))
    except UnicodeDecodeError:
        reject(path, number + 1, "not UTF-8; the rest of the file is left out")
    except (EOFError, gzip.BadGzipFile, zlib.error):
        reject(path, 0, "the gzip data is damaged or cut; what could be unpacked was read")
    except OSError as error:
        reject(path, 0, f"cannot be read ({error.strerror or type(error).__name__})")


class _Unpacked:
    """A file's bytes, unpacked within limits. Raises _TooLarge above them."""

    def __init__(self, raw: BinaryIO, limits: Limits, *, packed: bool) -> None:
        self._raw = raw
        self._stream = gzip.GzipFile(fileobj=raw) if packed else None
        self._limits = limits
        self._out = 0
        self._kept = b""

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def peek(self) -> bytes:
        """The first bytes, which stay to be read."""
        self._kept = self._read()
        return self._kept[:_HEAD]

    def read(self) -> bytes:
        """The next bytes; empty at the end."""
        kept, self._kept = self._kept, b""
        return kept or self._read()

    def _read(self) -> bytes:
        data = (self._stream or self._raw).read(_CHUNK)
        self._out += len(data)
        if self._out > self._limits.unpacked:
            raise _TooLarge(f"holds more than {self._limits.unpacked} bytes; the rest is left out")
        if (
            self._stream is not None
            and self._out > self._limits.free
            and self._out > self._limits.ratio * self._raw.tell()
        ):
            raise _TooLarge(f"unpacks to more than {self._limits.ratio} times its size; the rest is left out")
        return data


ReadResults = Iterator[tuple[int, dict[str, JsonValue] | str]]
"""Number and record, or number and why there is none."""


def _lines(stream: _Unpacked, limits: Limits) -> ReadResults:
    number, pending, dropping = 0, b"", False
    while chunk := stream.read():
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            number += 1
            if dropping:
                dropping = False
            elif (found := _line(line, limits, first=number == 1)) is not None:
                yield number, found
        if len(pending) > limits.record:
            if not dropping:
                yield number + 1, "the line is longer than a record may be"
            dropping, pending = True, b""
    if pending and not dropping and (found := _line(pending, limits, first=number == 0)) is not None:
        yield number + 1, found


def _line(line: bytes, limits: Limits, *, first: bool) -> dict[str, JsonValue] | str | None:
    """The record of a line, why there is none, or nothing for an empty one."""
    try:
        text = line.decode("utf-8-sig" if first else "utf-8").strip()
    except UnicodeDecodeError:
        return "not UTF-8"
    return _record(text, limits) if text else None


def _record(text: str, limits: Limits) -> dict[str, JsonValue] | str:
    if len(text) > limits.record:
        return "the line is longer than a record may be"
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return _why(error)
    return _checked(value, limits)


def _array(stream: _Unpacked, limits: Limits) -> ReadResults:
    """The elements of an array, or of several in a row, each decoded as soon as it is whole."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    text = decode(stream.read())
    start = _ARRAY.match(text)
    position = start.end() if start else 0
    number = 0
    while True:
        position = cast("re.Match[str]", _SPACE.match(text, position)).end()
        if text[position : position + 1] == "]":
            # Files of AWS that were joined: one document after the other.
            text = text[position + 1 :]
            while len(text) < _HEAD and (more := stream.read()):
                text = text.lstrip() + decode(more)
            following = _NEXT.match(text)
            if following is None:
                if text.strip(" \t\r\n}"):
                    yield number + 1, "something else follows the array; the rest of the file is left out"
                return
            position = following.end()
            continue
        try:
            value, end = _DECODER.raw_decode(text, position)
        except RecursionError:
            yield number + 1, "nested too deeply; the rest of the file is left out"
            return
        except ValueError as error:
            # Broken, or not whole yet: only the end of the data or of the bound tells.
            if len(text) - position > limits.record:
                yield number + 1, f"{_why(error)}, or larger than a record may be; the rest of the file is left out"
                return
            more = stream.read()
            if not more:
                decode(b"", final=True)
                what = "the file ends within a record" if position < len(text) else "the file ends within its array"
                yield number + 1, what
                return
            text, position = text[position:] + decode(more), 0
            continue
        number += 1
        yield number, _checked(value, limits)
        position = end
        if position > _CHUNK:
            text, position = text[position:], 0


def _checked(value: object, limits: Limits) -> dict[str, JsonValue] | str:
    if not isinstance(value, dict):
        return "not a JSON object"
    if too_deep(value, limits.depth):
        return "nested too deeply"
    return value


def too_deep(value: object, limit: int) -> bool:
    """Whether objects and arrays lie within each other more often than that; looked at level by level."""
    level: list[object] = [value]
    for _ in range(limit + 1):
        level = [
            inner
            for node in level
            for inner in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _why(error: ValueError) -> str:
    return "not JSON" if isinstance(error, json.JSONDecodeError) else str(error)[:80]


def _constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > 38:  # noqa: PLR2004 - the digits of Snowflake's NUMBER
        raise ValueError("a number is too large")
    return int(text)


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_float, parse_int=_integer)
