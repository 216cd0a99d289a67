"""Which alerts are worth an investigation. Pure, and always with a reason."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import assert_never

import regex

from triage.domain.alert import Alert
from triage.domain.selection import Decision, Linked, Selected, SkipCode, Skipped
from triage.settings import DedupKey, IngestSettings

REGEX_SECONDS = 0.05
"""An expression that takes longer than this on one id decides nothing."""

MAX_ID = 500
"""Characters of a detection id that the expression sees; real ids are far shorter."""


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> "regex.Pattern[str]":
    return regex.compile(pattern)


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
        return _skip(SkipCode.NOT_ALLOWED, f"detection {alert.detection_id} is not in ingest.detections_allow")
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


def filter_alert(alert: Alert, settings: IngestSettings) -> Selected | Skipped:
    """Apply the filters that look at one alert alone, cheapest first."""
    for check in _CHECKS:
        skipped = check(alert, settings)
        if skipped is not None:
            return skipped
    if not settings.detection_id_regex:
        return Selected()
    return _by_regex(alert, settings.detection_id_regex)


def _by_regex(alert: Alert, pattern: str) -> Selected | Skipped:
    try:
        found = _compiled(pattern).search(alert.detection_id[:MAX_ID], timeout=REGEX_SECONDS)
    except TimeoutError:
        # An alert never vanishes because an expression is slow.
        return Selected(
            warning=f"ingest.detection_id_regex took longer than {REGEX_SECONDS * 1000:.0f} ms; not applied"
        )
    if found:
        return Selected()
    return _skip(SkipCode.REGEX, f"detection {alert.detection_id or '(none)'} does not match ingest.detection_id_regex")


def dedup_key(alert: Alert, settings: IngestSettings) -> tuple[str, ...]:
    """What two alerts must share to belong to one investigation, beside the time window."""
    match settings.dedup_key:
        case DedupKey.DETECTION:
            return (alert.detection_id,)
        case DedupKey.TITLE:
            return (alert.detection_id, alert.title)
        case _:
            assert_never(settings.dedup_key)


def link(alert: Alert, leaders: Iterable[Alert], settings: IngestSettings) -> Linked | None:
    """Find the earlier alert whose investigation this one belongs to.

    Args:
        alert: One that passed the filters.
        leaders: Investigated alerts of the same detection, oldest first.
        settings: Window and key.
    """
    window = timedelta(minutes=settings.dedup_window_minutes)
    if not window or not alert.detection_id:
        return None
    key = dedup_key(alert, settings)
    for leader in leaders:
        if leader.id == alert.id or dedup_key(leader, settings) != key:
            continue
        if not timedelta(0) <= alert.created_at - leader.created_at <= window:
            continue
        if alert.severity.rank > leader.severity.rank:
            continue
        shared = "detection" if settings.dedup_key is DedupKey.DETECTION else "detection and title"
        minutes = f"{settings.dedup_window_minutes:g}"
        return Linked(leader=leader.id, reason=f"same {shared} as {leader.id} within {minutes} minutes")
    return None


def decide(alert: Alert, settings: IngestSettings, leaders: Sequence[Alert]) -> Decision:
    """Decide on one alert, given the alerts of its detection that are investigated already."""
    decision = filter_alert(alert, settings)
    if isinstance(decision, Skipped):
        return decision
    return link(alert, leaders, settings) or decision
