"""Coverage: when "no rows" proves something."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from triage.domain.window import TimeWindow
from triage.ports import LogSource
from triage.stages.enrichment.activity import Hour, TableActivity
from triage.stages.enrichment.coverage import coverage_of

NOW = datetime(2026, 3, 4, 18, tzinfo=UTC)  # a Wednesday
EVENT = NOW - timedelta(hours=6)
AFTER = TimeWindow(EVENT, EVENT + timedelta(hours=4))


def source(*, healthy: bool = True, last: datetime | None = None) -> LogSource:
    """A source of the log type."""
    return LogSource("s", "label", "aws-s3", ("AWS.CloudTrail",), healthy, last)


def activity(last: datetime, *, every_hours: int = 1, days: int = 20) -> TableActivity:
    """Rows each so many hours, up to a last one."""
    rows: list[dict[str, JsonValue]] = []
    moment = last
    while moment > last - timedelta(days=days):
        hour = moment.replace(minute=0, second=0, microsecond=0)
        rows.append(
            {
                "hour": hour.strftime("%Y-%m-%d %H:%M:%S.000"),
                "last_seen": moment.strftime("%Y-%m-%d %H:%M:%S.000"),
                "events": 5,
                "with_address": 5,
                "with_actor": 5,
            }
        )
        moment -= timedelta(hours=every_hours)
    return TableActivity.of(rows, truncated=False)


def proves(known: TableActivity | None, sources: list[LogSource] | None, window: TimeWindow = AFTER) -> bool:
    """Whether an absence in the window would count."""
    found = coverage_of(window, activity=known, sources=sources, last_event=EVENT, control="actor", now=NOW)
    return found.proves_absence


def test_a_live_source_proves_an_absence() -> None:
    """Healthy, delivering until now, with rows of others in the window."""
    assert proves(activity(NOW - timedelta(minutes=5)), [source()])


def test_a_source_that_fell_silent_after_the_alert_proves_nothing() -> None:
    """It calls itself healthy, but its last row lies minutes after the alert."""
    assert not proves(activity(EVENT + timedelta(minutes=10)), [source()])


def test_an_unusual_silence_proves_nothing() -> None:
    """A table that has rows every hour and has none for the window's last hours is not to be trusted."""
    assert not proves(activity(EVENT + timedelta(hours=1, minutes=30)), [source()])


def test_a_quiet_table_may_be_quiet() -> None:
    """A table that is written now and then is not silent because two hours are empty."""
    last = EVENT + timedelta(hours=1, minutes=30)
    known = activity(last, every_hours=31)
    assert proves(known, [source(last=last)], TimeWindow(EVENT - timedelta(days=3), EVENT + timedelta(hours=4)))


def test_an_ailing_source_counts_for_what_lies_before_its_last_delivery() -> None:
    """What was delivered past the window shows that the source worked then; an ailing one otherwise proves nothing."""
    known = activity(NOW - timedelta(minutes=5))

    assert proves(known, [source(healthy=False, last=NOW)])
    assert not proves(known, [source(healthy=False, last=EVENT + timedelta(hours=1))])


@pytest.mark.parametrize("sources", [None, []])
def test_unknown_sources_prove_nothing(sources: list[LogSource] | None) -> None:
    """Without the sources' health nothing is proven."""
    assert not proves(activity(NOW), sources)


def test_a_table_without_rows_in_the_window_proves_nothing() -> None:
    """An empty table is empty for everybody."""
    long_ago = TimeWindow(NOW - timedelta(days=60), NOW - timedelta(days=59))
    assert not proves(activity(NOW), [source()], long_ago)


def test_unknown_activity_proves_nothing() -> None:
    """Where the control question has no answer, coverage is unknown."""
    assert not proves(None, [source()])


def test_a_window_before_the_alert_needs_no_later_sign_of_life() -> None:
    """The alert's own event shows that the source lived until then."""
    window = TimeWindow(EVENT - timedelta(days=10), EVENT - timedelta(seconds=1))
    assert proves(activity(EVENT + timedelta(minutes=1)), [source()], window)


def test_a_fresh_alert_is_covered_up_to_the_present() -> None:
    """Minutes after an alert nothing later can be there yet."""
    event = NOW - timedelta(minutes=5)
    found = coverage_of(
        TimeWindow(event, event + timedelta(hours=4)),
        activity=activity(event),
        sources=[source()],
        last_event=event,
        control="any",
        now=NOW,
    )
    assert found.proves_absence


@given(
    st.lists(st.integers(0, 40 * 24 * 60), max_size=60),
    st.integers(0, 40 * 24 * 60),
    st.integers(0, 3 * 24 * 60),
)
def test_a_usual_silence_is_counted_day_by_day(minutes: list[int], begin: int, length: int) -> None:
    """The share is that of like days on which some hour began within the silence, or less than an hour before it."""
    base = NOW - timedelta(days=40)
    moments = [base + timedelta(minutes=minute) for minute in minutes]
    known = TableActivity(tuple(Hour(moment, 1, moment, 1, 1) for moment in sorted(moments, reverse=True)))
    silence = TimeWindow(base + timedelta(minutes=begin), base + timedelta(minutes=begin + length))

    days = [timedelta(days=back) for back in range(1, 29)]
    first = min(moments, default=silence.start)
    like = [
        day
        for day in days
        if silence.start - day >= first and ((silence.start - day).weekday() >= 5) is (silence.start.weekday() >= 5)
    ]
    hits = [
        any(silence.start - day - timedelta(minutes=59) <= moment <= silence.end - day for moment in moments)
        for day in like
    ]

    assert known.usual(silence) == (sum(hits) / len(like) if len(like) >= 5 else None)
    assert known.last == max(moments, default=None)


def test_a_table_without_indicator_columns_has_activity_but_no_control() -> None:
    """Hours are known, so rows of anyone are; whether rows with an actor would have been seen is not."""
    window = TimeWindow(datetime(2026, 3, 4, 8, tzinfo=UTC), datetime(2026, 3, 4, 12, tzinfo=UTC))
    rows = [{"hour": "2026-03-04 10:00:00.000", "events": 5, "last_seen": "2026-03-04 10:59:00.000"}]
    found = {
        control: coverage_of(
            window,
            activity=TableActivity.of(rows, truncated=False),
            sources=None,
            last_event=window.end,
            control=control,
            now=window.end,
        )
        for control in ("any", "actor", "address")
    }

    assert all(coverage.table_has_rows for coverage in found.values())
    assert found["any"].control_has_rows is True
    assert found["actor"].control_has_rows is None
    assert found["address"].control_has_rows is None
