"""What an absence is worth: health of the sources, and the rhythm in which a table is written."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from triage.domain.base import Row
from triage.domain.coverage import Coverage
from triage.domain.window import TimeWindow
from triage.ports import LogSource
from triage.stages.enrichment.subject import parse_time

TOLERANCE = timedelta(minutes=60)
"""A silence that any source may have: batches, a slow poll."""

MARGIN = timedelta(minutes=15)
"""How far past a window's end an ailing source must have delivered to count as healthy within it."""

SIGN_OF_LIFE = timedelta(minutes=45)
"""How long after the alert's last event the source must still have delivered before "nothing followed" means a thing."""

USUAL_SHARE = 0.7
"""A table that had rows in the same hours on this share of the days before is expected to have them."""

SATURDAY = 5
MIN_DAYS = 5
"""Days of the same sort (weekdays, or weekend) that a rhythm is judged by."""

RHYTHM_SQL = """
    SELECT DATE_TRUNC('hour', p_event_time) AS hour, COUNT(*) AS events, MAX(p_event_time) AS last_seen,
      COUNT_IF(ARRAY_SIZE(p_any_ip_addresses) > 0) AS with_address,
      COUNT_IF(ARRAY_SIZE(p_any_usernames) > 0 OR ARRAY_SIZE(p_any_emails) > 0 OR ARRAY_SIZE(p_any_actor_ids) > 0
        OR ARRAY_SIZE(p_any_aws_arns) > 0 OR ARRAY_SIZE(p_any_ip_addresses) > 0) AS with_actor
    FROM {table}
    WHERE p_event_time BETWEEN :start AND :end
    GROUP BY 1
    ORDER BY 1 DESC
    LIMIT :limit
"""
"""Rows an hour, newest first."""

PLAIN_RHYTHM_SQL = """
    SELECT DATE_TRUNC('hour', p_event_time) AS hour, COUNT(*) AS events, MAX(p_event_time) AS last_seen
    FROM {table}
    WHERE p_event_time BETWEEN :start AND :end
    GROUP BY 1
    ORDER BY 1 DESC
    LIMIT :limit
"""
"""The same for a table that lacks one of the indicator columns; then no control is known."""


class Hour(NamedTuple):
    """An hour that holds rows. A tuple: an alert makes some thousands of them."""

    start: datetime
    events: int
    last_seen: datetime
    with_address: int
    with_actor: int


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Which hours of a table hold rows."""

    hours: tuple[Hour, ...]
    """Newest first; hours without rows are left out."""
    complete: bool = True
    """False where the oldest hours were cut."""
    controlled: bool = True
    """Rows with an actor and with an address were counted."""
    last: datetime | None = field(init=False, compare=False)
    """When the newest row was written."""

    def __post_init__(self) -> None:
        # Asked for once per question, over a thousand hours.
        object.__setattr__(self, "last", max((hour.last_seen for hour in self.hours), default=None))

    @classmethod
    def of(cls, rows: Sequence[Row], *, truncated: bool) -> "Rhythm":
        """Read the answer to `RHYTHM_SQL`."""
        hours = []
        for row in rows:
            start, last = parse_time(row.get("hour")), parse_time(row.get("last_seen"))
            if start is not None and last is not None:
                hours.append(Hour(start, _int(row, "events"), last, _int(row, "with_address"), _int(row, "with_actor")))
        return cls(
            tuple(sorted(hours, key=lambda hour: hour.start, reverse=True)),
            complete=not truncated,
            controlled=all("with_actor" in row for row in rows),
        )

    def between(self, start: datetime, end: datetime) -> tuple[Hour, ...]:
        """The hours that touch a span."""
        return tuple([hour for hour in self.hours if hour.start <= end and hour.last_seen >= start])

    def usual(self, silence: TimeWindow) -> float | None:
        """On which share of like days before (weekdays or weekend) the same hours had rows; `None` for too few days."""
        weekend = silence.start.weekday() >= SATURDAY
        starts = sorted(hour.start for hour in self.hours)
        first = starts[0] if starts else silence.start
        found = days = 0
        for back in range(1, 29):
            shift = timedelta(days=back)
            start, end = silence.start - shift, silence.end - shift
            if start < first:
                break
            if (start.weekday() >= SATURDAY) is not weekend:
                continue
            days += 1
            place = bisect_left(starts, start - timedelta(minutes=59))
            found += place < len(starts) and starts[place] <= end
        return found / days if days >= MIN_DAYS else None


def _int(row: Row, name: str) -> int:
    value = row.get(name)
    if type(value) is int:
        return value
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def coverage_of(
    window: TimeWindow,
    *,
    rhythm: Rhythm | None,
    sources: Sequence[LogSource] | None,
    last_event: datetime,
    control: str,
    now: datetime,
) -> Coverage:
    """What "no rows" of one question would be worth.

    Args:
        window: What the question covers.
        rhythm: The table's; `None` where it is not known.
        sources: The sources that deliver the log type; `None` where Panther didn't say.
        last_event: The alert's own last event.
        control: `actor`, `address` or `any`: what rows of anyone must hold.
        now: The present moment.
    """
    # What a source delivered after the window's end shows that it was at work then, whatever is wrong with it today.
    healthy = (
        None
        if not sources
        else all(
            source.healthy or (source.last_event_at is not None and source.last_event_at >= window.end + MARGIN)
            for source in sources
        )
    )
    if rhythm is None:
        return Coverage(source_healthy=healthy, last_event_at=_latest(sources, None))
    hours = rhythm.between(window.start, window.end)
    events = sum([hour.events for hour in hours])
    if control == "actor":
        controls = sum([hour.with_actor for hour in hours])
    else:
        controls = sum([hour.with_address for hour in hours]) if control == "address" else events
    last = _latest(sources, rhythm.last)
    return Coverage(
        source_healthy=healthy,
        source_reached_window=_reached(window, last, rhythm, last_event, now),
        table_has_rows=events > 0 if hours or rhythm.complete else None,
        control_has_rows=controls > 0 if events and (rhythm.controlled or control == "any") else None,
        last_event_at=last,
    )


def _latest(sources: Sequence[LogSource] | None, last: datetime | None) -> datetime | None:
    told = [source.last_event_at for source in sources or () if source.last_event_at is not None]
    return max([*told, *([last] if last is not None else [])], default=None)


def _reached(
    window: TimeWindow, last: datetime | None, rhythm: Rhythm, last_event: datetime, now: datetime
) -> bool | None:
    """Whether the source delivered up to the window's end, or to the present where that is earlier."""
    if last is None:
        return None
    end = min(window.end, now)
    if end <= last_event:
        # The alert's own event came after the window: the source was alive.
        return True
    if last < min(last_event + SIGN_OF_LIFE, end - TOLERANCE):
        return False
    if last >= end - TOLERANCE:
        return True
    usual = rhythm.usual(TimeWindow(last, end))
    return usual is None or usual < USUAL_SHARE
