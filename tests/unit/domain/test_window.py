"""Spans of time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from triage.domain.window import TimeWindow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_window_lies_around_a_moment() -> None:
    """`around` reaches back and forth, and the duration is the sum of both."""
    window = TimeWindow.around(NOON, 2 * HOUR, HOUR)
    assert (window.start, window.end) == (NOON - 2 * HOUR, NOON + HOUR)
    assert window.duration == 3 * HOUR


def test_a_window_is_kept_in_utc() -> None:
    """A moment of another zone is converted, so that two equal windows compare equal."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    assert TimeWindow(elsewhere, elsewhere) == TimeWindow(NOON, NOON)
    assert TimeWindow(elsewhere, elsewhere).start.tzinfo is UTC


def test_a_reversed_or_naive_window_is_refused() -> None:
    """A reversed window, or one without a zone, is a ValueError."""
    naive = datetime(2026, 3, 1)  # noqa: DTZ001  (what is under test)
    for start, end in ((NOON, NOON - HOUR), (naive, NOON), (NOON, naive + 24 * HOUR)):
        with pytest.raises(ValueError, match="time window"):
            TimeWindow(start, end)


def test_both_ends_belong_to_a_window() -> None:
    """A moment on an end is inside, one beyond it is not."""
    window = TimeWindow(NOON, NOON + HOUR)
    assert window.contains(NOON)
    assert window.contains(NOON + HOUR)
    assert not window.contains(NOON - timedelta(microseconds=1))


def hours(start: int, end: int) -> TimeWindow:
    return TimeWindow(NOON + start * HOUR, NOON + end * HOUR)


def test_clamping_keeps_what_lies_inside() -> None:
    """`clamp` gives the common part, or the nearest end of the other window."""
    assert hours(-2, 1).clamp(hours(0, 3)) == hours(0, 1)
    assert hours(1, 9).clamp(hours(0, 3)) == hours(1, 3)
    assert hours(1, 2).clamp(hours(0, 3)) == hours(1, 2)
    assert hours(-5, -4).clamp(hours(0, 3)) == hours(0, 0)
    assert hours(7, 8).clamp(hours(0, 3)) == hours(3, 3)
