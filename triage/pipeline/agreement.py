"""Past verdicts compared with what people did in Panther afterwards."""

import asyncio
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from triage.domain.alert import Alert, Quality, Severity, Status
from triage.domain.base import Value
from triage.domain.brief import Brief
from triage.domain.calibration import ConfidenceMap, Curve
from triage.domain.disposition import DECIDED, Disposition
from triage.domain.metrics import Calibration, Rate, calibration_of, clustered, isotonic
from triage.ingest.listing import listings, read_window
from triage.ports import AlertSource, Labels, Mark, Records, State, Values
from triage.settings import IngestSettings
from triage.stages.writeback import quality_key, set_by_us

MIN_SAMPLE = 30
"""The fewest outcomes of a verdict that a curve is fitted to."""


PastVerdict = tuple[Alert, Brief]
"""An alert that was triaged, as Panther has it now, and the verdict on it."""
_BATCH = 500


class JudgedAlert(Value):
    """A past verdict and what a person decided about the alert."""

    alert_id: str
    detection: str
    title: str
    verdict: Disposition
    confidence: float
    """As it was stated, before any calibration."""
    truth: Disposition
    by: str
    """`mark`, or the quality or status that a person set."""
    uncalibrated: Disposition | None = None
    """The verdict before calibration, if that changed it."""

    @classmethod
    def of(cls, alert: Alert, verdict: Brief, truth: Disposition, by: str) -> "JudgedAlert":
        return cls(
            alert_id=alert.id,
            detection=alert.detection_id,
            title=alert.title,
            verdict=verdict.disposition,
            confidence=verdict.confidence if verdict.stated is None else verdict.stated,
            truth=truth,
            by=by,
            uncalibrated=verdict.uncalibrated,
        )

    @property
    def agrees(self) -> bool:
        return self.verdict is self.truth

    @property
    def missed(self) -> bool:
        return self.truth is Disposition.MALICIOUS and self.verdict is Disposition.BENIGN

    @property
    def false_alarm(self) -> bool:
        return self.truth is Disposition.BENIGN and self.verdict is Disposition.MALICIOUS

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
    """Untouched, or resolved by Panther or a token: no one has said what they were."""
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


async def gather(
    source: AlertSource, records: Records, *, start: datetime, end: datetime, settings: IngestSettings
) -> tuple[list[PastVerdict], list[str]]:
    """List a span again and pair each alert with its verdict.

    Args:
        source: Panther's alert list.
        records: Hold the verdicts.
        start: Alerts created at or after this.
        end: Alerts created at or before this.
        settings: Which kinds of alerts are listed, and the page size. The filters are not used: an alert that people
            have dealt with has another status by now.

    Returns:
        The alerts that have a verdict of their own, by creation time, and what was wrong with the list, in words.

    Raises:
        PantherError: the list broke off, or its cursors lead nowhere; none of it is used.
        StoreError: the store cannot be read.
    """
    done = await records.ids(since=start, states=(State.DONE,))
    whole = settings.model_copy(update={"statuses": (), "severities": (), "log_types": ()})
    listed, problems = await read_window(
        source, listings(settings), start=start, end=end, settings=whole, only=set(done)
    )
    return await _with_verdicts(list(listed.values()), records), problems


async def _with_verdicts(alerts: Sequence[Alert], records: Records) -> list[PastVerdict]:
    """Those that have a verdict of their own, in the same order."""
    found: list[PastVerdict] = []
    for start in range(0, len(alerts), _BATCH):
        some = alerts[start : start + _BATCH]
        briefs = await records.briefs([alert.id for alert in some])
        found += [(alert, briefs[alert.id]) for alert in some if alert.id in briefs]
    return found


async def qualities_by_people(labels: Labels, values: Values, *, start: datetime, end: datetime) -> dict[str, Quality]:
    """The quality of each alert that has one which this program never gave it.

    Args:
        labels: Panther's qualities.
        values: Hold the receipts of those that this program has set, or may have set where an answer was lost.
        start: Alerts created at or after this.
        end: Alerts created at or before this.

    Raises:
        PantherError: Panther can't be asked.
        StoreError: the store cannot be read.
    """
    found = await labels.qualities(start=start, end=end)
    return {
        alert_id: quality
        for alert_id, quality in found.items()
        if quality.value not in set_by_us(await values.receipt(quality_key(alert_id)))
    }


_BY_QUALITY = {Quality.NOISE: Disposition.BENIGN, Quality.USEFUL: Disposition.MALICIOUS}


