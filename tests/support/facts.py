"""Evidence and facts for the signal rules, in short."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from triage.domain.alert import Alert, DetectionOrigin, Kind, Severity, Status
from triage.domain.coverage import Coverage
from triage.domain.detection import Detection
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Signal
from triage.stages.enrichment.actor import AlertActor
from triage.stages.enrichment.signals import measure

MOMENT = datetime(2026, 3, 4, 12, tzinfo=UTC)
NOW = MOMENT + timedelta(hours=8)
PROVEN = Coverage(source_healthy=True, source_reached_window=True, table_has_rows=True, control_has_rows=True)
ALERT = Alert(
    id="a1",
    title="Something",
    severity=Severity.MEDIUM,
    status=Status.OPEN,
    kind=Kind.RULE,
    created_at=MOMENT,
    first_event_at=MOMENT,
    origin=DetectionOrigin(id="My.Rule"),
)
DETECTION = Detection(id="My.Rule")


def at(**ago: float) -> str:
    """A time as the lake writes it, so long before the alert (negative: after it)."""
    return (MOMENT - timedelta(**ago)).strftime("%Y-%m-%d %H:%M:%S.000")


def subject(**changes: Any) -> AlertActor:
    """Somebody who did one thing from one place."""
    given: dict[str, Any] = {
        "moment": MOMENT,
        "last": MOMENT,
        "log_type": "AWS.CloudTrail",
        "identity": "ada@example.com",
        "aliases": ("ada@example.com",),
        "actions": ("StopLogging",),
        "targets": ("trail-1",),
        "addresses": ("198.51.100.7",),
        "people": ("ada@example.com",),
        "events": 1,
    }
    return AlertActor(**{**given, **changes})


def answer(
    key: str, signals: Sequence[str], rows: Sequence[dict[str, Any]], number: int = 1, **changes: Any
) -> Evidence:
    """One answer of the lake; an empty one still has its columns where `columns` says so."""
    given: dict[str, Any] = {
        "id": f"E{number}",
        "source": Source.QUERY,
        "key": f"aws_cloudtrail.{key}",
        "question": key,
        "sql": "SELECT day FROM logs WHERE actor IN ('ada@example.com')",
        "log_type": "AWS.CloudTrail",
        "columns": tuple(rows[0]) if rows else (),
        "rows": tuple(rows),
        "row_count": len(rows),
        "signals": tuple(signals),
        "measured": True,
        "coverage": PROVEN,
        "start": MOMENT - timedelta(days=30),
        "end": MOMENT + timedelta(hours=4),
    }
    return Evidence(**{**given, **changes})


def signals_of(who: AlertActor, *evidence: Evidence, **more: Any) -> dict[str, Signal]:
    """The signals by name."""
    numbered = [entry.model_copy(update={"id": f"E{index}"}) for index, entry in enumerate(evidence, 1)]
    return {found.name: found for found in measure(ALERT, DETECTION, [who], numbered, now=NOW, **more)}
