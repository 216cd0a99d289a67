"""What the answers to a runbook's question hold, added up and in a sentence.

Names and addresses are the log's words; they are cut here, and made safe where they are shown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from triage.domain.base import Row
from triage.domain.evidence import Evidence
from triage.domain.question import Asked, Question
from triage.domain.times import parse_time
from triage.logtypes import Term
from triage.logtypes.terms import take
from triage.questions.compiler import LOGS
from triage.questions.matches import SIGNALS

MAX_NAMES = 3
MAX_CHARS = 60
_MINUTE = timedelta(minutes=1)
_KEYS = ("action", "actor", "target", "address")


class Asking(Protocol):
    """Which log an answer is from."""

    @property
    def log_type(self) -> str:
        """Panther's name."""

    @property
    def database(self) -> str:
        """The events themselves, or what matched."""


@dataclass(frozen=True, slots=True)
class OwnEvents:
    """The alert's own events."""

    events: Sequence[Row] = ()
    terms: Mapping[str, Mapping[str, Term]] = field(default_factory=dict)
    """By log type."""

    def times(self, row: Row, log_type: str, start: datetime | None, end: datetime | None) -> int:
        """How many of them are among the acts of an answer's row."""
        terms = self.terms.get(log_type, {})
        keys = [name for name in _KEYS if name in row and name in terms]
        if "action" not in keys or start is None or end is None:
            return 0
        found = 0
        for event in self.events:
            at = parse_time(event.get("p_event_time"))
            if event.get("p_log_type") == log_type and at is not None and start <= at <= end:
                found += all(take(event, terms[name].take) == _text(row[name]) for name in keys)
        return found


@dataclass(slots=True)
class Seen:
    """The acts that fit a question, over all logs and actors."""

    times: int = 0
    refused: int = 0
    own: int = 0
    """Events of the alert itself, which are not counted."""
    days: int = 0
    """On how many days, where the answer says so or is by day."""
    named: dict[str, Counter[str]] = field(default_factory=dict)
    """How often, by column and value."""
    first: datetime | None = None
    last: datetime | None = None
    cut: bool = False
    """There may be more than the rows say."""

    def add(self, row: Row, own: int) -> None:
        """Count one row of an answer."""
        times = max(0, _number(row.get("times"), 1) - own)
        self.own += own
        if not times:
            return
        self.times += times
        self.refused += min(times, _number(row.get("refused"), 0))
        for column in (*_KEYS, "rule", "alert"):
            value = _text(row.get(column))
            if value:
                self.named.setdefault(column, Counter())[value] += times
        first, last = parse_time(row.get("first_seen")), parse_time(row.get("last_seen"))
        self.first = min(filter(None, (self.first, first)), default=None)
        self.last = max(filter(None, (self.last, last)), default=None)


def seen_in(question: Question, answers: Iterable[tuple[Asking, Evidence]], own: OwnEvents) -> Seen:
    """Add up the answers of all logs, without the alert's own events where the rows tell them apart."""
    seen = Seen()
    # Signals are copies of what matched, and of matches that raised no alert: each counts once.
    for asked, entry in sorted(answers, key=lambda answer: answer[0].database == SIGNALS):
        matched = dict(seen.named.get("rule", {}))
        seen.cut |= entry.truncated and question.ask is not Asked.FIRST_SEEN
        exact = question.ask is Asked.LIST or (question.ask is Asked.COUNT and not question.on)
        for row in entry.rows:
            if asked.database == SIGNALS and (row["rule"] in matched if "rule" in row else seen.times):
                continue
            mine = 0
            if exact and asked.database == LOGS:
                mine = own.times(row, asked.log_type, entry.start, entry.end)
            seen.add(row, min(mine, _number(row.get("times"), 1)))
        if question.ask is Asked.DAYS:
            seen.days += len(entry.rows)
        elif question.ask is Asked.FIRST_SEEN:
            seen.days += sum(_number(row.get("days"), 0) for row in entry.rows)
    return seen


def sentence(seen: Seen, when: str) -> str:
    """The acts in words.

    Such as `3 DeleteObject by ada from 203.0.113.9, 10:31 to 10:34 UTC, in the 6 hours after the alert, on papers`.
    """
    parts = [f"{'at least ' if seen.cut else ''}{_counted(seen)}"]
    if "actor" in seen.named:
        parts.append(f"by {_names(seen.named['actor'])}")
    if "address" in seen.named:
        parts.append(f"from {_names(seen.named['address'])}")
    if seen.days:
        parts.append(f"on {_plural(seen.days, 'day')}")
    text = " ".join(parts)
    if seen.refused:
        text += f", {seen.refused} refused" if seen.refused < seen.times else ", all refused"
    text += f"{_times(seen)}, {when}"
    if "target" in seen.named:
        text += f", on {_names(seen.named['target'])}"
    return f"{text}, besides {_plural(seen.own, 'event')} of the alert" if seen.own else text


def _counted(seen: Seen) -> str:
    if "rule" in seen.named:
        alerts = f" in {_plural(len(seen.named['alert']), 'alert')}" if "alert" in seen.named else ""
        return f"{_plural(seen.times, 'match')} of {_names(seen.named['rule'])}{alerts}"
    actions = seen.named.get("action", Counter())
    if not actions:
        return _plural(seen.times, "act")
    # As the answer orders them: harmful and rare acts come first.
    shown = list(actions.items())[:MAX_NAMES]
    text = ", ".join(f"{times} {_short(name)}" for name, times in shown)
    left = len(actions) - len(shown)
    return f"{text} and {_plural(left, 'other kind')}" if left else text


def _names(counted: Counter[str]) -> str:
    names = [_short(name) for name in list(counted)[:MAX_NAMES]]
    left = len(counted) - len(names)
    return f"{', '.join(names)} and {left} more" if left else ", ".join(names)


def _times(seen: Seen) -> str:
    if seen.first is None or seen.last is None:
        return ""
    if seen.last - seen.first < _MINUTE:
        return f", {seen.first:%Y-%m-%d %H:%M} UTC"
    same = seen.first.date() == seen.last.date()
    return f", {seen.first:%Y-%m-%d %H:%M} to {seen.last:{'%H:%M' if same else '%Y-%m-%d %H:%M'}} UTC"


def _short(name: str) -> str:
    """Cut in the middle: names differ at their ends."""
    if len(name) <= MAX_CHARS:
        return name
    head = MAX_CHARS // 3
    return f"{name[:head]}…{name[head + 1 - MAX_CHARS :]}"


def _plural(number: int, noun: str) -> str:
    many = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def _number(value: object, least: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else least


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
