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

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.entity import Entity
from triage.domain.redaction import redact_row
from triage.errors import NotFound, PantherProtocolError, PantherRefused
from triage.ingest.listing import new_alerts
from triage.ports import AlertSource, Listing
from triage.ports.exposure import ExposureStore, KnownAlert, SeenAlert, UnfinishedRead
from triage.settings import IngestSettings
from triage.stages.enrichment.entities import extract_entities
from triage.stages.enrichment.entities.values import detect
from triage.stages.reporting.exposure import assets_in, seen_alert

EVENTS = 50
"""Events read of an alert: one page of Panther's, so one request."""
EVENT_BYTES = 1_000_000
"""Of canonical JSON that one alert's events may have."""
AHEAD = timedelta(minutes=5)
"""Panther's clock may be a little ahead."""
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
        return UnfinishedRead(broken.read_from, broken.as_of, max(broken.at, window.since))
    if whole is not None and whole.read_from <= window.since:
        start = max(window.since, whole.as_of - window.reread)
        # Everything before is stored, so that the whole window is as soon as this is.
        return UnfinishedRead(start, window.now, start)
    return UnfinishedRead(window.since, window.now, window.since)


async def _changed(
    source: AlertSource,
    store: ExposureStore,
    alerts: Sequence[Alert],
    window: ExposureWindow,
    count: ExposureCount,
) -> list[tuple[SeenAlert, bytes]]:
    """The alerts of a page that are new or not as they are stored, with their assets."""
    known = store.known([alert.id for alert in alerts])
    bare = [(seen := seen_alert(alert), _digest(seen)) for alert in alerts]
    fresh = [(seen, digest) for seen, digest in bare if _differs(known.get(seen.id), digest, window)]
    whole = await asyncio.gather(*(_with_assets(source, seen, known.get(seen.id), window, count) for seen, _ in fresh))
    return [(each, digest) for each, (_, digest) in zip(whole, fresh, strict=True)]


def _differs(known: KnownAlert | None, digest: bytes, window: ExposureWindow) -> bool:
    return known is None or known.digest != digest or (window.events and not known.events_read)


def _digest(seen: SeenAlert) -> bytes:
    """What tells an alert from the same alert after a change."""
    content: list[JsonValue] = [seen.id, seen.version, dict(seen.body)]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).digest()


async def _with_assets(
    source: AlertSource, seen: SeenAlert, known: KnownAlert | None, window: ExposureWindow, count: ExposureCount
) -> SeenAlert:
    if known is not None and known.events_read and (seen.version == known.version or not window.events):
        # Only its status or title has changed, or its events are not to be read: what they named stays.
        return replace(seen, assets=None, events_read=seen.version == known.version)
    if not window.events:
        return replace(seen, assets=assets_in(_named_in_title(seen)))
    count.events += 1
    try:
        found = await source.events(seen.id, limit=EVENTS, max_bytes=EVENT_BYTES)
    except (NotFound, PantherRefused, PantherProtocolError) as error:
        # This alert's trouble alone: the others go on, and the next reading that lists it tries again.
        problem = f"the events of alert {seen.id} could not be read: {error}"
        count.problems.append(problem)
        _logger.warning("%s", problem, extra={"alert_id": seen.id})
        return replace(seen, assets=assets_in(_named_in_title(seen)))
    entities = extract_entities([redact_row(row) for row in found.rows], context={}, log_types=())
    return replace(seen, assets=assets_in(entities or _named_in_title(seen)), events_read=True)


def _named_in_title(seen: SeenAlert) -> tuple[Entity, ...]:
    """The addresses, e-mail addresses and ARNs in a title: all that the list of alerts says of who and what."""
    found: dict[tuple[str, str], Entity] = {}
    for text in str(seen.body["title"]).split():
        word = text.strip(_WORD_EDGE)
        if "." in word or ":" in word:
            for typed in detect(word):
                found[typed.key] = Entity(
                    kind=typed.kind, value=typed.value, fields=("title",), facts=dict(typed.facts)
                )
    return tuple(found.values())
