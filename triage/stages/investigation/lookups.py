"""The tools that read Panther's own records: alerts, their events, and detections."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue

from triage.domain.alert import Alert, DetectionOrigin, alert_row
from triage.domain.base import Row
from triage.domain.dossier import Dossier
from triage.ports import AlertQuery, AlertSource, QueryLimits, RuleBook
from triage.stages.investigation.results import records_answer, refusal
from triage.stages.investigation.tools import LookupAlert, LookupDetection, MoreEvents, RelatedAlerts
from triage.stages.investigation.values import ToolAnswer

_EVENTS_PER_CALL = 50
_MAX_RELATED = 50
_MAX_PAGES = 3


@dataclass(frozen=True, slots=True)
class Lookups:
    """Reads for one alert. Every method raises NotFound, PantherError."""

    dossier: Dossier
    alerts: AlertSource
    rules: RuleBook

    async def more_events(self, arguments: MoreEvents, limits: QueryLimits) -> ToolAnswer:
        """Events of this alert beyond those in the dossier."""
        count = min(_EVENTS_PER_CALL, limits.rows)
        events = await self.alerts.events(
            self.dossier.alert.id, limit=arguments.offset + count, max_bytes=limits.bytes * 4
        )
        rows = events.rows[arguments.offset :]
        if not rows:
            return refusal(f"The alert has no events from number {arguments.offset} on.")
        question = f"Events of the alert from number {arguments.offset} on"
        log_type = self.dossier.log_types[0] if len(self.dossier.log_types) == 1 else ""
        answer = records_answer(question, rows, limits, log_type=log_type, truncated=events.truncated)
        return answer.model_copy(update={"queries": 1})

    async def alert(self, arguments: LookupAlert, limits: QueryLimits) -> ToolAnswer:
        """Another alert."""
        alert = await self.alerts.alert(arguments.id)
        return records_answer(f"Alert {arguments.id}", (_alert_row(alert),), limits)

    async def detection(self, arguments: LookupDetection, limits: QueryLimits) -> ToolAnswer:
        """Another detection with its source."""
        rule = await self.rules.detection(DetectionOrigin(id=arguments.id))
        if rule.deleted:
            return refusal(f"Panther has no detection {arguments.id!r}.")
        row: Row = {
            "id": rule.id,
            "name": rule.name,
            "severity": rule.severity.value if rule.severity is not None else None,
            "description": rule.description,
            "runbook": rule.runbook,
            "body": rule.body,
            "log_types": list(rule.log_types),
            "tags": list(rule.tags),
            "techniques": list(rule.techniques),
        }
        return records_answer(f"Detection {arguments.id}", (row,), limits)

    async def related(self, arguments: RelatedAlerts, limits: QueryLimits) -> ToolAnswer:
        """Earlier alerts of a detection, newest first."""
        now = self.dossier.now
        query = AlertQuery(
            created_after=now - timedelta(days=arguments.days),
            created_before=now,
            detection_id=arguments.detection_id,
            ascending=False,
        )
        rows: list[Row] = []
        cursor: str | None = None
        most = min(_MAX_RELATED, limits.rows)
        for _ in range(_MAX_PAGES):
            page = await self.alerts.page(query, cursor)
            rows += [_alert_row(alert) for alert in page.alerts if alert.id != self.dossier.alert.id]
            cursor = page.cursor
            if cursor is None or len(rows) >= most:
                break
        question = f"Alerts of {arguments.detection_id} in the {arguments.days} days before"
        return records_answer(question, rows[:most], limits, truncated=cursor is not None or len(rows) > most)


def _alert_row(alert: Alert) -> Mapping[str, JsonValue]:
    return {
        **alert_row(alert),
        "detection_id": alert.detection_id,
        "description": alert.description,
        "assignee": alert.assignee.email if alert.assignee is not None else "",
        "updated_by": alert.updated_by.email if alert.updated_by is not None else "",
    }
