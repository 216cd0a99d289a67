"""Stores what has been decided while further pages are read."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from triage.domain.alert import Alert
from triage.domain.look import Growth
from triage.domain.selection import Decision
from triage.ports import AlertQueue

MOST = 400
"""Alerts that may wait for the store; reading goes on when it has taken them."""
PAUSE = 0.1
"""Seconds for which a page waits for others to be stored with it."""


@dataclass(slots=True)
class Saver:
    """One transaction at a time, with all that has come since the last began: several pages take little longer than one.

    Nothing rests on when a page is stored: the cursor moves when all are.
    """

    queue: AlertQueue
    now: datetime
    """When the reading began."""
    growth: Growth | None
    new: int = 0
    """Alerts that were not known."""
    _waiting: list[tuple[Alert, Decision]] = field(default_factory=list)
    _saved: list[tuple[Alert, Decision]] = field(default_factory=list)
    """What the transaction under way stores."""
    _task: asyncio.Task[None] | None = None
    _timer: asyncio.TimerHandle | None = None
    """Of the next transaction."""

    async def add(self, decided: Sequence[tuple[Alert, Decision]]) -> None:
        """Store these soon. Raises StoreError, also about what was added before."""
        self._waiting += decided
        if self._task is not None and (self._task.done() or len(self._waiting) >= MOST):
            await self._settle()
        if self._task is None and len(self._waiting) >= MOST:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._begin)

    async def have_stored(self, detections: Collection[str]) -> None:
        """Wait until nothing of these detections is under way. Raises StoreError."""
        if any(alert.detection_id in detections for alert, _ in (*self._saved, *self._waiting)):
            await self.flush()

    async def flush(self) -> None:
        """Wait until all is stored. Raises StoreError."""
        while self._task is not None or self._waiting:
            await self._settle()
            self._begin()

    async def abandon(self) -> None:
        """Start nothing more; what is under way ends by itself."""
        self._no_timer()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self) -> None:
        """Start the next transaction, or try again later where one is under way; one that failed is the last."""
        self._no_timer()
        if self._task is not None and not self._task.done():
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._begin)
        elif self._waiting and (self._task is None or self._task.exception() is None):
            self._saved, self._waiting = self._waiting, []
            self._task = asyncio.create_task(self._store(self._saved))

    async def _store(self, decided: Sequence[tuple[Alert, Decision]]) -> None:
        new = await self.queue.save(decided, now=self.now, growth=self.growth)
        self.new += new

    def _no_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _settle(self) -> None:
        """Wait for the transaction under way. One that failed stays, so that whatever comes next fails too."""
        if (task := self._task) is not None:
            await task
            if self._task is task:
                # The timer may have begun the next one meanwhile.
                self._task, self._saved = None, []
