"""Alerts that Panther has announced to the webhook: read by id, decided on as a poll would, and stored at once."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime

from triage.domain.alert import Alert
from triage.domain.redaction import without_secrets
from triage.domain.selection import Decision
from triage.errors import NotFound, PantherError, StoreError
from triage.ingest.decide import WindowDecider
from triage.ingest.listing import listings, read_window
from triage.ports import AlertSource, Clock, State, Store
from triage.settings import IngestSettings

log = logging.getLogger(__name__)

MAX_WAITING = 1_000
"""Announcements that wait to be read; further ones are refused, and the poll finds those alerts."""
AT_ONCE = 64
"""Alerts that are read at the same time: as many as a process can work on."""


@dataclass(slots=True)
class AnnouncedAlerts:
    """What was announced and not read yet. Nothing of it is stored: what a crash loses, the next poll finds.

    An alert that the store knows is left alone: to read it again is the poll's business, and so an announcement that
    is repeated costs Panther nothing.
    """

    alerts: AlertSource
    store: Store
    settings: IngestSettings
    clock: Clock
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Wakes who waits for it whenever announced alerts were stored; it does not stay set."""
    _waiting: dict[str, None] = field(default_factory=dict)
    """Ids, oldest first."""
    _announced: asyncio.Event = field(default_factory=asyncio.Event)

    def announce(self, alert_id: str) -> bool:
        """Read this alert soon; false if too many wait."""
        if len(self._waiting) >= MAX_WAITING and alert_id not in self._waiting:
            return False
        self._waiting[alert_id] = None
        self._announced.set()
        return True

    async def run(self) -> None:
        """Read what is announced, until cancelled."""
        while True:
            await self._announced.wait()
            some = list(self._waiting)[:AT_ONCE]
            try:
                await self._take(some)
            except (PantherError, StoreError) as error:
                log.warning("announced alerts are left to the next poll", extra={"error": str(error)})
            for alert_id in some:
                del self._waiting[alert_id]
            if not self._waiting:
                self._announced.clear()

    async def _take(self, announced: list[str]) -> None:
        """Store those of these alerts that are new. Raises PantherError, StoreError."""
        stored = await self.store.records.several(announced)
        known = {record.alert.id for record in stored if record.state is not State.IMPORTED}
        read = await asyncio.gather(*(self._read(each) for each in announced if each not in known))
        # Older ones are left to a poll that begins so early: with log types the window from the oldest to the newest is
        # listed here.
        earliest = self.clock.now() - self.settings.lookback
        found = [without_secrets(alert) for alert in read if alert is not None and alert.created_at >= earliest]
        if not found:
            return
        decided = await self._decide(found)
        if await self.store.queue.save(decided, now=self.clock.now(), growth=self.settings.growth):
            self.arrived.set()
            self.arrived.clear()

    async def _read(self, alert_id: str) -> Alert | None:
        """The alert as a list would show it; `None` where Panther doesn't give it."""
        try:
            alert = await self.alerts.listed(alert_id)
        except NotFound:
            log.info("announced, but unknown to Panther", extra={"alert_id": alert_id})
        except PantherError as error:
            log.warning(
                "an announced alert is left to the next poll", extra={"alert_id": alert_id, "error": str(error)}
            )
        else:
            return alert if alert.id == alert_id else None
        return None

    async def _decide(self, found: list[Alert]) -> list[tuple[Alert, Decision]]:
        first, last = _span(found)
        of_log_type = None
        if self.settings.log_types:
            # An alert doesn't say which log types it is of: Panther's list has to.
            asked = listings(self.settings)
            of_log_type, _ = await read_window(
                self.alerts,
                asked,
                start=first,
                end=last,
                settings=self.settings,
                only={alert.id for alert in found},
            )
        decider = WindowDecider(self.store.queue, self.settings, last, {}, of_log_type)
        return await decider.decide(found)


def _span(alerts: list[Alert]) -> tuple[datetime, datetime]:
    created = [alert.created_at for alert in alerts]
    return min(created), max(created)
