"""Signals about what the same actor had made shortly before the alert."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.facts import answer, at, signals_of, subject
from triage.domain.argument import raise_flags
from triage.domain.evidence import Evidence, Source
from triage.domain.flag import EXPLAINS
from triage.domain.signal import Direction
from triage.stages.enrichment.signals.facts import signal

DELETES = subject(actions=("DeleteBucket",), targets=("scratch",))


def done(action: str, *, minutes: float = 5, actor: str = "ada@example.com", **more: Any) -> dict[str, Any]:
    """One row of what was done to the target before."""
    given = {"action": action, "actor": actor, "days": 1, "times": 1, "failed": 0, "refused": 0, "targets": 1}
    seen = at(minutes=minutes)
    return {**given, "old_days": 0, "first_seen": seen, "last_seen": seen, **more}


def history(*rows: dict[str, Any], **more: Any) -> Evidence:
    """Who did what to the target before."""
    return answer("target_history", ["team_routine"], rows, **more)


def test_what_the_actor_made_minutes_ago_is_theirs() -> None:
    """A bucket is made and deleted by one run: that is what the act was for, and no proof of whose the account is."""
    found = signals_of(DELETES, history(done("PutObject", minutes=3), done("CreateBucket")))["own_making"]

    assert found.sentence == (
        "5 min before the alert ada@example.com called CreateBucket on scratch, what the alert's act is about."
    )
    assert found.direction is Direction.BENIGN
    assert not found.vouches
    assert found.name in EXPLAINS


@pytest.mark.parametrize(
    "rows",
    [
        [done("CreateBucket", actor="bo@example.com")],
        [done("CreateBucket", minutes=25 * 60)],
        [done("CreateBucket", failed=1)],
        [done("CreateBucket"), done("PutObject", minutes=600, actor="bo@example.com")],
        [done("CreateUser")],
        [done("CreateRole")],
        [done("PutBucketTagging")],
    ],
    ids=["another's", "of yesterday", "failed", "older than that", "an account", "a role", "no creation"],
)
def test_what_is_not_shown_to_be_the_actors_own_is_not_called_so(rows: list[dict[str, Any]]) -> None:
    """Nor is an identity, which is a way in."""
    assert "own_making" not in signals_of(DELETES, history(*rows))


def test_where_the_log_does_not_tell_a_creation_from_a_change_nothing_is_said() -> None:
    """The log of Azure's resources calls both a write."""
    written = history(done("microsoft.storage/storageaccounts/write")).model_copy(
        update={"log_type": "Azure.MonitorActivity"}
    )
    deletes = replace(DELETES, log_type="Azure.MonitorActivity", actions=("microsoft.storage/storageaccounts/delete",))

    assert "own_making" not in signals_of(deletes, written)


def test_a_cut_answer_and_a_part_of_the_targets_say_nothing() -> None:
    """The row that shows an older use may be the one that was cut; the other target may be anybody's."""
    two = replace(DELETES, targets=("scratch", "payroll"))

    assert "own_making" not in signals_of(DELETES, history(done("CreateBucket"), truncated=True))
    assert "own_making" not in signals_of(two, history(done("CreateBucket")))
    assert "own_making" in signals_of(two, history(done("CreateBucket", times=2, targets=2)))


def test_who_made_it_does_not_matter_where_it_is_given_to_others() -> None:
    """A snapshot that is made and shared is the oldest way out."""
    shares = subject(actions=("ModifySnapshotAttribute",), targets=("snap-1",))
    assert "own_making" not in signals_of(shares, history(done("CreateSnapshot")))

    own = signal("own_making", "They made it.", [])
    given = signal("new_recipient", "It was given to nobody's own.", [])
    assert {flag.name for flag in raise_flags([own, given]) if flag.open} == {"unknown_party"}
    new = signal("new_target", "Nobody worked with it.", [])
    assert [flag for flag in raise_flags([own, new]) if flag.open] == []


def test_a_copy_of_what_the_actor_made_is_theirs_too() -> None:
    """The snapshot of a database that they created five minutes earlier; of another database it is not."""
    event = {
        "p_log_type": "AWS.CloudTrail",
        "eventName": "CreateDBSnapshot",
        "userIdentity": {"userName": "ada@example.com"},
        "requestParameters": {"dBSnapshotIdentifier": "before-test", "dBInstanceIdentifier": "scratch-db"},
    }
    who = subject(actions=("CreateDBSnapshot",), targets=("before-test",))
    events = answer("events", [], [event], source=Source.EVENTS)

    def before(target: str) -> Evidence:
        return answer("actor_before", ["harm_before"], [done("CreateDBInstance", target=target)])

    found = signals_of(who, events, before("scratch-db"))["own_making"]
    assert "called CreateDBInstance on scratch-db, of which the alert's act makes a copy" in found.sentence
    assert "own_making" not in signals_of(who, events, before("payroll"))
    assert "own_making" not in signals_of(who, before("scratch-db"))
