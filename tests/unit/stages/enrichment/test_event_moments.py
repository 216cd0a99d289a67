"""When an alert's events happened: what they claim is used only where it can be true."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import START
from triage.domain.alert import AHEAD, Alert, DetectionOrigin, Kind, Severity, Status
from triage.domain.cuts import CUT, NO_NUMBER, TOO_DEEP
from triage.domain.times import LATEST, parse_time
from triage.stages.enrichment.event_faults import event_faults, event_notes, fault_rows
from triage.stages.enrichment.moments import event_moments

CREATED = START
PARSED = CREATED - timedelta(minutes=3)
HAPPENED = CREATED - timedelta(minutes=8)


def alert(first: datetime | None = HAPPENED, **more: Any) -> Alert:
    return Alert(
        id="a1",
        title="Door open",
        severity=Severity.HIGH,
        status=Status.OPEN,
        kind=Kind.RULE,
        created_at=CREATED,
        first_event_at=first,
        origin=DetectionOrigin(id="Door.Open"),
        **more,
    )


def event(claimed: object, parsed: object = PARSED) -> dict[str, Any]:
    row = {"p_event_time": claimed, "p_parse_time": parsed, "p_log_type": "Acme.Doors"}
    return {
        name: f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value for name, value in row.items()
    }


def test_ordinary_times_are_used_as_they_are() -> None:
    """The first and the last event, and nothing to say about them."""
    found = event_moments(alert(), [event(HAPPENED + timedelta(minutes=2)), event(HAPPENED)])

    assert (found.first, found.last, found.faults) == (HAPPENED, HAPPENED + timedelta(minutes=2), ())


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        (
            HAPPENED - timedelta(days=20),
            "says 2031-04-16 11:52; Panther parsed it 20 days later, and that time is used.",
        ),
        ("1970-01-01 00:00:00.000", "says 1970-01-01 00:00; Panther parsed it 61 years later, and that time is used."),
        (
            "9999-12-31 23:59:59.999",
            "says 9999-12-31 23:59; Panther parsed it 7973 years earlier, and that time is used.",
        ),
        (
            CREATED + timedelta(days=3),
            "says 2031-05-09 12:00; Panther parsed it 3 days earlier, and that time is used.",
        ),
        ("0001-01-01T00:00:00+05:00", "has a time that cannot be read; the time at which Panther parsed it is used."),
        ("yesterday", "has a time that cannot be read; the time at which Panther parsed it is used."),
        (1_935_835_200, "has a time that cannot be read; the time at which Panther parsed it is used."),
        (["2031-05-06"], "has a time that cannot be read; the time at which Panther parsed it is used."),
        (None, "has no time; the time at which Panther parsed it is used."),
    ],
)
def test_a_time_that_cannot_be_is_said_and_not_used(claimed: object, said: str) -> None:
    """The windows are placed around the time at which Panther parsed the event."""
    found = event_moments(alert(first=PARSED), [event(claimed)])

    assert (found.first, found.last) == (PARSED, PARSED)
    assert [fault.row for fault in found.faults] == [0]
    assert said in found.faults[0].sentence


def test_the_alerts_own_first_event_is_checked_too() -> None:
    """Panther takes it from the event: back-dated by twenty days, it would move every window as well."""
    back = HAPPENED - timedelta(days=20)
    found = event_moments(alert(first=back), [event(back)])

    assert (found.first, found.last) == (PARSED, PARSED)
    assert [fault.row for fault in found.faults] == [0, None]
    assert "its first event was on 2031-04-16 11:52; it was raised 20 days later" in found.faults[1].sentence


def test_without_a_time_of_parsing_the_alerts_creation_counts() -> None:
    """Also where the column holds anything but a time, or one after the alert was raised."""
    for parsed in (None, "soon", CREATED + timedelta(days=400), 7, {}):
        found = event_moments(alert(first=None), [event("9999-12-31 23:59:59", parsed)])

        assert (found.first, found.last) == (CREATED, CREATED)
        assert "the alert was raised 7973 years earlier" in found.faults[0].sentence


def test_a_row_of_a_scheduled_query_may_have_no_time_or_an_old_one() -> None:
    """It counts events of weeks; only rows of a log are expected to say when."""
    old = CREATED - timedelta(days=30)
    found = event_moments(alert(first=None), [{"failures": 40}, {"p_event_time": old.isoformat(), "failures": 2}])

    assert (found.first, found.faults) == (old, ())


def test_late_and_batched_deliveries_are_ordinary() -> None:
    """An event parsed six days after it happened is placed where it happened."""
    late = CREATED - timedelta(days=6)
    found = event_moments(alert(first=late), [event(late)])

    assert (found.first, found.faults) == (late, ())


def test_many_faults_make_few_notes() -> None:
    """Each is evidence; the notes name the first four and count the others."""
    rows = [event("never")] * 30
    faults = event_faults(alert(), rows)
    notes = list(event_notes(alert(), rows, faults, cut=False))

    assert len(faults) == len(fault_rows(faults)) == 30
    assert len(notes) == 5
    assert notes[-1] == "26 more faults of the alert's events stand in the evidence."


def test_a_report_says_how_many_events_were_not_read() -> None:
    """With Panther's own count where it gives one."""
    rows = [event(HAPPENED)] * 3

    assert list(event_notes(alert(event_count=240), rows, (), cut=True)) == [
        "Only 3 of the alert's 240 events were read."
    ]
    assert list(event_notes(alert(event_count=240), rows, (), cut=False)) == [
        "Only 3 of the alert's 240 events were read."
    ]
    assert list(event_notes(alert(), rows, (), cut=True)) == [
        "Only the first 3 events of the alert were read; there are more, or some were cut."
    ]
    assert list(event_notes(alert(event_count=3), rows, (), cut=False)) == []


