"""Linked alerts, on SQLite and on PostgreSQL: they wait for their leader, are claimed to take its verdict, and never
stand in the way of an investigation."""

from datetime import timedelta

import pytest

from tests.support.stores import (
    HOLDS,
    NOW,
    RUN_OUT,
    SKIPPED,
    alert,
    claimed,
    followers,
    investigation,
    nothing_due,
    record,
    saved,
)
from triage.domain.alert import Severity
from triage.domain.selection import Linked, Selected
from triage.domain.verdict import Disposition, Investigation
from triage.ports import Claim, State, Store

pytest_plugins = ["tests.support.store_fixtures"]
pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
TO_LEADER = Linked(leader="leader", reason="same title within 15 minutes")


async def group(store: Store, *names: str) -> None:
    """A leader and alerts that are linked to it, each younger than the one before."""
    await saved(store, alert("leader", minutes=60))
    for age, name in enumerate(names):
        await saved(store, alert(name, minutes=50 - age), decision=TO_LEADER)


async def done(store: Store, name: str = "leader", disposition: Disposition = Disposition.BENIGN) -> Investigation:
    """Investigate an alert."""
    claim = await claimed(store, alert_id=name)
    result = investigation(claim, disposition)
    assert await store.queue.finish(claim, result, now=NOW)
    return result


async def test_a_linked_alert_waits_for_its_leader(store: Store) -> None:
    """Nobody gets it before the leader is done; then it is claimed with the leader's name."""
    await group(store, "a", "b")
    leader = await claimed(store)
    assert leader.alert.id == "leader"
    assert leader.leader == ""
    assert await nothing_due(store)

    await store.queue.finish(leader, investigation(leader), now=NOW)

    first, second = await claimed(store), await claimed(store)
    assert [(each.alert.id, each.leader, each.attempts) for each in (first, second)] == [
        ("a", "leader", 1),
        ("b", "leader", 1),
    ]
    assert (await record(store, "a")).state is State.RUNNING
    # While it takes a verdict it is running, but it is not investigated.
    leaders = await store.queue.group_leaders(["Standard.NewPlace"], since=NOW - 120 * MINUTE)
    assert [each.id for each in leaders] == ["leader"]


async def test_an_alert_that_is_linked_late_is_claimed_at_once(store: Store) -> None:
    """Its leader is done already; saving it again does not bring it back once it has its verdict."""
    await group(store)
    result = await done(store)

    await saved(store, alert("late"), decision=TO_LEADER)
    claim = await claimed(store)
    assert (claim.alert.id, claim.leader) == ("late", "leader")
    assert await store.queue.finish_linked(claim, result, now=NOW)
    await saved(store, alert("late", title="Changed"), decision=TO_LEADER)

    assert await nothing_due(store)


async def test_pointing_takes_the_verdict(store: Store) -> None:
    """The alert stays linked, with verdict and confidence, and is not in the queue any more."""
    await group(store, "a")
    result = await done(store, disposition=Disposition.MALICIOUS)

    assert await store.queue.finish_linked(await claimed(store), result, now=NOW + MINUTE)

    found = await record(store, "a")
    assert (found.state, found.verdict, found.confidence) == (State.LINKED, Disposition.MALICIOUS, 0.75)
    assert (found.decision, found.worker, found.error) == (TO_LEADER, "", "")
    assert await nothing_due(store)
    assert await store.records.investigation("a") is None


async def test_a_leader_that_is_investigated_anew_is_pointed_to_anew(store: Store) -> None:
    """Under another run, so that nothing of the first time is replayed."""
    await group(store, "a")
    first = await claimed_after(store, await done(store))
    await store.queue.enqueue("leader", now=NOW, fresh=True)

    result = await done(store, disposition=Disposition.SUSPICIOUS)
    second = await claimed(store)

    assert second.alert.id == "a"
    assert second.run_id != first.run_id
    assert second.attempts == 1
    assert await store.queue.finish_linked(second, result, now=NOW)
    assert (await record(store, "a")).verdict is Disposition.SUSPICIOUS


async def claimed_after(store: Store, result: Investigation) -> Claim:
    """Claim the next linked alert and give it a verdict."""
    claim = await claimed(store)
    assert await store.queue.finish_linked(claim, result, now=NOW)
    return claim


async def test_a_comment_that_is_written_later_is_no_new_verdict(store: Store) -> None:
    """A leader that is done once more for its comment alone does not have its linked alerts point to it again."""
    await group(store, "a", "b")
    leader = await claimed(store)
    result = investigation(leader)
    await store.queue.finish(leader, result, now=NOW, again_at=NOW)
    again = await claimed(store)
    assert again.run_id == leader.run_id
    await claimed_after(store, result)

    await store.queue.finish(again, result, now=NOW)

    assert (await claimed(store)).alert.id == "b"
    assert await nothing_due(store)


