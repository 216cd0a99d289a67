"""Signals from the past: routine, first time, colleagues, recipients, extent."""

from typing import Any

import pytest

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Direction
from triage.settings import AllowedActivity
from triage.stages.enrichment.signals.weights import WEIGHTS


def days(*back: int, times: int = 1, refused: int = 0) -> Evidence:
    """The actor did this so many days ago."""
    rows = [{"day": at(days=ago)[:10], "address": "198.51.100.7", "times": times, "refused": refused} for ago in back]
    return answer("action_history", ["routine"], rows)


def profile(**actions: int) -> Evidence:
    """What the actor did before, with days."""
    rows = [
        {
            "action": name,
            "days": count,
            "old_days": count // 2,
            "times": count,
            "refused": 0,
            "first_seen": at(days=20),
            "last_seen": at(days=4),
        }
        for name, count in actions.items()
    ]
    return answer("actor_profile", ["first_seen_actor", "routine_aftermath"], rows)


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        ((2, 9, 16, 23), "routine"),
        ((15, 16, 17), "seen_before"),
        ((20,), "seen_before"),
        ((1, 5, 8, 11), "first_seen_action"),
        ((1,), "first_seen_action"),
        ((), "first_seen_action"),
    ],
)
def test_separate_days_over_a_week_make_a_routine(back: tuple[int, ...], expected: str | None) -> None:
    """Days spread over a week and older than the dwell time are a habit; those within it are still a first time."""
    found = signals_of(subject(), days(*back), profile(ListTrails=9))

    about = {"routine", "seen_before", "first_seen_action"} & set(found)
    assert about == ({expected} if expected else set())


def test_a_first_time_rests_on_an_absence() -> None:
    """ "Never before" is rows that are not there, so coverage must prove it."""
    found = signals_of(subject(), days(), profile(ListTrails=9))["first_seen_action"]

    assert found.absence
    assert found.direction is Direction.MALICIOUS


def test_an_actor_without_any_past_is_first_seen() -> None:
    """Nothing in the log before is said once, of the actor rather than of the act."""
    found = signals_of(subject(), days(), answer("actor_profile", ["first_seen_actor"], []))

    assert "first_seen_actor" in found
    assert "first_seen_action" not in found


def test_refused_calls_are_no_routine() -> None:
    """Who was refused every time has not done it."""
    assert "routine" not in signals_of(subject(), days(2, 9, 16, times=1, refused=1), profile(ListTrails=9))


def test_a_haul_is_not_covered_by_single_downloads() -> None:
    """Forty at once, where earlier days had one, is a burst and no routine."""
    found = signals_of(subject(events=40), days(2, 9, 16, 23), profile(ListTrails=9))

    assert "burst" in found
    assert "routine" not in found


def team(*, colleague_days: int, on_target: int) -> list[Evidence]:
    """Who else does this, and to the target."""
    seen = {"first_seen": at(days=25), "last_seen": at(days=2), "old_days": 2}
    others = {
        "actor": "bob@example.com",
        "days": colleague_days,
        "times": colleague_days,
        "on_target": on_target,
        **seen,
    }
    target = {"action": "StopLogging", "actor": "bob@example.com", "days": on_target, "times": on_target, **seen}
    return [
        answer("action_others", ["team_routine"], [others]),
        answer("target_history", ["team_routine"], [target]),
    ]


def test_a_rota_of_the_team_explains_a_first_time() -> None:
    """Colleagues who do the same to the same target on several days weigh towards benign."""
    found = signals_of(subject(), days(), profile(ListTrails=9), *team(colleague_days=4, on_target=4))

    assert found["team_routine"].direction is Direction.BENIGN
    assert "bob@example.com" in found["team_routine"].sentence


def test_one_colleague_on_other_targets_explains_little() -> None:
    """Work of one other person on other targets is no rota."""
    found = signals_of(subject(), days(), profile(ListTrails=9), *team(colleague_days=4, on_target=0))

    assert "team_routine" not in found


def test_a_routine_towards_a_new_recipient_is_none() -> None:
    """Who shares every week, but now with a party never seen, has no routine to show."""
    fresh = answer("recipient_history", ["new_recipient"], [], columns=("recipient", "actor", "days"))
    found = signals_of(subject(recipients=("999",)), days(2, 9, 16, 23), profile(ListTrails=9), fresh)

    assert "routine" not in found
    assert found["new_recipient"].absence


def test_a_recipient_of_many_days_is_known() -> None:
    """A party that got the like on several days weighs towards benign."""
    row = {
        "recipient": "999",
        "actor": "x",
        "action": "Share",
        "days": 4,
        "times": 4,
        "old_days": 2,
        "first_seen": at(days=20),
    }
    known = answer("recipient_history", ["new_recipient", "known_recipient"], [row])
    found = signals_of(subject(recipients=("999",)), known)

    assert found["known_recipient"].direction is Direction.BENIGN


def test_hours_count_only_where_the_actor_has_worked_enough() -> None:
    """A night's work is odd for somebody whose many days are known, and says nothing of a newcomer."""

    def worked(count: int) -> Evidence:
        return answer("actor_hours", ["off_hours"], [{"hour": 3, "days": count, "times": count}])

    assert "off_hours" in signals_of(subject(), worked(30))
    assert "off_hours" not in signals_of(subject(), worked(3))


@pytest.mark.parametrize("name", sorted(WEIGHTS))
def test_each_weight_has_a_reason_and_stays_in_bounds(name: str) -> None:
    """A weight is positive, and only the operator's word outweighs everything else."""
    weight = WEIGHTS[name]

    assert len(weight.reason) > 20
    assert 0 < weight.weight <= (4.0 if name == "allowed" else 2.6)


