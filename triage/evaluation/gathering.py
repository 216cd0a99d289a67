"""Past verdicts beside the alerts as Panther has them now."""

from dataclasses import dataclass
from datetime import datetime

from triage.domain.alert import Alert
from triage.evaluation.agreement import Past
from triage.ingest.windows import listings, new_alerts
from triage.ports import AlertSource, State, Store
from triage.settings import IngestSettings


@dataclass(frozen=True, slots=True)
class Gathered:
    """Alerts of a span that have a verdict of their own."""

    past: tuple[Past, ...]
    """By the time of their creation."""
    problems: tuple[str, ...]
    """What was wrong with the list, in words."""


async def gather(
    source: AlertSource, store: Store, *, start: datetime, end: datetime, settings: IngestSettings
) -> Gathered:
    """List a span again and put beside each alert what was concluded about it.

    Args:
        source: Panther's alert list.
        store: Holds the verdicts.
        start: Alerts created at or after this.
        end: Alerts created at or before this.
        settings: Which kinds of alerts are listed, and the page size. The filters are not used: whom people have dealt
            with has another status by now.

    Raises:
        PantherError: the list broke off, or its cursors lead nowhere; nothing of it is used.
        StoreError: the store cannot be read.
    """
    done = {record.alert.id for record in await store.records(since=start, states=(State.DONE,))}
    whole = settings.model_copy(update={"statuses": (), "severities": (), "log_types": ()})
    listed: dict[str, Alert] = {}
    problems: list[str] = []
    for listing in listings(settings):
        async for batch in new_alerts(source, listing, start=start, end=end, settings=whole):
            # An alert that comes a second time is newer.
            listed.update((alert.id, alert) for alert in batch.alerts if alert.id in done)
            problems += batch.problems
    past = []
    for alert in listed.values():
        result = await store.investigation(alert.id)
        if result is not None:
            verdict = result.verdict
            stated = verdict.confidence if verdict.stated is None else verdict.stated
            past.append(Past(alert, verdict.disposition, stated, verdict.uncalibrated))
    return Gathered(tuple(past), tuple(problems))
