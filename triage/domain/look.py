"""An alert is looked at again where its verdict could not have seen everything, or where Panther has changed it since."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from triage.domain.alert import Alert, Moment, Severity
from triage.domain.base import Value

MOST_LOOKS = 2
"""How often an alert is looked at again without being asked to."""


@dataclass(frozen=True, slots=True)
class Growth:
    """When an alert that Panther has changed since its verdict is looked at again."""

    quiet: timedelta = timedelta(minutes=10)
    """After the last change."""
    longest: timedelta = timedelta(hours=1)
    """After the first change, however many follow."""
    most: int = MOST_LOOKS


class AlertSeen(Value):
    """What tells whether Panther has changed an alert."""

    severity: Severity
    events: int | None = None
    """How many; `None` where Panther did not say: the alert list doesn't."""
    last_event_at: Moment | None = None

    @classmethod
    def of(cls, alert: Alert) -> Self:
        """Take it from the alert."""
        return cls(severity=alert.severity, events=alert.event_count, last_event_at=alert.last_event_at)

    def changes(self, now: "AlertSeen") -> tuple[str, ...]:
        """What has changed between this and `now`, in words; empty if nothing has."""
        found = []
        if self.events is not None and now.events is not None and now.events > self.events:
            added = now.events - self.events
            found.append("1 event was added" if added == 1 else f"{added:,} events were added")
        elif _later(now.last_event_at, self.last_event_at):
            found.append("events were added")
        if now.severity != self.severity:
            found.append(f"its severity is {now.severity.value}, was {self.severity.value}")
        return tuple(found)


def _later(now: datetime | None, before: datetime | None) -> bool:
    return now is not None and (before is None or now > before)
