"""Small values for tests, with everything that doesn't matter filled in."""

from datetime import UTC, datetime, timedelta
from typing import Any

from triage.domain.alert import Alert, DetectionOrigin
from triage.domain.coverage import Coverage
from triage.domain.detection import Detection
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.domain.signal import Direction, Signal

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
COVERED = Coverage(source_healthy=True, source_reached_window=True, table_has_rows=True, control_has_rows=True)


def alert(name: str = "a1", *, minutes: float = 0, detection: str = "Corp.Rule", **fields: Any) -> Alert:
    """An open, high alert of a rule, created `minutes` after NOW."""
    values: dict[str, Any] = {
        "id": name,
        "title": "Something happened",
        "severity": "HIGH",
        "status": "OPEN",
        "kind": "RULE",
        "created_at": NOW + timedelta(minutes=minutes),
        "origin": DetectionOrigin(id=detection),
    }
    return Alert.model_validate(values | fields)


def evidence(number: int = 1, *rows: dict[str, Any], **fields: Any) -> Evidence:
    """An answer with the given rows, about CloudTrail, fully covered."""
    values: dict[str, Any] = {
        "id": f"E{number}",
        "source": "query",
        "key": f"q{number}",
        "question": "What happened?",
        "log_type": "AWS.CloudTrail",
        "rows": rows,
        "row_count": len(rows),
        "coverage": COVERED,
    }
    return Evidence.model_validate(values | fields)


def signal(weight: float, direction: Direction = Direction.MALICIOUS, **fields: Any) -> Signal:
    values: dict[str, Any] = {
        "name": "x",
        "direction": direction,
        "weight": weight,
        "sentence": "x",
        "evidence": ("E1",),
    }
    return Signal.model_validate(values | fields)


def dossier(*entries: Evidence, **fields: Any) -> Dossier:
    values: dict[str, Any] = {
        "alert": alert(),
        "detection": Detection(id="Corp.Rule"),
        "now": NOW,
        "evidence": entries,
    }
    return Dossier.model_validate(values | fields)
