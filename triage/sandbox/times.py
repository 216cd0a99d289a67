"""Times as Panther writes them, and how the times of a recorded world are moved."""

import re
from datetime import UTC, datetime, timedelta

# The year is spelt `20..` so that the search can jump from literal to literal: 40 MB of events take a quarter of a
# second. Years outside 2000-2099 therefore never move, which also spares placeholders such as 1970-01-01.
_MOMENT = re.compile(r"20\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d:[0-5]\d(?!\d)")


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time or Panther's `YYYY-MM-DD HH:MM:SS.mmm`; one without a zone is in UTC.

    Raises:
        ValueError: The text is not a time.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def iso(moment: datetime) -> str:
    """Format as Panther's API does: `2026-01-02T15:04:05.000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def lake_time(moment: datetime) -> str:
    """Format as the lake does: `2026-01-02 15:04:05.000`, in UTC without a zone."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def shift_times(text: str, delta: timedelta) -> str:
    """Move every point in time that a text spells out by whole seconds.

    A point in time is a date with a time of day down to the second, as ISO 8601 or as `YYYY-MM-DD HH:MM:SS`. It moves
    wherever it occurs, even inside a longer text (a query quoted in an alert's context must keep pointing at the same
    events). Fractions and zones stay as written. These never move: a date alone, because it is mostly a name or a
    version (`2012-10-17` of a policy document, a snapshot called after a day), and a number, because identifiers look
    like epoch seconds. The text may be JSON: digits, `-`, `:`, `T` and blanks are never escaped in it.
    """
    if not delta:
        return text

    def move(match: re.Match[str]) -> str:
        start = match.start()
        if start and text[start - 1].isdigit():
            return match[0]
        try:
            moved = datetime.fromisoformat(match[0]) + delta
        except (ValueError, OverflowError):
            return match[0]
        return moved.isoformat(match[0][10])

    return _MOMENT.sub(move, text)