def test_what_is_wrong_with_an_events_shape_is_named_with_its_row() -> None:
    """A log type that is no text, an indicator column without a list, and what was cut on the way."""
    fine = event(HAPPENED)
    rows = [
        {**fine, "p_any_ip_addresses": ["192.0.2.1"], "p_any_emails": None},
        {**fine, "p_log_type": ["Acme.Doors"]},
        {**fine, "p_any_ip_addresses": {"ip": "192.0.2.1"}},
        {**fine, "log": {"a": [TOO_DEEP]}},
        {**fine, "ratio": NO_NUMBER},
        {**fine, "agent": f"Mozilla{CUT}"},
    ]
    found = event_faults(alert(), rows)

    assert [fault.row for fault in found] == [1, 2, 3, 4, 5]
    for fault, said in zip(found, ["log type", "indicator column", "deeply", "number", "larger"], strict=True):
        assert said in fault.sentence


_MOMENTS = st.datetimes(timezones=st.just(UTC))
_CLAIMED = st.one_of(
    _MOMENTS.map(lambda moment: moment.isoformat()),
    st.datetimes(min_value=datetime(2031, 4, 1), max_value=datetime(2031, 6, 1)).map(str),  # noqa: DTZ001 - as the lake writes it
    st.text(max_size=40),
    st.none(),
    st.integers(),
    st.floats(),
    st.lists(st.text(max_size=3), max_size=2),
)


@given(
    rows=st.lists(st.fixed_dictionaries({"p_event_time": _CLAIMED, "p_parse_time": _CLAIMED, "p_log_type": _CLAIMED})),
    first=st.one_of(st.none(), _MOMENTS),
)
def test_whatever_the_events_say_the_moments_can_be_reckoned_with(
    rows: list[dict[str, Any]], first: datetime | None
) -> None:
    """In order, no later than a day after the alert, and each fault has its note, which quotes no text."""
    found = event_moments(alert(first), rows)

    assert found.first <= found.last <= CREATED + AHEAD
    assert found.first - timedelta(days=400) < found.last + timedelta(days=400) < LATEST
    assert all(fault.used and fault.used <= CREATED + AHEAD and fault.sentence.isprintable() for fault in found.faults)


@given(st.one_of(_CLAIMED, _MOMENTS.map(str)))
def test_a_parsed_time_can_be_added_to(value: object) -> None:
    """Nothing that reads a log's time has to expect an OverflowError."""
    moment = parse_time(value)

    assert moment is None or moment - timedelta(days=300) < moment < moment + timedelta(days=36_500)
