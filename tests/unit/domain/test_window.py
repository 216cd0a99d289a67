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


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(NOON, NOON - HOUR, id="reversed"),
        pytest.param(datetime(2026, 3, 1), NOON, id="naive start"),  # noqa: DTZ001  (what is under test)
        pytest.param(NOON, datetime(2026, 3, 2), id="naive end"),  # noqa: DTZ001  (what is under test)
    ],
)
def test_a_window_that_is_none_is_refused(start: datetime, end: datetime) -> None:
    """A reversed window, or one without a zone, is a ValueError."""
    with pytest.raises(ValueError, match="time window"):
        TimeWindow(start, end)


def test_both_ends_belong_to_a_window() -> None:
    """A moment on an end is inside, one beyond it is not."""
    window = TimeWindow(NOON, NOON + HOUR)
    assert window.contains(NOON)
    assert window.contains(NOON + HOUR)
    assert not window.contains(NOON - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(-2, 1, (0, 1), id="overlaps the start"),
        pytest.param(1, 9, (1, 3), id="overlaps the end"),
        pytest.param(1, 2, (1, 2), id="inside"),
        pytest.param(-5, -4, (0, 0), id="before"),
        pytest.param(7, 8, (3, 3), id="after"),
    ],
)
def test_clamping_keeps_what_lies_inside(start: int, end: int, expected: tuple[int, int]) -> None:
    """`clamp` gives the common part, or the nearest end of the other window."""
    outer = TimeWindow(NOON, NOON + 3 * HOUR)
    clamped = TimeWindow(NOON + start * HOUR, NOON + end * HOUR).clamp(outer)
    assert clamped == TimeWindow(NOON + expected[0] * HOUR, NOON + expected[1] * HOUR)
