"""Which earlier days may speak for an actor: those that a suspect can't have written, and that no open alert is about.

An intruder is there for days before anyone notices, and can do on three of them what is to look like a habit. So a day
counts only from before the dwell time, and only if no alert on the same act of this actor is open or was handled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from triage.domain.base import Row
from triage.domain.evidence import Evidence, Source
from triage.stages.enrichment.actor import parse_time

DWELL = timedelta(days=14)
"""The default of `investigation.dwell`."""
HABIT_DAYS = 3
"""Separate earlier days from which the same act is a routine."""
WEEKLY_DAYS = 2
"""The same for days a week apart: before the dwell time, the history window holds two of a weekly task."""


class Standing(StrEnum):
    """What people made of an alert."""

    CONFIRMED = "confirmed"
    """A person handled it: RESOLVED."""
    DISMISSED = "dismissed"
    """A person closed it as invalid: CLOSED."""
    SUPERSEDED = "superseded"
    """A person handled it, and later closed one on the same act of the same actor as invalid."""
    IGNORED = "ignored"
    """Panther closed it by itself, as it does with those of severity INFO."""
    UNSETTLED = "unsettled"
    """Open, triaged, closed by a program, or unknown."""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that matched on this actor on a day, in an alert other than this one."""

    day: date
    alert_id: str
    action: str
    """What the actor did; empty where the log's terms are unknown, which stands for any act."""
    same_detection: bool
    standing: Standing
    entries: tuple[Evidence, ...]
    """What shows the match and, where it is known, the alert's status."""

    @property
    def spoils(self) -> bool:
        """Whether the day is no precedent for the act."""
        return self.standing in (Standing.UNSETTLED, Standing.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Matches:
    """Every such match of the history window."""

    known: bool = True
    """False where the question has no answer or a cut one: then no day is free of matches for sure."""
    found: tuple[Match, ...] = ()

    def spoilt_days(self, actions: Sequence[str]) -> frozenset[date]:
        """Days on which an alert about one of these acts is open, or was handled."""
        return frozenset(match.day for match in self.found if match.spoils and match.action in ("", *actions))


NO_MATCHES = Matches()


def read_matches(evidence: Iterable[Evidence]) -> Matches:
    """The rule matches of an alert's actor with what people made of each.

    Args:
        evidence: All answers. Those to `matches_of_actor` name the alerts, those about earlier alerts their status.
    """
    entries = list(evidence)
    status: dict[str, tuple[Standing, Evidence]] = {
        str(row.get("alert_id")): (standing_of(row), entry)
        for entry in entries
        if entry.source is Source.HISTORY and not entry.error
        for row in entry.rows
        if row.get("alert_id") and row.get("status")
    }
    asked = [entry for entry in entries if entry.key.endswith(".matches_of_actor")]
    found = [match for entry in asked for row in entry.rows if (match := _match(row, entry, status)) is not None]
    known = not any(entry.error or entry.truncated for entry in asked)
    return Matches(known, tuple(_in_order_of_judgement(found)))


def standing_of(row: Row) -> Standing:
    """What people made of an alert, from its row among the earlier alerts."""
    if row.get("judged") is True:
        return Standing.DISMISSED if row.get("status") == "CLOSED" else Standing.CONFIRMED
    closed = row.get("status") in ("RESOLVED", "CLOSED")
    return Standing.IGNORED if closed and row.get("severity") == "INFO" else Standing.UNSETTLED


def _match(row: Row, entry: Evidence, status: dict[str, tuple[Standing, Evidence]]) -> Match | None:
    first = parse_time(row.get("first_seen"))
    alert, action, same = row.get("alert"), row.get("action"), row.get("same_detection")
    if first is None or not isinstance(alert, str):
        return None
    standing, source = status.get(alert, (Standing.UNSETTLED, None))
    entries = (entry,) if source is None else (entry, source)
    named = action if isinstance(action, str) else ""
    return Match(first.date(), alert, named, isinstance(same, int) and same > 0, standing, entries)


def _in_order_of_judgement(found: Sequence[Match]) -> Iterable[Match]:
    """People's latest word on an act counts: what they handled before they closed the like as invalid is superseded."""
    last: dict[tuple[str, bool], date] = {}
    for match in found:
        if match.standing is Standing.DISMISSED:
            key = (match.action, match.same_detection)
            last[key] = max(match.day, last.get(key, match.day))
    for match in found:
        later = last.get((match.action, match.same_detection))
        if match.standing is Standing.CONFIRMED and later is not None and match.day < later:
            yield replace(match, standing=Standing.SUPERSEDED)
        else:
            yield match
