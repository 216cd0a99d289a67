"""The real clock, and the one that starts at a given moment."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from triage.edges.clock import FixedStartClock, SystemClock

pytestmark = pytest.mark.anyio


async def test_the_system_clock_is_in_utc_and_moves() -> None:
    """Time, sleep and chance come from the machine."""
    clock = SystemClock()
    before, started = clock.now(), clock.monotonic()
    await clock.sleep(-1)
    await clock.sleep(0.001)
    assert clock.now() >= before
    assert before.tzinfo is UTC
    assert clock.monotonic() > started
    assert 0 <= clock.random() < 1
    assert len(clock.token(8)) == 16
    assert clock.token(8) != clock.token(8)


async def test_a_set_clock_starts_where_it_is_set_and_runs_on() -> None:
    """`--now` sets the moment; time then passes as always."""
    start = datetime(2020, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    clock = FixedStartClock(start)
    first = clock.now()
    await clock.sleep(0.002)
    assert start <= first < start + timedelta(minutes=1)
    assert first.tzinfo is UTC
    assert clock.now() > first
    with pytest.raises(ValueError, match="time zone"):
        FixedStartClock(datetime(2020, 2, 3))  # noqa: DTZ001 - the point of the test
