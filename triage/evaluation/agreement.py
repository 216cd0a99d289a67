"""Past verdicts against what people did in Panther afterwards. Pure; the command reads store and Panther."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.domain.alert import Alert, Severity, Status
from triage.domain.base import Value
from triage.domain.calibration import ConfidenceMap, Curve
from triage.domain.verdict import Disposition
from triage.evaluation.metrics import Rate, clustered, isotonic
from triage.evaluation.scores import DECIDED, Calibration, calibration_of
from triage.ingest.listing import listings, read_window
from triage.ports import AlertSource, Mark, Records, State
from triage.settings import IngestSettings

MIN_SAMPLE = 30
"""Outcomes of one verdict below which no curve is fitted."""


@dataclass(frozen=True, slots=True)
class PastVerdict:
    """An alert that was triaged, as Panther has it now."""

    alert: Alert
    verdict: Disposition
    confidence: float
    """As it was stated, before any calibration."""
    uncalibrated: Disposition | None = None
    """The verdict before calibration, where that made it another."""


class JudgedAlert(Value):
    """A past verdict and what a person made of the alert."""

    alert_id: str
    detection: str
    title: str
    verdict: Disposition
    confidence: float
    truth: Disposition
    by: str
    """`mark`, or the status that a person set."""
    uncalibrated: Disposition | None = None
    """The verdict before calibration, where that made it another."""

    @property
    def said(self) -> Disposition:
        """The verdict before calibration: a fit is measured without the one before it."""
        return self.uncalibrated or self.verdict


class DetectionAgreement(Value):
    """Counts of one detection."""

    outcomes: int
    agreed: int
    missed: int
    false_alarms: int


class Agreement(Value):
    """How often people agreed."""

    triaged: int
    unlabelled: int
    """Untouched, resolved by Panther or by a token: nobody has said what they were."""
    confusion: dict[str, dict[str, int]]
    agreed: Rate
    """Verdicts that decide and match; of those that decide."""
    missed: Rate
    """Malicious by people, called benign; of all that are malicious by people."""
    false_alarms: Rate
    """Benign by people, called malicious; of all that are benign by people."""
    by_detection: dict[str, DetectionAgreement]
    calibration: Calibration
    outcomes: tuple[JudgedAlert, ...]


@dataclass(frozen=True, slots=True)
class PastVerdicts:
    """Alerts of a span that have a verdict of their own."""

    past: tuple[PastVerdict, ...]
    """By the time of their creation."""
    problems: tuple[str, ...]
    """What was wrong with the list, in words."""


async def gather(
    source: AlertSource, records: Records, *, start: datetime, end: datetime, settings: IngestSettings
) -> PastVerdicts:
    """List a span again and pair each alert with its verdict.

    Args:
        source: Panther's alert list.
        records: Hold the verdicts.
        start: Alerts created at or after this.
        end: Alerts created at or before this.
        settings: Which kinds of alerts are listed, and the page size. The filters are not used: an alert that people
            have dealt with has another status by now.

    Raises:
        PantherError: the list broke off, or its cursors lead nowhere; nothing of it is used.
        StoreError: the store cannot be read.
    """
    done = {record.alert.id for record in await records.newest(since=start, states=(State.DONE,))}
    whole = settings.model_copy(update={"statuses": (), "severities": (), "log_types": ()})
    listed, problems = await read_window(source, listings(settings), start=start, end=end, settings=whole, only=done)
    past = []
    for alert in listed.values():
        result = await records.investigation(alert.id)
        if result is not None:
            verdict = result.verdict
            stated = verdict.confidence if verdict.stated is None else verdict.stated
            past.append(PastVerdict(alert, verdict.disposition, stated, verdict.uncalibrated))
    return PastVerdicts(tuple(past), tuple(problems))


def truth_of(alert: Alert, mark: Mark | None) -> tuple[Disposition, str] | None:
    """What people say an alert was, and how they said it; `None` where nobody has.

    An explicit mark counts before a status. RESOLVED or TRIAGED by a person is a true positive, CLOSED ("Invalid") by
    a person a false one. What Panther resolves by itself (INFO), and what a token set, is nobody's word.
    """
    if mark is not None:
        return Disposition(mark.label), "mark"
    by_person = alert.updated_by is not None and alert.updated_by.kind == "user"
    if not by_person or alert.severity is Severity.INFO:
        return None
    if alert.status in (Status.RESOLVED, Status.TRIAGED):
        return Disposition.MALICIOUS, alert.status.value
    if alert.status is Status.CLOSED:
        return Disposition.BENIGN, alert.status.value
    return None


def agreement(past: Sequence[PastVerdict], marks: Mapping[str, Mark]) -> Agreement:
    """Compare verdicts with outcomes.

    Args:
        past: Alerts with a verdict of their own.
        marks: The last mark of each alert that has one.
    """
    judged = []
    for each in past:
        truth = truth_of(each.alert, marks.get(each.alert.id))
        if truth is not None:
            judged.append(
                JudgedAlert(
                    alert_id=each.alert.id,
                    detection=each.alert.detection_id,
                    title=each.alert.title,
                    verdict=each.verdict,
                    confidence=each.confidence,
                    truth=truth[0],
                    by=truth[1],
                    uncalibrated=each.uncalibrated,
                )
            )
    return Agreement(
        triaged=len(past),
        unlabelled=len(past) - len(judged),
        confusion=_confusion(judged),
        agreed=_rate([entry for entry in judged if entry.verdict in DECIDED], _agrees),
        missed=_rate([entry for entry in judged if entry.truth is Disposition.MALICIOUS], _missed),
        false_alarms=_rate([entry for entry in judged if entry.truth is Disposition.BENIGN], _false_alarm),
        by_detection=_by_detection(judged),
        calibration=calibration_of(
            [(entry.confidence, _agrees(entry)) for entry in judged if entry.verdict in DECIDED]
        ),
        outcomes=tuple(judged),
    )


def _agrees(entry: JudgedAlert) -> bool:
    return entry.verdict is entry.truth


def _missed(entry: JudgedAlert) -> bool:
    return entry.truth is Disposition.MALICIOUS and entry.verdict is Disposition.BENIGN


def _false_alarm(entry: JudgedAlert) -> bool:
    return entry.truth is Disposition.BENIGN and entry.verdict is Disposition.MALICIOUS


def _rate(entries: Sequence[JudgedAlert], hit: Callable[[JudgedAlert], bool]) -> Rate:
    # Incidents are not known here: the intervals take the alerts for independent, and are too narrow where they are not.
    return clustered([(entry.alert_id, hit(entry)) for entry in entries])


def _confusion(judged: Sequence[JudgedAlert]) -> dict[str, dict[str, int]]:
    order = (Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.BENIGN)
    table = {}
    for truth in DECIDED:
        said = Counter(entry.verdict for entry in judged if entry.truth is truth)
        table[truth.value] = {name.value: said[name] for name in order}
    return table


def _by_detection(judged: Sequence[JudgedAlert]) -> dict[str, DetectionAgreement]:
    groups: dict[str, list[JudgedAlert]] = defaultdict(list)
    for entry in judged:
        groups[entry.detection or "none"].append(entry)
    return {
        name: DetectionAgreement(
            outcomes=len(group),
            agreed=sum(map(_agrees, group)),
            missed=sum(map(_missed, group)),
            false_alarms=sum(map(_false_alarm, group)),
        )
        for name, group in sorted(groups.items())
    }


def fit(
    outcomes: Sequence[JudgedAlert], *, at: datetime, max_missed: float | None, sample: int = MIN_SAMPLE
) -> ConfidenceMap:
    """Fit confidences to outcomes, one isotonic curve for each verdict that decides.

    Args:
        outcomes: Past verdicts with what people made of them.
        at: The date of the fit.
        max_missed: The share of malicious alerts that may be called benign; `None` sets no threshold.
        sample: Outcomes of a verdict that a curve needs.
    """
    curves = {}
    for verdict in DECIDED:
        points = [
            (entry.confidence, float(entry.said is entry.truth), 1.0) for entry in outcomes if entry.said is verdict
        ]
        if len(points) >= sample:
            curves[verdict] = Curve(outcomes=len(points), points=isotonic(points))
    return ConfidenceMap(
        fitted_at=at,
        curves=curves,
        abstain_below=None if max_missed is None else abstain_threshold(outcomes, max_missed),
        max_missed=max_missed,
    )


def abstain_threshold(outcomes: Sequence[JudgedAlert], max_missed: float) -> float | None:
    """The least confidence of `benign` at which malicious alerts are missed no more often than `max_missed`.

    A `benign` below it is to become `inconclusive`. `None` where no abstention is needed.
    """
    malicious = [entry for entry in outcomes if entry.truth is Disposition.MALICIOUS]
    missed = sorted(entry.confidence for entry in malicious if entry.said is Disposition.BENIGN)
    allowed = int(max_missed * len(malicious) + 1e-9)
    if len(missed) <= allowed:
        return None
    # The highest confidence that still has to go; the threshold lies just above it.
    return math.nextafter(missed[len(missed) - allowed - 1], math.inf)
