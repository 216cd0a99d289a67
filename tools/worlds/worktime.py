"""The clock of a generated world: its days, its working hours, and how its times (all in UTC) are written."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

DAY = timedelta(days=1)
RECENT = timedelta(hours=23, minutes=30)
"""The oldest event of an alert under test."""

SETTLED = timedelta(hours=2)
"""The youngest: what follows on an event has had time to happen and to arrive."""


def stamp(at: datetime) -> str:
    """A time as Panther's lake writes it."""
    return at.isoformat(" ", "milliseconds")[:23]


def iso(at: datetime) -> str:
    """A time as Panther's API writes it, to the millisecond."""
    return at.isoformat("T", "milliseconds")[:23] + "Z"


def iso_seconds(at: datetime) -> str:
    """A time to the second, as AWS writes it."""
    return at.isoformat("T", "seconds")[:19] + "Z"


def _rest_days(now: datetime) -> frozenset[int]:
    """Saturday and Sunday, unless the last day before `now` touches them: then two days away from it.

    The alerts under test are people's work, so the last day has to be a working day for every office, from the one
    furthest west (yesterday's date still) to the one furthest east (tomorrow's already).
    """
    weekday = now.weekday()
    touched = {(weekday + shift) % 7 for shift in (-2, -1, 0, 1)}
    weekend = {5, 6}
    return frozenset(weekend if not touched & weekend else {(weekday + 3) % 7, (weekday + 4) % 7})


@dataclass(frozen=True, slots=True)
class Timeline:
    """From the first log record to `now`. Offsets are hours east of UTC; summer time is not modelled."""

    now: datetime
    days: int
    rest: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rest", _rest_days(self.now))

    @property
    def start(self) -> datetime:
        """The first moment that has logs."""
        return self.now - self.days * DAY

    def at(self, day: date, hour: float, offset: int) -> datetime:
        """The moment when clocks at `offset` show `hour` on `day`."""
        return datetime.combine(day, time(), tzinfo=UTC) + timedelta(hours=hour - offset)

    def local_date(self, moment: datetime, offset: int) -> date:
        """The date on the wall at `offset`."""
        return (moment + timedelta(hours=offset)).date()

    def workdays(self, offset: int) -> list[date]:
        """The working days from the start to now, by the calendar at `offset`."""
        first, last = self.local_date(self.start, offset), self.local_date(self.now, offset)
        every = (first + index * DAY for index in range((last - first).days + 1))
        return [day for day in every if day.weekday() not in self.rest]

    def recent(self, hour: float, offset: int, youngest: timedelta = SETTLED) -> datetime:
        """The last time that clocks at `offset` showed `hour`, moved by as little as puts it in the last day.

        The answer is at least `youngest` and at most `RECENT` before now.
        """
        age = (self.now - self.at(self.local_date(self.now, offset), hour, offset)) % DAY
        if youngest <= age <= RECENT:
            return self.now - age
        to_youngest = (youngest - age) % DAY
        to_oldest = (age - RECENT) % DAY
        return self.now - (youngest if to_youngest < to_oldest else RECENT)

    def past(self, days_ago: int, hour: float, offset: int) -> datetime:
        """`hour` at `offset`, on the last working day that is at least `days_ago` days back."""
        day = self.local_date(self.now, offset) - days_ago * DAY
        while day.weekday() in self.rest:
            day -= DAY
        return self.at(day, hour, offset)
