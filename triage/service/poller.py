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
from triage.ports import AlertSource, Clock, Observer, Progress, Store
from triage.service.status import POLLER, PRUNED, Vitals
from triage.settings import Settings

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
"""So long after the death of the process that polls, another one does."""
LONGEST_PAUSE = 900.0
"""Seconds between polls that fail, at most, before jitter."""
ACTIVATION = timedelta(hours=1)
"""So long a token that was never accepted is tried: Panther needs a while to let a new one in."""
ACTIVATION_PAUSE = 60.0
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
    vitals: Vitals = field(default_factory=Vitals)
    lease_seconds: float = LEASE_SECONDS
    _led_at: datetime | None = None
    """When the lease was last prolonged."""

    async def run(self, stop: asyncio.Event) -> None:
        """Poll whenever it is this process's turn, until asked to stop.

        A failed poll is repeated after a growing pause with jitter, whatever the reason, once this store has seen one
        succeed: it runs unattended. Only a refused token then ends the loop. Before that the reason is more likely a
        mistake in the configuration, and is raised at once; a refused token is tried for `ACTIVATION`.

        Raises:
            PantherError: polling again would not help.
        """
        self.vitals.polls = True
        held = asyncio.create_task(self._hold(stop))
        try:
            await self._loop(stop)
        finally:
            held.cancel()
            await asyncio.gather(held, return_exceptions=True)
            self.vitals.leading = False
            with contextlib.suppress(StoreError):
                await self.store.values.release_lease(POLLER, self.name)

    async def once(self) -> bool:
        """Poll once; false where another process polls.

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
        """Whether the lease is safe for now; it is prolonged where it was not just now."""
        fresh = timedelta(seconds=self.lease_seconds / 2)
        return (self._led_at is not None and self.clock.now() - self._led_at < fresh) or await self._lead()

    async def _hold(self, stop: asyncio.Event) -> None:
        """Take the lease where it is free, and keep it."""
        while not stop.is_set():
            try:
                leading = await self._lead()
            except StoreError as error:
                # Where the store cannot be written, this process cannot know whether it still leads.
                leading = False
                log.warning("the poller's lease cannot be prolonged", extra={"error": str(error)})
            if leading != self.vitals.leading:
                self.observe(Progress("poll", "this process polls" if leading else "another process polls"))
            self.vitals.leading = leading
            await either(self.clock.sleep(self.lease_seconds / 3), stop)

    # ---- polling -------------------------------------------------------------------------------------------------

    async def _loop(self, stop: asyncio.Event) -> None:
        denied_since: datetime | None = None
        while not stop.is_set():
            if not self.vitals.leading:
                await self._rest(min(1.0, self.lease_seconds / 6), stop)
                continue
            wait = self.settings.ingest.poll_interval.total_seconds()
            try:
                await self._poll(stop)
                self.vitals.poll_failures, denied_since = 0, None
                await self._prune()
            except PantherDenied as error:
                denied_since = denied_since or self.clock.now()
                if await self._was_accepted() or self.clock.now() - denied_since >= ACTIVATION:
                    raise
                self._failed(error, "a new token is let in after a while; it is tried every minute for an hour")
                wait = ACTIVATION_PAUSE
            except PantherError as error:
                if not error.retryable and not await self._was_accepted():
                    raise
                self._failed(error)
                wait = self._pause(wait)
            except StoreError as error:
                self._failed(error)
                wait = self._pause(ACTIVATION_PAUSE / 12)
            await self._rest(wait, stop)

    async def _poll(self, stop: asyncio.Event) -> None:
        """One poll; it breaks off quietly where this process has lost the lease or is to stop."""

        async def proceed() -> bool:
            self.vitals.poll_due = self.clock.monotonic()
            return not stop.is_set() and await self._leads()

        await either(
            poll(
                self.alerts,
                self.store,
                self.settings.ingest,
                now=self.clock.now(),
                observe=self.observe,
                proceed=proceed,
                clock=self.clock.now,
            ),
            stop,
        )

    def _pause(self, first: float) -> float:
        longest = max(LONGEST_PAUSE, first)
        # The exponent is bounded, since a failure that lasts for weeks would overflow it.
        grown = min(first * 2.0 ** min(self.vitals.poll_failures, 32), longest)
        return grown * (0.5 + self.clock.random() / 2)

    def _failed(self, error: PantherError | StoreError, remark: str = "") -> None:
        self.vitals.poll_failures += 1
        self.vitals.polls_failed += 1
        text = f"{error} ({remark})" if remark else str(error)
        log.warning("poll failed", extra={"error": text, "failures": self.vitals.poll_failures})
        self.observe(Progress("poll", text, ok=False))

    async def _was_accepted(self) -> bool:
        """Whether a poll of this store has ever succeeded."""
        with contextlib.suppress(StoreError):
            status = await poll_status(self.store.values)
            return status is not None and status.succeeded_at is not None
        return True

    async def _rest(self, seconds: float, stop: asyncio.Event) -> None:
        self.vitals.poll_due = self.clock.monotonic() + seconds
        await either(self.clock.sleep(seconds), stop)

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
    """Delete alerts older than `keep`, and note when; gives how many. Raises StoreError."""
    before = now - keep
    pruned = await store.records.prune(before)
    noted: dict[str, JsonValue] = {"at": now.isoformat(), "before": before.isoformat(), "alerts": pruned.alerts}
    await store.values.put(PRUNED, noted, now=now)
    log.info("pruned", extra=noted)
    return pruned.alerts


async def either(waiting: Coroutine[Any, Any, object], stop: asyncio.Event) -> None:
    """Wait for something, or for the stop, whichever comes first; the other is cancelled.

    Raises whatever the waiting raises.
    """
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
