"""The poll loop and the workers: what a SOC leaves running."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from triage.domain.alert import Alert
from triage.domain.selection import Decision, Selected, Skipped
from triage.domain.verdict import Investigation
from triage.errors import PantherDenied, PantherError, PantherProtocolError, PantherRefused, StoreError, TriageError
from triage.pipeline import Pipeline, StaleClaimError, unwritten
from triage.ports import AlertSource, Claim, Clock, Observer, Progress, Store
from triage.settings import IngestSettings, Settings
from triage.stages.polling import listings, new_alerts, window_start
from triage.stages.selection import decide

log = logging.getLogger(__name__)

LEASE_SECONDS = 120.0
HEARTBEAT_SECONDS = 30.0
ATTEMPTS = 4
"""Tries of one alert before it is parked."""
MAX_CLAIMS = 10
"""An alert that was claimed more often than this has taken its process down each time; it is parked untouched."""
IDLE_SECONDS = 1.0
"""How often an idle worker looks for work."""
GRACE_SECONDS = 10.0
"""How long a stop waits for what is in flight."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought."""

    seen: int
    new: int
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """What a run has done so far."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    unwritten: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    """Alert id to the reason it is unfinished."""

    @property
    def unfinished(self) -> bool:
        return bool(self.failed or self.unwritten)


async def poll(
    source: AlertSource, store: Store, settings: IngestSettings, *, now: datetime, observe: Observer
) -> Polled:
    """Read what is new, decide on it and store it; the cursor moves only when its window is stored.

    Raises:
        PantherError: the window broke off; what was read is stored, the cursor stays.
    """
    seen = new = 0
    problems: list[str] = []
    for listing in listings(settings):
        name = f"poll/{listing.value}"
        kept = await store.get(name)
        start = window_start(
            datetime.fromisoformat(kept) if isinstance(kept, str) else None, now=now, settings=settings
        )
        async for batch in new_alerts(source, listing, start=start, now=now, settings=settings):
            decided = await _decide_all(batch.alerts, store, settings)
            new += await store.save_alerts(decided, now=now)
            seen += len(batch.alerts)
            problems += batch.problems
            for problem in batch.problems:
                log.warning("poll problem", extra={"problem": problem})
        await store.put(name, now.isoformat(), now=now)
    observe(Progress("poll", f"{seen} alerts seen, {new} new"))
    return Polled(seen, new, tuple(problems))


async def _decide_all(
    alerts: tuple[Alert, ...], store: Store, settings: IngestSettings
) -> list[tuple[Alert, Decision]]:
    """Decide on alerts in order; one that is selected here may lead those behind it."""
    window = timedelta(minutes=settings.dedup_window_minutes)
    leaders: dict[str, list[Alert]] = {}
    decided: list[tuple[Alert, Decision]] = []
    for alert in alerts:
        detection = alert.detection_id
        if detection and detection not in leaders:
            known = await store.group_leaders(detection, since=alert.created_at - window)
            leaders[detection] = [record.alert for record in known]
        decision = decide(alert, settings, leaders.get(detection, ()))
        if isinstance(decision, Selected) and detection:
            leaders[detection].append(alert)
        decided.append((alert, decision))
    return decided


@dataclass(frozen=True, slots=True)
class Service:
    """Poller and workers of one process."""

    settings: Settings
    pipeline: Pipeline
    alerts: AlertSource
    store: Store
    clock: Clock
    observe: Observer
    name: str
    """This process, for leases."""
    on_done: Callable[[Alert, Investigation | Skipped | str], None] = lambda _alert, _result: None
    """Told of each alert that ended; a text is the reason it did not finish."""

    async def run_once(self) -> Tally:
        """Poll once and work until nothing is left that can be worked on now.

        Raises PantherError where the poll itself failed.
        """
        await poll(self.alerts, self.store, self.settings.ingest, now=self.clock.now(), observe=self.observe)
        tally = Tally()
        async with asyncio.TaskGroup() as group:
            for number in range(self.settings.investigation.concurrency):
                group.create_task(self._drain(f"{self.name}/{number}", tally))
        return tally

    async def run_forever(self, stop: asyncio.Event) -> Tally:
        """Poll and work until asked to stop; what is in flight then has `GRACE_SECONDS` to end, else it is released.

        Raises PantherError where Panther refuses the token: hammering would not help.
        """
        tally = Tally()
        workers = [
            asyncio.create_task(self._work(f"{self.name}/{number}", tally, stop))
            for number in range(self.settings.investigation.concurrency)
        ]
        try:
            await self._poll_loop(stop)
        finally:
            stop.set()
            _, late = await asyncio.wait(workers, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return tally

    async def _poll_loop(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            try:
                await poll(self.alerts, self.store, self.settings.ingest, now=self.clock.now(), observe=self.observe)
                failures = 0
            except (PantherDenied, PantherRefused, PantherProtocolError) as error:
                if not error.retryable:
                    raise
                failures += 1
                self._poll_failed(error, failures)
            except PantherError as error:
                failures += 1
                self._poll_failed(error, failures)
            interval = self.settings.ingest.poll_interval.total_seconds()
            wait = interval if not failures else min(interval * 2**failures, 900.0) * (0.5 + self.clock.random())
            await _either(self.clock.sleep(wait), stop)

    def _poll_failed(self, error: PantherError, failures: int) -> None:
        log.warning("poll failed", extra={"error": str(error), "failures": failures})
        self.observe(Progress("poll", str(error), ok=False))

    async def _work(self, worker: str, tally: Tally, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not await self._next(worker, tally):
                await _either(self.clock.sleep(IDLE_SECONDS), stop)

    async def _drain(self, worker: str, tally: Tally) -> None:
        while await self._next(worker, tally):
            pass

    async def _next(self, worker: str, tally: Tally) -> bool:
        claim = await self.store.claim(worker, now=self.clock.now(), lease_seconds=LEASE_SECONDS)
        if claim is None:
            return False
        await self.work(claim, tally)
        return True

    async def work(self, claim: Claim, tally: Tally, *, forced: bool = False) -> None:
        """Carry one claim to an end of some kind, and count it."""
        if claim.attempts > MAX_CLAIMS:
            text = f"given up after {MAX_CLAIMS} attempts that ended with the process; `triage investigate` tries again"
            await self.store.give_back(claim, now=self.clock.now(), error=text, failed=True)
            tally.failed += 1
            tally.errors[claim.alert.id] = text
            return
        beat = asyncio.create_task(self._heartbeat(claim))
        try:
            result = await self.pipeline.triage(claim, observe=self.observe, forced=forced)
        except asyncio.CancelledError:
            await asyncio.shield(self.store.give_back(claim, now=self.clock.now()))
            raise
        except StaleClaimError:
            log.warning("claim lost", extra={"alert_id": claim.alert.id})
        except Exception as error:  # noqa: BLE001 - the one place: an alert that breaks must not stop the others
            await self._failed(claim, error, tally)
        else:
            self._count(claim, result, tally)
        finally:
            beat.cancel()

    def _count(self, claim: Claim, result: Investigation | Skipped, tally: Tally) -> None:
        if isinstance(result, Skipped):
            tally.skipped += 1
        else:
            tally.done += 1
            missing = unwritten(result)
            if missing:
                tally.unwritten += 1
                tally.errors[claim.alert.id] = missing
        self.on_done(claim.alert, result)

    async def _failed(self, claim: Claim, error: Exception, tally: Tally) -> None:
        expected = isinstance(error, TriageError)
        text = str(error) if expected else f"unexpected {type(error).__name__}: {error}"
        log.error("alert failed", extra={"alert_id": claim.alert.id, "error": text}, exc_info=not expected)
        now = self.clock.now()
        parked = claim.attempts >= ATTEMPTS or (expected and not getattr(error, "retryable", False))
        delay = max(getattr(error, "retry_after", None) or 0.0, 30.0 * 4 ** (claim.attempts - 1))
        await self.store.give_back(
            claim,
            now=now,
            error=text[:1000],
            retry_at=None if parked else now + timedelta(seconds=delay),
            failed=parked,
        )
        tally.failed += 1
        tally.errors[claim.alert.id] = text
        self.on_done(claim.alert, text)

    async def _heartbeat(self, claim: Claim) -> None:
        while True:
            await self.clock.sleep(HEARTBEAT_SECONDS)
            try:
                if not await self.store.heartbeat(claim, now=self.clock.now(), lease_seconds=LEASE_SECONDS):
                    return
            except StoreError as error:
                # The lease may still hold; the fenced writes decide in the end.
                log.warning("heartbeat failed", extra={"alert_id": claim.alert.id, "error": str(error)})


async def _either(waiting: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Wait for a sleep, or for the stop, whichever comes first."""
    sleeper = asyncio.create_task(waiting)
    stopper = asyncio.create_task(stop.wait())
    _, pending = await asyncio.wait({sleeper, stopper}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
