"""The detection-ID expression: bounded in time, and away from the event loop.

`regex` releases the GIL while it matches a `str` (its documentation, "Multithreading"), so a thread keeps the event
loop running.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

import regex

REGEX_SECONDS = 0.05
"""An expression that takes longer than this on one id is not applied to it."""

MAX_ID = 500
"""Characters of a detection id that the expression sees; real ids are far shorter."""

REMEMBERED = 4_096
"""Results kept; an organisation has a few hundred detections."""

PATIENCE = 3
"""Timeouts of one id after which it is no longer tried: a single one may have been the machine's fault."""


class Match(StrEnum):
    """The result of an expression on one detection id."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    TIMED_OUT = "timed_out"


_known: OrderedDict[tuple[str, str], Match] = OrderedDict()
_slow: OrderedDict[tuple[str, str], int] = OrderedDict()


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> "regex.Pattern[str]":
    return regex.compile(pattern)


def matches(pattern: str, detection_id: str) -> Match:
    """Search for the expression in a detection id; blocks for up to `REGEX_SECONDS`."""
    known = _recall(pattern, detection_id)
    if known is not None:
        return known
    try:
        found = _compiled(pattern).search(detection_id[:MAX_ID], timeout=REGEX_SECONDS)
    except TimeoutError:
        return Match.TIMED_OUT
    return Match.FOUND if found else Match.NOT_FOUND


async def match_all(pattern: str, detection_ids: Iterable[str]) -> Mapping[str, Match]:
    """Search several ids without blocking the event loop; earlier results are remembered."""
    ids = dict.fromkeys(detection_ids)
    results = {each: known for each in ids if (known := _recall(pattern, each)) is not None}
    missing = [each for each in ids if each not in results]
    if missing:

        def search() -> list[Match]:
            return [matches(pattern, each) for each in missing]

        for each, match in zip(missing, await asyncio.to_thread(search), strict=True):
            results[each] = match
            _remember(pattern, each, match)
    return results


def _recall(pattern: str, detection_id: str) -> Match | None:
    return _known.get((pattern, detection_id[:MAX_ID]))


def _remember(pattern: str, detection_id: str, match: Match) -> None:
    """Only ever called on the event loop."""
    key = (pattern, detection_id[:MAX_ID])
    if match is Match.TIMED_OUT:
        _slow[key] = _slow.pop(key, 0) + 1
        _bound(_slow)
        if _slow.get(key, 0) < PATIENCE:
            return
    _known[key] = match
    _bound(_known)


def _bound(kept: "OrderedDict[tuple[str, str], Match] | OrderedDict[tuple[str, str], int]") -> None:
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
