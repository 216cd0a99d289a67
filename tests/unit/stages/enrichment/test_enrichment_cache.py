"""The shared cache: one question for all who wait, kept for a while, failures not kept."""

import asyncio

import pytest

from tests.support.clocks import FakeClock
from triage.stages.enrichment.cache import SharedCache

pytestmark = pytest.mark.anyio


class Counted:
    """Counts how often it is asked."""

    def __init__(self, *, fail: int = 0) -> None:
        self.calls = 0
        self.fail = fail

    async def __call__(self) -> int:
        """Answer with the number of calls."""
        self.calls += 1
        await asyncio.sleep(0)
        if self.calls <= self.fail:
            raise ValueError("not now")
        return self.calls


async def test_all_who_wait_share_one_question() -> None:
    """Ten alerts that need the same answer ask once."""
    cache, perform = SharedCache(FakeClock()), Counted()

    assert await asyncio.gather(*(cache.get("k", perform) for _ in range(10))) == [1] * 10


async def test_an_answer_is_good_for_a_while() -> None:
    """After its time the question is asked anew."""
    clock = FakeClock()
    cache, perform = SharedCache(clock, seconds=60), Counted()
    await cache.get("k", perform)
    clock.advance(59)
    assert await cache.get("k", perform) == 1
    clock.advance(2)
    assert await cache.get("k", perform) == 2


async def test_a_failure_is_not_kept() -> None:
    """Everybody who waited hears of it, and the next one asks again."""
    cache, perform = SharedCache(FakeClock()), Counted(fail=1)
    both = await asyncio.gather(cache.get("k", perform), cache.get("k", perform), return_exceptions=True)

    assert [type(item) for item in both] == [ValueError, ValueError]
    assert await cache.get("k", perform) == 2


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    """Cancelling one waiter leaves the question running."""
    cache, perform = SharedCache(FakeClock()), Counted()
    first = asyncio.create_task(cache.get("k", perform))
    second = asyncio.create_task(cache.get("k", perform))
    await asyncio.sleep(0)
    first.cancel()

    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first
