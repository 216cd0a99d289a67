"""Coverage over simulated sources: what is called proven is never filled by a later delivery."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from triage.domain.coverage import Coverage
from triage.domain.window import TimeWindow
from triage.ports import LogSource
from triage.stages.enrichment.activity import TableActivity
from triage.stages.enrichment.coverage import coverage_of

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 20
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Delivery:
    """A row: when it happened and when it came into the lake."""

    event: datetime
    came: datetime


@dataclass(frozen=True)
class Behaviour:
    """How a source delivers. The same rules hold before and after the alert."""

    gap: int
    """Minutes from one event to the next."""
    base: int
    """Least minutes from event to delivery."""
    spread: int
    """Most further minutes, in turn; a spread above the gap delivers out of order."""
    batch: int
    """Deliveries come at each so many minutes only; 1: at once."""
    late_every: int
    """Each so many rows, one is late; 0: none."""
    late: int
    """By so many minutes."""
    outage: tuple[int, int] | None
    """From this minute after the alert on nothing comes for so many minutes; then all of it comes at once."""

    def deliveries(self, alert: datetime) -> list[Delivery]:
        """All rows, from well before the alert, which is one of them, until well after it."""
        found = []
        first = -(DAYS * 24 * 60) // self.gap
        for number in range(first, 4 * 24 * 60 // self.gap):
            event = alert + number * self.gap * MINUTE
            lag = self.base + self.spread * (number * 7 % 11) / 10
            if self.late_every and number % self.late_every == 0:
                lag += self.late
            came = event + lag * MINUTE
            minutes = -((BEGIN - came) // (self.batch * MINUTE)) * self.batch
            came = max(came, BEGIN + minutes * MINUTE) if self.batch > 1 else came
            if self.outage is not None:
                start = alert + self.outage[0] * MINUTE
                end = start + self.outage[1] * MINUTE
                came = end if start <= came < end else came
            found.append(Delivery(event, came))
        return found


behaviours = st.builds(
    Behaviour,
    gap=st.integers(7, 180),
    base=st.integers(0, 20),
    spread=st.integers(0, 60),
    batch=st.one_of(st.just(1), st.integers(15, 240)),
    late_every=st.one_of(st.just(0), st.integers(2, 20)),
    late=st.integers(30, 360),
    outage=st.one_of(st.none(), st.tuples(st.integers(-600, 600), st.integers(10, 2_000))),
)
alerts = st.integers(0, 24 * 60 - 1).map(lambda minute: BEGIN + timedelta(days=DAYS, minutes=minute))
ages = st.integers(1, 3 * 24 * 60).map(lambda minutes: minutes * MINUTE)


def seen(rows: Sequence[Delivery], alert: datetime, now: datetime) -> TableActivity:
    """The table's activity as the lake would give it."""
    end = max(now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0), alert)
    hours: dict[datetime, list[Delivery]] = {}
    for row in rows:
        if row.came <= now and row.event <= end:
            hours.setdefault(row.event.replace(minute=0, second=0, microsecond=0), []).append(row)
    answer: list[dict[str, JsonValue]] = [
        {
            "hour": hour.strftime("%Y-%m-%d %H:%M:%S.000"),
            "events": len(found),
            "last_seen": max(row.event for row in found).strftime("%Y-%m-%d %H:%M:%S.000"),
            "with_address": len(found),
            "with_actor": len(found),
            "lag": max((row.came - row.event) // timedelta(seconds=1) for row in found),
        }
        for hour, found in hours.items()
    ]
    return TableActivity.of(answer, truncated=False)


def judge(
    rows: Sequence[Delivery], wanted: Sequence[TimeWindow], alert: datetime, now: datetime
) -> list[tuple[TimeWindow, Coverage]]:
    """What an absence is worth at a moment in each window that has begun; the source always calls itself healthy."""
    activity = seen(rows, alert, now)
    received = max((row.came for row in rows if row.came <= now), default=None)
    source = LogSource("s", "label", "aws-s3", ("AWS.CloudTrail",), True, received)
    return [
        (
            window,
            coverage_of(
                TimeWindow(window.start, min(window.end, now)),
                activity=activity,
                sources=[source],
                own=TimeWindow(alert, alert),
                control="actor",
                now=now,
                wanted_end=window.end,
            ),
        )
        for window in wanted
        if window.start < now
    ]


def windows(alert: datetime) -> tuple[TimeWindow, ...]:
    """What playbooks ask about: before, around, after."""
    return (
        TimeWindow(alert - timedelta(days=15), alert - timedelta(seconds=1)),
        TimeWindow(alert - timedelta(days=15), alert - 12 * HOUR),
        TimeWindow(alert - 24 * HOUR, alert + 24 * HOUR),
        TimeWindow(alert, alert + 4 * HOUR),
        TimeWindow(alert, alert + 24 * HOUR),
    )


@settings(max_examples=40, deadline=None)
@given(behaviours, alerts, ages)
def test_no_later_delivery_fills_what_is_proven(behaviour: Behaviour, alert: datetime, age: timedelta) -> None:
    """Late, batched, silent, out of order, young: what comes after the judgement lies outside the proven part."""
    rows = behaviour.deliveries(alert)
    now = next(row.came for row in rows if row.event == alert) + age
    later = [row.event for row in rows if row.came > now]
    for wanted, found in judge(rows, windows(alert), alert, now):
        proven = wanted.end if found.proves_absence else found.proven_until
        assert proven is None or not [event for event in later if wanted.start <= event <= proven]


@settings(max_examples=40, deadline=None)
@given(behaviours.filter(lambda each: each.outage is None), alerts, ages)
def test_what_may_still_come_is_open(behaviour: Behaviour, alert: datetime, age: timedelta) -> None:
    """Where nothing is called open, nothing of the window is still on its way."""
    rows = behaviour.deliveries(alert)
    now = next(row.came for row in rows if row.event == alert) + age
    later = [row.event for row in rows if row.came > now]
    for wanted, found in judge(rows, windows(alert), alert, now):
        if found.open_until is None:
            assert not [event for event in later if wanted.start <= event <= wanted.end]


@settings(max_examples=40, deadline=None)
@given(behaviours.filter(lambda each: each.outage is None), alerts)
def test_waiting_proves_it_in_the_end(behaviour: Behaviour, alert: datetime) -> None:
    """Two days after the end of the last window a source that went on delivering has proven it, and nothing is open."""
    rows = behaviour.deliveries(alert)
    for _, found in judge(rows, windows(alert), alert, alert + timedelta(days=3)):
        assert found.proves_absence, found.gaps
        assert found.open_until is None


@given(behaviours, alerts)
@settings(max_examples=40, deadline=None)
def test_a_young_alert_is_never_quiet(behaviour: Behaviour, alert: datetime) -> None:
    """A minute after it was delivered, no four hours have passed in which anything could have been seen."""
    rows = behaviour.deliveries(alert)
    wanted = TimeWindow(alert, alert + 4 * HOUR)
    now = min(next(row.came for row in rows if row.event == alert), alert + 2 * HOUR) + MINUTE
    ((_, found),) = judge([row for row in rows if row.event <= alert], [wanted], alert, now)
    assert not found.proves_absence
    assert found.proven_until is None