async def test_a_verdict_that_is_out_of_date_is_taken_once_more(store: Store) -> None:
    """A leader that was investigated anew while its linked alert took the old verdict is heard of."""
    await group(store, "a")
    old = await done(store)
    claim = await claimed(store, alert_id="a")
    await store.queue.enqueue("leader", now=NOW, fresh=True)
    new = await done(store, disposition=Disposition.SUSPICIOUS)

    assert await store.queue.finish_linked(claim, old, now=NOW)

    again = await claimed(store)
    assert again.alert.id == "a"
    assert again.run_id != claim.run_id
    assert await store.queue.finish_linked(again, new, now=NOW)
    assert await nothing_due(store)


async def test_an_investigation_goes_first(store: Store) -> None:
    """At the same severity a linked alert waits for every investigation, even a younger one; severity still decides."""
    await group(store, "a")
    await saved(store, alert("severe", minutes=55, severity=Severity.CRITICAL), decision=TO_LEADER)
    await done(store)
    await saved(store, alert("young", minutes=1), alert("low", minutes=90, severity=Severity.LOW))

    order = [(await claimed(store)).alert.id for _ in range(4)]

    assert order == ["severe", "young", "a", "low"]


async def test_a_link_that_is_given_back_is_linked_again(store: Store) -> None:
    """A released one keeps its run and all its attempts and is due at once; one that failed waits for its time."""
    await group(store, "a")
    await done(store)
    first = await claimed(store)

    assert await store.queue.give_back(first, now=NOW)

    assert (await record(store, "a")).state is State.LINKED
    again = await claimed(store)
    assert (again.leader, again.attempts, again.run_id) == ("leader", 1, first.run_id)
    await store.queue.give_back(again, now=NOW, error="Panther is down", retry_at=NOW + MINUTE)
    found = await record(store, "a")
    assert (found.state, found.error, found.attempts) == (State.LINKED, "Panther is down", 1)
    assert found.next_attempt_at is not None
    assert await nothing_due(store)


async def test_a_link_that_is_given_up_is_queued_to_point(store: Store) -> None:
    """Parked like any other; queued again it takes its leader's verdict, and afresh it is investigated itself."""
    await group(store, "a", "b")
    await done(store)
    for _ in range(2):
        await store.queue.give_back(await claimed(store), now=NOW, error="no", failed=True)
    assert (await record(store, "a")).state is State.FAILED
    assert await nothing_due(store)

    await store.queue.enqueue("a", now=NOW, fresh=False)
    await store.queue.enqueue("b", now=NOW, fresh=True)

    own, pointer = await claimed(store), await claimed(store)
    assert (own.alert.id, own.leader) == ("b", "")
    assert (pointer.alert.id, pointer.leader, pointer.attempts) == ("a", "leader", 1)
    assert isinstance((await record(store, "b")).decision, Selected)


async def test_an_abandoned_link_is_claimed_again(store: Store) -> None:
    """A worker that died over it is followed by another, in the same run."""
    await group(store, "a")
    await done(store)
    dead = await claimed(store, "dead", lease_seconds=RUN_OUT)

    heir = await claimed(store, "heir")

    assert (heir.alert.id, heir.leader, heir.run_id, heir.epoch) == ("a", "leader", dead.run_id, dead.epoch + 1)
    assert not await store.queue.finish_linked(dead, investigation(dead), now=NOW)


async def test_a_link_may_become_an_investigation_of_its_own(store: Store) -> None:
    """Selecting it ends the claim; it is queued under a run of its own, and the leader means nothing to it."""
    await group(store, "a")
    await done(store)
    pointer = await claimed(store)

    await store.queue.decide("a", Selected(reason="a new entity"), now=NOW)

    assert not await store.queue.heartbeat(pointer, now=NOW, lease_seconds=HOLDS)
    own = await claimed(store)
    assert (own.alert.id, own.leader, own.attempts) == ("a", "", 1)
    assert own.run_id != pointer.run_id
    assert await followers(store, "leader") == []


async def test_polling_may_select_what_was_linked(store: Store) -> None:
    """A linked alert that is more severe now is queued for itself, whether or not it has a verdict."""
    await group(store, "a", "b")
    result = await done(store)
    await claimed_after(store, result)

    await saved(store, alert("a", severity=Severity.CRITICAL), alert("b", severity=Severity.CRITICAL))

    assert {(claim.alert.id, claim.leader) for claim in [await claimed(store), await claimed(store)]} == {
        ("a", ""),
        ("b", ""),
    }


