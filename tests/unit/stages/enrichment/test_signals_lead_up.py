"""Signals about the hours before the alert: harm that its own act says nothing of."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.facts import ALERT, DETECTION, NOW, answer, at, signals_of, subject
from triage.domain.argument import raise_flags
from triage.domain.evidence import Evidence
from triage.domain.identity import Identity, IdentityKind
from triage.domain.signal import Direction
from triage.stages.enrichment.signals import measure

COLUMNS = ("action", "address", "times", "refused", "failed", "target", "targets", "first_seen", "last_seen")
OWN_NETWORK = '{"requestParameters.ipPermissions": {"items": [{"ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}]}}]}}'


def act(action: str, *, hours: float = 1, times: int = 1, **more: Any) -> dict[str, Any]:
    """What the actor did before the alert, last so many hours before."""
    given = {"action": action, "address": "198.51.100.7", "times": times, "refused": 0, "failed": 0, "target": "t"}
    return {**given, "targets": 1, "first_seen": at(hours=hours + 1), "last_seen": at(hours=hours), **more}


def earlier(*acts: dict[str, Any]) -> Evidence:
    """The answer about the day before."""
    return answer("actor_before", ["harm_before"], acts, columns=COLUMNS, end=None)


def profile(action: str, days: int, old_days: int) -> Evidence:
    """On how many days the actor did it, and how many of these were before the dwell time."""
    row = {"action": action, "days": days, "old_days": old_days, "first_seen": at(days=25), "last_seen": at(days=2)}
    return answer("actor_profile", ["routine_aftermath", "first_seen_actor"], [row])


def test_harm_in_the_hours_before_raises_a_hard_flag() -> None:
    """It says who did what to which object how long before, and nothing that is said of the alert's act answers it."""
    found = signals_of(subject(), earlier(act("CreateAccessKey"), act("ListBuckets")))["harm_before"]

    assert found.direction is Direction.MALICIOUS
    assert found.sentence == ("60 min before the alert ada@example.com called CreateAccessKey on t (a way back in).")
    (flag,) = raise_flags([found])
    assert (flag.name, flag.hard, flag.family) == ("harm_before", True, "harm")


def test_each_kind_of_harm_is_told_once() -> None:
    """The gravest act of a kind stands for it; a further kind makes chance less likely."""
    bulk = act("GetObject", times=40, targets=4, hours=3)
    entry = earlier(bulk, act("CreateAccessKey"), act("CreateUser", hours=2)).model_copy(update={"id": "E1"})
    told = [each for each in measure(ALERT, DETECTION, [subject()], [entry], now=NOW) if each.name == "harm_before"]

    assert [each.sentence for each in told] == [
        "60 min before the alert ada@example.com called CreateAccessKey on t (a way back in).",
        "3 h before the alert ada@example.com called GetObject 40 times on t and 3 others (access to data).",
    ]
    assert told[1].weight < told[0].weight


@pytest.mark.parametrize(
    "spared",
    [
        [earlier(act("DeleteSnapshot")), profile("DeleteSnapshot", 3, 3)],
        [earlier(act("CreateAccessKey", hours=13))],
        [earlier(act("CreateAccessKey", times=3, failed=3))],
        [earlier(act("StopLogging"))],
        [earlier(act("ListBuckets"))],
    ],
    ids=["usual work", "half a day before", "failed", "the alert's own act", "harmless"],
)
def test_what_says_nothing_against_the_actor_is_not_told(spared: list[Evidence]) -> None:
    """Usual work, another day's work, what didn't succeed, and what the alert itself is about."""
    assert "harm_before" not in signals_of(subject(), *spared)


def test_a_few_days_within_the_dwell_time_make_no_routine() -> None:
    """An intruder of last week has done it before, too."""
    assert "harm_before" in signals_of(subject(), earlier(act("DeleteSnapshot")), profile("DeleteSnapshot", 6, 1))


def test_what_creates_the_thing_that_the_alert_equips_is_one_act_with_it() -> None:
    """A role that was made two minutes before its policy; made hours before, or beside a stopped log, it is its own act."""
    attached = subject(actions=("AttachRolePolicy",), targets=("t",))
    just = earlier(act("CreateRole", hours=1 / 30))

    assert "harm_before" not in signals_of(attached, just)
    assert "harm_before" in signals_of(attached, earlier(act("CreateRole")))
    assert "harm_before" in signals_of(subject(), just)
    assert "harm_before" in signals_of(attached, earlier(act("CreateUser", hours=1 / 30)))


def test_the_parameters_of_the_calls_before_decide_about_these() -> None:
    """What was opened to the own network before does no harm, whatever was opened afterwards; and the reverse."""

    def opened(before: int, since: int) -> Evidence:
        row = {"action": "AuthorizeSecurityGroupIngress", "parameters": OWN_NETWORK, "times": before + since,
               "since": since, "target": "t", "first_seen": at(hours=1), "last_seen": at(hours=1)}  # fmt: skip
        return answer("harm_parameters", ["harm_before"], [row])

    done = earlier(act("AuthorizeSecurityGroupIngress"))
    assert "harm_before" in signals_of(subject(), done)
    assert "harm_before" not in signals_of(subject(), done, opened(1, 0))
    assert "harm_before" in signals_of(subject(), done, opened(0, 1))


def test_a_run_of_a_role_is_judged_as_a_whole() -> None:
    """What a run did before the alert is compared with earlier runs, and not told a second time."""
    name = "arn:aws:iam::111122223333:role/deploy"
    role = subject(identity=name, people=(), identities=(Identity.of(IdentityKind.AWS_ROLE_ARN, name),))
    before = earlier(act("CreateAccessKey"))

    assert "harm_before" in signals_of(role, before)
    assert "harm_before" not in signals_of(replace(role, sessions=("ASIA1",)), before)
