"""A preview of selection: nothing is stored, nothing is investigated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.domain.alert import Alert
from triage.domain.selection import Decision, Skipped
from triage.ingest.decide import WindowDecider
from triage.ingest.listing import read_window
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
    alerts = sorted(found.values(), key=_creation)
    decider = WindowDecider(None, settings, end, looked_at={}, of_log_type=of_log_type)
    decided: list[tuple[Alert, Decision]] = []
    # In pieces, so that leaders too old for what follows are forgotten.
    for first in range(0, len(alerts), settings.page_size):
        decided += await decider.decide(alerts[first : first + settings.page_size])
    decided.sort(key=lambda each: _creation(each[0]))
    return Preview(tuple(decided), tuple(dict.fromkeys(problems)))


def _creation(alert: Alert) -> tuple[datetime, str]:
    return alert.created_at, alert.id


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
