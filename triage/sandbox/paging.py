"""Opaque cursors over sorted lists."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from triage.sandbox.errors import RequestError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing."""

    items: Sequence[T]
    start: str | None
    """The cursor that this page was asked with."""
    end: str | None
    """The cursor of the next page; `None` on the last one."""

    def info(self) -> dict[str, object]:
        """GraphQL's `pageInfo`."""
        return {
            "startCursor": self.start,
            "endCursor": self.end,
            "hasNextPage": self.end is not None,
            "hasPreviousPage": self.start is not None,
        }


def encode(position: object) -> str:
    """Make a cursor of a position."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode(cursor: str) -> object:
    """Read a position back. Raises RequestError (400) on a cursor that this server did not make."""
    try:
        return json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise RequestError(400, "invalid cursor") from error


def page_of(items: Sequence[T], cursor: str | None, size: int) -> Page[T]:
    """A page of a list that only ever grows at its end.

    Raises:
        RequestError: 400 for a page size below one or a cursor that this server did not make.
    """
    if size < 1:
        raise RequestError(400, "the page size must be positive")
    start = decode(cursor) if cursor else 0
    if not isinstance(start, int) or not 0 <= start <= len(items):
        raise RequestError(400, "invalid cursor")
    end = start + size
    return Page(items[start:end], cursor or None, encode(end) if end < len(items) else None)
