"""Spans of time: what a question to the lake covers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """From `start` to `end`, both inclusive, aware and in UTC.

    A moment in another zone is converted. Raises ValueError for a naive moment, or where `start` lies after `end`.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            moment: datetime = getattr(self, name)
            if moment.utcoffset() is None:
                raise ValueError(f"{name} of a time window has no time zone: {moment.isoformat()}")
            object.__setattr__(self, name, moment.astimezone(UTC))
        if self.start > self.end:
            raise ValueError(f"a time window starts after its end: {self.start.isoformat()} > {self.end.isoformat()}")

    @classmethod
    def around(cls, moment: datetime, before: timedelta, after: timedelta) -> Self:
        """The span from `before` ahead of a moment to `after` behind it. Raises ValueError for negative sums."""
        return cls(moment - before, moment + after)

    @property
    def duration(self) -> timedelta:
        """Length; zero for a single moment."""
        return self.end - self.start

    def contains(self, moment: datetime) -> bool:
        """Whether an aware moment lies in the window, its two ends included."""
        return self.start <= moment <= self.end

    def clamp(self, other: "TimeWindow") -> "TimeWindow":
        """The part of this window that lies inside another; the nearest end of the other where none does."""
        start = min(max(self.start, other.start), other.end)
        return TimeWindow(start, max(min(self.end, other.end), start))
