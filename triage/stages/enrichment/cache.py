"""Answers that several alerts need: kept for a while, and asked for once however many wait.

What is kept is keyed by what was asked and by what the one who asked could afford. An answer that was cut because
its reader had little budget left serves nobody who can afford more, and nobody hears of a failure that is another
alert's own: each alert checks its budget before it comes here, and a question is given up only when the last one who
waits for it gives up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from triage.ports import Clock

KEEP_SECONDS = 300.0
MAX_ENTRIES = 2_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of an answer a reader can take; the default is for answers that have no parts."""

    rows: int = 0
    bytes: int = 0

    def covers(self, other: "Allowance") -> bool:
        """Whether an answer cut to this is all that `other` would have got."""
        return self.rows >= other.rows and self.bytes >= other.bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    at: float
    value: object
    allowance: Allowance
    cut: bool
    """Something is missing that a reader with a larger allowance would have got."""

    def serves(self, allowance: Allowance) -> bool:
        return not self.cut or self.allowance.covers(allowance)


@dataclass(slots=True, eq=False)
class _Pending:
    task: "asyncio.Task[object]"
    allowance: Allowance
    waiting: int = 0


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
        self._kept: dict[str, _Kept] = {}
        self._pending: dict[str, _Pending] = {}

    async def get(
        self,
        key: str,
        perform: Callable[[], Awaitable[T]],
        *,
        allowance: Allowance | None = None,
        cut: Callable[[T], bool] = lambda _: False,
    ) -> T:
        """Give the kept answer, join a question under way, or ask.

        Args:
            key: What is asked.
            perform: Asks, and takes no more of the answer than `allowance`.
            allowance: What this reader can take. The answer may have more, never less.
            cut: Whether an answer lacks something because of the allowance.

        Raises:
            Exception: whatever `perform` raises. It must not fail for a reason that is its reader's own.
        """
        allowance = allowance or Allowance()
        kept = self._kept.get(key)
        if kept is not None and self._is_fresh(kept) and kept.serves(allowance):
            return cast("T", kept.value)
        pending = self._pending.get(key)
        if pending is None or not pending.allowance.covers(allowance):
            pending = _Pending(asyncio.ensure_future(self._ask(key, perform, allowance, cut)), allowance)
            self._pending[key] = pending
            pending.task.add_done_callback(lambda done: self._forget(key, done))
        return cast("T", await self._wait(key, pending))

    async def _wait(self, key: str, pending: _Pending) -> object:
        pending.waiting += 1
        try:
            # One waiter that gives up must not take the answer from the others.
            return await asyncio.shield(pending.task)
        finally:
            pending.waiting -= 1
            if not pending.waiting and not pending.task.done():
                # The last one gave up. Nobody may join a question that is being cancelled.
                self._drop(key, pending.task)
                pending.task.cancel()
                await asyncio.wait((pending.task,))

    async def _ask(
        self, key: str, perform: Callable[[], Awaitable[T]], allowance: Allowance, cut: Callable[[T], bool]
    ) -> object:
        answer = await perform()
        self._keep(key, _Kept(self._clock.monotonic(), answer, allowance, cut(answer)))
        return answer

    def _keep(self, key: str, answer: _Kept) -> None:
        before = self._kept.get(key)
        if before is not None and self._is_fresh(before) and not before.cut and answer.cut:
            return
        if len(self._kept) >= MAX_ENTRIES and key not in self._kept:
            del self._kept[min(self._kept, key=lambda name: self._kept[name].at)]
        self._kept[key] = answer

    def _is_fresh(self, answer: _Kept) -> bool:
        return self._clock.monotonic() - answer.at < self._seconds

    def _drop(self, key: str, task: "asyncio.Task[object]") -> None:
        pending = self._pending.get(key)
        if pending is not None and pending.task is task:
            del self._pending[key]

    def _forget(self, key: str, task: "asyncio.Task[object]") -> None:
        self._drop(key, task)
        if not task.cancelled():
            # Read, so that a failure nobody waits for any more isn't reported as never retrieved.
            task.exception()
