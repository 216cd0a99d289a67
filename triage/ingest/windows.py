"""Which alerts are new: overlapping windows, to the last page; a long gap in bounded pieces."""

import asyncio
import hashlib
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import JsonValue, ValidationError

from triage.domain.alert import Alert
from triage.domain.polling import PollState, Span
from triage.errors import PantherProtocolError
from triage.ports import AlertPage, AlertQuery, AlertSource, Listing
from triage.settings import BacklogOrder, IngestSettings

SKEW = timedelta(days=1)
"""How far into the future a list reaches: Panther's clock may be ahead, and its API wants an upper bound."""

MAX_PAGES = 20_000
"""A listing that is longer than this is a server that never ends."""

REMEMBERED = 2_000
"""Alerts of the last pages that a repetition is recognised by; the store tells older ones."""

FREE_PAGES = 4
"""A re-check of so few pages is part of every poll."""
SECONDS_PER_PAGE = 10
"""A longer one is repeated after this many seconds for each page that it took."""

_EDGE = timedelta(milliseconds=1)
"""The lower bound is exclusive on the server."""
_ERRORS = {"RULE_ERROR", "SCHEDULED_RULE_ERROR", "CORRELATION_RULE_ERROR"}


class Stopped(Exception):
    """Reading ended because the caller did not want the next page."""


@dataclass(frozen=True, slots=True)
class AlertBatch:
    """One page's worth of alerts."""

    alerts: tuple[Alert, ...]
    problems: tuple[str, ...] = ()


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


# ---- which windows -----------------------------------------------------------------------------------------------


def state_of(kept: JsonValue | None) -> PollState | None:
    """Read what the store holds: a state, or the bare time that the first version kept. `None` where there is none."""
    try:
        if isinstance(kept, str):
            return PollState(reached=datetime.fromisoformat(kept))
        return None if kept is None else PollState.model_validate(kept)
    except (ValidationError, ValueError):
        # What cannot be read is begun anew: the lookback is read again, and the store knows what it has.
        return None


def begin(state: PollState | None, *, now: datetime, settings: IngestSettings) -> PollState:
    """The state that a poll starts from: a gap that is longer than a window has become a backlog.

    A clock that was set back does not leave a gap; where it ran ahead at the very first poll, that one is repeated.
    """
    if state is None or (state.origin is not None and state.origin > now):
        start = now - settings.lookback
        fresh = PollState(reached=now, origin=start)
        if settings.lookback > settings.backlog_window:
            return fresh.model_copy(update={"unread": (Span(start=start, end=now),)})
        return fresh.model_copy(update={"reached": start + settings.overlap})
    start = _behind(state, now, settings)
    origin = state.origin or start
    if now - start <= settings.backlog_window + settings.overlap:
        return state.model_copy(update={"origin": origin})
    unread = _merged((*state.unread, Span(start=start, end=now)))
    return state.model_copy(update={"origin": origin, "reached": now, "unread": unread})


def window_start(state: PollState, *, now: datetime, settings: IngestSettings) -> datetime:
    """Where the window of new alerts begins: behind the cursor by the overlap, but not inside the backlog."""
    start = _behind(state, now, settings)
    return max(start, state.unread[-1].end) if state.unread else start


def _behind(state: PollState, now: datetime, settings: IngestSettings) -> datetime:
    start = min(state.reached, now) - settings.overlap
    return start if state.origin is None else max(start, state.origin)


def next_piece(state: PollState, settings: IngestSettings) -> Span | None:
    """The piece of the backlog that is read next."""
    if not state.unread:
        return None
    if settings.backlog_order is BacklogOrder.OLDEST:
        span = state.unread[0]
        return Span(start=span.start, end=min(span.start + settings.backlog_window, span.end))
    span = state.unread[-1]
    return Span(start=max(span.end - settings.backlog_window, span.start), end=span.end)


def without(state: PollState, piece: Span) -> PollState:
    """The same, less a piece that is stored."""
    unread = []
    for span in state.unread:
        below = Span(start=span.start, end=min(span.end, piece.start))
        above = Span(start=max(span.start, piece.end), end=span.end)
        unread += [part for part in (below, above) if part.start < part.end]
    return state.model_copy(update={"unread": tuple(unread)})


def pieces_left(state: PollState, settings: IngestSettings) -> int:
    """Windows that the backlog still has."""
    window = settings.backlog_window
    return sum(math.ceil((span.end - span.start) / window) for span in state.unread) if window else len(state.unread)


def recheck_span(state: PollState, *, now: datetime, settings: IngestSettings) -> Span | None:
    """What is to be listed again for alerts that were reopened; `None` where that is not due.

    Panther cannot be asked for what has changed, so the whole span is listed: with every poll as long as that is a
    few pages, else at a pace that keeps its share of the requests small.
    """
    start = max(now - settings.recheck, state.origin or now)
    end = window_start(state, now=now, settings=settings)
    if state.unread or start >= end:
        return None
    if state.rechecked_at is not None and state.recheck_pages > FREE_PAGES:
        due = state.rechecked_at + timedelta(seconds=SECONDS_PER_PAGE * state.recheck_pages)
        # A clock that was set back doesn't put it off.
        if state.rechecked_at <= now < due:
            return None
    return Span(start=start, end=end)


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(start=merged[-1].start, end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


# ---- reading one -------------------------------------------------------------------------------------------------


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

    The next page is fetched while the caller stores the last one. An alert on two pages is given once, unless its
    content differs: then the newer one is given as well. Close the iterator where you leave it early.

    Args:
        source: Panther's alert list.
        listing: Which one.
        start: Alerts created at or after this.
        end: Alerts created at or before this.
        settings: Filters that the server applies; page size.
        proceed: Asked before each page; false ends the reading.

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
    try:
        while True:
            page = await following
            batch, dead_end = seen.take(page)
            more = not dead_end and page.cursor is not None
            wanted = more and await proceed()
            if wanted:
                following = asyncio.create_task(source.page(query, page.cursor))
            yield batch
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
    """What the pages of one reading have held; its size does not grow with their number."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    """The last ones by id, oldest entry first."""
    cursors: set[bytes] = field(default_factory=set)
    """Digests, for a cursor may be long."""

    def take(self, page: AlertPage) -> tuple[AlertBatch, str]:
        """What is new on a page; and why reading cannot go on, where it can't."""
        fresh: dict[str, Alert] = {}
        problems = list(page.problems)
        for alert in page.alerts:
            before = self.alerts.pop(alert.id, None)
            newest = alert if before is None or _at(alert) >= _at(before) else before
            if before is None:
                fresh[alert.id] = alert
            elif before != alert:
                problems.append(f"conflict: alert {alert.id} is listed with two contents; the newest is kept")
                if newest is alert:
                    fresh[alert.id] = alert
            self.alerts[alert.id] = newest
        while len(self.alerts) > REMEMBERED:
            del self.alerts[next(iter(self.alerts))]
        dead_end = self._dead_end(page)
        return AlertBatch(tuple(fresh.values()), (*problems, dead_end) if dead_end else tuple(problems)), dead_end

    def _dead_end(self, page: AlertPage) -> str:
        if not page.complete:
            return "the alert list says that more follows but gives no cursor to it; reading stopped there"
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
