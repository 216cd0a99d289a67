"""The summary of a shift: alerts, verdicts, time and cost, failed questions, and what is waiting for a person."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from pydantic import JsonValue

from triage.domain.alert import Status
from triage.domain.brief import Brief
from triage.domain.clean import printable, safe_sentence, safe_value
from triage.domain.disposition import Disposition
from triage.ports import AlertCount, AlertRecord, Prompts, State
from triage.stages.reporting.page import Frame
from triage.stages.reporting.view import console_link
from triage.stages.reporting.wording import count

TEMPLATE = "report.html.j2"
VERDICTS = tuple(each.value for each in Disposition)
_WAITS = (Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE)
"""Verdicts that wait for a person."""

_DETECTIONS = 20
_FAILURES = 20
_WAITING = 100
_TEXT = 200


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

    @property
    def title(self) -> str:
        return self.name or self.id or "(none)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that a person has to do."""

    alert_id: str
    severity: str
    title: str
    why: str
    created_at: datetime
    verdict: str = ""
    """Empty where there is none."""
    linked: int = 0
    """Alerts that take its verdict."""


@dataclass(slots=True)
class Shift:
    """The sums, gathered one alert after another; texts as they came."""

    since: datetime | None
    """`None`: everything that is stored."""
    until: datetime
    currency: str
    alerts: int = 0
    states: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    verdicts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))
    """Of investigated alerts, and of those that take their verdict."""
    seconds: float = 0.0
    """Sum over the investigations."""
    queries: int = 0
    rows: int = 0
    tokens: int = 0
    money: float = 0.0
    _detections: dict[str, DetectionSum] = field(default_factory=dict)
    _failed: Counter[str] = field(default_factory=Counter)
    _reasons: dict[str, str] = field(default_factory=dict)
    _waiting: list[tuple[tuple[int, int], Waiting]] = field(default_factory=list)
    _followers: Counter[str] = field(default_factory=Counter)

    def count(self, some: AlertCount) -> None:
        """Take in alerts of which nothing more needs to be known; linked ones count with their leader's verdict."""
        number = some.number
        self.alerts += number
        self.states[some.state.value] += number
        self.severities[some.severity.value] += number
        detection = self._detections.setdefault(some.detection_id, DetectionSum(some.detection_id))
        detection.alerts += number
        if some.leader:
            detection.linked += number
            self._followers[some.leader] += number
        if some.verdict is not None:
            self.verdicts[some.verdict.value] += number
            detection.verdicts[some.verdict.value] += number

    def add(self, record: AlertRecord, brief: Brief | None, *, marked: bool = False) -> None:
        """Take in an alert, its investigation, and whether a person has marked it."""
        alert = record.alert
        leader = record.leader or ""
        self.count(AlertCount(alert.detection_id, record.state, alert.severity, leader, record.verdict, 1))
        detection = self._detections[alert.detection_id]
        detection.name = detection.name or alert.detection_name
        if brief is not None:
            self._spent(detection, brief)
        for why in self._to_do(record, brief, marked=marked):
            verdict = record.verdict
            waiting = Waiting(
                alert.id, alert.severity.value, alert.title, why, alert.created_at, verdict.value if verdict else ""
            )
            gravity = verdict.gravity if verdict is not None else Disposition.MALICIOUS.gravity + 1
            self._waiting.append(((-gravity, -alert.severity.rank), waiting))

    @property
    def nameless(self) -> tuple[str, ...]:
        """The ids of detections whose name no alert that was added had."""
        return tuple(each.id for each in self._detections.values() if each.id and not each.name)

    def name(self, names: Mapping[str, str]) -> None:
        """Give detections their names, by id."""
        for detection_id, name in names.items():
            self._detections[detection_id].name = name

    @property
    def detections(self) -> tuple[DetectionSum, ...]:
        """The noisiest first."""
        return tuple(sorted(self._detections.values(), key=lambda each: (-each.alerts, each.id)))

    @property
    def failed_questions(self) -> tuple[tuple[str, int, str], ...]:
        """Question, how often it had no answer, and the last reason."""
        return tuple((key, number, self._reasons[key]) for key, number in self._failed.most_common())

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """Without a verdict first, then the gravest verdict, then the most severe alert."""
        ordered = sorted(self._waiting, key=lambda item: (item[0], item[1].created_at, item[1].alert_id))
        return tuple(replace(each, linked=self._followers[each.alert_id]) for _, each in ordered)

    def _spent(self, detection: DetectionSum, brief: Brief) -> None:
        usage = brief.usage
        detection.investigated += 1
        detection.seconds += brief.seconds
        detection.money += usage.money
        self.seconds += brief.seconds
        self.money += usage.money
        self.queries += usage.queries
        self.rows += usage.rows
        self.tokens += usage.tokens
        for entry in brief.unanswered:
            self._failed[entry.key] += 1
            self._reasons[entry.key] = entry.error

    def _to_do(self, record: AlertRecord, brief: Brief | None, *, marked: bool) -> Iterable[str]:
        """What a person has to do about an alert; a linked one waits with its leader."""
        alert = record.alert
        if record.state is State.FAILED:
            yield f"given up: {record.error or 'no reason is stored'}"
        if brief is None or record.leader is not None:
            return
        untouched = alert.status == Status.OPEN and alert.assignee is None and not marked
        if record.state is State.DONE and record.verdict in _WAITS and untouched:
            others = brief.case_others
            also = f"; one case with {count(others, 'other alert')}" if others else ""
            also += f", analysed in {brief.case_lead}" if others and brief.case_lead != alert.id else ""
            yield f"{brief.disposition.value}, and no one has picked it up{also}"
        yield from brief.to_do


