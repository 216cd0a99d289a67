"""Coverage: when "no rows" proves something."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from triage.domain.coverage import Coverage
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
                "lag": 240,
            }
        )
        moment -= timedelta(hours=every_hours)
    return TableActivity.of(rows, truncated=False)


def judged(
    known: TableActivity | None,
    window: TimeWindow,
    *,
    now: datetime = NOW,
    sources: Sequence[LogSource] | None = None,
    wanted_end: datetime | None = None,
) -> Coverage:
    """What an absence in the window would be worth."""
    return coverage_of(
        window,
        activity=known,
        sources=[source()] if sources is None else sources,
        own=TimeWindow(EVENT, EVENT),
        control="actor",
        now=now,
        wanted_end=wanted_end,
    )


def proves(known: TableActivity | None, sources: list[LogSource] | None, window: TimeWindow = AFTER) -> bool:
    """Whether an absence in the window would count."""
    found = coverage_of(window, activity=known, sources=sources, own=TimeWindow(EVENT, EVENT), control="actor", now=NOW)
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


def test_a_quiet_table_proves_an_absence_once_it_has_delivered_on() -> None:
    """A table that is written now and then is not silent because two hours are empty, but its next row may be older."""
    last = EVENT + timedelta(hours=1, minutes=30)
    window = TimeWindow(EVENT - timedelta(days=3), EVENT + timedelta(hours=4))
    found = judged(activity(last, every_hours=31), window)

    assert not found.proves_absence
    assert found.proven_until is not None
    assert EVENT < found.proven_until < last
    assert found.open_until is not None
    assert judged(activity(NOW - timedelta(minutes=5), every_hours=31), window).proves_absence


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


def test_a_window_before_the_alert_is_proven_by_the_alert_itself_up_to_the_usual_lag() -> None:
    """The alert's own event came, so every row that is older by more than the lag has come; the last minutes are open."""
    window = TimeWindow(EVENT - timedelta(days=10), EVENT - timedelta(seconds=1))
    found = judged(activity(EVENT), window, now=EVENT + timedelta(minutes=1))

    assert not found.proves_absence
    assert found.proven_until == EVENT - timedelta(minutes=9)
    assert found.open_until == EVENT + timedelta(minutes=10)
    assert judged(activity(EVENT + timedelta(minutes=10)), window).proves_absence


def test_a_fresh_alert_proves_nothing_of_what_follows() -> None:
    """A minute after the alert its own event is the newest row: nothing shows yet that nothing followed."""
    found = judged(activity(EVENT), AFTER, now=EVENT + timedelta(minutes=1))

    assert not found.proves_absence
    assert found.proven_until is None
    assert found.open_until == AFTER.end + timedelta(minutes=9)
    assert any("rows may still arrive until 2026-03-04 16:09 UTC" in gap for gap in found.gaps)


def test_the_same_window_is_proven_once_the_table_has_delivered_past_it() -> None:
    """What was provisional for the young alert is proven some hours later."""
    found = judged(activity(AFTER.end + timedelta(minutes=9)), AFTER, now=NOW)

    assert found.proves_absence
    assert found.gaps == ()
    assert found.open_until is None


def test_a_young_alert_whose_table_has_later_rows_is_proven_up_to_them() -> None:
    """The window runs to the present: the part that was delivered is proven, and the gap says up to when."""
    now = EVENT + timedelta(hours=1)
    found = judged(activity(now - timedelta(minutes=2)), TimeWindow(EVENT, now), now=now, wanted_end=AFTER.end)

    assert not found.proves_absence
    assert found.proven_until == now - timedelta(minutes=11)
    assert found.open_until == AFTER.end + timedelta(minutes=9)
    assert "delivered only up to 2026-03-04 12:49 UTC; the absence is proven until then" in found.gaps


def test_a_source_that_has_stopped_leaves_nothing_open() -> None:
    """Waiting doesn't help where the source is silent far beyond its rhythm; the gap says since when."""
    found = judged(activity(EVENT + timedelta(minutes=10)), AFTER)

    assert not found.proves_absence
    assert found.open_until is None
    assert any("since 2026-03-04 12:10 UTC" in gap for gap in found.gaps)


def test_every_source_of_a_table_has_to_deliver() -> None:
    """A table that two sources feed is proven up to the one that is behind; one that stopped long ago is no part of it."""
    late = EVENT + timedelta(minutes=30)
    behind = [source(last=NOW), source(last=late)]
    gone = [source(last=NOW), source(last=NOW - timedelta(days=30))]
    known = activity(NOW - timedelta(minutes=5))

    assert judged(known, AFTER, sources=behind).proven_until == late - timedelta(minutes=9)
    assert judged(known, AFTER, sources=gone).proves_absence


