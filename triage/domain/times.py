"""Times as logs write them. The one place that decides which of them this program reckons with.

A log can claim any time, and a claimed one near the end of Python's calendar would raise an error as soon as an hour is
added to it. What lies outside the years below is therefore no time: nothing that reads it here has to be careful.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
"""Whatever lies before is an empty number that was written as a time."""
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")
_LONGEST = 40
"""Longer texts are not remembered; a time needs at most 35 characters."""


def parse_time(value: object) -> datetime | None:
    """Parse a time as the lake writes it (`2026-01-02 03:04:05.678`, UTC) or in ISO 8601; `None` for anything else."""
    moment = claimed_time(value)
    return moment if moment is not None and is_reckoned(moment) else None


def claimed_time(value: object) -> datetime | None:
    """The same for any year: to be shown and compared. Adding to it may raise OverflowError."""
    if not isinstance(value, str):
        return None
    return _remembered(value) if len(value) <= _LONGEST else _parsed(value)


def is_reckoned(moment: datetime) -> bool:
    """Whether an aware moment lies in the years that this program reckons with."""
    return EARLIEST <= moment < LATEST


def _parsed(value: str) -> datetime | None:
    text = value.strip().replace(" ", "T", 1).removesuffix("Z")
    # Snowflake may write nine digits; Python reads six.
    if "." in text:
        text = _NANOSECONDS.sub(r"\1", text)
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_remembered = lru_cache(maxsize=16_384)(_parsed)
"""Each question reads the hours of a table and the times of an alert's events again."""
