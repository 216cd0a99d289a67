"""One alert at a time: its claim ends finished, failed or given back, whatever goes wrong."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any, assert_never

from triage.domain.alert import Alert
from triage.domain.redaction import redact
from triage.domain.selection import Skipped
from triage.domain.verdict import Investigation
from triage.errors import ModelError, PantherDenied, PantherError, StoreError, TriageError
from triage.pipeline.journal import StaleClaimError
from triage.pipeline.linked import LinkedOutcome
from triage.pipeline.publisher import unwritten
from triage.pipeline.run import Pipeline
from triage.ports import AlertQuery, Claim, Observer, Progress, State
from triage.service.poller import backoff
from triage.service.reach import PantherReach

log = logging.getLogger(__name__)

TriageOutcome = Investigation | LinkedOutcome | Skipped
"""What became of an alert."""

TurnResult = TriageOutcome | str
"""How an alert's turn ended; a string is the reason why it did not finish."""

LEASE_SECONDS = 120.0
"""How long a claim holds without a heartbeat; after that another worker takes the alert."""
ATTEMPTS = 4
"""Tries of one alert before it is parked."""
MAX_DEATHS = 20
"""When this many processes in a row have died while they worked on an alert, and none of them brought it a step
further, the alert is parked untouched: it may be what takes them down."""
PAUSE = 1.0
"""Seconds before the second try to reach a store that fails; each later one waits twice as long."""
LONGEST_PAUSE = 30.0
"""The longest of these waits, in seconds."""
ERRORS = 200
"""Unfinished alerts that a process remembers, to list them when it ends."""
FIRST_RETRY = 30.0
"""Seconds before the second try of an alert; each later one waits four times as long."""
END_SECONDS = 1.0
"""How long cancelled work may take to end before its alert is given back anyway."""


@dataclass(slots=True)
class Tally:
    """What a run has done so far."""

    polled: bool = True
    """False if another process polls."""
    done: int = 0
    linked: int = 0
    """Took the verdict of another alert."""
    skipped: int = 0
    failed: int = 0
    unwritten: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    """Why each alert is unfinished, by alert id; at most the last `ERRORS`."""

    @property
    def unfinished(self) -> bool:
        return bool(self.errors)

    def count(self, alert_id: str, result: TurnResult) -> None:
        """Count how an alert's turn ended, and note why it is unfinished, if it is."""
        state, missing = end_state(result), why_unwritten(result)
        self.done += state is State.DONE
        self.linked += state is State.LINKED
        self.skipped += state is State.SKIPPED
        self.failed += state is State.FAILED
        self.unwritten += bool(missing)
        self.errors.pop(alert_id, None)
        if reason := result if isinstance(result, str) else missing:
            self.errors[alert_id] = reason
            if len(self.errors) > ERRORS:
                del self.errors[next(iter(self.errors))]


def end_state(result: TurnResult) -> State | None:
    """The state in which an alert's turn ended; `None` if it is linked anew, waits or is queued, to be claimed again."""
    match result:
        case str():
            return State.FAILED
        case Skipped() | LinkedOutcome(decision=Skipped()):
            return State.SKIPPED
        case LinkedOutcome():
            return None if result.verdict is None else State.LINKED
        case Investigation():
            return State.DONE
        case _:
            assert_never(result)


def why_unwritten(result: TurnResult) -> str:
    """Why the comment is missing in Panther; empty if it isn't."""
    if isinstance(result, Investigation):
        return unwritten(result.notes)
    return result.unwritten if isinstance(result, LinkedOutcome) else ""


