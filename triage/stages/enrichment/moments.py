"""When an alert's events happened, as far as what they say of it can be true.

Every window of every question is placed around these moments, and an event's own time is often the client's word: an
event dated back by three weeks would move all windows away from what really followed. Panther's times, when it parsed
the event and when it raised the alert, are its own. A claimed time that does not fit them is said as a fault and not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.alert import AHEAD, BEHIND, BEHIND_SCHEDULED, Alert
from triage.domain.base import Row
from triage.domain.times import claimed_time, is_reckoned, parse_time

_YEAR = 365


@dataclass(frozen=True, slots=True)
class EventFault:
    """What is wrong with one event, or with what the alert says of its events."""

    row: int | None
    """Index of the event; `None` for the alert itself."""
    sentence: str
    """For readers; quotes nothing of the event but a time."""
    claimed: datetime | None = None
    """The time that the event gives, where that is what cannot be."""
    used: datetime | None = None
    """What takes its place."""


@dataclass(frozen=True, slots=True)
class EventMoments:
    """When an alert's events happened."""

    first: datetime
    last: datetime
    faults: tuple[EventFault, ...] = ()


def event_moments(alert: Alert, rows: Sequence[Row]) -> EventMoments:
    """Place an alert's events in time.

    Args:
        alert: Its creation bounds what can be true, and counts where no event does.
        rows: The alert's events, or those of one actor.
    """
    faults: list[EventFault] = []
    times: list[datetime] = []
    for number, row in enumerate(rows):
        fault = _fault(alert, row, number)
        if fault is not None and fault.used is not None:
            faults.append(fault)
            times.append(fault.used)
        elif (claimed := parse_time(row.get("p_event_time"))) is not None:
            times.append(claimed)
    said = alert.first_event_at
    if said is not None and said != alert.moment:
        sentence = (
            f"The alert says that its first event was on {_written(said)}; it was raised "
            f"{_apart(said, alert.created_at)}, and its first event's time is not used."
        )
        faults.append(EventFault(None, sentence, said, min(times, default=alert.created_at)))
    first = min([*times, alert.moment])
    return EventMoments(first, max([first, *times]), tuple(faults))


def _arrival(alert: Alert, row: Row) -> datetime | None:
    """When Panther parsed an event; `None` where that isn't known."""
    arrived = parse_time(row.get("p_parse_time"))
    return arrived if arrived is not None and arrived <= alert.created_at + AHEAD else None


def _fault(alert: Alert, row: Row, number: int) -> EventFault | None:
    raw, arrived = row.get("p_event_time"), _arrival(alert, row)
    if raw is None and not row.get("p_log_type"):
        # A row of a scheduled query counts events, and has no time of its own.
        return None
    used = arrived or alert.created_at
    claimed = claimed_time(raw)
    if claimed is None:
        said = "has no time" if raw is None else "has a time that cannot be read"
        instead = "at which Panther parsed it" if arrived else "at which the alert was raised"
        return EventFault(number, f"The alert's event in row {number} {said}; the time {instead} is used.", None, used)
    before = claimed < (arrived - BEHIND if arrived is not None else alert.created_at - BEHIND_SCHEDULED)
    if not before and claimed <= alert.created_at + AHEAD and is_reckoned(claimed):
        return None
    seen = f"Panther parsed it {_apart(claimed, used)}" if arrived else f"the alert was raised {_apart(claimed, used)}"
    sentence = f"The alert's event in row {number} says {_written(claimed)}; {seen}, and that time is used."
    return EventFault(number, sentence, claimed, used)


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _apart(claimed: datetime, moment: datetime) -> str:
    """How much later or earlier a moment was than what is claimed."""
    days = abs(moment - claimed) // timedelta(days=1)
    amount, unit = (days // _YEAR, "year") if days >= 2 * _YEAR else (days, "day")
    return f"{amount} {unit}{'' if amount == 1 else 's'} {'later' if moment >= claimed else 'earlier'}"