def shift_json(shift: Shift) -> dict[str, JsonValue]:
    """`triage report --json`: everything, uncut."""
    return {
        "since": shift.since.isoformat() if shift.since else None,
        "until": shift.until.isoformat(),
        "alerts": shift.alerts,
        "states": dict(sorted(shift.states.items())),
        "severities": dict(sorted(shift.severities.items())),
        "verdicts": {**shift.verdicts},
        "seconds": round(shift.seconds, 3),
        "queries": shift.queries,
        "rows": shift.rows,
        "tokens": shift.tokens,
        "money": round(shift.money, 6),
        "currency": shift.currency,
        "detections": [
            {**asdict(each), "seconds": round(each.seconds, 3), "money": round(each.money, 6)}
            for each in shift.detections
        ],
        "failed_questions": [
            {"key": key, "times": number, "last_reason": reason} for key, number, reason in shift.failed_questions
        ],
        "waiting": [{**asdict(each), "created_at": each.created_at.isoformat()} for each in shift.waiting],
    }


def shift_text(shift: Shift) -> str:
    """A page for a terminal."""
    lines = [
        f"{_span(shift)}: {shift.alerts} alerts",
        f"states      {_counts(shift.states)}",
        f"severities  {_counts(shift.severities)}",
        f"verdicts    {_counts(shift.verdicts)}",
        f"took        {_cost(shift)}",
        "",
        f"Waiting for a person: {len(shift.waiting)}",
        *(f"  {_waiting(each)}" for each in shift.waiting[:_WAITING]),
        *_more(len(shift.waiting) - _WAITING),
        "",
        "Noisiest detections (alerts; malicious, suspicious, inconclusive, benign; seconds)",
    ]
    for each in shift.detections[:_DETECTIONS]:
        verdicts = "  ".join(f"{each.verdicts[name]:>3}" for name in VERDICTS)
        lines.append(f"  {each.alerts:>5}  {verdicts}  {each.seconds:>7.1f}  {printable(each.title, 70)}")
    lines += _more(len(shift.detections) - _DETECTIONS)
    if shift.failed_questions:
        lines += ["", "Unanswered questions"]
        lines += [
            f"  {number:>5}  {printable(key, 60)}: {printable(reason, 120)}"
            for key, number, reason in shift.failed_questions[:_FAILURES]
        ]
        lines += _more(len(shift.failed_questions) - _FAILURES)
    return "\n".join(lines)


