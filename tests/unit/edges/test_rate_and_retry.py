"""How fast Panther is asked, and how long a server may make a client wait."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import START, FakeClock
from triage.edges.http import parse_retry_after
from triage.edges.panther.http import RateLimiter

pytestmark = pytest.mark.anyio


async def test_a_burst_passes_and_then_calls_come_at_the_set_pace() -> None:
    """One second's worth at once, then evenly."""
    clock = FakeClock()
    limiter = RateLimiter(4, clock)
    moments = []
    for _ in range(8):
        await limiter.wait()
        moments.append(round(clock.monotonic(), 6))
    assert moments == [0, 0, 0, 0, 0.25, 0.5, 0.75, 1.0]
    clock.advance(60)
    before = len(clock.sleeps)
    for _ in range(4):
        await limiter.wait()
    assert len(clock.sleeps) == before


@given(st.lists(st.floats(0, 3), min_size=1, max_size=40), st.sampled_from([0.5, 1.0, 3.0, 10.0]))
def test_no_second_sees_more_than_a_burst_and_the_pace(pauses: list[float], rate: float) -> None:
    """Whatever the pauses between calls: in any second at most the burst plus one second's worth."""

    async def run() -> list[float]:
        clock = FakeClock()
        limiter = RateLimiter(rate, clock)
        moments = []
        for pause in pauses:
            clock.advance(pause)
            await limiter.wait()
            moments.append(clock.monotonic())
        return moments

    moments = asyncio.run(run())
    for first in moments:
        assert sum(first <= moment < first + 1 for moment in moments) <= max(rate, 1) + rate + 1


@given(st.text(max_size=40))
def test_any_retry_after_is_a_bounded_wait_or_nothing(value: str) -> None:
    """No header can make the client wait for ever, or wait a negative time."""
    found = parse_retry_after(value, FakeClock(), 60)
    assert found is None or 0 <= found <= 60


def test_a_date_without_a_zone_is_utc() -> None:
    """As RFC 9110 wants it."""
    date = (START + timedelta(seconds=9)).strftime("%a, %d %b %Y %H:%M:%S -0000")
    assert parse_retry_after(date, FakeClock(), 60) == 9
