"""Selection with what it needs from the store: the alerts that lead groups."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triage.domain.alert import Alert
from triage.domain.selection import Decision, Selected, Skipped
from triage.ingest.selection import filter_alert, link, match_all
from triage.ports import AlertQueue
from triage.settings import IngestSettings

_LED = 5_000
"""Detections whose leaders are kept in memory while a window is read."""


@dataclass(slots=True)
class WindowDecider:
    """Decides on the alerts of one window; leaders of groups are looked up once and kept while they matter."""

    queue: AlertQueue | None
    """`None`: only the alerts of this window lead groups."""
    settings: IngestSettings
    end: datetime
    """Of the window."""
    looked_at: dict[str, tuple[Alert, Skipped]]
    """Alerts that a worker has skipped, as they were then, with its decision."""
    of_log_type: Collection[str] | None = None
    """Ids of the alerts that Panther lists under `ingest.log_types`; `None`: all, since the server has filtered them."""
    leaders: dict[str, "_Leaders"] = field(default_factory=dict)

    async def decide(self, alerts: Sequence[Alert]) -> list[tuple[Alert, Decision]]:
        """Decide on a page; an alert that is selected here may lead those that were created after it."""
        pattern = self.settings.detection_id_regex
        matched = await match_all(pattern, (alert.detection_id for alert in alerts)) if pattern else {}
        decided: list[tuple[Alert, Decision]] = []
        selected: list[tuple[Alert, Selected]] = []
        for alert in sorted(alerts, key=lambda each: (each.created_at, each.id)):
            before = self.looked_at.get(alert.id)
            if before is not None and before[0] == alert:
                decided.append((alert, before[1]))
                continue
            of_log_type = self.of_log_type is None or alert.id in self.of_log_type
            match = matched.get(alert.detection_id)
            decision = filter_alert(alert, self.settings, match=match, of_log_type=of_log_type)
            if isinstance(decision, Skipped):
                decided.append((alert, decision))
            else:
                selected.append((alert, decision))
        await self._look_up([alert for alert, _ in selected])
        return [*decided, *((alert, self._group(alert, decision)) for alert, decision in selected)]

    def _group(self, alert: Alert, decision: Selected) -> Decision:
        known = self.leaders.get(alert.detection_id)
        if known is None:
            return decision
        linked = link(alert, known.alerts, self.settings)
        if linked is None:
            known.alerts.append(alert)
        return linked or decision

    async def _look_up(self, alerts: Sequence[Alert]) -> None:
        """Ask the store for leaders of each detection, the first time that it occurs."""
        window = timedelta(minutes=self.settings.dedup_window_minutes)
        if not window:
            return
        if len(self.leaders) > _LED:
            self.leaders.clear()
        oldest: dict[str, datetime] = {}
        for alert in alerts:
            if alert.detection_id:
                oldest[alert.detection_id] = min(alert.created_at, oldest.get(alert.detection_id, alert.created_at))
        missing: dict[str, datetime] = {}
        for detection, moment in oldest.items():
            known = self.leaders.get(detection)
            if known is None or moment - window < known.since:
                missing[detection] = moment - window
            else:
                known.forget(moment - window)
        if not missing:
            return
        self.leaders.update((detection, _Leaders(since, [])) for detection, since in missing.items())
        if self.queue is None:
            return
        for alert in await self.queue.group_leaders(missing, since=min(missing.values()), until=self.end):
            self.leaders[alert.detection_id].alerts.append(alert)


@dataclass(slots=True)
class _Leaders:
    """The leaders of one detection's groups that were created since a moment, oldest first."""

    since: datetime
    alerts: list[Alert]

    def forget(self, before: datetime) -> None:
        """Drop those that are too old to lead what follows."""
        if before > self.since:
            self.alerts = [alert for alert in self.alerts if alert.created_at >= before]
            self.since = before
