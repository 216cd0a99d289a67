"""What may be written, and when: tables of cases, and properties of the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stores import NOW, alert
from triage.domain.alert import Actor, Alert, Severity, Status
from triage.domain.quiet import quiet_until
from triage.domain.verdict import Disposition, Verdict
from triage.settings import WritebackSettings
from triage.stages.writeback.policy import (
    AlertAtStart,
    Situation,
    changed_by_person,
    day_start,
    hold,
    next_day,
    wanted_status,
)

FREE = Situation(now=NOW)
M, S, N, B = Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.BENIGN


def settings(**values: object) -> WritebackSettings:
    return WritebackSettings.model_validate(values)


def verdict(disposition: Disposition, confidence: float = 0.95) -> Verdict:
    return Verdict(disposition=disposition, confidence=confidence, summary="It was looked at.")


def test_without_a_policy_everything_is_written() -> None:
    """The defaults hold nothing back."""
    assert all(hold(alert(), disposition, settings(), FREE) is None for disposition in (*Disposition, None))


@pytest.mark.parametrize(
    ("policy", "given_alert", "disposition", "situation", "reason", "later"),
    [
        ({"min_severity": "HIGH"}, alert(severity=Severity.MEDIUM), M, FREE, "below writeback.min_severity", False),
        ({"verdicts": ["malicious"]}, alert(), B, FREE, "benign is not in writeback.verdicts", False),
        ({}, alert(), M, Situation(now=NOW, paused=True), "paused", True),
        ({"quiet_hours": "11:00-13:00"}, alert(), M, FREE, "quiet hours", True),
        ({"daily_cap": 3}, alert(), M, Situation(now=NOW, written_today=3), "daily_cap of 3", True),
    ],
)
def test_each_rule_says_why_and_whether_later(
    policy: dict[str, object],
    given_alert: Alert,
    disposition: Disposition,
    situation: Situation,
    reason: str,
    later: bool,
) -> None:
    """A comment that is held is held for a stated reason; those that only wait have a time."""
    held = hold(given_alert, disposition, settings(**policy), situation)
    assert held is not None
    assert reason in held.reason
    assert (held.until is not None) is later
    assert held.until is None or held.until > NOW


def test_an_unknown_severity_is_not_held_back() -> None:
    """A severity that this program does not know may be a grave one."""
    assert hold(alert(severity=Severity("DIRE")), M, settings(min_severity="CRITICAL"), FREE) is None


def test_a_comment_without_a_verdict_passes_the_verdict_filter() -> None:
    """An announcement carries no verdict."""
    assert hold(alert(), None, settings(verdicts=["malicious"]), FREE) is None


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe"])
MOMENTS = st.datetimes(datetime(2030, 1, 1), datetime(2031, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
TIMES = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))


@given(MOMENTS, TIMES, TIMES, ZONES)
def test_quiet_hours_end_in_the_future_and_within_a_day(now: datetime, start: str, end: str, zone: str) -> None:
    """Whatever the zone and its clock changes do, a wait is positive, bounded, and leads out of the quiet hours."""
    if start == end:
        return
    policy = settings(quiet_hours=f"{start}-{end}", timezone=zone)
    ends = quiet_until(now, policy.quiet_hours, policy.timezone)
    if ends is None:
        return
    assert timedelta(0) < ends - now <= timedelta(hours=26)
    # On the night of a clock change the hours may be entered once more, and left within the changed hour.
    again = quiet_until(ends, policy.quiet_hours, policy.timezone)
    assert again is None or again - ends <= timedelta(hours=26)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2031-05-06T21:59:00+00:00", None),
        ("2031-05-06T22:00:00+00:00", "2031-05-07T06:00:00+00:00"),
        ("2031-05-07T05:59:00+00:00", "2031-05-07T06:00:00+00:00"),
        ("2031-05-07T06:00:00+00:00", None),
    ],
)
def test_quiet_hours_over_midnight(at: str, until: str | None) -> None:
    """22:00 to 06:00 begins with its first minute and ends before its last."""
    ends = quiet_until(datetime.fromisoformat(at), "22:00-06:00", "UTC")
    assert (ends.isoformat() if ends else None) == until


@given(MOMENTS, ZONES)
def test_a_day_holds_its_moment(now: datetime, zone: str) -> None:
    """The day of the cap begins at or before the moment and ends after it."""
    policy = settings(timezone=zone)
    assert day_start(now, policy) <= now < next_day(now, policy)


MOVES = {"malicious": "TRIAGED", "suspicious": "TRIAGED", "benign": "CLOSED"}


@pytest.mark.parametrize(
    ("severity", "said", "status", "reason"),
    [
        (Severity.LOW, verdict(B), Status.CLOSED, ""),
        (Severity.MEDIUM, verdict(M), Status.TRIAGED, ""),
        (Severity.HIGH, verdict(B), None, "only a person may close"),
        (Severity.CRITICAL, verdict(B), None, "only a person may close"),
        (Severity("DIRE"), verdict(B), None, "only a person may close"),
        (Severity.LOW, verdict(B, 0.89), None, "below writeback.status_min_confidence"),
    ],
)
def test_status_by_verdict(severity: Severity, said: Verdict, status: Status | None, reason: str) -> None:
    """A sure verdict moves an alert; nothing closes a grave or unknown one."""
    wanted = wanted_status(alert(severity=severity), said, settings(status=MOVES))
    assert wanted is not None
    assert wanted.status == status
    assert reason in wanted.reason


def test_an_inconclusive_verdict_never_moves_an_alert() -> None:
    """Not even where everything else would allow it; and without a policy nothing changes."""
    assert wanted_status(alert(), verdict(N, 1.0), settings(status=MOVES)) is None
    assert wanted_status(alert(), verdict(B, 1.0), settings()) is None
    assert settings(assign={"malicious": "a@b.example"}).assignee_for(N) == ""


def test_what_a_person_did_is_seen() -> None:
    """A status, a person's change or an assignee since the investigation began leaves the alert to people."""
    at_start = AlertAtStart.of(alert())
    later = NOW + timedelta(minutes=1)
    assert changed_by_person(at_start, alert()) == ""
    assert "changed to TRIAGED" in changed_by_person(at_start, alert(status=Status.TRIAGED))
    by_person = alert(updated_at=later, updated_by=Actor(id="u", kind="user", email="p@b.example"))
    assert "p@b.example" in changed_by_person(at_start, by_person)
    assert "assignee" in changed_by_person(at_start, alert(assignee=Actor(id="u", kind="user")))
    by_token = alert(updated_at=later, updated_by=Actor(id="t", kind="api-token"))
    assert changed_by_person(at_start, by_token) == ""