@pytest.mark.parametrize(
    ("entry", "covered"),
    [
        ({"actors": ["ADA@example.com"]}, True),
        ({"actors": ["eve@example.com"]}, False),
        ({"detections": ["My.Rule"], "addresses": ["198.51.100.0/24"]}, True),
        ({"detections": ["My.Rule"], "addresses": ["203.0.113.0/24"]}, False),
        ({"actors": ["ada@example.com"], "until": "2026-03-04"}, True),
        ({"actors": ["ada@example.com"], "until": "2026-03-03"}, False),
        ({}, False),
    ],
)
def test_only_the_operators_list_authorises(entry: dict[str, Any], covered: bool) -> None:
    """Every condition of an entry must hold, and an entry without conditions allows nothing."""
    allowed = AllowedActivity.model_validate({"reason": "CHG-1", **entry})
    events = answer("events", [], [{"eventName": "StopLogging"}], source=Source.EVENTS)

    assert ("allowed" in signals_of(subject(), events, allowed=(allowed,))) is covered


def commands(*ago: float) -> Evidence:
    """The very same command, on another host each time."""
    rows = [
        {
            "actor": f"host-{index}",
            "days": 1,
            "times": 1,
            "refused": 0,
            "old_days": int(days > 14),
            "first_seen": at(days=days),
        }
        for index, days in enumerate(ago)
    ]
    return answer("same_command", ["same_command"], rows)


@pytest.mark.parametrize(
    ("ago", "weight", "vouches"),
    [
        ((25, 20, 16, 2), 1.0, True),
        ((11, 8, 6, 5), 0.5, False),
        ((25, 20), None, None),
        ((3, 3, 3, 3), None, None),
        ((5, 4, 0.2), None, None),
    ],
    ids=["a rollout", "one that began lately", "two hosts", "all on one day", "the third one today"],
)
def test_a_command_of_many_hosts_is_a_programs(
    ago: tuple[float, ...], weight: float | None, vouches: bool | None
) -> None:
    """Spread over days; what was spread within the dwell time may be an intruder's own spreading."""
    found = signals_of(subject(), commands(*ago)).get("same_command")
    assert (found.weight if found else None, found.vouches if found else None) == (weight, vouches)


def targets(count: int, *, days: int = 4) -> Evidence:
    row = {"action": "StopLogging", "days": days, "old_days": 1, "times": 5, "refused": 0, "targets": count}
    return answer("actor_profile", [], [row | {"first_seen": at(days=20), "last_seen": at(days=4)}])


def test_what_is_another_object_each_day_is_no_new_target() -> None:
    """Tonight's snapshot is as new as last night's was."""
    nothing = answer("target_history", [], [], columns=("action", "actor"))
    assert "new_target" in signals_of(subject(), nothing, targets(1))
    assert "new_target" in signals_of(subject(), nothing, targets(2, days=2))
    assert "new_target" not in signals_of(subject(), nothing, targets(4))


def test_colleagues_explain_nothing_of_somebody_nobody_knows() -> None:
    """What they do is ordinary work for one of them, and no excuse for an account that was never seen."""
    rows = [
        {"actor": name, "days": 6, "old_days": 3, "times": 6, "refused": 0, "on_target": 0, "first_seen": at(days=25)}
        for name in ("kim", "lee")
    ]
    colleagues = answer("action_others", ["team_routine"], rows)
    nothing = answer("actor_profile", ["first_seen_actor"], [], columns=("action", "days", "times", "first_seen"))
    assert "common_here" in signals_of(subject(), days(), profile(ListTrails=9), colleagues)
    unknown = signals_of(subject(), days(), nothing, colleagues)
    assert "first_seen_actor" in unknown
    assert "common_here" not in unknown


def others(*names: str, on: int = 3) -> Evidence:
    """Others who did the alert's act on so many old days each."""
    rows = [
        {"actor": name, "days": 6, "old_days": on, "times": 6, "refused": 0, "on_target": 0, "first_seen": at(days=25)}
        for name in names
    ]
    return answer("action_others", ["team_routine"], rows)


def test_a_setting_of_the_whole_that_a_few_change_in_turn_is_their_routine() -> None:
    """Where the act names no object, there is no other one that they might have done it to."""
    who = subject(targets=())
    assert "team_routine" in signals_of(who, days(), profile(ListTrails=9), others("kim", "lee"))
    assert "team_routine" not in signals_of(who, days(), profile(ListTrails=9), others("kim"))
    assert "team_routine" not in signals_of(who, days(), profile(ListTrails=9), others("kim", "lee", on=1))
    everybody = others(*(f"person-{number}" for number in range(9)))
    assert "team_routine" not in signals_of(who, days(), profile(ListTrails=9), everybody)
    signs_in = subject(targets=(), actions=("ConsoleLogin",))
    assert "team_routine" not in signals_of(signs_in, days(), profile(ListTrails=9), others("kim", "lee"))
    assert "team_routine" not in signals_of(subject(), days(), profile(ListTrails=9), others("kim", "lee"))


def test_nobody_is_a_new_target_to_themselves() -> None:
    """What people report or change about their own account is about somebody known."""
    nothing = answer("target_history", [], [], columns=("action", "actor"))
    assert "new_target" in signals_of(subject(targets=("bo@example.com",)), nothing)
    assert "new_target" not in signals_of(subject(targets=("Ada@example.com",)), nothing)
