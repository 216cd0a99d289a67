"""The unattended service: the workers and the poll loop of one process."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from triage.domain.alert import Alert
from triage.errors import PantherDenied, StoreError, errors_in
from triage.pipeline.run import Pipeline
from triage.ports import Observer
from triage.service.announced import AnnouncedAlerts
from triage.service.poller import LEASE_SECONDS as POLLER_LEASE_SECONDS
from triage.service.poller import Poller, backoff, wait_or_stop
from triage.service.reach import PantherReach
from triage.service.route_sender import RouteSender
from triage.service.status import ProcessHealth
from triage.service.worker import LEASE_SECONDS, LONGEST_PAUSE, Tally, TurnResult, Worker

log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
"""Pause of an idle worker before it looks for work again."""
GRACE_SECONDS = 7.0
"""How long a stop waits for work in flight."""
RELEASE_SECONDS = 2.5
"""How long it then waits for the store to take back the rest."""


@dataclass(frozen=True, slots=True)
class Service:
    """Poller and workers of one process."""

    pipeline: Pipeline
    observe: Observer
    name: str
    """This process, for leases."""
    on_done: Callable[[Alert, TurnResult], None] = lambda _alert, _result: None
    """Called with each alert whose turn ended."""
    health: ProcessHealth = field(default_factory=ProcessHealth)
    sender: RouteSender | None = None
    """`None`: results are not sent on."""
    announced: AnnouncedAlerts | None = None
    """`None`: Panther announces no alerts."""
    has_ended: Callable[[str], bool] = lambda _name: False
    """Whether the process of that name has certainly ended, so that its leases need not run out first."""
    grace_seconds: float = GRACE_SECONDS
    lease_seconds: float = LEASE_SECONDS
    poller_lease_seconds: float = POLLER_LEASE_SECONDS

    async def run_once(self, *, polls: bool = True, workers: int | None = None) -> Tally:
        """Poll once and work until nothing is left that can be worked on now.

        Raises:
            PantherError: the poll failed, or Panther refuses the token.
            StoreError: the state database cannot be used.
        """
        await self._release_ended()
        tally = Tally()
        reach = self._reach()
        if polls:
            tally.polled = await self._poller(reach).once()
        try:
            async with asyncio.TaskGroup() as group:
                for worker in self._names(workers):
                    group.create_task(self._drain(worker, tally, reach))
        except BaseExceptionGroup as group_error:
            # Every worker raises the same error. Not `except*`: older releases of Python 3.11 wrap what it raises again.
            errors = errors_in(group_error)
            if not errors or not all(isinstance(error, PantherDenied) for error in errors):
                raise
            raise errors[0] from None
        if self.sender is not None:
            await self.sender.drain()
        return tally

    async def run_forever(
        self,
        stop: asyncio.Event,
        *,
        hurry: asyncio.Event | None = None,
        polls: bool = True,
        workers: int | None = None,
    ) -> Tally:
        """Poll and work until asked to stop; work in flight then has `grace_seconds` to end, or is released.

        Failures of Panther, the model or the store are waited out. If Panther refuses the token for longer than
        `ingest.token_grace`, everything stops: neither polling nor any alert could succeed. No alert is parked for it.

        Args:
            stop: Set to shut down.
            hurry: Set to shut down without waiting for work in flight.
            polls: Compete for the lease of the process that polls.
            workers: Alerts worked on at once; by default `investigation.concurrency`.

        Raises:
            PantherError: Panther refuses the token, or was never reached as configured.
        """
        tally = Tally()
        hurry = hurry or asyncio.Event()
        reach = self._reach()
        tasks = [
            asyncio.create_task(self._work(worker, tally, reach, stop), name=worker) for worker in self._names(workers)
        ]
        for task in tasks:
            self.health.workers[task.get_name()] = True
            task.add_done_callback(lambda ended: self.health.workers.update({ended.get_name(): stop.is_set()}))
        beside = [asyncio.create_task(self._reap_expired_leases(stop))]
        if polls:
            beside.append(asyncio.create_task(self._poller(reach).run(stop)))
        if self.announced is not None:
            beside.append(asyncio.create_task(wait_or_stop(self.announced.run(), stop)))
        # Like a worker it has time to finish: whether a message arrived that is cut off may never be known.
        senders = [asyncio.create_task(self.sender.run(stop), name="routes")] if self.sender is not None else []
        stopper = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({*tasks, *beside, *senders, stopper}, return_when=asyncio.FIRST_COMPLETED)
            ended = next((task for task in (*tasks, *beside, *senders) if task.done() and not task.cancelled()), None)
            if ended is not None and (error := ended.exception()) is not None:
                self.health.stopped = str(error)
                raise error
        finally:
            stop.set()
            stopper.cancel()
            await self._end([*tasks, *senders], beside, hurry)
        return tally

    async def _end(
        self, workers: list[asyncio.Task[None]], beside: list[asyncio.Task[None]], hurry: asyncio.Event
    ) -> None:
        """Give workers time to finish, then cancel the rest and wait until their alerts are released."""
        if workers:
            hurried = asyncio.create_task(hurry.wait())
            done = asyncio.create_task(asyncio.wait(workers))
            await asyncio.wait({hurried, done}, timeout=self.grace_seconds, return_when=asyncio.FIRST_COMPLETED)
            hurried.cancel()
            done.cancel()
        rest = [task for task in (*workers, *beside) if not task.done()]
        for task in workers:
            task.cancel()
        if rest:
            _, late = await asyncio.wait(rest, timeout=RELEASE_SECONDS)
            for task in late:
                # Its lease runs out by itself.
                log.warning("not ended in time", extra={"task": task.get_name()})
                task.cancel()
        await asyncio.gather(*(task for task in (*workers, *beside) if task.done()), return_exceptions=True)

    def _reach(self) -> PantherReach:
        return PantherReach(self.pipeline.clock, self.pipeline.settings.ingest.token_grace)

    def _poller(self, reach: PantherReach) -> Poller:
        return Poller(
            settings=self.pipeline.settings,
            alerts=self.pipeline.alerts,
            store=self.pipeline.store,
            clock=self.pipeline.clock,
            observe=self.observe,
            name=self.name,
            reach=reach,
            health=self.health,
            lease_seconds=self.poller_lease_seconds,
            replies=self.pipeline.replies,
        )

    def _names(self, workers: int | None) -> tuple[str, ...]:
        count = self.pipeline.settings.investigation.concurrency if workers is None else workers
        return tuple(f"{self.name}/{number}" for number in range(count))

    # ---- taking alerts -------------------------------------------------------------------------------------------

    async def _reap_expired_leases(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._release_ended()
            except StoreError as error:
                log.warning("leases of ended processes not checked", extra={"error": str(error)})
            await wait_or_stop(self.pipeline.clock.sleep(self.lease_seconds / 4), stop)

    async def _release_ended(self) -> None:
        freed = await self.pipeline.store.queue.release_ended(self.has_ended, now=self.pipeline.clock.now())
        if freed:
            log.info("took over from processes that have ended", extra={"leases": freed})

    async def _work(self, worker: str, tally: Tally, reach: PantherReach, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            pause, arrived = IDLE_SECONDS, self.announced.arrived if self.announced is not None else None
            try:
                if await self._next(worker, tally, reach):
                    continue
                failures = 0
            except PantherDenied as error:
                reach.failed(error)
                log.warning("token refused", extra={"error": str(error)})
            except StoreError as error:
                failures += 1
                arrived = None
                log.warning("no claim", extra={"worker": worker, "error": str(error), "failures": failures})
                pause = backoff(IDLE_SECONDS, failures, longest=LONGEST_PAUSE) * (
                    0.5 + self.pipeline.clock.random() / 2
                )
            resting = self.pipeline.clock.sleep(pause)
            if arrived is None:
                await wait_or_stop(resting, stop)
            else:
                await wait_or_stop(wait_or_stop(resting, arrived), stop)

    async def _drain(self, worker: str, tally: Tally, reach: PantherReach) -> None:
        while await self._next(worker, tally, reach):
            pass

    async def _next(self, worker: str, tally: Tally, reach: PantherReach) -> bool:
        """Work on one alert. False if none is due, or none can be worked on while the model or Panther is out of use."""
        if self.pipeline.model_waits or reach.waits:
            return False
        claim = await self.pipeline.store.queue.claim(
            worker, now=self.pipeline.clock.now(), lease_seconds=self.lease_seconds
        )
        if claim is None:
            return False
        await Worker(self.pipeline, self.observe, self.on_done, self.lease_seconds, reach).finish(claim, tally)
        return True