def test_a_policy_that_contradicts_itself_is_refused() -> None:
    """CLOSED means "Invalid" in Panther; a malicious or suspicious alert is not."""
    with pytest.raises(ValueError, match="Invalid"):
        settings(status={"malicious": "CLOSED"})
    with pytest.raises(ValueError, match="inconclusive"):
        settings(status={"inconclusive": "RESOLVED"})
    with pytest.raises(ValueError, match="22:00-06:00"):
        settings(quiet_hours="22:00-22:00")
    with pytest.raises(ValueError, match="time zone"):
        settings(timezone="Mars/Olympus")


@pytest.mark.parametrize(
    ("disposition", "is_provisional", "ended_by_us", "status"),
    [
        (B, False, False, Status.RESOLVED),
        (B, True, False, None),
        (B, True, True, None),
        (M, True, False, Status.TRIAGED),
        (M, True, True, Status.TRIAGED),
        (S, False, True, Status.OPEN),
        (N, False, True, Status.OPEN),
    ],
)
def test_a_second_look_decides_on_the_status(
    disposition: Disposition, is_provisional: bool, ended_by_us: bool, status: Status | None
) -> None:
    """A provisional benign verdict changes nothing; what policy has ended is open again once it is not benign."""
    policy = settings(status={"benign": "RESOLVED", "malicious": "TRIAGED"})
    until = NOW + timedelta(hours=1) if is_provisional else None
    judged = verdict(disposition).model_copy(update={"provisional_until": until})

    decided = wanted_status(alert(), judged, policy, ended_by_us=ended_by_us)

    assert decided is not None
    assert decided.status is status


@pytest.mark.parametrize(("judged", "moves"), [(B, True), (S, False), (None, False)])
def test_a_status_may_need_the_judge(judged: Disposition | None, moves: bool) -> None:
    """A verdict that no judge has given, too, leaves the alert where it is."""
    said = verdict(B).model_copy(update={"weighed": judged})
    wanted = wanted_status(alert(severity=Severity.LOW), said, settings(status=MOVES, status_needs_judge=True))
    assert wanted is not None
    assert (wanted.status is not None) is moves
    assert moves or "judge" in wanted.reason
