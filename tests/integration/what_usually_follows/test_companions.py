"""What usually comes with an act: asked of an embedded Panther, and what its coming or not coming is worth.

About a minute: one world is started once, and each of its alerts is triaged.
"""

from datetime import datetime
from typing import Any

import pytest

from tests.integration.true_evidence.world import AT, DAY, HOUR, MINUTE, OFFICE, OUTSIDE, Triaged, World, aws, triaged

CLOUD = "AWS.CloudTrail"
TEAM = ("ines", "jonas", "karim")


def _bucket(bucket: str) -> dict[str, Any]:
    return {"requestParameters": {"bucketName": bucket}}


def _work(world: World, user: str, at: datetime, *actions: str, on: str) -> None:
    """Some acts, a minute apart, that raise no alert."""
    for minute, action in enumerate(actions):
        world.log(CLOUD, at + minute * MINUTE, aws(user, action, **_bucket(on)))


def _people(world: World, *users: str) -> None:
    """A month of ordinary work at the office."""
    for user in users:
        world.log(CLOUD, AT - DAY, aws(user, "ListBuckets"), every=26)


def _team(world: World, first: str, second: str, *, hours: int, days: int = 6) -> None:
    """The team does one thing and then the other, on days before the dwell time."""
    for n in range(days):
        _work(world, TEAM[n % 3], AT - (15 + n) * DAY - hours * HOUR, first, second, on=f"{first}{n}")


def _raise(world: World, name: str, act: str, *after: str, **given: Any) -> None:
    """An alert on somebody of whom only a month of ordinary work is known, and what they did after the act."""
    user, address, target = name.replace(" ", ""), given.get("address", OFFICE), given.get("target", name)
    _people(world, user)
    event = world.log(CLOUD, AT, aws(user, act, address, **_bucket(name)))
    for n, action in enumerate(after):
        at = AT + given.get("wait", 5 * MINUTE) + n * MINUTE
        world.log(CLOUD, at, aws(user, action, address, **_bucket(target)))
    world.alert(name, CLOUD, event, **given.get("alert", {}))


def _came(world: World) -> None:
    """Somebody new to it does the same two steps as the team, in ways that are the team's and in others."""
    _team(world, "PutBucketVersioning", "PutBucketPolicy", hours=1)
    pair = ("PutBucketVersioning", "PutBucketPolicy")
    _raise(world, "came", *pair)
    _raise(world, "from elsewhere", *pair, address=OUTSIDE)
    _raise(world, "again and again", *pair, *pair[1:] * 8)
    _raise(world, "hours later", *pair, wait=3 * HOUR)
    _raise(world, "on another", *pair, target="elsewhere")
    _raise(world, "something else", pair[0], "DeleteTrail")


def _prepared(world: World) -> None:
    """The intruder and a second account of theirs did both steps on many days within the dwell time."""
    for n in range(9):
        _work(world, ("prepared", "trudy")[n % 2], AT - (2 + n) * DAY, "PutBucketAcl", "DeleteTrail", on=f"m{n}")
    _raise(world, "prepared", "PutBucketAcl", "DeleteTrail")


def _alone(world: World) -> None:
    """Only the actor ever did both, and only on two days."""
    for n in range(4):
        _work(world, "alone", AT - (15 + n) * DAY - 5 * HOUR, "PutBucketCORS", "PutBucketWebsite", on=f"n{n}")
    _raise(world, "alone", "PutBucketCORS", "PutBucketWebsite")


def _open_alerts(world: World) -> None:
    """The detection raised alerts on the earlier occasions, and nobody has judged them."""
    _team(world, "PutBucketReplication", "PutBucketLogging", hours=9)
    _raise(world, "open alerts", "PutBucketReplication", "PutBucketLogging", alert={"detection": "Test.Replication"})
    for n in range(4):
        at = AT - (15 + n) * DAY - 9 * HOUR
        world.alert(f"replication {n}", CLOUD, at=at, detection="Test.Replication", status="TRIAGED")


def _missed(world: World) -> None:
    """Pushes of content with and without the invalidation that came with every one."""
    _team(world, "PutObject", "CreateInvalidation", hours=13, days=8)
    _raise(world, "missed", "PutObject", "ListBuckets")
    _raise(world, "complete", "PutObject", "CreateInvalidation")
    _raise(world, "complete by others", "PutObject")
    world.log(CLOUD, AT + MINUTE, aws("ines", "CreateInvalidation", **_bucket("complete by others")))
    _team(world, "PutBucketTagging", "PutBucketLifecycle", hours=17, days=3)
    _raise(world, "seldom", "PutBucketTagging")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Triaged:
    """What became of each alert."""
    world = World()
    _people(world, *TEAM)
    for build in (_came, _prepared, _alone, _open_alerts, _missed):
        build(world)
    return triaged(tmp_path_factory.mktemp("companions"), world)


def test_the_usual_companion_of_a_change_explains_itself(found: Triaged) -> None:
    """Who does after a change what the whole team does after it has not gone on to harm."""
    facts = found["came"].facts

    assert facts["usual_companion"].sentence == (
        "PutBucketPolicy followed PutBucketVersioning within an hour, as usual: PutBucketPolicy did so on 6 of 6 earlier "
        "occasions (up to 2031-04-21, by 3 other actors, 6 times on the same target)."
    )
    assert facts["harmful_aftermath"].weight < 1
    assert not facts["usual_companion"].vouches


HARM = ["from elsewhere", "again and again", "hours later", "on another", "something else", "prepared", "open alerts"]


@pytest.mark.parametrize("name", HARM)
def test_what_the_team_does_otherwise_explains_nothing(found: Triaged, name: str) -> None:
    """A stolen session does what the team does: from its own place, more of it, later, to something else; or its holder
    made the habit within the dwell time; or the earlier occasions are themselves under suspicion."""
    assert "usual_companion" not in found[name].facts
    assert found[name].facts["harmful_aftermath"].weight >= 1


def test_a_habit_of_one_alone_is_no_custom(found: Triaged) -> None:
    """What only the alert's own actor ever did explains nothing by itself: that is asked of their routine."""
    assert "usual_companion" not in found["alone"].facts


def test_a_step_that_always_came_and_did_not_is_a_fact(found: Triaged) -> None:
    """Whoever pushes content for visitors has it shown to them; it weighs little, since people forget steps."""
    facts = found["missed"].facts

    assert facts["missing_companion"].sentence == (
        "CreateInvalidation did not follow PutObject by missed within an hour, although it did on 8 of 8 earlier "
        "occasions (up to 2031-04-20, by 3 other actors, 8 times on the same target)."
    )
    assert facts["missing_companion"].weight <= 0.5


@pytest.mark.parametrize("name", ["complete", "complete by others", "seldom", "alone"])
def test_nothing_is_missing_where_it_came_or_seldom_came(found: Triaged, name: str) -> None:
    """Somebody else may finish the work, and three occasions make no rule."""
    assert "missing_companion" not in found[name].facts
