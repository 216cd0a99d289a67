"""The filters on a single alert, each with its reason. Pure."""

from collections.abc import Callable

from triage.domain.alert import Alert
from triage.domain.selection import Selected, SkipCode, Skipped
from triage.ingest.selection.expression import REGEX_SECONDS, Match, matches
from triage.settings import IngestSettings


def _skip(code: SkipCode, reason: str) -> Skipped:
    return Skipped(code=code, reason=reason)


def _by_kind(alert: Alert, settings: IngestSettings) -> Skipped | None:
    if alert.kind.value in settings.types:
        return None
    return _skip(SkipCode.KIND, f"type {alert.kind.value} is not among ingest.types")


def _by_status(alert: Alert, settings: IngestSettings) -> Skipped | None:
    if not alert.status.known or alert.status.value in settings.statuses:
        return None
    return _skip(SkipCode.STATUS, f"status {alert.status.value} is not among ingest.statuses")


def _by_severity(alert: Alert, settings: IngestSettings) -> Skipped | None:
    # An unknown severity counts as the most severe: it must not vanish.
    if not alert.severity.known or alert.severity.value in settings.severities:
        return None
    return _skip(SkipCode.SEVERITY, f"severity {alert.severity.value} is not among ingest.severities")


def _by_list(alert: Alert, settings: IngestSettings) -> Skipped | None:
    if alert.detection_id in settings.detections_deny:
        return _skip(SkipCode.DENIED, f"detection {alert.detection_id} is in ingest.detections_deny")
    if settings.detections_allow and alert.detection_id not in settings.detections_allow:
        return _skip(
            SkipCode.NOT_ALLOWED, f"detection {alert.detection_id or '(none)'} is not in ingest.detections_allow"
        )
    return None


def _by_events(alert: Alert, settings: IngestSettings) -> Skipped | None:
    if alert.event_count is None or alert.event_count >= settings.min_events:
        return None
    return _skip(SkipCode.TOO_FEW_EVENTS, f"{alert.event_count} events, ingest.min_events is {settings.min_events}")


_CHECKS: tuple[Callable[[Alert, IngestSettings], Skipped | None], ...] = (
    _by_kind,
    _by_status,
    _by_severity,
    _by_list,
    _by_events,
)


def filter_alert(
    alert: Alert, settings: IngestSettings, *, match: Match | None = None, of_log_type: bool = True
) -> Selected | Skipped:
    """Apply the filters, cheapest first.

    Args:
        alert: As Panther lists it.
        settings: The filters.
        match: The result of `ingest.detection_id_regex` on the alert's detection id; `None`: it is searched now,
            which can take `REGEX_SECONDS`.
        of_log_type: Whether Panther lists the alert among those of `ingest.log_types`; the alert itself does not say.
    """
    for check in _CHECKS:
        skipped = check(alert, settings)
        if skipped is not None:
            return skipped
    if settings.log_types and not of_log_type:
        return _skip(SkipCode.LOG_TYPE, "Panther does not list it among the alerts of ingest.log_types")
    if not settings.detection_id_regex:
        return Selected()
    return _by_match(alert, match or matches(settings.detection_id_regex, alert.detection_id))


def _by_match(alert: Alert, match: Match) -> Selected | Skipped:
    if match is Match.TIMED_OUT:
        # An alert never vanishes because an expression is slow.
        return Selected(
            warning=f"ingest.detection_id_regex took longer than {REGEX_SECONDS * 1000:.0f} ms; not applied"
        )
    if match is Match.FOUND:
        return Selected()
    return _skip(SkipCode.REGEX, f"detection {alert.detection_id or '(none)'} does not match ingest.detection_id_regex")


def still_wanted(alert: Alert, settings: IngestSettings) -> Skipped | None:
    """Why a selected alert is not investigated when its turn comes; `None` if it is.

    Args:
        alert: As Panther has it now, with its number of events.
        settings: The filters.
    """
    if _by_status(alert, settings) is not None:
        who = alert.updated_by.email or alert.updated_by.kind if alert.updated_by else "someone"
        return _skip(SkipCode.CLOSED_MEANWHILE, f"{who} set the status to {alert.status.value} before its turn")
    return _by_events(alert, settings)
