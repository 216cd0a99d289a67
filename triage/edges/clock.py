"""The real clock, and one that starts at a given moment."""

import asyncio
import random
import secrets
import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Implements `ports.Clock` with the machine's clock and random numbers."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less only lets other tasks run."""
        await asyncio.sleep(max(seconds, 0.0))

    def random(self) -> float:
        """A number in [0, 1), for jitter only."""
        return random.random()  # noqa: S311 - jitter, no secret

    def token(self, size: int) -> str:
        """`2 * size` unguessable hexadecimal digits."""
        return secrets.token_hex(size)


class FixedStartClock(SystemClock):
    """A clock that is set to a given moment when it is created and then runs in real time (`--now`).

    Raises ValueError for a moment without a time zone.
    """

    def __init__(self, now: datetime) -> None:
        if now.utcoffset() is None:
            raise ValueError(f"the start of a clock needs a time zone: {now.isoformat()}")
        self._start = now.astimezone(UTC)
        self._started = time.monotonic()

    def now(self) -> datetime:
        """The given moment plus the time since this clock was created, in UTC."""
        return self._start + timedelta(seconds=time.monotonic() - self._started)
