"""The poll loop: one process of all that share a store polls; another takes over when it ends or dies."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from triage.errors import PantherDenied, PantherError, StoreError
from triage.ingest.poll import poll, poll_status
from triage.pipeline.replies import ReplyReader
from triage.ports import AlertSource, Clock, Observer, Progress, Store
from triage.service.reach import PantherReach
from triage.service.status import POLLER, PRUNED, ProcessHealth
from triage.settings import Settings

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
"""How long the lease holds without renewal; after that another process polls."""
LONGEST_PAUSE = 900.0
"""The longest pause after a failed poll, in seconds, before jitter."""
REFUSED_PAUSE = 30.0
"""Seconds between two tries of a refused token."""
STORE_PAUSE = 5.0
"""Seconds after the first poll that the store made fail."""
PRUNE_EVERY = timedelta(days=1)


@dataclass(slots=True)
class Poller:
    """The poll loop of one process."""

    settings: Settings
    alerts: AlertSource
    store: Store
    clock: Clock
    observe: Observer
    name: str
    """This process, for the lease."""
    reach: PantherReach
    health: ProcessHealth = field(default_factory=ProcessHealth)
    lease_seconds: float = LEASE_SECONDS
    replies: ReplyReader | None = None
    """Reads what people have answered, after each poll; `None`: nobody does."""
    _led_at: datetime | None = None
    """When the lease was last extended."""

    async def run(self, stop: asyncio.Event) -> None:
        """Poll while this process holds the lease, until asked to stop.

        Once any poll of this store has succeeded, a failed one is repeated after a growing pause with jitter, whatever
        the reason. Before that, the reason is more likely a mistake in the configuration and is raised at once. A
        refused token is tried for `ingest.token_grace`: it may be new, or about to be replaced.

        Raises:
            PantherError: polling again would not help.
        """
        self.health.polls = True
        held = asyncio.create_task(self._hold(stop))
        try:
            await self._loop(stop)
        finally:
            held.cancel()
            await asyncio.gather(held, return_exceptions=True)
            self.health.leading = False
            with contextlib.suppress(StoreError):
                await self.store.values.release_lease(POLLER, self.name)

    async def once(self) -> bool:
        """Poll once; false if another process polls.

        Raises:
            PantherError, StoreError: the poll failed.
        """
        if not await self._lead():
            return False
        try:
            await self._poll(asyncio.Event())
        finally:
            with contextlib.suppress(StoreError):
                await self.store.values.release_lease(POLLER, self.name)
        return True

    # ---- the lease -----------------------------------------------------------------------------------------------

    async def _lead(self) -> bool:
        now = self.clock.now()
        leads = await self.store.values.acquire_lease(POLLER, self.name, now=now, seconds=self.lease_seconds)
        self._led_at = now if leads else None
        return leads

    async def _leads(self) -> bool:
        """Whether this process still holds the lease; extended unless it was just now."""
        fresh = timedelta(seconds=self.lease_seconds / 2)
        return (self._led_at is not None and self.clock.now() - self._led_at < fresh) or await self._lead()

    async def _hold(self, stop: asyncio.Event) -> None:
        """Take the lease when it is free, and keep it."""
        while not stop.is_set():
            try:
                leading = await self._lead()
            except StoreError as error:
                # Without the store, this process cannot know whether it still holds the lease.
                leading = False
                log.warning("the poller's lease cannot be extended", extra={"error": str(error)})
            if leading != self.health.leading:
                self.observe(Progress("poll", "this process polls" if leading else "another process polls"))
            self.health.leading = leading
            await wait_or_stop(self.clock.sleep(self.lease_seconds / 3), stop)

    # ---- polling -------------------------------------------------------------------------------------------------

    async def _loop(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not self.health.leading:
                await self._rest(min(1.0, self.lease_seconds / 6), stop)
                continue
            wait = self.settings.ingest.poll_interval.total_seconds()
            try:
                await self._poll(stop)
                self._worked()
                await self._prune()
            except PantherDenied as error:
                self.reach.failed(error)
                ends = self.reach.refusal_ends or self.clock.now()
                self._failed(
                    error, f"a new token takes a while to become active; it is tried until {ends:%H:%M:%S} UTC"
                )
                wait = max(min(REFUSED_PAUSE, (ends - self.clock.now()).total_seconds()), 0.1)
            except PantherError as error:
                if not error.retryable and not await self._was_accepted():
                    raise
                if error.retryable:
                    self.reach.failed(error)
                self._failed(error)
                wait = self._pause(wait)
            except StoreError as error:
                self._failed(error)
                wait = self._pause(STORE_PAUSE)
            await self._rest(wait, stop)

    async def _poll(self, stop: asyncio.Event) -> None:
        """One poll; it ends quietly if this process loses the lease or is asked to stop."""

        async def proceed() -> bool:
            self.health.poll_due = self.clock.monotonic()
            return not stop.is_set() and await self._leads()

        async def read() -> None:
            await poll(
                self.alerts,
                self.store,
                self.settings.ingest,
                now=self.clock.now(),
                observe=self.observe,
                proceed=proceed,
                clock=self.clock.now,
            )
            if self.replies is not None and (taken := await self.replies.read(proceed)):
                self.observe(Progress("replies", f"{taken} taken"))

        await wait_or_stop(read(), stop)

    def _pause(self, first: float) -> float:
        pause = backoff(first, self.health.poll_failures, longest=max(LONGEST_PAUSE, first))
        return pause * (0.5 + self.clock.random() / 2)

    def _worked(self) -> None:
        if self.health.poll_failures:
            log.warning("polling works again", extra={"failures": self.health.poll_failures, "ends": "poll failed"})
        self.health.poll_failures = 0
        self.reach.works()

    def _failed(self, error: PantherError | StoreError, remark: str = "") -> None:
        self.health.poll_failures += 1
        self.health.polls_failed += 1
        text = f"{error} ({remark})" if remark else str(error)
        log.warning("poll failed", extra={"error": text, "failures": self.health.poll_failures})

    async def _was_accepted(self) -> bool:
        """Whether a poll of this store has ever succeeded."""
        with contextlib.suppress(StoreError):
            status = await poll_status(self.store.values)
            return status is not None and status.succeeded_at is not None
        return True

    async def _rest(self, seconds: float, stop: asyncio.Event) -> None:
        self.health.poll_due = self.clock.monotonic() + seconds
        await wait_or_stop(self.clock.sleep(seconds), stop)

    # ---- retention -----------------------------------------------------------------------------------------------

    async def _prune(self) -> None:
        """Delete what is older than `store.keep`, once a day."""
        keep, now = self.settings.store.keep, self.clock.now()
        if not keep:
            return
        last = await self.store.values.get(PRUNED)
        at = last.get("at") if isinstance(last, dict) else None
        if isinstance(at, str) and now - datetime.fromisoformat(at) < PRUNE_EVERY:
            return
        pruned = await prune(self.store, now=now, keep=keep)
        if pruned:
            self.observe(Progress("prune", f"{pruned} alerts older than {keep.days} days deleted"))


async def prune(store: Store, *, now: datetime, keep: timedelta) -> int:
    """Delete alerts older than `keep`, and note when; returns how many. Raises StoreError."""
    before = now - keep
    pruned = await store.records.prune(before)
    noted: dict[str, JsonValue] = {"at": now.isoformat(), "before": before.isoformat(), "alerts": pruned.alerts}
    await store.values.put(PRUNED, noted, now=now)
    log.info("pruned", extra=noted)
    return pruned.alerts


def backoff(first: float, failures: int, *, longest: float) -> float:
    """Seconds to wait after so many failures in a row: twice as long each time."""
    # The exponent is bounded: a failure that lasts for weeks would overflow it.
    return min(first * 2.0 ** min(failures, 32), longest)


async def wait_or_stop(waiting: Coroutine[Any, Any, object], stop: asyncio.Event) -> None:
    """Wait for something or for the stop, whichever comes first, and cancel the other. Raises what the former raises."""
    waiter = asyncio.create_task(waiting)
    stopper = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({waiter, stopper}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waiter, stopper):
            task.cancel()
        await asyncio.wait({waiter, stopper})
    if not waiter.cancelled():
        waiter.result()
