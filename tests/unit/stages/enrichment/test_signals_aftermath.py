"""Signals about what followed: harm, routine, nothing, the change taken back, the target in use."""

import pytest

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.evidence import Evidence
from triage.domain.signal import Direction


def after(
    *actions: str, hours: float = 1, address: str = "198.51.100.7", times: int = 1, refused: int = 0
) -> list[Evidence]:
    """What the actor did afterwards."""
    rows = [
        {
            "action": action,
            "address": address,
            "times": times,
            "refused": refused,
            "target": "t",
            "first_seen": at(hours=-hours),
            "last_seen": at(hours=-hours),
        }
        for action in actions
    ]
    columns = ("action", "address", "times", "refused", "target", "first_seen", "last_seen")
    return [
        answer("actor_after", ["harmful_aftermath", "routine_aftermath"], rows, columns=columns),
        answer("actor_soon_after", ["quiet_aftermath", "reverted"], rows, columns=columns),
    ]


def habit(*actions: str) -> Evidence:
    """What the actor does on many days."""
    rows = [
        {
            "action": action,
            "days": 5,
            "old_days": 3,
            "times": 9,
            "refused": 0,
            "first_seen": at(days=20),
            "last_seen": at(days=2),
        }
        for action in actions
    ]
    return answer("actor_profile", ["routine_aftermath", "first_seen_actor"], rows)


def test_harm_that_is_new_for_the_actor_weighs_towards_malicious() -> None:
    """A new access key after the alert is what an intruder wants next."""
    found = signals_of(subject(), *after("CreateAccessKey", "GetBucketAcl"), habit("ListBuckets"))

    assert found["harmful_aftermath"].direction is Direction.MALICIOUS
    assert "CreateAccessKey" in found["harmful_aftermath"].sentence
    assert "quiet_aftermath" not in found


def test_harm_that_belongs_to_the_work_is_routine() -> None:
    """The same follow-up on earlier days is part of the performance."""
    found = signals_of(subject(), *after("DeleteSnapshot"), habit("DeleteSnapshot"))

    assert "harmful_aftermath" not in found
    assert found["routine_aftermath"].direction is Direction.BENIGN


def test_from_an_unknown_place_routine_excuses_only_half() -> None:
    """A stolen session does its owner's work as a cover."""
    elsewhere = answer(
        "actor_addresses",
        ["known_address"],
        [{"address": "203.0.113.9", "days": 9, "times": 9, "first_seen": at(days=20), "last_seen": at(days=1)}],
    )

    assert "harmful_aftermath" in signals_of(subject(), *after("DeleteSnapshot"), habit("DeleteSnapshot"), elsewhere)


@pytest.mark.parametrize("late", [13, 23])
def test_what_follows_half_a_day_later_is_another_story(late: float) -> None:
    """Follow-ups count for twelve hours."""
    assert "harmful_aftermath" not in signals_of(subject(), *after("CreateAccessKey", hours=late))


def test_refused_harm_did_not_happen() -> None:
    """A call that was refused every time is counted as refused, not as harm."""
    found = signals_of(subject(), *after("CreateAccessKey", times=4, refused=4))

    assert "harmful_aftermath" not in found


def test_nothing_harmful_counts_as_an_absence() -> None:
    """A quiet aftermath rests on rows that are not there."""
    found = signals_of(subject(), *after("ListBuckets"))["quiet_aftermath"]

    assert found.absence
    assert found.direction is Direction.BENIGN


def test_after_data_was_taken_quiet_says_little() -> None:
    """Whoever has read the secrets has nothing left to do."""
    usual = signals_of(subject(), *after("ListBuckets"))["quiet_aftermath"]
    taken = signals_of(subject(actions=("GetSecretValue",)), *after("ListBuckets"))["quiet_aftermath"]

    assert taken.weight < usual.weight


@pytest.mark.parametrize(
    ("done", "undone"),
    [
        ("StopLogging", "StartLogging"),
        ("DeleteBucketReplication", "PutBucketReplication"),
        ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"),
        ("repository_secret_scanning.disable", "repository_secret_scanning.enable"),
        ("microsoft.authorization/locks/delete", "microsoft.authorization/locks/write"),
        ("create daemonsets/", "delete daemonsets/"),
    ],
)
def test_a_change_that_is_taken_back_soon_was_a_maintenance(done: str, undone: str) -> None:
    """The inverse action within two hours weighs towards benign; hours later it doesn't."""
    assert "reverted" in signals_of(subject(actions=(done,)), *after(undone))
    assert "reverted" not in signals_of(subject(actions=(done,)), *after(undone, hours=3))