async def test_a_leader_that_is_skipped_is_followed_by_the_oldest(store: Store) -> None:
    """A person closed it before its turn: the next alert of the group is investigated, and leads the others."""
    await group(store, "a", "b", "c")
    leader = await claimed(store)
    await store.queue.give_back(leader, now=NOW)

    await store.queue.decide("leader", SKIPPED, now=NOW)

    claim = await claimed(store)
    assert (claim.alert.id, claim.leader) == ("a", "")
    assert [each.alert.id for each in await followers(store, "a")] == ["b", "c"]
    assert [each.decision for each in await followers(store, "a")] == [TO_LEADER.model_copy(update={"leader": "a"})] * 2
    assert await nothing_due(store)
    await store.queue.finish(claim, investigation(claim), now=NOW)
    assert (await claimed(store)).leader == "a"


async def test_an_alert_that_is_linked_to_a_skipped_one_does_not_wait(store: Store) -> None:
    """The poll decided before the person did: a worker finds out that there is no verdict to come."""
    await group(store)
    await store.queue.decide("leader", SKIPPED, now=NOW)

    await saved(store, alert("a"), decision=TO_LEADER)

    assert (await claimed(store)).leader == "leader"


async def test_a_leader_that_is_given_up_keeps_its_group_waiting(store: Store) -> None:
    """Until a person has it tried again."""
    await group(store, "a")
    await store.queue.give_back(await claimed(store), now=NOW, error="no", failed=True)
    assert await nothing_due(store)

    await store.queue.enqueue("leader", now=NOW, fresh=False)
    await done(store)

    assert (await claimed(store)).alert.id == "a"


async def test_linking_what_led_others_takes_them_along(store: Store) -> None:
    """No alert is linked to one that is linked itself."""
    await group(store, "a", "b")
    await saved(store, alert("older", minutes=70))
    result = await done(store, "older")

    await store.queue.decide("leader", Linked(leader="older", reason="same title"), now=NOW)

    assert [each.alert.id for each in await followers(store, "older")] == ["leader", "a", "b"]
    for _ in range(3):
        await claimed_after(store, result)


async def test_a_linked_alert_keeps_its_leader_in_any_state(store: Store) -> None:
    """With a verdict, given up, being worked on, and waiting."""
    await group(store, "a", "b", "c", "d")
    result = await done(store)
    await claimed_after(store, result)
    await store.queue.give_back(await claimed(store), now=NOW, error="no", failed=True)
    await claimed(store)

    found = [(each.alert.id, each.state) for each in await followers(store, "leader")]

    assert found == [("a", State.LINKED), ("b", State.FAILED), ("c", State.RUNNING), ("d", State.LINKED)]


async def test_long_ids_lead_and_follow(store: Store) -> None:
    """An id that no index could hold whole is a leader like any other."""
    long = "x" * 5_000
    await saved(store, alert(long))
    await saved(store, alert("a"), decision=Linked(leader=long, reason="same title"))
    result = await done(store, long)

    claim = await claimed(store)

    assert (claim.alert.id, await store.queue.finish_linked(claim, result, now=NOW)) == ("a", True)
    assert [each.alert.id for each in await followers(store, long)] == ["a"]


async def test_retention_spares_what_is_due(store: Store) -> None:
    """A linked alert that may be claimed has work before it; one with a verdict goes."""
    await group(store, "a", "b")
    await claimed_after(store, await done(store))

    pruned = await store.records.prune(NOW + MINUTE)

    assert pruned.alerts == 2
    assert [record.alert.id for record in await store.records.newest()] == ["b"]
    assert (await claimed(store)).leader == "leader"


async def test_the_status_tells_links_apart(store: Store) -> None:
    """Waiting for a leader, due, being worked on, and through."""
    await group(store, "a", "b", "c")
    waiting = await store.queue.status(now=NOW)
    result = await done(store)
    await claimed_after(store, result)
    pointer = await claimed(store, "w2")

    status = await store.queue.status(now=NOW)

    assert (waiting.links_waiting, waiting.links_due) == (3, 0)
    assert (status.links_waiting, status.links_due) == (0, 1)
    assert [(each.alert_id, each.worker, each.since, each.leader) for each in status.in_flight] == [
        (pointer.alert.id, "w2", NOW, "leader")
    ]
    assert (status.last_hour.done, status.last_hour.linked) == (1, 1)