def test_a_source_with_an_alarm_is_unhealthy() -> None:
    """The alarm's name stands in the gap; what the source had delivered past is not in doubt."""
    alarmed = LogSource("s", "label", "aws-s3", ("AWS.CloudTrail",), True, EVENT, ("SOURCE_NO_DATA",))
    found = judged(activity(EVENT), AFTER, sources=[alarmed])

    assert found.source_healthy is False
    assert "the log source has an active alarm (no data arrives)" in found.gaps


def test_a_silence_beyond_the_alarm_s_threshold_is_no_health() -> None:
    """The people who run the source call an hour's silence unusual; that no alarm has come yet makes it no better."""
    last = EVENT + timedelta(hours=1)
    overdue = replace(source(last=last), alarm_minutes=60)

    found = judged(activity(last), AFTER, sources=[overdue])

    assert (found.source_healthy, found.overdue, found.proves_absence, found.proven_until) == (False, True, False, None)
    assert "the log source has been silent for longer than its no-data alarm allows" in found.gaps
    assert not any("comes after" in gap for gap in found.gaps)


def test_an_alarm_that_could_not_have_come_yet_says_so() -> None:
    """A silence shorter than the threshold raises no alarm, and none is no sign of life: the reader learns when one comes."""
    last = EVENT + timedelta(hours=1)
    patient = replace(source(last=last), alarm_minutes=1_440)

    found = judged(activity(last), AFTER, sources=[patient])

    assert not found.overdue
    assert not found.proves_absence
    assert any(gap.endswith("(its no-data alarm comes after 1 d of silence)") for gap in found.gaps)


def test_a_threshold_takes_nothing_from_a_source_that_delivered_past_the_window() -> None:
    """It was working then, whatever it does today."""
    late = replace(source(last=NOW - timedelta(minutes=30)), alarm_minutes=15)

    assert judged(activity(NOW - timedelta(minutes=30)), AFTER, sources=[late]).proves_absence


@given(st.integers(1, 10_000), st.integers(0, 10_000))
def test_a_threshold_never_proves_more(threshold: int, silent: int) -> None:
    """Whatever it is set to, what is proven with it is proven without it."""
    last = NOW - timedelta(minutes=silent)
    plain, watched = source(last=last), replace(source(last=last), alarm_minutes=threshold)
    without, found = (judged(activity(last), AFTER, sources=[each]) for each in (plain, watched))

    assert without.proves_absence or not found.proves_absence
    assert found.proven_until is None or found.proven_until == without.proven_until


def test_a_value_of_another_kind_proves_nothing() -> None:
    """Whatever was delivered, a column of e-mail addresses can't lack a user id."""
    found = judged(activity(NOW - timedelta(minutes=5)), AFTER).model_copy(update={"value_fits": False})

    assert not found.proves_absence
    assert not found.proves_until(EVENT)
    assert "the log names people in another way than the name that was searched for" in found.gaps


def test_rare_late_rows_do_not_set_the_lag_but_regular_ones_do() -> None:
    """One backfill among hundreds of hours is not how late a row usually is."""
    hours = [Hour(NOW - timedelta(hours=n), 1, NOW - timedelta(hours=n), 1, 1, 120) for n in range(300)]
    rare = [hour._replace(lag=7200) if n == 9 else hour for n, hour in enumerate(hours)]
    often = [hour._replace(lag=7200) if n % 20 == 9 else hour for n, hour in enumerate(hours)]

    assert TableActivity(tuple(rare)).lag == timedelta(minutes=7)
    assert TableActivity(tuple(often)).lag == timedelta(minutes=125)
    assert TableActivity(tuple(hours[:5])).lag == timedelta(hours=1)


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
            own=TimeWindow(window.end, window.end),
            control=control,
            now=window.end,
        )
        for control in ("any", "actor", "address")
    }

    assert all(coverage.table_has_rows for coverage in found.values())
    assert found["any"].control_has_rows is True
    assert found["actor"].control_has_rows is None
    assert found["address"].control_has_rows is None


@pytest.mark.parametrize(
    "missed", [{"value_fits": False, "value_found": None}, {"value_fits": None, "value_found": False}]
)
def test_what_a_search_may_miss_is_absent_up_to_no_moment(missed: dict[str, bool | None]) -> None:
    """Whoever reads that an absence is proven until then could cite one that is none."""
    young = Coverage(source_healthy=True, table_has_rows=True, control_has_rows=True, proven_until=NOW, open_until=NOW)
    assert any("the absence is proven until then" in gap for gap in young.gaps)
    assert not any("proven until" in gap for gap in young.gaps_after)
    found = young.of_search(**missed)
    assert found.proven_until is None
    assert not any("proven until" in gap for gap in found.gaps)
    assert not found.proves_until(NOW)
    assert young.of_search(value_fits=True, value_found=True).proven_until == NOW
