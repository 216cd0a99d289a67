"""Answers that several alerts need: kept for a while, and asked for once however many wait."""

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from triage.ports import Clock

KEEP_SECONDS = 300.0
MAX_ENTRIES = 2_000


class SharedCache:
    """Keeps answers by name. One per process; failures are not kept."""

    def __init__(self, clock: Clock, *, seconds: float = KEEP_SECONDS) -> None:
        """Start empty.

        Args:
            clock: Measures the age of an answer.
            seconds: How long an answer is good.
        """
        self._clock = clock
        self._seconds = seconds
        self._kept: dict[str, tuple[float, JsonValue]] = {}
        self._asked: dict[str, asyncio.Task[JsonValue]] = {}

    async def get(self, key: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Give the kept answer, join a question under way, or ask. Raises whatever `perform` raises."""
        kept = self._kept.get(key)
        if kept is not None and self._clock.monotonic() - kept[0] < self._seconds:
            return kept[1]
        task = self._asked.get(key)
        if task is None:
            task = asyncio.ensure_future(self._ask(key, perform))
            self._asked[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        # One waiter that gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _ask(self, key: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        answer = await perform()
        if len(self._kept) >= MAX_ENTRIES:
            del self._kept[min(self._kept, key=lambda name: self._kept[name][0])]
        self._kept[key] = (self._clock.monotonic(), answer)
        return answer

    def _forget(self, key: str, task: asyncio.Task[JsonValue]) -> None:
        if self._asked.get(key) is task:
            del self._asked[key]
        if not task.cancelled():
            # Read, so that a failure nobody waits for any more isn't reported as never retrieved.
            task.exception()
