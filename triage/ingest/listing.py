"""Reading Panther's alert lists: every page of a window, each alert once."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triage.domain.alert import Alert
from triage.errors import PantherError, PantherProtocolError
from triage.ports import AlertPage, AlertQuery, AlertSource, Listing
from triage.settings import IngestSettings

MAX_PAGES = 20_000
"""A longer listing means a server that never ends it."""

REMEMBERED = 2_000
"""Alerts of the last pages that repetitions are recognised by; the store recognises older ones."""

TOGETHER = 100
"""So many alerts are handed on at once while there are more pages: a transaction for each page takes longer in all."""

_EDGE = timedelta(milliseconds=1)
"""The lower bound is exclusive on the server."""
_ERRORS = {"RULE_ERROR", "SCHEDULED_RULE_ERROR", "CORRELATION_RULE_ERROR"}


class Stopped(Exception):
    """Reading ended because the caller did not want the next page."""


@dataclass(frozen=True, slots=True)
class AlertBatch:
    """The new alerts of a page, or of a few."""

    alerts: tuple[Alert, ...] = ()
    problems: tuple[str, ...] = ()
    pages: int = 0

    def __add__(self, other: "AlertBatch") -> "AlertBatch":
        """Both, in order."""
        return AlertBatch(self.alerts + other.alerts, self.problems + other.problems, self.pages + other.pages)


def listings(settings: IngestSettings) -> tuple[Listing, ...]:
    """The listings that the configured alert types need; Panther keeps errors apart."""
    wanted = set(settings.types)
    found = []
    if wanted - _ERRORS - {"SYSTEM_ERROR"}:
        found.append(Listing.ALERT)
    if wanted & _ERRORS:
        found.append(Listing.DETECTION_ERROR)
    if "SYSTEM_ERROR" in wanted:
        found.append(Listing.SYSTEM_ERROR)
    return tuple(found)


async def read_window(
    source: AlertSource,
    wanted: Iterable[Listing],
    *,
    start: datetime,
    end: datetime,
    settings: IngestSettings,
    only: Collection[str] | None = None,
) -> tuple[dict[str, Alert], list[str]]:
    """Read several listings in full, for a command that shows or counts what is there.

    Args:
        source: Panther's alert list.
        wanted: Which listings.
        start: Alerts created at or after this.
        end: Alerts created at or before this.
        settings: Filters that the server applies; page size.
        only: Ids of the alerts to keep; `None` keeps all.

    Returns:
        The alerts by id, each as it was listed last, and what was wrong with the list, in words.

    Raises:
        PantherError: a listing broke off, or its cursors lead nowhere.
    """
    found: dict[str, Alert] = {}
    problems: list[str] = []
    for listing in wanted:
        async with aclosing(new_alerts(source, listing, start=start, end=end, settings=settings)) as batches:
            async for batch in batches:
                found.update((alert.id, alert) for alert in batch.alerts if only is None or alert.id in only)
                problems += batch.problems
    return found, problems


async def _always() -> bool:
    return True


async def new_alerts(
    source: AlertSource,
    listing: Listing,
    *,
    start: datetime,
    end: datetime,
    settings: IngestSettings,
    proceed: Callable[[], Awaitable[bool]] = _always,
) -> AsyncGenerator[AlertBatch, None]:
    """Read one listing from `start` to `end`, to its last page, in ascending creation time.

    The next page is fetched while the caller stores the last ones; small pages are given together. An alert on two pages
    is yielded once, unless its content differs: then the newer one is yielded as well. Close the iterator if you leave it
    early.

    Args:
        source: Panther's alert list.
        listing: Which one.
        start: Alerts created at or after this.
        end: Alerts created at or before this.
        settings: Filters that the server applies; page size.
        proceed: Called before each page; false ends the reading.

    Raises:
        PantherError: the window broke off, or the server's cursors lead nowhere; the cursor must not move.
        Stopped: `proceed` said no.
    """
    query = AlertQuery(
        created_after=start - _EDGE,
        created_before=end,
        statuses=settings.statuses,
        severities=settings.severities,
        # A system error belongs to no log type.
        log_types=() if listing is Listing.SYSTEM_ERROR else settings.log_types,
        listing=listing,
        page_size=settings.page_size,
    )
    seen = _Seen()
    if not await proceed():
        raise Stopped
    following = asyncio.create_task(source.page(query, None))
    held = AlertBatch()
    try:
        while True:
            try:
                page = await following
            except PantherError:
                yield held
                raise
            batch, dead_end = seen.take(page)
            held += batch
            more = not dead_end and page.cursor is not None
            wanted = more and await proceed()
            if wanted:
                following = asyncio.create_task(source.page(query, page.cursor))
            if wanted and len(held.alerts) < TOGETHER:
                continue
            yield held
            held = AlertBatch()
            if dead_end:
                raise PantherProtocolError(f"Panther, alerts: {dead_end}", operation="Alerts", retryable=True)
            if not more:
                return
            if not wanted:
                raise Stopped
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@dataclass(slots=True)
class _Seen:
    """What the pages of one reading held; its size does not grow with their number."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    """The last ones by id, oldest entry first."""
    cursors: set[bytes] = field(default_factory=set)
    """Digests, since a cursor may be long."""

    def take(self, page: AlertPage) -> tuple[AlertBatch, str]:
        """What is new on a page, and why reading cannot go on, if it can't."""
        fresh: dict[str, Alert] = {}
        problems = list(page.problems)
        for alert in page.alerts:
            before = self.alerts.pop(alert.id, None)
            newest = alert if before is None or _at(alert) >= _at(before) else before
            if before is None:
                fresh[alert.id] = alert
            elif before != alert:
                problems.append(f"conflict: alert {alert.id} is listed twice with different content; the newer is kept")
                if newest is alert:
                    fresh[alert.id] = alert
            self.alerts[alert.id] = newest
        while len(self.alerts) > REMEMBERED:
            del self.alerts[next(iter(self.alerts))]
        dead_end = self._dead_end(page)
        return AlertBatch(tuple(fresh.values()), (*problems, dead_end) if dead_end else tuple(problems), 1), dead_end

    def _dead_end(self, page: AlertPage) -> str:
        if not page.complete:
            return "the alert list says that there is more but gives no cursor; reading stopped there"
        if page.cursor is None:
            return ""
        digest = hashlib.blake2b(page.cursor.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in self.cursors:
            return "the alert list repeats a page cursor; reading stopped there"
        self.cursors.add(digest)
        if len(self.cursors) >= MAX_PAGES:
            return f"the alert list has more than {MAX_PAGES} pages; reading stopped there"
        return ""


def _at(alert: Alert) -> datetime:
    return alert.updated_at or alert.created_at
