"""The parts that a generated world is made of: draws, working time, rules and the alerts they raise."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.worlds.company import SERVICE_ROLES, Company
from tools.worlds.detections import DETECTIONS, RULES
from tools.worlds.detections.engine import raise_alerts
from tools.worlds.detections.rule import Event, Kind
from tools.worlds.dice import Dice
from tools.worlds.lake import LogType, Record, Row
from tools.worlds.scenarios import SCENARIOS
from tools.worlds.worktime import RECENT, SETTLED, Timeline, iso, iso_seconds, stamp

NOW = datetime(2026, 3, 12, 16, 20, tzinfo=UTC)
MOMENTS = st.integers(1_700_000_000, 1_900_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def test_draws_depend_on_the_key_alone() -> None:
    """The first draws of a key are fixed for good: a change of them would change every published world."""
    assert Dice("sample", 1).hex(16) == "ab549696568cacda"
    assert Dice("sample", 1).uuid() == "ab549696-568c-4cda-924c-925c97bb4477"
    assert [Dice("sample", seed).between(1, 1000) for seed in range(4)] == [516, 756, 459, 554]


def test_a_child_takes_nothing_from_its_parent() -> None:
    """Adding a draw in one place moves nothing elsewhere."""
    plain, used = Dice("k"), Dice("k")
    used.child("other").hex(64)

    assert plain.hex(32) == used.hex(32)


@given(st.integers(-50, 50), st.integers(0, 90), st.text(max_size=5))
def test_draws_stay_in_their_range(low: int, width: int, key: str) -> None:
    """Both ends are possible, nothing lies outside, and a shuffle keeps every option once."""
    dice = Dice(key)

    assert low <= dice.between(low, low + width) <= low + width
    assert 0 <= dice.fraction() < 1
    assert timedelta(seconds=1) <= dice.seconds(1, 2) <= timedelta(seconds=2)
    assert Counter(dice.shuffled(range(width))) == Counter(range(width))
    assert len(dice.sample(range(width), 7)) == min(7, width)


@given(MOMENTS, st.floats(0, 23.9), st.integers(-11, 13), st.sampled_from([SETTLED, timedelta(hours=8)]))
def test_recent_moments_lie_in_the_last_day_at_the_hour_asked_for(
    now: datetime, hour: float, offset: int, youngest: timedelta
) -> None:
    """They are neither too young nor too old, and moved from the hour by no more than the gap requires."""
    timeline = Timeline(now, 30)
    at = timeline.recent(hour, offset, youngest)

    assert youngest <= now - at <= RECENT
    local = at + timedelta(hours=offset)
    shown = (local - local.replace(hour=0, minute=0, second=0, microsecond=0)) / timedelta(hours=1)
    apart = min((shown - hour) % 24, (hour - shown) % 24)
    gap = (timedelta(days=1) - RECENT + youngest) / timedelta(hours=1)
    assert apart <= gap / 2 + 0.001


@given(MOMENTS, st.integers(-8, 9))
def test_the_last_day_is_a_working_day_everywhere(now: datetime, offset: int) -> None:
    """Two days of the week are free, and none of them in the day before now, by any office's calendar."""
    timeline = Timeline(now, 30)

    assert len(timeline.rest) == 2
    for hours in (0, 12, 24):
        assert timeline.local_date(now - timedelta(hours=hours), offset).weekday() not in timeline.rest
    assert timeline.past(9, 12, offset) <= now - timedelta(days=8)


def test_the_weekend_is_free_where_it_can_be() -> None:
    """On a Wednesday the free days are Saturday and Sunday."""
    assert Timeline(datetime(2026, 3, 11, 12, tzinfo=UTC), 30).rest == {5, 6}


def test_times_are_written_as_panther_okta_and_aws_write_them() -> None:
    """The lake has a space and milliseconds, the API a T and a Z, AWS whole seconds."""
    at = datetime(2026, 3, 12, 1, 2, 3, 45_600, tzinfo=UTC)

    assert stamp(at) == "2026-03-12 01:02:03.045"
    assert iso(at) == "2026-03-12T01:02:03.045Z"
    assert iso_seconds(at) == "2026-03-12T01:02:03Z"


