"""The summary of a shift: what came, what it was, what it took, what failed, and what waits for a person."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from triage.domain.alert import DetectionOrigin, Status
from triage.domain.report import DEFERRED, UNWRITTEN
from triage.domain.selection import Linked
from triage.domain.verdict import Disposition, Investigation
from triage.ports import AlertRecord, Mark, State

VERDICTS = tuple(each.value for each in Disposition)
_URGENT = (Disposition.MALICIOUS, Disposition.SUSPICIOUS)


@dataclass(slots=True)
class DetectionSum:
    """The alerts of one detection; texts as they came."""

    id: str
    name: str = ""
    alerts: int = 0
    investigated: int = 0
    linked: int = 0
    verdicts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))
    seconds: float = 0.0
    money: float = 0.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that a person has to do."""

    alert_id: str
    severity: str
    title: str
    why: str
    created_at: datetime
    linked: int = 0
    """Alerts that take its verdict."""


@dataclass(frozen=True, slots=True)
class Shift:
    """The sums; texts as they came."""

    since: datetime | None
    """`None`: everything that is stored."""
    until: datetime
    currency: str
    alerts: int
    states: dict[str, int]
    severities: dict[str, int]
    verdicts: dict[str, int]
    """Of investigated alerts, and of those that take their verdict."""
    seconds: float
    """Of investigations, one after the other."""
    queries: int
    rows: int
    tokens: int
    money: float
    detections: tuple[DetectionSum, ...]
    """The noisiest first."""
    failed_questions: tuple[tuple[str, int, str], ...]
    """Question, how often it had no answer, and the last reason."""
    waiting: tuple[Waiting, ...]
    """The most severe first."""


class ShiftReport:
    """Gathers a shift, one alert after the other."""

    def __init__(self, *, since: datetime | None, until: datetime, currency: str, marks: Mapping[str, Mark]) -> None:
        self._since = since
        self._until = until
        self._currency = currency
        self._marks = marks
        self._states: Counter[str] = Counter()
        self._severities: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter(dict.fromkeys(VERDICTS, 0))
        self._detections: dict[str, DetectionSum] = {}
        self._failed: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._waiting: list[tuple[int, datetime, Waiting]] = []
        self._followers: Counter[str] = Counter()
        self._seconds = self._money = 0.0
        self._queries = self._rows = self._tokens = self._alerts = 0

    def add(self, record: AlertRecord, investigation: Investigation | None) -> None:
        """Take in an alert; a linked one shows its leader's verdict."""
        alert = record.alert
        self._alerts += 1
        self._states[record.state.value] += 1
        self._severities[alert.severity.value] += 1
        one = self._detections.setdefault(alert.detection_id, DetectionSum(alert.detection_id))
        one.alerts += 1
        if isinstance(alert.origin, DetectionOrigin):
            one.name = one.name or alert.origin.name
        if isinstance(record.decision, Linked):
            one.linked += 1
            self._followers[record.decision.leader] += 1
        if record.verdict is not None:
            self._verdicts[record.verdict.value] += 1
            one.verdicts[record.verdict.value] += 1
        if investigation is not None:
            self._count(one, investigation)
        for why in self._why(record, investigation):
            waits = Waiting(alert.id, alert.severity.value, alert.title, why, alert.created_at)
            self._waiting.append((-alert.severity.rank, alert.created_at, waits))

    def close(self) -> Shift:
        """The sums."""
        noisiest = sorted(self._detections.values(), key=lambda one: (-one.alerts, one.id))
        waiting = [each for *_, each in sorted(self._waiting, key=lambda item: (item[0], item[1], item[2].alert_id))]
        return Shift(
            since=self._since,
            until=self._until,
            currency=self._currency,
            alerts=self._alerts,
            states=dict(sorted(self._states.items())),
            severities=dict(sorted(self._severities.items())),
            verdicts=dict(self._verdicts),
            seconds=self._seconds,
            queries=self._queries,
            rows=self._rows,
            tokens=self._tokens,
            money=self._money,
            detections=tuple(noisiest),
            failed_questions=tuple((key, number, self._reasons[key]) for key, number in self._failed.most_common()),
            waiting=tuple(
                Waiting(
                    each.alert_id, each.severity, each.title, each.why, each.created_at, self._followers[each.alert_id]
                )
                for each in waiting
            ),
        )

    def _count(self, one: DetectionSum, investigation: Investigation) -> None:
        usage = investigation.usage
        seconds = usage.seconds or (investigation.finished_at - investigation.started_at).total_seconds()
        one.investigated += 1
        one.seconds += seconds
        one.money += usage.money
        self._seconds += seconds
        self._money += usage.money
        self._queries += usage.queries
        self._rows += usage.rows
        self._tokens += usage.prompt_tokens + usage.completion_tokens
        for entry in investigation.evidence:
            if not entry.answered:
                self._failed[entry.key] += 1
                self._reasons[entry.key] = entry.error

    def _why(self, record: AlertRecord, investigation: Investigation | None) -> Iterable[str]:
        """What a person has to do about an alert; a linked one waits with its leader."""
        alert = record.alert
        if record.state is State.FAILED:
            yield f"given up: {record.error or 'no reason is stored'}"
        if investigation is None or isinstance(record.decision, Linked):
            return
        untouched = alert.status == Status.OPEN and alert.assignee is None and alert.id not in self._marks
        if record.state is State.DONE and record.verdict in _URGENT and untouched:
            yield f"{investigation.verdict.disposition.value}, and nobody has taken it up"
        for note in investigation.notes:
            if note.startswith((DEFERRED, UNWRITTEN)):
                yield note