@dataclass(frozen=True, slots=True)
class Worker:
    """Works on claimed alerts."""

    pipeline: Pipeline
    observe: Observer
    on_done: Callable[[Alert, TurnResult], None] = lambda _alert, _result: None
    """Called with each alert whose turn ended."""
    lease_seconds: float = LEASE_SECONDS
    reach: PantherReach | None = None
    """What is known of Panther, where alerts are taken one after the other."""

    async def finish(self, claim: Claim, tally: Tally, *, forced: bool = False) -> None:
        """Finish, fail or give back one claim, and count it.

        Raises:
            PantherDenied: Panther refuses the token altogether; the alert was given back untouched.
        """
        if claim.deaths >= MAX_DEATHS:
            text = (
                f"given up after {MAX_DEATHS} processes in a row ended while they worked on it, without a new step; "
                f"`triage queue retry {claim.alert.id}` tries again"
            )
            await self._give_back(claim, error=text, failed=True)
            self._count(claim, text, tally)
            return
        work = asyncio.create_task(self._perform(claim, forced=forced))
        beat = asyncio.create_task(self._heartbeat(claim))
        try:
            result = await _result_while_held(work, beat, claim)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait({work}, timeout=END_SECONDS)
            await asyncio.shield(asyncio.create_task(self._give_back(claim)))
            raise
        except StaleClaimError:
            log.warning("claim lost", extra={"alert_id": claim.alert.id})
        except Exception as error:  # noqa: BLE001 - the one place: an alert that breaks must not stop the others
            await self._failed(claim, error, tally)
        else:
            if self.reach is not None:
                self.reach.works()
            self._count(claim, result, tally)
        finally:
            await _cancel(work, beat)

    async def _perform(self, claim: Claim, *, forced: bool) -> TriageOutcome:
        def observe(progress: Progress) -> None:
            self.observe(replace(progress, alert_id=claim.alert.id))

        if claim.leader and not forced:
            return await self.pipeline.finish_linked(claim, observe=observe)
        return await self.pipeline.triage(claim, observe=observe, forced=forced)

    def _count(self, claim: Claim, result: TurnResult, tally: Tally) -> None:
        tally.count(claim.alert.id, result)
        self.on_done(claim.alert, result)

    async def _failed(self, claim: Claim, error: Exception, tally: Tally) -> None:
        expected = isinstance(error, TriageError)
        text = redact(str(error) if expected else f"unexpected {type(error).__name__}: {error}")
        level = logging.INFO if expected else logging.ERROR
        log.log(level, "alert failed", extra={"alert_id": claim.alert.id, "error": text}, exc_info=not expected)
        if isinstance(error, StoreError) and error.retryable:
            # Not the alert's fault: it keeps its attempts.
            await self._give_back(claim, error=text[:1000], retry_after=error.retry_after, counted=False)
            self._count(claim, text, tally)
            return
        if isinstance(error, PantherError) and (error.retryable or isinstance(error, PantherDenied)):
            # A limit of requests is never one alert's fault, though only one operation may have met it.
            limited = error.status == HTTPStatus.TOO_MANY_REQUESTS
            trouble = error if limited else await self._panther_trouble()
            if isinstance(trouble, PantherDenied):
                await self._give_back(claim)
                raise trouble
            if trouble is not None:
                await self._without_panther(claim, trouble, tally)
                return
        if isinstance(error, ModelError) and not error.of_alert:
            await self._without_model(claim, error, tally)
            return
        parked = claim.attempts >= ATTEMPTS or (expected and not getattr(error, "retryable", False))
        delay = max(getattr(error, "retry_after", None) or 0.0, FIRST_RETRY * 4.0 ** (claim.attempts - 1))
        retry_after = None if parked else delay
        await self._give_back(claim, error=text[:1000], retry_after=retry_after, failed=parked)
        self._count(claim, text, tally)

    async def _without_model(self, claim: Claim, error: ModelError, tally: Tally) -> None:
        """Give an alert back whose model's endpoint failed: it waits, and is parked only if the endpoint is in use for
        other alerts while it fails this one again and again."""
        breaker = self.pipeline.breaker
        pause = breaker.seconds_left if breaker is not None else 0.0
        parked = not pause and claim.attempts >= ATTEMPTS
        delay = max(error.retry_after or 0.0, pause, FIRST_RETRY * (1.0 if pause else 4.0 ** (claim.attempts - 1)))
        await self._give_back(
            claim, error=str(error)[:1000], retry_after=None if parked else delay, failed=parked, counted=not pause
        )
        self._count(claim, str(error), tally)

    async def _without_panther(self, claim: Claim, trouble: PantherError, tally: Tally) -> None:
        """Give an alert back that cannot be finished while Panther is away: that costs it none of its tries."""
        if self.reach is not None:
            self.reach.failed(trouble)
        delay = max(trouble.retry_after or 0.0, FIRST_RETRY)
        await self._give_back(claim, error=str(trouble)[:1000], retry_after=delay, counted=False)
        self._count(claim, str(trouble), tally)

    async def _panther_trouble(self) -> PantherError | None:
        """What keeps Panther from answering, or makes it refuse the token, altogether and not just for one alert."""
        try:
            await self.pipeline.alerts.page(AlertQuery(page_size=1))
        except PantherError as error:
            return error if error.retryable or isinstance(error, PantherDenied) else None
        except TriageError:
            return None
        return None

    async def _give_back(
        self,
        claim: Claim,
        *,
        error: str = "",
        retry_after: float | None = None,
        failed: bool = False,
        counted: bool = True,
    ) -> None:
        """End a claim, retrying while the store fails; if it never answers, the lease runs out by itself."""
        ends = self.pipeline.clock.monotonic() + self.lease_seconds
        tries = 0
        while True:
            now = self.pipeline.clock.now()
            retry_at = None if retry_after is None else now + timedelta(seconds=retry_after)
            try:
                await self.pipeline.store.queue.give_back(
                    claim, now=now, error=error, retry_at=retry_at, failed=failed, counted=counted
                )
            except StoreError as trouble:
                tries += 1
                pause = backoff(PAUSE, tries, longest=LONGEST_PAUSE)
                log.warning("not given back", extra={"alert_id": claim.alert.id, "error": str(trouble)})
                if self.pipeline.clock.monotonic() + pause > ends:
                    return
                await self.pipeline.clock.sleep(pause)
            else:
                return

    async def _heartbeat(self, claim: Claim) -> None:
        """Extend the lease until it is lost."""
        while True:
            await self.pipeline.clock.sleep(self.lease_seconds / 4)
            try:
                if not await self.pipeline.store.queue.heartbeat(
                    claim, now=self.pipeline.clock.now(), lease_seconds=self.lease_seconds
                ):
                    return
            except StoreError as error:
                # The lease may still hold; every write checks its epoch anyway.
                log.warning("heartbeat failed", extra={"alert_id": claim.alert.id, "error": str(error)})


async def _result_while_held(
    work: asyncio.Task[TriageOutcome], beat: asyncio.Task[None], claim: Claim
) -> TriageOutcome:
    """The result of the work. Raises StaleClaimError if the heartbeat ends first: then the lease is lost."""
    await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        raise StaleClaimError(claim.alert.id)
    return work.result()


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel what still runs, and wait until it has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
