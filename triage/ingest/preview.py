"""A preview of selection: nothing is stored, nothing is investigated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.alert import Alert
from triage.domain.selection import Decision, Skipped
from triage.ingest.listing import read_window
from triage.ingest.selection import filter_alert, link, match_all
from triage.ports import AlertSource, Listing
from triage.settings import IngestSettings


@dataclass(frozen=True, slots=True)
class Preview:
    """The alerts of a window and what would become of them, oldest first."""

    decided: tuple[tuple[Alert, Decision], ...]
    problems: tuple[str, ...] = ()


async def preview(source: AlertSource, settings: IngestSettings, *, start: datetime, end: datetime) -> Preview:
    """Ask Panther for the alerts of a window, whatever their status, severity or type, and decide on each.

    The list has no event counts, so `ingest.min_events` is not applied. Alerts are grouped among themselves, as if each
    investigation confirmed its group.

    Raises:
        PantherError: the window could not be read to its end.
    """
    everything = settings.model_copy(update={"statuses": (), "severities": (), "log_types": ()})
    found, problems = await read_window(source, Listing, start=start, end=end, settings=everything)
    of_log_type = set(found)
    if settings.log_types:
        filtered = everything.model_copy(update={"log_types": settings.log_types})
        of_log_type = set((await read_window(source, Listing, start=start, end=end, settings=filtered))[0])
    alerts = sorted(found.values(), key=lambda alert: (alert.created_at, alert.id))
    pattern = settings.detection_id_regex
    matched = await match_all(pattern, (alert.detection_id for alert in alerts)) if pattern else {}
    window = timedelta(minutes=settings.dedup_window_minutes)
    leaders: dict[str, list[Alert]] = {}
    decided: list[tuple[Alert, Decision]] = []
    for alert in alerts:
        decision: Decision = filter_alert(
            alert, settings, match=matched.get(alert.detection_id), of_log_type=alert.id in of_log_type
        )
        if not isinstance(decision, Skipped):
            recent = [
                each for each in leaders.get(alert.detection_id, ()) if each.created_at >= alert.created_at - window
            ]
            linked = link(alert, recent, settings)
            leaders[alert.detection_id] = recent if linked else [*recent, alert]
            decision = linked or decision
        decided.append((alert, decision))
    return Preview(tuple(decided), tuple(dict.fromkeys(problems)))


def counts(decided: Sequence[tuple[Alert, Decision]]) -> dict[str, int]:
    """How many alerts each outcome has: `taken`, `linked`, then the codes of skipped ones, most frequent first."""
    counted: dict[str, int] = {"taken": 0, "linked": 0}
    for _, decision in decided:
        name = decision.code.value if isinstance(decision, Skipped) else decision.outcome.replace("selected", "taken")
        counted[name] = counted.get(name, 0) + 1
    skipped = sorted(
        (item for item in counted.items() if item[0] not in ("taken", "linked")), key=lambda item: -item[1]
    )
    return {"taken": counted["taken"], "linked": counted["linked"], **dict(skipped)}