def truth_of(alert: Alert, mark: Mark | None, quality: Quality | None = None) -> tuple[Disposition, str] | None:
    """What people say an alert was, and how they said it; `None` if no one has.

    An explicit mark takes precedence over a quality that a person set, and that over a status. NOISE is a false positive,
    USEFUL a true one. RESOLVED or TRIAGED by a person is a true positive, CLOSED ("Invalid") by
    a person a false one. What Panther resolves by itself (INFO) and what a token set is no person's judgement.
    """
    if mark is not None:
        return Disposition(mark.label), "mark"
    if quality in _BY_QUALITY:
        return _BY_QUALITY[quality], quality.value
    by_person = alert.updated_by is not None and alert.updated_by.kind == "user"
    if not by_person or alert.severity is Severity.INFO:
        return None
    if alert.status in (Status.RESOLVED, Status.TRIAGED):
        return Disposition.MALICIOUS, alert.status.value
    if alert.status is Status.CLOSED:
        return Disposition.BENIGN, alert.status.value
    return None


def agreement(
    past: Sequence[PastVerdict], marks: Mapping[str, Mark], qualities: Mapping[str, Quality] = MappingProxyType({})
) -> Agreement:
    """Compare verdicts with outcomes.

    Args:
        past: Alerts with a verdict of their own.
        marks: The last mark of each alert that has one.
        qualities: What people gave an alert for a quality.
    """
    judged = [
        JudgedAlert.of(alert, verdict, *truth)
        for alert, verdict in past
        if (truth := truth_of(alert, marks.get(alert.id), qualities.get(alert.id))) is not None
    ]
    decided = [entry for entry in judged if entry.verdict in DECIDED]
    return Agreement(
        triaged=len(past),
        unlabelled=len(past) - len(judged),
        confusion=_confusion(judged),
        agreed=_rate((entry, entry.agrees) for entry in decided),
        missed=_rate((entry, entry.missed) for entry in judged if entry.truth is Disposition.MALICIOUS),
        false_alarms=_rate((entry, entry.false_alarm) for entry in judged if entry.truth is Disposition.BENIGN),
        by_detection=_by_detection(judged),
        calibration=calibration_of([(entry.confidence, entry.agrees) for entry in decided]),
        outcomes=tuple(judged),
    )


async def stored_agreement(records: Records, *, since: datetime, most: int) -> tuple[Agreement, bool]:
    """The same without asking Panther: alerts as the last poll found them, and the marks.

    Args:
        records: Alerts, verdicts and marks.
        since: Alerts created at or after this.
        most: Alerts that are read, newest first.

    Returns:
        How often people agreed, and whether there are alerts beyond `most`.

    Raises:
        StoreError: the store cannot be read.
    """
    found = await records.newest(since=since, states=(State.DONE,), limit=most + 1)
    done = found[:most]
    marks = {mark.alert_id: mark for mark in await records.marks(only=[record.alert.id for record in done])}
    # Nothing of an alert counts on which no one has said a word, so that only the others' verdicts are read.
    spoken = [record.alert for record in done if truth_of(record.alert, marks.get(record.alert.id)) is not None]
    past = await _with_verdicts(spoken, records)
    compared = await asyncio.to_thread(agreement, past, marks)
    whole = {"triaged": len(done), "unlabelled": len(done) - len(compared.outcomes)}
    return compared.model_copy(update=whole), len(found) > most


def _rate(hits: Iterable[tuple[JudgedAlert, bool]]) -> Rate:
    # Incidents are unknown here: the intervals treat alerts as independent, and are too narrow where they are not.
    return clustered([(entry.alert_id, hit) for entry, hit in hits])


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
            agreed=sum(entry.agrees for entry in group),
            missed=sum(entry.missed for entry in group),
            false_alarms=sum(entry.false_alarm for entry in group),
        )
        for name, group in sorted(groups.items())
    }


def fit(
    outcomes: Sequence[JudgedAlert], *, at: datetime, max_missed: float | None, sample: int = MIN_SAMPLE
) -> ConfidenceMap:
    """Fit confidences to outcomes, one isotonic curve for each verdict that decides.

    Args:
        outcomes: Past verdicts with what people decided.
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
    """The lowest confidence of `benign` at which malicious alerts are missed no more often than `max_missed`.

    A `benign` below it becomes `inconclusive`. `None` if no abstention is needed.
    """
    malicious = [entry for entry in outcomes if entry.truth is Disposition.MALICIOUS]
    missed = sorted(entry.confidence for entry in malicious if entry.said is Disposition.BENIGN)
    allowed = int(max_missed * len(malicious) + 1e-9)
    if len(missed) <= allowed:
        return None
    # The highest confidence to exclude; the threshold is just above it.
    return math.nextafter(missed[len(missed) - allowed - 1], math.inf)