def test_a_company_has_forty_people_with_addresses_of_their_own() -> None:
    """Nobody shares a home address, a login, or an e-mail address with anybody."""
    company = Company(3, Timeline(NOW, 30))

    assert len(company.people) == 40
    assert len(company.roles) == len(SERVICE_ROLES) == 8
    for distinct in ("home_address", "login", "email", "okta_id"):
        assert len({getattr(person, distinct) for person in company.people}) == 40, distinct


def test_detections_are_complete() -> None:
    """Every rule has a description, a numbered runbook unless it is for the inventory, and a body that loads."""
    assert len({detection.id for detection in DETECTIONS}) == len(DETECTIONS) >= 14
    assert {detection.kind for detection in DETECTIONS} == set(Kind)
    for rule in RULES:
        functions = rule.compile()
        assert functions.rule(Event({})) is False
        assert rule.description
        assert rule.severity == "INFO" or rule.runbook_text.startswith("1. ")


def test_scenarios_come_in_pairs() -> None:
    """Each pair has both verdicts, save the single burst, whose counterparts are parts of larger incidents."""
    verdicts: dict[str, set[str]] = {}
    for scenario in SCENARIOS:
        verdicts.setdefault(scenario.pair, set()).add(scenario.verdict)

    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert {pair for pair, found in verdicts.items() if len(found) == 1} == {"burst"}


def _row(index: int, log_type: LogType, minutes: float, record: Record) -> Row:
    at = NOW - timedelta(hours=5) + timedelta(minutes=minutes)
    return Row(log_type, at, at + timedelta(seconds=90), f"{index:032x}", record, None, decisive=False)


def _download(index: int, minutes: float) -> Row:
    record: Record = {
        "name": "download",
        "id": {"applicationName": "drive"},
        "actor": {"email": "a@b.example"},
        "parameters": {},
    }
    return _row(index, LogType.GSUITE, minutes, record)


def _failure(index: int, minutes: float, email: str = "a@b.example", kind: str = "user.session.start") -> Row:
    record: Record = {
        "eventType": kind,
        "outcome": {"result": "FAILURE"},
        "actor": {"alternateId": "desk@b.example" if "reset" in kind else email},
        "target": [{"type": "User", "alternateId": email}],
    }
    return _row(index, LogType.OKTA, minutes, record)


@pytest.mark.parametrize(("count", "alerts"), [(29, 0), (30, 1), (45, 1)])
def test_a_threshold_holds_an_alert_back_until_it_is_reached(count: int, alerts: int) -> None:
    """Thirty downloads within the period are one alert, fewer are none, more join it."""
    raised = raise_alerts([_download(index, index) for index in range(count)], 1, NOW)

    assert [len(alert.matches) for alert in raised] == [count] * alerts


def test_a_dedup_period_counts_from_the_first_match() -> None:
    """What matches after the period opens a second alert, even where the gap to the last match is small."""
    raised = raise_alerts([_download(index, index) for index in range(90)], 1, NOW)

    assert [len(alert.matches) for alert in raised] == [60, 30]


def test_a_dedup_function_keeps_alerts_of_one_title_apart() -> None:
    """Two repositories are two alerts with the same title."""
    records: list[Record] = [
        {"action": "repository_secret_scanning.disable", "actor": "x", "repo": f"o/{name}"} for name in ("one", "two")
    ]
    raised = raise_alerts([_row(index, LogType.GITHUB, index, record) for index, record in enumerate(records)], 1, NOW)

    assert len(raised) == 2
    assert len({alert.title for alert in raised}) == 1


@pytest.mark.parametrize(
    ("email", "minutes", "correlated"), [("a@b.example", 30, 1), ("c@b.example", 30, 0), ("a@b.example", 75, 0)]
)
def test_a_correlation_needs_the_same_user_within_the_window(email: str, minutes: float, correlated: int) -> None:
    """A burst and a reset are one alert only where they concern one user and an hour at most."""
    rows = [_failure(index, index / 2) for index in range(18)]
    rows.append(_failure(99, minutes, email, "user.mfa.factor.reset_all"))
    raised = raise_alerts(rows, 1, NOW)

    found = [alert for alert in raised if alert.detection.kind is Kind.CORRELATION_RULE]
    assert len(found) == correlated
    assert all(len(alert.matches) == 19 for alert in found)


def test_alerts_that_are_not_there_yet_are_left_out() -> None:
    """An event that was parsed just before now has no alert yet."""
    rows = [_download(index, index) for index in range(30)]

    assert raise_alerts(rows, 1, rows[-1].parsed) == []
