"""Reading an answer's body: capped while it arrives, decompressed under the same cap, parsed strictly."""

import json
import math
import re
import zlib
from collections.abc import AsyncIterator
from typing import Protocol

import pydantic_core
from pydantic import JsonValue

from triage.edges.panther.mending import MAX_LEVELS, mend

ACCEPTED_ENCODING = "gzip"

_GZIP = 16 + zlib.MAX_WBITS

_LONE_OR_NUL = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
"""A cheap test whether `_ESCAPE` has work to do: most answers contain no such escape."""
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
"""One JSON escape, a whole surrogate pair counting as one."""
_SINGLE = re.compile(rb"\\u(?:[dD][89a-fA-F][0-9a-fA-F]{2}|0000)")


class BodyError(Exception):
    """A body that cannot be used; the text says why without quoting it."""

    retryable = True


class BodyTooLarge(BodyError):
    """More bytes than the cap; asking again would not help."""

    retryable = False


class _Response(Protocol):
    def aiter_raw(self) -> AsyncIterator[bytes]: ...


async def read_body(response: _Response, encoding: str, limit: int) -> bytes:
    """Read and decompress a body.

    httpx itself decompresses each received chunk without a bound and takes a gzip stream that breaks off for a whole
    one, so the raw bytes are decoded here.

    Args:
        response: A streamed response.
        encoding: Its `Content-Encoding`.
        limit: Bytes at most, both as received and decompressed.

    Raises:
        BodyError: Unknown or broken encoding.
        BodyTooLarge: More than `limit` bytes; the rest is not read.
    """
    decoder = _decoder(encoding.strip().lower(), limit)
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        if received > limit:
            raise BodyTooLarge(f"it is larger than {_size(limit)}")
        decoder.feed(chunk)
    return decoder.close()


class _Plain:
    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        self._parts.append(chunk)

    def close(self) -> bytes:
        return b"".join(self._parts)


class _Inflater:
    """gzip, including several members in a row, never inflated beyond the cap."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inflate = zlib.decompressobj(_GZIP)
        self._parts: list[bytes] = []
        self._total = 0

    def feed(self, chunk: bytes) -> None:
        while chunk:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(_GZIP)
            try:
                # One byte more than allowed tells whether the cap was exceeded or only reached.
                part = self._inflate.decompress(chunk, self._limit - self._total + 1)
            except zlib.error as error:
                raise BodyError("its compression is broken") from error
            self._total += len(part)
            if self._total > self._limit:
                raise BodyTooLarge(f"it is larger than {_size(self._limit)} when decompressed")
            self._parts.append(part)
            chunk = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def close(self) -> bytes:
        if not self._inflate.eof:
            raise BodyError("its compressed data breaks off")
        return b"".join(self._parts)


def _decoder(encoding: str, limit: int) -> _Plain | _Inflater:
    match encoding:
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Inflater(limit)
        case _:
            raise BodyError("it has a content encoding that was not asked for")


def _size(count: int) -> str:
    return f"{count // (1024 * 1024)} MiB" if count >= 1024 * 1024 else f"{count} bytes"


def parse_json(data: bytes) -> JsonValue:
    """Parse JSON strictly.

    Refused: anything after the value, a byte order mark, invalid UTF-8, raw control characters. Of a repeated key the
    last value wins. What a single odd record may hold becomes visible text, so that it costs nobody the rest of an
    answer: lone surrogates and NUL, which neither UTF-8 files nor databases take (`\\ud800`, `\\u0000`), and what
    `mend` replaces (NaN and Infinity, endless numbers, deep nesting).

    Raises BodyError.
    """
    if _LONE_OR_NUL.search(data):
        data = _ESCAPE.sub(lambda found: b"\\" + found[0] if _SINGLE.fullmatch(found[0]) else found[0], data)
    try:
        return _parsed(data)
    except ValueError:
        try:
            return _parsed(mend(data))
        except ValueError as error:
            raise BodyError("it is empty" if not data.strip() else "it is not JSON") from error


def _parsed(data: bytes) -> JsonValue:
    value: JsonValue = pydantic_core.from_json(data, allow_inf_nan=False)
    return value


def finite(value: JsonValue) -> JsonValue:
    """The same value with null for numbers that JSON cannot express: `1e400` parses to infinity."""
    match value:
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case list():
            return [finite(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def canonical(row: dict[str, JsonValue]) -> tuple[dict[str, JsonValue], int]:
    """A row fit to be stored, and the bytes of its canonical JSON (sorted keys, no spaces, ASCII)."""
    try:
        text = _canonical_text(row)
    except ValueError:
        row = {key: finite(value) for key, value in row.items()}
        text = _canonical_text(row)
    if text.count("{") + text.count("[") > MAX_LEVELS:
        # Only such a row can be nested more deeply than those who store and read it can bear.
        mended = mend(text.encode()).decode()
        return (row if mended == text else json.loads(mended)), len(mended)
    return row, len(text)


def _canonical_text(row: dict[str, JsonValue]) -> str:
    return json.dumps(row, sort_keys=True, separators=(",", ":"), allow_nan=False)
