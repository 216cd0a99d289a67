"""Reads all alerts of a window from Panther for the exports of assets and risks; nothing is written to Panther.

Every type, severity and status is read, whatever `ingest` selects. Panther lists alerts by creation only and does not say
which have changed. So a later reading begins `reread` before the one before it, and what is listed again is compared with
what is stored. Events cost a request for each alert; they are asked for once, and again when the alert has got new ones.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from triage.domain.alert import Alert
from triage.domain.entity import Entity
from triage.domain.redaction import redact_row
from triage.errors import NotFound, PantherProtocolError, PantherRefused
from triage.ingest.listing import new_alerts
from triage.ports import AlertSource, Listing
from triage.ports.exposure import ExposureStore, FreshAlert, SeenAlert, SeenAsset, UnfinishedRead
from triage.settings import IngestSettings
from triage.stages.enrichment.entities import extract_entities, log_type_of
from triage.stages.enrichment.entities.values import detect
from triage.stages.reporting.exposure import assets_in, cloud_of, seen_alert

EVENTS = 50
"""Events read of an alert: one page of Panther's, so one request."""
EVENT_BYTES = 1_000_000
"""Of canonical JSON that one alert's events may have."""
AHEAD = timedelta(minutes=5)
"""Panther's clock may be a little ahead."""
_TURNS = 20
_WORD_EDGE = "\"'`,;:()[]{}<>.!?"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExposureWindow:
    """What to read."""

    now: datetime
    since: datetime
    """Alerts created at or after this."""
    reread: timedelta
    """How long before the last reading the next one begins."""
    events: bool
    """Whether each alert's events are read."""


@dataclass(slots=True)
class ExposureCount:
    """What a reading took."""

    alerts: int = 0
    """Alerts listed."""
    changed: int = 0
    """Of these, new or not as they were."""
    pages: int = 0
    """Requests for pages of alerts, retries not counted."""
    events: int = 0
    """Requests for events, likewise."""
    problems: list[str] = field(default_factory=list)
    """What could not be read, in words."""


async def read_exposure(
    source: AlertSource,
    store: ExposureStore,
    window: ExposureWindow,
    settings: IngestSettings,
    observe: Callable[[ExposureCount], None] = lambda _count: None,
) -> ExposureCount:
    """Read what the store lacks of a window, page by page; a broken reading goes on where it was.

    Args:
        source: Panther's alerts.
        store: Keeps each page before the next is taken.
        window: What to read.
        settings: Only the page size counts.
        observe: Called after each page.

    Raises:
        PantherError: The list broke off. What was read is kept.
        StoreError: The file cannot be written.
    """
    count = ExposureCount()
    read = _next_read(store, window)
    store.begin(read)
    store.forget(window.since)
    everything = settings.model_copy(update={"statuses": (), "severities": (), "log_types": ()})
    batches = new_alerts(source, Listing.ALERT, start=read.at, end=window.now + AHEAD, settings=everything)
    async with aclosing(batches):
        async for batch in batches:
            count.pages += 1
            count.alerts += len(batch.alerts)
            count.problems += batch.problems
            changed = await _changed(source, store, batch.alerts, window, count)
            count.changed += len(changed)
            last = max((alert.created_at for alert in batch.alerts), default=None)
            store.add(changed, at=last)
            observe(count)
    store.finish()
    return count


def _next_read(store: ExposureStore, window: ExposureWindow) -> UnfinishedRead:
    broken, whole = store.unfinished(), store.complete()
    if broken is not None and broken.read_from <= window.since:
        # No newer than when it began: what has changed since is for the reading after it.
        return UnfinishedRead(window.since, broken.as_of, max(broken.at, window.since))
    if whole is not None and whole.read_from <= window.since:
        return UnfinishedRead(window.since, window.now, max(window.since, whole.as_of - window.reread))
    return UnfinishedRead(window.since, window.now, window.since)


async def _changed(
    source: AlertSource,
    store: ExposureStore,
    alerts: Sequence[Alert],
    window: ExposureWindow,
    count: ExposureCount,
) -> list[FreshAlert]:
    """The alerts of a page that are new or not as they are stored, with their assets."""
    # The request for the next page goes out first, which takes the client several turns of the loop: Panther works on it
    # meanwhile.
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    known = store.known([alert.id for alert in alerts])
    listed = [FreshAlert(seen := seen_alert(alert), _digest(seen), known.get(alert.id)) for alert in alerts]
    fresh = [each for each in listed if _differs(each, window)]
    if not window.events:
        return [replace(each, alert=_without_events(each)) for each in fresh]
    whole = await asyncio.gather(*(_with_events(source, each, count) for each in fresh))
    return [replace(each, alert=alert) for each, alert in zip(fresh, whole, strict=True)]


def _differs(each: FreshAlert, window: ExposureWindow) -> bool:
    known = each.known
    return known is None or known.digest != each.digest or (window.events and not known.events_read)


def _digest(seen: SeenAlert) -> bytes:
    return hashlib.blake2b(f"{seen.id} {seen.version} {seen.body}".encode(), digest_size=16).digest()


def _without_events(each: FreshAlert) -> SeenAlert:
    """An alert with what its title names, or with what its events named when they were read."""
    seen, known = each.alert, each.known
    if known is not None and known.events_read:
        return replace(seen, assets=None, events_read=seen.version == known.version)
    return replace(seen, assets=_named_in_title(seen))


async def _with_events(source: AlertSource, each: FreshAlert, count: ExposureCount) -> SeenAlert:
    seen, known = each.alert, each.known
    if known is not None and known.events_read and seen.version == known.version:
        # Only its status or title has changed.
        return replace(seen, assets=None, events_read=True)
    count.events += 1
    try:
        found = await source.events(seen.id, limit=EVENTS, max_bytes=EVENT_BYTES)
    except (NotFound, PantherRefused, PantherProtocolError) as error:
        # This alert's trouble alone: the others go on, and the next reading that lists it tries again.
        problem = f"the events of alert {seen.id} could not be read: {error}"
        count.problems.append(problem)
        _logger.warning("%s", problem, extra={"alert_id": seen.id})
        # What its earlier events named stays known.
        return replace(seen, assets=None if known is not None and known.events_read else _named_in_title(seen))
    rows = [redact_row(row) for row in found.rows]
    entities = extract_entities(rows, context={}, log_types=())
    return replace(
        seen, assets=assets_in(entities, cloud_of(map(log_type_of, rows))) or _named_in_title(seen), events_read=True
    )


def _named_in_title(seen: SeenAlert) -> tuple[SeenAsset, ...]:
    """The addresses, e-mail addresses and ARNs in a title: all that the list of alerts says of who and what."""
    words = {word.strip(_WORD_EDGE) for word in str(json.loads(seen.body)["title"]).split()}
    found = {asset.id: asset for word in sorted(words) if (asset := _asset_named(word)) is not None}
    return tuple(found.values())


@lru_cache(maxsize=4_096)
def _asset_named(word: str) -> SeenAsset | None:
    """The asset that a word of a title is."""
    if "." not in word and ":" not in word:
        return None
    (asset, *_) = assets_in(
        Entity(kind=typed.kind, value=typed.value, facts=dict(typed.facts)) for typed in detect(word)[:1]
    ) or (None,)
    return asset
