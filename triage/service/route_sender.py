"""Sends what the outbox holds: one process at a time for each route, each message intent -> (look) -> send -> receipt.

The intent is the message's own row, in state `sent`, and the receipt the same row in state `done`. A row that is found in
state `sent` by whoever holds the route's lease is one whose sender died, or whose answer was lost; `ports.Delivery` says
what may be done about it. Every try is in the audit log before it is made and after.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from triage.domain.report import digest
from triage.errors import RouteError, StoreError
from triage.ports import AuditEntry, AuditLog, Clock, Destination, MessageState, Outbox, RouteMessage, Values
from triage.service.poller import wait_or_stop
from triage.settings import RouteSettings, RoutesSettings
from triage.stages.routing import RouteTiming, after_failure, hold, refer, summarise
from triage.stages.routing.policy import HOUR

log = logging.getLogger(__name__)

IDLE_SECONDS = 2.0
"""Pause before the outbox is looked at again."""
TROUBLE_SECONDS = 30.0
"""The same after the store, or the audit log, has failed."""
_ENDED = "the process ended while it was being sent"


@dataclass(frozen=True, slots=True)
class RouteSender:
    """The sender of one process."""

    settings: RoutesSettings
    destinations: Mapping[str, Destination]
    """By route."""
    outbox: Outbox
    values: Values
    clock: Clock
    name: str
    """This process, for leases."""
    audit: AuditLog | None = None
    timing: RouteTiming = field(default_factory=RouteTiming)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until asked to stop."""
        while not stop.is_set():
            pause = IDLE_SECONDS
            try:
                await self.drain(stop)
            except StoreError as error:
                log.warning("nothing sent on", extra={"error": str(error)})
                pause = TROUBLE_SECONDS
            await wait_or_stop(self.clock.sleep(pause), stop)

    async def drain(self, stop: asyncio.Event | None = None) -> None:
        """Send what may be sent now; a stop lets the message in flight arrive.

        Raises StoreError, after every route has had its turn.
        """
        stop = stop or asyncio.Event()
        turns = (self._drain_route(route, stop) for route in self.settings.to)
        ended = await asyncio.gather(*turns, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    async def _drain_route(self, route: RouteSettings, stop: asyncio.Event) -> None:
        now = self.clock.now()
        waiting = await self.outbox.open_messages(route.name)
        if not any(each.state is MessageState.SENT or _is_due(each, now) for each in waiting):
            return
        lease = f"route:{route.name}"
        if not await self._hold_lease(lease):
            return
        try:
            while not stop.is_set() and await self._next(route):
                if not await self._hold_lease(lease):
                    return
        finally:
            await self.values.release_lease(lease, self.name)

    async def _hold_lease(self, lease: str) -> bool:
        return await self.values.acquire_lease(lease, self.name, now=self.clock.now(), seconds=self.timing.lease)

    async def _next(self, route: RouteSettings) -> bool:
        """See to one message; false if none is due."""
        messages, now = await self.outbox.open_messages(route.name), self.clock.now()
        lost = next((each for each in messages if each.state is MessageState.SENT), None)
        if lost is not None:
            await self._see_to_lost(route, lost)
            return True
        due = [each for each in messages if _is_due(each, now)]
        if not due:
            return False
        sent = await self.outbox.sent_messages(route.name, since=now - HOUR) if route.hourly_cap else ()
        held = hold(route, self.settings.timezone, sent, now=now)
        if held is not None:
            await self.outbox.hold_messages(route.name, until=held.until, capped=held.capped, now=now)
            return False
        await self._send(route, await self._summary(due) or due[0])
        return True

    async def _summary(self, due: Sequence[RouteMessage]) -> RouteMessage | None:
        """One message in the place of those over the cap; `None` where there are not several."""
        over = [each for each in due if each.capped]
        if len(over) < 2:  # noqa: PLR2004 - one alone is sent as it is
            return None
        now = self.clock.now()
        summary = summarise(over, now=now)
        await self.outbox.summarise_messages([each.key for each in over], summary, now=now)
        return summary

    async def _see_to_lost(self, route: RouteSettings, message: RouteMessage) -> None:
        error = RouteError(_ENDED, outcome_unknown=True)
        await self._failed(route, message, error)

    async def _send(self, route: RouteSettings, message: RouteMessage) -> None:
        earlier = await self._earlier(message)
        said = message if earlier is None or route.updates else refer(message, earlier)
        entry = AuditEntry(
            action="route.send",
            alert_id=message.alert_id,
            value=route.name,
            digest=digest(f"{said.title}\n{said.body}"),
            size=len(said.body),
        )
        await self._log(entry, "sending")
        now = self.clock.now()
        sending = replace(message, state=MessageState.SENT, sent_at=now, attempts=message.attempts + 1)
        await self.outbox.save_message(sending, now=now)
        try:
            reference = await self._within(self.destinations[route.name].send(said, earlier))
        except RouteError as error:
            await self._log(entry, "unknown" if error.outcome_unknown else "refused", reason=str(error)[:200])
            await self._failed(route, sending, error)
            return
        done = replace(sending, state=MessageState.DONE, due_at=None, error="", reference=reference)
        await self.outbox.save_message(done, now=self.clock.now())
        await self._log(entry, "done", comment_id=reference)
        log.info("sent on", extra={"alert_id": message.alert_id, "route": route.name})

    async def _within(self, sending: Coroutine[Any, Any, str]) -> str:
        """What a destination answers in time, well before the lease ends. Raises RouteError."""
        try:
            async with asyncio.timeout(self.timing.send):
                return await sending
        except TimeoutError as error:
            raise RouteError(f"no answer within {self.timing.send:g} s", outcome_unknown=True) from error

    async def _failed(self, route: RouteSettings, message: RouteMessage, error: RouteError) -> None:
        now = self.clock.now()
        delivery = self.destinations[route.name].delivery
        stands = after_failure(message, error, delivery, self.timing, now=now)
        newer = await self._newer(message)
        if newer is not None:
            # It has the last word, but not before the older one can be found if that has arrived after all.
            waits = [each.due_at for each in (stands, newer) if each.due_at is not None]
            await self.outbox.save_message(replace(newer, due_at=max(waits, default=None)), now=now)
            stands = replace(stands, state=MessageState.REPLACED)
        await self.outbox.save_message(stands, now=now)
        facts = {"alert_id": message.alert_id, "route": route.name, "error": stands.error}
        if stands.state is MessageState.FAILED:
            log.warning("not sent on; `triage routes failed` lists it", extra=facts)
        else:
            log.warning("not sent on yet", extra=facts)

    async def _newer(self, message: RouteMessage) -> RouteMessage | None:
        """A later message about the same alert that waits."""
        if not message.alert_id:
            return None
        known = await self.outbox.messages_of(message.alert_id, message.route)
        waiting = [each for each in known if each.state is MessageState.WAITING and each.key != message.key]
        return next((each for each in waiting if each.created_at >= message.created_at), None)

    async def _earlier(self, message: RouteMessage) -> RouteMessage | None:
        """The message about the same alert that arrived first."""
        if not message.alert_id:
            return None
        known = await self.outbox.messages_of(message.alert_id, message.route)
        arrived = [each for each in known if each.state is MessageState.DONE and each.key != message.key]
        # An issue may have been deleted and made anew: its last name counts.
        named = [each for each in arrived if each.reference]
        first = next(iter(arrived), None)
        return replace(first, reference=named[-1].reference) if first is not None and named else first

    async def _log(self, entry: AuditEntry, outcome: str, *, reason: str = "", comment_id: str = "") -> None:
        if self.audit is None:
            return
        line = entry.model_copy(update={"outcome": outcome, "reason": reason, "comment_id": comment_id})
        await self.audit.append(line, now=self.clock.now())


def _is_due(message: RouteMessage, now: datetime) -> bool:
    return message.due_at is None or message.due_at <= now
