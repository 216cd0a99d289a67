"""Which windows to read: overlapping ones behind the cursor, a long gap in bounded pieces. Pure."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import JsonValue, ValidationError

from triage.domain.polling import PollState, Span
from triage.settings import BacklogOrder, IngestSettings

SKEW = timedelta(days=1)
"""How far into the future a list reaches: Panther's clock may be ahead, and its API requires an upper bound."""

FREE_PAGES = 4
"""A re-check of at most this many pages is part of every poll."""
SECONDS_PER_PAGE = 10
"""A longer one is repeated after this many seconds for each of its pages."""


def state_of(stored: JsonValue | None) -> PollState | None:
    """Read what the store has: a state, or the bare time that the first version stored. `None` if there is neither."""
    try:
        if isinstance(stored, str):
            return PollState(reached=datetime.fromisoformat(stored))
        return None if stored is None else PollState.model_validate(stored)
    except (ValidationError, ValueError):
        # An unreadable state is replaced: the lookback is read again, and the store recognises what it has.
        return None


def begin(state: PollState | None, *, now: datetime, settings: IngestSettings) -> PollState:
    """The state that a poll starts from: a gap longer than a window becomes a backlog.

    A clock that was set back leaves no gap; if it ran ahead at the very first poll, that one is repeated.
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
    """Where the window of new alerts begins: before the cursor by the overlap, but not inside the backlog."""
    start = _behind(state, now, settings)
    return max(start, state.unread[-1].end) if state.unread else start


def _behind(state: PollState, now: datetime, settings: IngestSettings) -> datetime:
    start = min(state.reached, now) - settings.overlap
    return start if state.origin is None else max(start, state.origin)


def next_piece(state: PollState, settings: IngestSettings) -> Span | None:
    """The piece of the backlog to read next; `None` if there is no backlog."""
    if not state.unread:
        return None
    if settings.backlog_order is BacklogOrder.OLDEST:
        span = state.unread[0]
        return Span(start=span.start, end=min(span.start + settings.backlog_window, span.end))
    span = state.unread[-1]
    return Span(start=max(span.end - settings.backlog_window, span.start), end=span.end)


def without(state: PollState, piece: Span) -> PollState:
    """The state once a piece of the backlog is stored."""
    unread = []
    for span in state.unread:
        below = Span(start=span.start, end=min(span.end, piece.start))
        above = Span(start=max(span.start, piece.end), end=span.end)
        unread += [part for part in (below, above) if part.start < part.end]
    return state.model_copy(update={"unread": tuple(unread)})


def pieces_left(state: PollState, settings: IngestSettings) -> int:
    """How many windows the backlog still has."""
    window = settings.backlog_window
    return sum(math.ceil((span.end - span.start) / window) for span in state.unread) if window else len(state.unread)


def recheck_span(state: PollState, *, now: datetime, settings: IngestSettings) -> Span | None:
    """The span to list again for reopened alerts; `None` if that is not due.

    Panther cannot be asked what has changed, so the whole span is listed: with every poll as long as that takes a
    few pages, otherwise at a pace that keeps its share of the requests small.
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
