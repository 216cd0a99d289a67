"""A clock that a test moves: waiting takes no time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from triage.edges.clock import SystemClock

START = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)


class FakeClock:
    """Implements `ports.Clock`; every wait is noted in `sleeps` and moves the clock on at once."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self._tokens = 0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self._passed += max(seconds, 0.0)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    def random(self) -> float:
        return 0.5

    def token(self, size: int) -> str:
        self._tokens += 1
        return f"{self._tokens:0{2 * size}x}"


class FastClock(SystemClock):
    """A clock on which time passes faster: what waits really waits, and others really work meanwhile."""

    def __init__(self, start: datetime = START, *, pace: float = 1_000.0) -> None:
        self._start = start
        self._began = time.monotonic()
        self._pace = pace
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._pace

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        await asyncio.sleep(max(seconds, 0.0) / self._pace)
