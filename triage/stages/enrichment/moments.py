"""When an alert's events happened, as far as what they say of it can be true.

Every window of every question is placed around these moments, and an event's own time is often the client's word: an
event dated back by three weeks would move all windows away from what really followed. Panther's times, when it parsed
the event and when it raised the alert, are its own. A claimed time that does not fit them is said as a fault and not used.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.times import claimed_time, is_reckoned, parse_time

AHEAD = timedelta(days=1)
"""How far after the alert's creation an event may say that it happened: as long as Panther adds events to an alert."""
BEHIND = timedelta(days=7)
"""How long after it happened an event may be parsed: late deliveries are a matter of hours, rarely of days."""
UNPARSED = timedelta(days=60)
"""The same before the alert's creation, for rows without a time of parsing: a scheduled query may look far back."""
_YEAR = 365
_SHOWN = 60
"""Characters of a claimed time that are kept."""


@dataclass(frozen=True, slots=True)
class TimeFault:
    """A time that cannot be as it is given."""

    row: int | None
    """Index of the event; `None` for the alert's own time of its first event."""
    claimed: str
    """As the event gives it."""
    used: datetime
    """What takes its place."""
    sentence: str
    """For readers; quotes nothing of the event but a time."""

    def as_row(self) -> dict[str, JsonValue]:
        """The fault as a row of evidence."""
        return {
            "row": self.row,
            "claimed_time": self.claimed,
            "used_time": self.used.isoformat(),
            "fault": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class EventMoments:
    """When an alert's events happened."""

    first: datetime
    last: datetime
    faults: tuple[TimeFault, ...] = ()


def event_moments(alert: Alert, rows: Sequence[Row]) -> EventMoments:
    """Place an alert's events in time.

    Args:
        alert: Its creation bounds what can be true, and counts where no event does.
        rows: The alert's events, or those of one actor.
    """
    faults: list[TimeFault] = []
    times: list[datetime] = []
    parsed: list[datetime] = []
    for number, row in enumerate(rows):
        arrived = _arrival(alert, row)
        fault = _fault(alert, row, number, arrived)
        parsed += [arrived] if arrived is not None else []
        if fault is not None:
            faults.append(fault)
            times.append(fault.used)
        elif (claimed := parse_time(row.get("p_event_time"))) is not None:
            times.append(claimed)
    first = alert.first_event_at or alert.created_at
    floor = min(parsed) - BEHIND if parsed else alert.created_at - UNPARSED
    if not floor <= first <= alert.created_at + AHEAD:
        used = min(times, default=alert.created_at)
        faults.append(TimeFault(None, first.isoformat(), used, _first_event_sentence(first, alert.created_at)))
        first = used
    first = min([first, *times])
    return EventMoments(first, max([first, *times]), tuple(faults))


def _arrival(alert: Alert, row: Row) -> datetime | None:
    """When Panther parsed an event; `None` where that isn't known."""
    arrived = parse_time(row.get("p_parse_time"))
    return arrived if arrived is not None and arrived <= alert.created_at + AHEAD else None


def _fault(alert: Alert, row: Row, number: int, arrived: datetime | None) -> TimeFault | None:
    raw = row.get("p_event_time")
    if raw is None and not row.get("p_log_type"):
        # A row of a scheduled query counts events, and has no time of its own.
        return None
    used = arrived or alert.created_at
    claimed = claimed_time(raw)
    if claimed is None:
        said = "has no time" if raw is None else "has a time that cannot be read"
        instead = "at which Panther parsed it" if arrived else "at which the alert was raised"
        sentence = f"The alert's event in row {number} {said}; the time {instead} is used."
        return TimeFault(number, _shown(raw), used, sentence)
    before = claimed < (arrived - BEHIND if arrived is not None else alert.created_at - UNPARSED)
    if not before and claimed <= alert.created_at + AHEAD and is_reckoned(claimed):
        return None
    seen = f"Panther parsed it {_apart(claimed, used)}" if arrived else f"the alert was raised {_apart(claimed, used)}"
    sentence = f"The alert's event in row {number} says {_written(claimed)}; {seen}, and that time is used."
    return TimeFault(number, _shown(raw), used, sentence)


def _first_event_sentence(claimed: datetime, created: datetime) -> str:
    return (
        f"The alert says that its first event was on {_written(claimed)}; it was raised {_apart(claimed, created)}. "
        "That time is not used."
    )


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _apart(claimed: datetime, moment: datetime) -> str:
    """How much later or earlier a moment was than what is claimed."""
    days = abs(moment - claimed) // timedelta(days=1)
    amount, unit = (days // _YEAR, "year") if days >= 2 * _YEAR else (days, "day")
    return f"{amount} {unit}{'' if amount == 1 else 's'} {'later' if moment >= claimed else 'earlier'}"


def _shown(raw: JsonValue) -> str:
    return "" if raw is None else str(raw)[:_SHOWN] if isinstance(raw, str | int | float) else type(raw).__name__


def notes_on(faults: Sequence[TimeFault], *, most: int = 4) -> Iterator[str]:
    """The faults as notes of a report, the first few in full."""
    yield from (fault.sentence for fault in faults[:most])
    if len(faults) > most:
        left = len(faults) - most
        yield f"The times of {left} more event{'' if left == 1 else 's'} of the alert cannot be right either."
