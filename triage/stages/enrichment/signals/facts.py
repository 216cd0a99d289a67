"""The answers as the signal rules read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from ipaddress import ip_address

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.detection import Detection
from triage.domain.evidence import Evidence
from triage.domain.names import sentence_start, short_name
from triage.domain.signal import Signal
from triage.settings import AllowedActivity
from triage.stages.enrichment.actor import AlertActor, parse_time
from triage.stages.enrichment.signals.precedent import DWELL, NO_MATCHES, Matches
from triage.stages.enrichment.signals.weights import WEIGHTS

SETTLED = timedelta(days=3)
"""Where an act counts against someone, what began less than this before the alert is still the same act."""

WORKED_DAYS = 8
"""Days of work from which an actor's hours are known."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules may read: evidence, never raw events."""

    alert: Alert
    detection: Detection
    actor: AlertActor
    evidence: tuple[Evidence, ...]
    now: datetime
    allowed: tuple[AllowedActivity, ...] = ()
    actors: tuple[AlertActor, ...] = ()
    """All actors of the alert, this one among them."""
    unexamined: tuple[str, ...] = ()
    """Actors of the alert about whom not all was asked."""
    dwell: timedelta = DWELL
    """How long an intruder may have been there unnoticed."""
    matches: Matches = NO_MATCHES
    """What rules matched on this actor, and what people made of it."""

    @property
    def who(self) -> str:
        """The actor as a sentence calls them, by the short name; `signal` takes care of its first letter."""
        return plain(short_name(self.actor.identity)) or "the actor"

    @property
    def dwell_start(self) -> datetime:
        """What is older than this, an intruder who was noticed now can't have written."""
        return self.actor.moment - self.dwell

    def is_precedent(self, day: date) -> bool:
        """Whether this actor's having done the same on a day may excuse what they do now."""
        return self.is_old(day) and day not in self.matches.spoilt_days(self.actor.actions)

    def is_old(self, day: date) -> bool:
        """Whether a day lies before the dwell time."""
        return day < self.dwell_start.date()

    def read(self, signal: str, *columns: str) -> Iterator[Evidence]:
        """Answers that may feed a signal and whose rows have these columns; those without rows count as having them."""
        for entry in self.evidence:
            if (
                signal in entry.signals
                and not entry.error
                and (not entry.columns or set(columns) <= set(entry.columns))
            ):
                yield entry

    def first(self, signal: str, *columns: str) -> Evidence | None:
        return next(self.read(signal, *columns), None)

    @property
    def unusual_hour(self) -> "Evidence | None":
        """The answer that shows that the actor never worked at this time of day; `None` if they did or nobody knows."""
        for entry in self.read("off_hours", "hour", "days"):
            known = {number(row, "hour"): number(row, "days") for row in entry.rows}
            if sum(known.values()) < 3 * WORKED_DAYS:
                continue
            if not any(known.get((self.actor.moment.hour + shift) % 24) for shift in (-1, 0, 1)):
                return entry
        return None

    @property
    def off_schedule(self) -> bool:
        """A service identity is at work at an hour at which it never worked: a program does not choose another hour."""
        return bool(self.actor.identity) and not self.actor.people and self.unusual_hour is not None

    def older(self, row: Row, than: timedelta) -> bool:
        """Whether what a row counts began so long before the alert."""
        first = moment(row, "first_seen")
        return first is not None and first < self.actor.moment - than

    def old_days(self, row: Row) -> int:
        """How many of the days that a row counts lie before the dwell time; at least, where the row doesn't tell."""
        if "old_days" in row:
            return number(row, "old_days")
        last = moment(row, "last_seen")
        if last is not None and last < self.dwell_start:
            return max(1, number(row, "days"))
        return int(self.older(row, self.dwell))

    def own_days(self, row: Row, actions: Sequence[str]) -> int:
        """The same for a row about these acts of the actor, less the days that are no precedent for them."""
        return max(0, self.old_days(row) - sum(map(self.is_old, self.matches.spoilt_days(actions))))

    def settled(self, row: Row) -> bool:
        """Whether what a row counts began before the dwell time."""
        return self.old_days(row) > 0

    def named(self, name: str) -> Iterator[Evidence]:
        """Answered questions of this id, whatever the playbook."""
        return (entry for entry in self.evidence if entry.key.endswith(f".{name}") and not entry.error)


def signal(
    name: str,
    sentence: str,
    evidence: Sequence[Evidence],
    *,
    scale: float = 1.0,
    absence: bool = False,
    vouches: bool | None = None,
    absent_until: datetime | None = None,
) -> Signal:
    """A signal with its weight from the table, scaled where the fact is weaker or stronger than usual.

    Args:
        vouches: Whether this one may carry a benign verdict; `None`: as the table says.
    """
    known = WEIGHTS[name]
    return Signal(
        name=name.removesuffix("_more"),
        direction=known.direction,
        weight=round(known.weight * scale, 3),
        sentence=sentence_start(sentence),
        evidence=tuple(entry.id for entry in evidence),
        absence=absence,
        vouches=bool(known.vouches) if vouches is None else vouches,
        absent_until=absent_until,
    )


def number(row: Row, column: str) -> int:
    """A count; 0 where there is none."""
    value = row.get(column)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def text(row: Row, column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) else "" if value is None or isinstance(value, dict | list) else str(value)


def moment(row: Row, column: str) -> datetime | None:
    return parse_time(row.get(column))


def day(row: Row) -> date | None:
    """The day of a row, from a date or a time."""
    value: JsonValue = row.get("day")
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def done(row: Row) -> int:
    """How often it succeeded: a call that failed for another reason than a refusal has done nothing either."""
    return number(row, "times") - max(number(row, "refused"), number(row, "failed"))


def is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def enrolled_lately(facts: Facts) -> bool:
    """A second factor was enrolled within the dwell time: whoever did so may be who gives it now."""
    answers = facts.read("factor_enrolled", "address", "times")
    return any(entry.truncated or any(number(row, "times") for row in entry.rows) for entry in answers)


def is_usual(facts: Facts, row: Row) -> bool:
    """In use since before the dwell time, or for some days and confirmed there with a second factor."""
    if facts.settled(row):
        return True
    return number(row, "second_factor") > 0 and facts.older(row, SETTLED) and not enrolled_lately(facts)
