"""How fast, how often and how long Panther is asked."""

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from triage.errors import PantherError, PantherProtocolError
from triage.ports import Clock

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0
_NONSENSE_ATTEMPTS = 2
"""An answer that makes no sense is asked for once more, no oftener."""


def parse_retry_after(value: str, clock: Clock, longest: float) -> float | None:
    """Seconds that a `Retry-After` header asks for.

    Args:
        value: Whole seconds or an HTTP date (RFC 9110, section 10.2.3).
        clock: Tells how far away a date is.
        longest: Upper bound of the result.

    Returns:
        Seconds from 0 (a date in the past) to `longest`; None for anything else, such as `-5` or two values.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), longest)
    if text[:1].isalpha():
        try:
            moment = parsedate_to_datetime(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return min(max((moment - clock.now()).total_seconds(), 0.0), longest)
    return None


class Pace:
    """At most so many calls per second, after a first burst of one second's worth."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._interval = 1.0 / per_second
        self._burst = max(1.0 - self._interval, 0.0)
        self._clock = clock
        self._next = -math.inf

    async def wait(self) -> None:
        """Wait for this call's turn; calls go in the order in which they ask."""
        now = self._clock.monotonic()
        # The turn is taken before the wait, so that no lock is needed.
        turn = max(self._next, now - self._burst)
        self._next = turn + self._interval
        if turn > now:
            await self._clock.sleep(turn - now)


def retrying(clock: Clock, *, attempts: int, seconds: float) -> AsyncRetrying:
    """Retry what raises a retryable PantherError, with growing pauses and jitter or as the server asks.

    Args:
        clock: Waits, tells the time and gives the jitter.
        attempts: Tries, the first one included.
        seconds: Budget; a pause that would not end within it is not begun and the error is raised.
    """
    start = clock.monotonic()

    def pause(state: RetryCallState) -> float:
        error = _error(state)
        if error is not None and error.retry_after is not None:
            return error.retry_after
        longest = min(math.ldexp(_FIRST_PAUSE, state.attempt_number - 1), _LONGEST_PAUSE)
        return longest * (0.5 + clock.random() / 2)

    def enough(state: RetryCallState) -> bool:
        limit = min(attempts, _NONSENSE_ATTEMPTS) if isinstance(_error(state), PantherProtocolError) else attempts
        return state.attempt_number >= limit or clock.monotonic() - start + state.upcoming_sleep >= seconds

    return AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, PantherError) and error.retryable),
        wait=pause,
        stop=enough,
        sleep=clock.sleep,
        reraise=True,
    )


def _error(state: RetryCallState) -> PantherError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, PantherError) else None
