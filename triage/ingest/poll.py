"""One poll: new alerts are read, decided on and stored."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from triage.domain.alert import Alert
from triage.domain.polling import STATUS, PollState, PollStatus, Span
from triage.domain.redaction import without_secrets
from triage.domain.selection import SkipCode, Skipped
from triage.errors import PantherError
from triage.ingest import windows
from triage.ingest.decide import WindowDecider
from triage.ingest.listing import Stopped, listings, new_alerts
from triage.ingest.windows import SKEW
from triage.ports import AlertSource, Listing, Observer, Progress, State, Store, Values
from triage.settings import IngestSettings

log = logging.getLogger(__name__)

MAX_PROBLEMS = 20
"""Problems of a poll that the stored status names."""
MAX_PROBLEMS_RETURNED = 1_000
"""Problems of a poll that its caller gets; the log has all."""
_LOOKED_AT = frozenset({SkipCode.TOO_FEW_EVENTS, SkipCode.GONE})
"""What a worker learns from the alert itself; the list doesn't show it."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll brought."""

    seen: int
    new: int
    problems: tuple[str, ...] = ()


async def _always() -> bool:
    return True


async def poll(
    source: AlertSource,
    store: Store,
    settings: IngestSettings,
    *,
    now: datetime,
    observe: Observer,
    proceed: Callable[[], Awaitable[bool]] = _always,
    clock: Callable[[], datetime] | None = None,
) -> PollResult:
    """Read what is new, decide on it and store it; a cursor moves only when its window is stored.

    New alerts come first, then the backlog, window by window, with another look for new alerts after each; without a
    backlog, reopened alerts. How it went is stored under `domain.polling.STATUS`, failures included.

    Args:
        source: Panther's alert list.
        store: Where alerts and cursors are kept.
        settings: Which alerts to ask for and to take.
        now: When the poll began.
        observe: Called with progress.
        proceed: Called before each page; false ends the poll quietly and leaves its cursor.
        clock: Gives the time between the windows of a long backlog; `None`: it is `now` throughout.

    Raises:
        PantherError: a window broke off; what was read is stored, its cursor stays.
    """
    one = _Poll(source, store, settings, observe, proceed, now, clock or (lambda: now))
    try:
        await one.everything()
    except Stopped:
        pass
    except PantherError as error:
        await one.store_status(str(error) or type(error).__name__)
        raise
    else:
        await one.store_status("")
        observe(Progress("poll", f"{one.seen} alerts seen, {one.new} new"))
    return PollResult(one.seen, one.new, tuple(one.problems))


async def poll_status(values: Values) -> PollStatus | None:
    """How the last poll went; `None` before the first one. Raises StoreError."""
    stored = await values.get(STATUS)
    try:
        return None if stored is None else PollStatus.model_validate(stored)
    except ValidationError:
        return None


