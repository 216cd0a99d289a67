"""Panther's alert list at the port, where the network begins: honest pages that a test can break off or disturb."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from triage.domain.alert import Alert
from triage.errors import PantherUnreachable
from triage.ports import AlertPage, AlertQuery, Events


@dataclass
class ListedAlerts:
    """Serves what is in `alerts` by creation time; the cursor names the last alert of a page."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    fails_at: int | None = None
    """The number of the request, from 0, that has no answer."""
    disturb: Callable[[tuple[Alert, ...]], tuple[Alert, ...]] = lambda page: page
    """Changes what a page holds: repeats, another order."""
    asked: list[AlertQuery] = field(default_factory=list)

    def add(self, alerts: Iterable[Alert]) -> None:
        self.alerts.update((alert.id, alert) for alert in alerts)

    async def page(self, query: AlertQuery, cursor: str | None = None) -> AlertPage:
        self.asked.append(query)
        if self.fails_at is not None and len(self.asked) > self.fails_at:
            raise PantherUnreachable("no answer", retryable=True)
        found = sorted((alert for alert in self.alerts.values() if _listed(alert, query)), key=_place)
        behind = found if cursor is None else [alert for alert in found if "|".join(_place(alert)) > cursor]
        page, more = behind[: query.page_size], len(behind) > query.page_size
        return AlertPage(self.disturb(tuple(page)), "|".join(_place(page[-1])) if more else None)

    async def alert(self, alert_id: str) -> Alert:
        return self.alerts[alert_id]

    listed = alert

    async def events(self, alert_id: str, *, limit: int, max_bytes: int) -> Events:
        raise AssertionError(alert_id)


def _listed(alert: Alert, query: AlertQuery) -> bool:
    assert query.created_after is not None
    assert query.created_before is not None
    return (
        query.created_after < alert.created_at <= query.created_before
        and (not query.statuses or alert.status.value in query.statuses)
        and (not query.severities or alert.severity.value in query.severities)
    )


def _place(alert: Alert) -> tuple[str, str]:
    return alert.created_at.isoformat(timespec="microseconds"), alert.id