def shift_page(
    shift: Shift,
    *,
    prompts: Prompts,
    console_url: str = "",
    frame: Frame | None = None,
) -> str:
    """One HTML document, self-contained.

    Args:
        shift: The sums.
        prompts: The templates.
        console_url: Address of the Panther console, where alerts are linked; empty: they are not.
        frame: Of the team's pages, where alerts are linked to each other's pages; `None`: a file of its own.

    Raises:
        PromptError: The template is missing or broken.
    """
    total = sum(shift.verdicts.values())
    at = 0.0
    bars = []
    for name, number in shift.verdicts.items():
        width = 100 * number / total if total else 0.0
        bars.append({"name": name, "number": number, "x": f"{at:.3f}", "width": f"{width:.3f}"})
        at += width
    view = {
        "span": _span(shift),
        "alerts": shift.alerts,
        "states": _counts(shift.states),
        "severities": _counts(shift.severities),
        "took": _cost(shift),
        "bars": bars,
        "total": total,
        "verdicts": VERDICTS,
        "detections": [
            {
                **asdict(each),
                "title": safe_sentence(each.title, _TEXT),
                "id": safe_value(each.id, _TEXT),
                "name": safe_value(each.name, _TEXT),
                "counts": [each.verdicts[name] for name in VERDICTS],
                "seconds": f"{each.seconds:.1f}",
                "money": f"{each.money:.4f}",
            }
            for each in shift.detections[:_DETECTIONS]
        ],
        "detections_left": max(len(shift.detections) - _DETECTIONS, 0),
        "currency": safe_value(shift.currency, 8),
        "failed": [
            {"key": safe_value(key, 80), "times": number, "reason": safe_sentence(reason, _TEXT)}
            for key, number, reason in shift.failed_questions[:_FAILURES]
        ],
        "failed_left": max(len(shift.failed_questions) - _FAILURES, 0),
        "waiting": [
            {
                "alert_id": safe_value(each.alert_id, 48),
                "link": frame.link(each.alert_id) if frame is not None else console_link(console_url, each.alert_id),
                "verdict": each.verdict or "none",
                "severity": safe_value(each.severity, 20),
                "title": safe_sentence(each.title, _TEXT),
                "why": safe_sentence(each.why, _TEXT),
                "at": f"{each.created_at:%Y-%m-%d %H:%M}",
                "linked": each.linked,
            }
            for each in shift.waiting[:_WAITING]
        ],
        "waiting_all": len(shift.waiting),
        "waiting_left": max(len(shift.waiting) - _WAITING, 0),
    }
    template, more = (frame.template, frame.variables) if frame is not None else (TEMPLATE, {})
    return prompts.render(template, {"view": view, **more})


def _span(shift: Shift) -> str:
    until = f"{shift.until:%Y-%m-%d %H:%M} UTC"
    return f"{shift.since:%Y-%m-%d %H:%M} to {until}" if shift.since else f"everything up to {until}"


def _counts(numbers: Mapping[str, int]) -> str:
    ordered = numbers.items() if tuple(numbers) == VERDICTS else sorted(numbers.items())
    return ", ".join(f"{number} {printable(name, 40)}" for name, number in ordered) or "none"


def _cost(shift: Shift) -> str:
    money = f", {shift.money:.4f} {printable(shift.currency, 8)}" if shift.tokens else ""
    tokens = f", {shift.tokens:,} tokens{money}" if shift.tokens else ""
    return f"{shift.seconds:,.1f} s in total, {shift.queries:,} queries, {shift.rows:,} rows{tokens}"


def _waiting(each: Waiting) -> str:
    linked = f" (and {each.linked} linked)" if each.linked else ""
    return (
        f"{each.verdict or '-':<12}  {printable(each.severity, 8):<8}  {printable(each.alert_id, 40)}  {each.created_at:%m-%d %H:%M}  "
        f"{printable(each.title, 60)}: {printable(each.why, 120)}{linked}"
    )


def _more(number: int) -> list[str]:
    return [f"  and {number} more (--json has all)"] if number > 0 else []