@dataclass(slots=True)
class _Poll:
    """One poll."""

    source: AlertSource
    store: Store
    settings: IngestSettings
    observe: Observer
    proceed: Callable[[], Awaitable[bool]]
    began: datetime
    clock: Callable[[], datetime]
    seen: int = 0
    new: int = 0
    pages: int = 0
    problems: list[str] = field(default_factory=list)
    states: dict[Listing, PollState] = field(default_factory=dict)
    read: int = 0
    """Backlog windows that this poll has read."""
    reached_back: dict[Listing, datetime] = field(default_factory=dict)
    """How far back this poll has read each listing."""

    async def everything(self) -> None:
        for listing in listings(self.settings):
            state = windows.state_of(await self.store.values.get(_name(listing)))
            if state is not None:
                self.states[listing] = state
        await self._fresh(self.began)
        while (chosen := self._next_piece()) is not None:
            listing, piece = chosen
            await self._piece(listing, piece)
            await self._fresh(self.clock())
        for listing in self.states:
            await self._recheck(listing)

    async def _fresh(self, now: datetime) -> None:
        """The alerts since the last poll, of every listing."""
        for listing in listings(self.settings):
            before = self.states.get(listing)
            state = windows.begin(before, now=now, settings=self.settings)
            if state.unread != (before.unread if before else ()):
                # Stored before any of it is read, so that a kill doesn't change the backlog.
                self.states[listing] = state
                await self._keep(listing, now)
            start = windows.window_start(state, now=now, settings=self.settings)
            self.reached_back.setdefault(listing, start)
            await self._window(listing, Span(start=start, end=now + SKEW), now)
            self.states[listing] = state.model_copy(update={"reached": now})
            await self._keep(listing, now)

    def _next_piece(self) -> tuple[Listing, Span] | None:
        for listing, state in self.states.items():
            piece = windows.next_piece(state, self.settings)
            if piece is not None:
                return listing, piece
        return None

    async def _piece(self, listing: Listing, piece: Span) -> None:
        now = self.clock()
        await self._window(listing, piece, now, known=False)
        self.states[listing] = windows.without(self.states[listing], piece)
        await self._keep(listing, now)
        self.read += 1
        left = sum(windows.pieces_left(each, self.settings) for each in self.states.values())
        done = f"{piece.start:%Y-%m-%d %H:%M} to {piece.end:%Y-%m-%d %H:%M} read"
        self.observe(Progress("backlog", f"{done}, {left} of {self.read + left} windows left, {self.new} new alerts"))
        await self.store_status()

    async def _recheck(self, listing: Listing) -> None:
        now = self.clock()
        state = self.states[listing]
        span = windows.recheck_span(state, now=now, settings=self.settings)
        if span is None or self.read or self.reached_back[listing] <= span.start:
            # What this poll has read needs no second look.
            return
        before = self.pages
        await self._window(listing, span, now, moved=self.settings.growth is not None)
        changes = {"rechecked_at": now, "recheck_pages": self.pages - before}
        self.states[listing] = state.model_copy(update=changes)
        await self._keep(listing, now)

    async def _window(
        self, listing: Listing, span: Span, now: datetime, *, known: bool = True, moved: bool = False
    ) -> None:
        """Read and store one window, page by page.

        Args:
            listing: Of which listing.
            span: Its creation times.
            now: When the reading began.
            known: Whether much of it is stored already.
            moved: Also read alerts that have left `ingest.statuses` since their verdict: they may have grown.
        """
        looked_at = await self._looked_at(span.start) if known else {}
        deciding = WindowDecider(self.store.queue, self.settings, span.end, looked_at)
        asked = self.settings.model_copy(update={"statuses": ()}) if moved else self.settings
        batches = new_alerts(self.source, listing, start=span.start, end=span.end, settings=asked, proceed=self.proceed)
        async with aclosing(batches):
            async for batch in batches:
                # Before anything is compared or stored: a rule's title and context quote the event.
                listed = tuple(map(without_secrets, batch.alerts))
                alerts = await self._wanted(listed) if moved else listed
                self.new += await self.store.queue.save(
                    await deciding.decide(alerts), now=now, growth=self.settings.growth
                )
                self.seen += len(alerts)
                self.pages += batch.pages
                self.problems += batch.problems[: MAX_PROBLEMS_RETURNED - len(self.problems)]
                for problem in batch.problems:
                    log.warning("poll problem", extra={"problem": problem})

    async def _wanted(self, alerts: Sequence[Alert]) -> tuple[Alert, ...]:
        """Those of the statuses that are asked for, and the others that are done."""
        statuses = {*self.settings.statuses}
        others = [alert.id for alert in alerts if alert.status.known and alert.status.value not in statuses]
        dropped = {*others} - await self.store.records.done(others)
        return tuple(alert for alert in alerts if alert.id not in dropped)

    async def _looked_at(self, since: datetime) -> dict[str, tuple[Alert, Skipped]]:
        """Alerts that a worker skipped for what it learned; while they are listed unchanged, they stay skipped."""
        found = await self.store.records.newest(since=since, states=(State.SKIPPED,))
        return {
            record.alert.id: (record.alert, record.decision)
            for record in found
            if isinstance(record.decision, Skipped) and record.decision.code in _LOOKED_AT
        }

    async def _keep(self, listing: Listing, now: datetime) -> None:
        await self.store.values.put(_name(listing), self.states[listing].model_dump(mode="json"), now=now)

    # ---- the status ----------------------------------------------------------------------------------------------

    async def store_status(self, error: str | None = None) -> None:
        """Store how the poll is going or, given an error, how it ended: with that error, or well if it is empty."""
        before = await poll_status(self.store.values)
        succeeded_at, failures, text = (before.succeeded_at, before.failures, before.error) if before else (None, 0, "")
        if error is not None:
            text = error
            succeeded_at, failures = (succeeded_at, failures + 1) if error else (self.began, 0)
        spans = [span for state in self.states.values() for span in state.unread]
        status = PollStatus(
            attempted_at=self.began,
            succeeded_at=succeeded_at,
            error=text,
            failures=failures,
            reached=min((state.reached for state in self.states.values()), default=None),
            backlog_from=min((span.start for span in spans), default=None),
            backlog_to=max((span.end for span in spans), default=None),
            backlog_windows=sum(windows.pieces_left(state, self.settings) for state in self.states.values()),
            seen=self.seen,
            new=self.new,
            problems=tuple(self.problems[:MAX_PROBLEMS]),
        )
        await self.store.values.put(STATUS, status.model_dump(mode="json"), now=self.clock())


def _name(listing: Listing) -> str:
    return f"poll/{listing.value}"
