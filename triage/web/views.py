"""What the pages show of records, cases, figures and the status. Every text is cleaned; escaping is the templates'."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from triage.domain.case import Case
from triage.domain.clean import printable_sentence, safe_sentence, safe_value
from triage.domain.metrics import percent
from triage.domain.verdict import confidence_word
from triage.pipeline.agreement import Agreement
from triage.ports import MARK_LABELS, AlertRecord, Mark
from triage.service.status import ServiceStatus
from triage.service.status_rows import ago, span, status_rows
from triage.stages.reporting.records import why_text
from triage.stages.reporting.wording import moment

IN_FLIGHT = 50
JUDGED = 100
_ID = 80
_TITLE = 200
_WHY = 200
_WORDS = {label: words.replace("-", " ") for words, label in MARK_LABELS.items()}


def alert_path(alert_id: str) -> str:
    """Where the page of an alert is."""
    return f"/alerts/{quote(alert_id, safe='', errors='replace')}"


@dataclass(frozen=True, slots=True)
class MarkView:
    """What a person found an alert to be."""

    label: str
    by: str
    at: str
    note: str


def mark_view(mark: Mark | None) -> MarkView | None:
    """`None` without a mark."""
    if mark is None:
        return None
    return MarkView(
        label=_WORDS[mark.label],
        by=printable_sentence(mark.by, 120) or "unknown",
        at=f"{moment(mark.at)} UTC",
        note=safe_sentence(mark.note, 1_000),
    )


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert of the queue."""

    alert_id: str
    path: str
    severity: str
    title: str
    detection: str
    created: str
    state: str
    verdict: str
    """`none` without one."""
    confidence: str
    linked: bool
    why: str
    mark: MarkView | None


def alert_row(record: AlertRecord, mark: Mark | None) -> AlertRow:
    alert = record.alert
    return AlertRow(
        alert_id=safe_value(alert.id, _ID),
        path=alert_path(alert.id),
        severity=safe_value(alert.severity.value, 20),
        title=safe_sentence(alert.title, _TITLE) or "(no title)",
        detection=safe_sentence(alert.detection_name or alert.detection_id, _TITLE),
        created=f"{alert.created_at:%Y-%m-%d %H:%M}",
        state=record.state.value,
        verdict=record.verdict.value if record.verdict is not None else "none",
        confidence=confidence_word(record.confidence) if record.confidence is not None else "",
        linked=record.leader is not None,
        why=safe_sentence(why_text(record), _WHY),
        mark=mark_view(mark),
    )


@dataclass(frozen=True, slots=True)
class MemberView:
    """One alert of a case."""

    alert_id: str
    path: str
    title: str
    detection: str
    at: str
    verdict: str
    leads: bool


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case."""

    verdict: str
    first: str
    last: str
    members: tuple[MemberView, ...]
    members_left: int
    reasons: tuple[str, ...]


def case_view(case: Case, *, most: int = 60) -> CaseView:
    members = tuple(
        MemberView(
            alert_id=safe_value(each.alert_id, _ID),
            path=alert_path(each.alert_id),
            title=safe_sentence(each.title, _TITLE) or "(no title)",
            detection=safe_sentence(each.detection, _TITLE),
            at=moment(each.at),
            verdict=each.verdict.value if each.verdict is not None else "none",
            leads=each is case.lead,
        )
        for each in case.members[:most]
    )
    return CaseView(
        verdict=case.verdict.value if case.verdict is not None else "none",
        first=moment(case.members[0].at),
        last=moment(case.members[-1].at),
        members=members,
        members_left=max(len(case.members) - most, 0),
        reasons=tuple(safe_sentence(why, _WHY) for why in dict.fromkeys(link.why for link in case.links))[:most],
    )


def status_view(status: ServiceStatus, currency: str) -> Mapping[str, object]:
    """As `triage status` shows it."""
    queue = status.queue
    return {
        "at": moment(status.at),
        "rows": [(name, safe_sentence(text, 400)) for name, text in status_rows(status, currency)],
        "in_flight": [
            {
                "alert_id": safe_value(each.alert_id, _ID),
                "path": alert_path(each.alert_id),
                "worker": safe_value(each.worker, 80),
                "time": span((status.at - each.since).total_seconds()) if each.since else "",
                "leader": safe_value(each.leader, _ID),
            }
            for each in queue.in_flight[:IN_FLIGHT]
        ],
        "in_flight_left": max(len(queue.in_flight) - IN_FLIGHT, 0),
        "failed": queue.by_state.get("failed", 0),
        "failures": [
            {
                "alert_id": safe_value(each.alert_id, _ID),
                "path": alert_path(each.alert_id),
                "error": safe_sentence(each.error, 400),
                "time": ago(status.at, each.at) if each.at else "",
            }
            for each in queue.parked
        ],
    }


def agreement_view(found: Agreement, *, since: datetime, cut: bool) -> Mapping[str, object]:
    """As `triage eval agreement` shows it, and each alert on which people said otherwise."""
    apart = [each for each in found.outcomes if not each.agrees]
    return {
        "since": moment(since),
        "cut": cut,
        "triaged": found.triaged,
        "judged": found.triaged - found.unlabelled,
        "confusion": [{"truth": truth, "counts": list(counts.items())} for truth, counts in found.confusion.items()],
        "rates": [
            ("agreement, where it decided", percent(found.agreed)),
            ("malicious called benign", percent(found.missed)),
            ("benign called malicious", percent(found.false_alarms)),
        ],
        "detections": [
            {"name": safe_sentence(name, _TITLE), **counts.model_dump()} for name, counts in found.by_detection.items()
        ],
        "apart": [
            {
                "alert_id": safe_value(each.alert_id, _ID),
                "path": alert_path(each.alert_id),
                "title": safe_sentence(each.title, _TITLE) or "(no title)",
                "verdict": each.verdict.value,
                "truth": each.truth.value,
                "by": safe_value(each.by, 40),
            }
            for each in apart[:JUDGED]
        ],
        "apart_left": max(len(apart) - JUDGED, 0),
    }
