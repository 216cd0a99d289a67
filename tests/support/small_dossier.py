"""A small invented alert with its dossier, for tests of the investigation."""

from datetime import timedelta
from typing import Any

from tests.support.clocks import START
from triage.domain.alert import Alert, DetectionOrigin, Kind, Severity, Status
from triage.domain.detection import Detection
from triage.domain.dossier import Dossier
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Direction, Signal

ALERT_ID = f"{1:032x}"
NONCE = "5f1e0c77a2d94b36"


def dossier(*events: dict[str, Any], **changes: Any) -> Dossier:
    """The alert of the tiny world with its events; any part may be replaced."""
    rows = events or ({"door": 1, "state": "open", "p_event_time": "2031-05-06 09:01:00.000"},)
    given: dict[str, Any] = {
        "alert": Alert(
            id=ALERT_ID,
            title="Door 1 left open",
            severity=Severity.HIGH,
            status=Status.OPEN,
            kind=Kind.RULE,
            created_at=START - timedelta(hours=2),
            first_event_at=START - timedelta(hours=3),
            origin=DetectionOrigin(id="Door.Open"),
        ),
        "detection": Detection(
            id="Door.Open",
            name="Door left open",
            description="A door stood open for ten minutes.",
            runbook="1. Find out who opened the door.\n2. Ask the porter.",
            body="def rule(event):\n    return event.get('state') == 'open'\n",
        ),
        "now": START,
        "log_types": ("Custom.Door",),
        "entities": (Entity(kind=EntityKind.IP, value="192.0.2.7", role=Role.SOURCE),),
        "evidence": (
            Evidence(
                id="E1",
                source=Source.EVENTS,
                key="events",
                question="The alert's events",
                log_type="Custom.Door",
                rows=rows,
                row_count=len(rows),
            ),
        ),
        "signals": (
            Signal(
                name="first_seen",
                direction=Direction.MALICIOUS,
                weight=1.2,
                sentence="192.0.2.7 was not seen before.",
                evidence=("E1",),
            ),
        ),
    }
    return Dossier(**{**given, **changes})
