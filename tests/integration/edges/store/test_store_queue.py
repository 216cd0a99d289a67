"""The queue, on SQLite and on PostgreSQL: who gets which alert, and whose writes count."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.support.stores import (
    HOLDS,
    LINKED,
    NOW,
    RUN_OUT,
    SELECTED,
    SKIPPED,
    alert,
    claimed,
    investigation,
    nothing_due,
    record,
    saved,
)
from triage.domain.alert import Severity
from triage.domain.verdict import Disposition
from triage.edges.store import open_store
from triage.edges.store.alerts import locked
from triage.ports import Claim, Pruned, Spend, State, Store

pytest_plugins = ["tests.support.store_fixtures"]
pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


async def test_a_queued_alert_is_claimed_once(store: Store) -> None:
    """A claim carries the alert; while its lease holds, nobody else gets the alert."""
    await saved(store, alert("a"))

    first = await claimed(store, "w1")
    second = await store.queue.claim("w2", now=NOW, lease_seconds=HOLDS)

    assert (first.alert, first.worker, first.epoch, first.attempts) == (alert("a"), "w1", 1, 1)
    assert second is None
    found = await record(store)
    assert (found.state, found.worker, found.run_id) == (State.RUNNING, "w1", first.run_id)


async def test_an_empty_queue_gives_nothing(store: Store) -> None:
    """Skipped and linked alerts are never claimed."""
    await saved(store, alert("skipped"), decision=SKIPPED)
    await saved(store, alert("linked"), decision=LINKED)

    assert await nothing_due(store)


async def test_the_most_severe_comes_first_then_the_oldest(store: Store) -> None:
    """Severity decides, then age; a severity that nobody knows ranks with the most severe."""
    await saved(
        store,
        alert("info", severity=Severity.INFO, minutes=90),
        alert("high-young", severity=Severity.HIGH, minutes=1),
        alert("high-old", severity=Severity.HIGH, minutes=5),
        alert("critical", severity=Severity.CRITICAL, minutes=2),
        alert("unheard-of", severity=Severity("FATAL"), minutes=3),
    )

    order = [(await claimed(store)).alert.id for _ in range(5)]

    assert order == ["unheard-of", "critical", "high-old", "high-young", "info"]


async def test_one_alert_is_claimed_by_its_id(store: Store) -> None:
    """A claim by id takes that alert, or nothing where it is not to be had."""
    await saved(store, alert("a", severity=Severity.CRITICAL), alert("b", severity=Severity.LOW))

    assert (await claimed(store, alert_id="b")).alert.id == "b"
    assert await store.queue.claim("w2", now=NOW, lease_seconds=HOLDS, alert_id="b") is None
    assert await store.queue.claim("w2", now=NOW, lease_seconds=HOLDS, alert_id="nobody") is None


async def test_who_locks_a_row_for_a_moment_is_no_worker(store: Store) -> None:
    """A claim by id waits for another transaction on that alert, such as a poll that refreshes it."""
    await saved(store, alert("a"))
    holds, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with store.queue.database._engines.writer.begin() as connection:
            locked(connection, "a")
            holds.set()
            let_go.wait(30)

    holding = asyncio.create_task(asyncio.to_thread(hold))
    assert await asyncio.to_thread(holds.wait, 30)
    claiming = asyncio.create_task(store.queue.claim("w", now=NOW, lease_seconds=HOLDS, alert_id="a"))
    # Time enough to come back with nothing.
    await asyncio.wait({claiming}, timeout=0.3)
    let_go.set()
    await holding

    assert await claiming is not None


async def test_a_lease_that_ran_out_is_claimed_again(store: Store) -> None:
    """In its place by severity and age, with a higher epoch, and in the same run, so that the journal is found. A death
    is counted, and costs no attempt."""
    await saved(store, alert("low", severity=Severity.LOW), alert("high", severity=Severity.HIGH))
    dead = await claimed(store, "dead", lease_seconds=RUN_OUT)

    heir = await claimed(store, "heir")

    assert dead.alert.id == heir.alert.id == "high"
    assert (heir.epoch, heir.attempts, heir.deaths, heir.run_id) == (dead.epoch + 1, 1, 1, dead.run_id)


async def test_a_heartbeat_prolongs_the_lease(store: Store) -> None:
    """After a heartbeat nobody takes the alert; a claim that nobody has taken yet can still be prolonged."""
    await saved(store, alert("a"))
    claim = await claimed(store, lease_seconds=RUN_OUT)

    assert await store.queue.heartbeat(claim, now=NOW, lease_seconds=HOLDS)

    assert await nothing_due(store)


Write = Callable[[Store, Claim], Awaitable[bool]]

WRITES: dict[str, Write] = {
    "journal": lambda store, claim: store.journal.append(claim, "step", "query", {"n": 1}, now=NOW),
    "heartbeat": lambda store, claim: store.queue.heartbeat(claim, now=NOW, lease_seconds=HOLDS),
    "spend": lambda store, claim: store.ledger.book(claim, "model/1", Spend(calls=1), now=NOW),
    "finish": lambda store, claim: store.queue.finish(claim, investigation(claim), now=NOW),
    "release": lambda store, claim: store.queue.give_back(claim, now=NOW),
    "retry": lambda store, claim: store.queue.give_back(claim, now=NOW, error="no", retry_at=NOW + MINUTE),
    "fail": lambda store, claim: store.queue.give_back(claim, now=NOW, error="no", failed=True),
}


async def test_a_claim_writes_until_it_ends(store: Store) -> None:
    """Each write under a claim that holds is accepted; a worker that has given an alert back has no say in it."""
    for name, write in WRITES.items():
        await saved(store, alert(name), alert(f"ended {name}"))
        held, ended = await claimed(store, alert_id=name), await claimed(store, alert_id=f"ended {name}")
        await store.queue.give_back(ended, now=NOW)

        assert await write(store, held), name
        assert not await write(store, ended), name


async def test_a_stale_claim_writes_nothing(store: Store) -> None:
    """Once the alert has been claimed again, even by the same worker, the old claim's writes leave no trace."""
    for name, write in WRITES.items():
        await saved(store, alert(name))
        stale = await claimed(store, "w", lease_seconds=RUN_OUT, alert_id=name)
        current = await claimed(store, "w", alert_id=name)
        before = await record(store, name)

        assert not await write(store, stale), name

        assert await record(store, name) == before
        assert await store.journal.entries(stale.run_id) == (), name
        assert await store.records.investigation(name) is None, name
        assert await store.ledger.spent(since=NOW) == Spend(), name
        assert await store.queue.heartbeat(current, now=NOW, lease_seconds=HOLDS), name


async def test_two_claimers_never_get_the_same_alert(store: Store, store_url: str) -> None:
    """Many workers on two connections to one database share out the alerts, each to one of them."""
    names = {f"a{number}" for number in range(40)}
    await saved(store, *(alert(name) for name in names))
    other = await open_store(store_url)
    taken: list[str] = []

    async def work(through: Store, worker: str) -> None:
        while (claim := await through.queue.claim(worker, now=NOW, lease_seconds=HOLDS)) is not None:
            taken.append(claim.alert.id)

    # SKIP LOCKED may hide an alert from a claimer for a moment, so some alerts may remain for another round.
    while len(taken) < len(names):
        before = len(taken)
        await asyncio.gather(*(work(each, f"{side}{n}") for side, each in enumerate((store, other)) for n in range(4)))
        assert len(taken) > before
    await other.close()

    assert sorted(taken) == sorted(names)


async def test_finishing_stores_the_result(store: Store) -> None:
    """A finished alert is done, with verdict, confidence and seconds, and its investigation reads back equal."""
    await saved(store, alert("a"))
    claim = await claimed(store)
    result = investigation(claim, Disposition.SUSPICIOUS)

    assert await store.queue.finish(claim, result, now=NOW + MINUTE)

    found = await record(store)
    assert (found.state, found.verdict, found.confidence, found.seconds) == (
        State.DONE,
        Disposition.SUSPICIOUS,
        0.75,
        6.5,
    )
    assert (found.worker, found.updated_at) == ("", NOW + MINUTE)
    assert await store.records.investigation("a") == result
    assert await nothing_due(store)


async def test_what_is_done_returns_for_its_comment(store: Store) -> None:
    """Meanwhile it has its verdict, nobody gets it, and retention leaves it alone. In its time it is claimed under the
    same run, as if for the first time; then it is at rest."""
    await saved(store, alert("later"), alert("now"))
    later, first = await claimed(store, alert_id="later"), await claimed(store, alert_id="now")
    await store.journal.append(first, "step", "query", 1, now=NOW)
    result = investigation(first)

    assert await store.queue.finish(later, investigation(later), now=NOW, again_at=NOW + MINUTE)
    assert await store.queue.finish(first, result, now=NOW, again_at=NOW)

    found = await record(store, "later")
    assert (found.state, found.verdict, found.worker) == (State.DONE, Disposition.BENIGN, "")
    assert (await store.queue.status(now=NOW)).by_state == {"done": 2}
    assert await store.records.prune(NOW + MINUTE) == Pruned()
    second = await claimed(store)
    assert (second.run_id, second.attempts) == (first.run_id, 1)
    assert await store.journal.recall(second.run_id, "step") == 1
    assert not await store.queue.finish(first, result, now=NOW, again_at=NOW)
    assert await store.queue.finish(second, result, now=NOW)
    assert await nothing_due(store)
    assert (await store.records.prune(NOW + MINUTE)).alerts == 1
    assert [each.alert.id for each in await store.records.newest()] == ["later"]


async def test_the_newest_investigation_wins(store: Store) -> None:
    """A second investigation of an alert replaces the first, even where the clock went back between them."""
    await saved(store, alert("a"))
    await store.queue.finish(first := await claimed(store), investigation(first), now=NOW)
    await store.queue.enqueue("a", now=NOW, fresh=True)
    second = await claimed(store)
    later = investigation(second, Disposition.MALICIOUS, finished_at=NOW - MINUTE, started_at=NOW - MINUTE)

    await store.queue.finish(second, later, now=NOW)

    assert await store.records.investigation("a") == later
    assert await store.records.investigation("nobody") is None


async def test_a_release_takes_no_attempt(store: Store) -> None:
    """A worker that stops in good order costs the alert nothing: it is free at once, or when its time has come."""
    await saved(store, alert("a"))

    assert await store.queue.give_back(await claimed(store), now=NOW)
    again = await claimed(store, "w2")
    assert (again.attempts, again.epoch) == (1, 2)

    assert await store.queue.give_back(again, now=NOW, retry_at=NOW + MINUTE)
    found = await record(store)
    assert (found.state, found.error, found.attempts) == (State.QUEUED, "", 0)
    assert await nothing_due(store)


async def test_ended_processes_are_not_waited_for(store: Store) -> None:
    """Their claims and leases are free at once, under a new epoch; those of others stay."""
    await saved(store, alert("a", minutes=2), alert("b", minutes=1))
    dead, alive = await claimed(store, "dead/0"), await claimed(store, "alive/0")
    await store.values.acquire_lease("poller", "dead", now=NOW, seconds=HOLDS)
    await store.values.acquire_lease("other", "alive", now=NOW, seconds=HOLDS)

    freed = await store.queue.release_ended(lambda name: name.startswith("dead"), now=NOW)

    assert freed == 2
    assert await store.queue.release_ended(lambda name: name.startswith("dead"), now=NOW) == 0
    heir = await claimed(store, "heir")
    assert (heir.alert.id, heir.run_id, heir.epoch) == ("a", dead.run_id, dead.epoch + 1)
    assert await store.queue.claim("heir", now=NOW, lease_seconds=HOLDS) is None
    assert await store.queue.heartbeat(alive, now=NOW, lease_seconds=HOLDS)
    assert await store.values.acquire_lease("poller", "heir", now=NOW, seconds=HOLDS)
    assert not await store.values.acquire_lease("other", "heir", now=NOW, seconds=HOLDS)


async def test_a_retry_waits_for_its_time(store: Store) -> None:
    """An alert that failed for now keeps its error, its attempts and its run, and nobody gets it before its time."""
    await saved(store, alert("a"))
    first = await claimed(store)
    await store.queue.give_back(first, now=NOW, error="the lake timed out", retry_at=NOW)

    second = await claimed(store)
    assert (second.attempts, second.run_id) == (2, first.run_id)
    await store.queue.give_back(second, now=NOW, error="the lake timed out again", retry_at=NOW + MINUTE)

    found = await record(store)
    assert (found.state, found.error, found.attempts) == (State.QUEUED, "the lake timed out again", 2)
    assert found.next_attempt_at is not None
    assert await nothing_due(store)


async def test_an_alert_that_is_given_up_waits_for_a_person(store: Store) -> None:
    """A failed alert is not claimed; queued again, it starts with no attempts and no error."""
    await saved(store, alert("a"))
    await store.queue.give_back(await claimed(store), now=NOW, error="the model refuses", failed=True)
    found = await record(store)
    assert (found.state, found.error) == (State.FAILED, "the model refuses")
    assert await nothing_due(store)

    await store.queue.enqueue("a", now=NOW, fresh=False)

    assert (await claimed(store)).attempts == 1
    assert (await record(store)).error == ""


async def test_queueing_again_replays_the_journal_unless_fresh(store: Store) -> None:
    """The old run is continued with its steps; a fresh one has another name and no steps."""
    await saved(store, alert("a"))
    first = await claimed(store)
    await store.journal.append(first, "step", "query", 1, now=NOW)
    await store.queue.finish(first, investigation(first), now=NOW)

    await store.queue.enqueue("a", now=NOW, fresh=False)
    again = await claimed(store)
    await store.queue.give_back(again, now=NOW)
    await store.queue.enqueue("a", now=NOW, fresh=True)
    fresh = await claimed(store)

    assert again.run_id == first.run_id
    assert await store.journal.recall(again.run_id, "step") == 1
    assert fresh.run_id != first.run_id
    assert await store.journal.recall(fresh.run_id, "step") is None


async def test_queueing_takes_a_running_alert_only_if_it_is_abandoned(store: Store) -> None:
    """While the lease holds, nothing changes and the worker's claim stays good; afterwards the old claim is over."""
    await saved(store, alert("held"), alert("abandoned"))
    held = await claimed(store, alert_id="held")
    dead = await claimed(store, alert_id="abandoned", lease_seconds=RUN_OUT)

    await store.queue.enqueue("held", now=NOW, fresh=True)
    await store.queue.enqueue("abandoned", now=NOW, fresh=False)

    assert await store.queue.claim("other", now=NOW, lease_seconds=HOLDS, alert_id="held") is None
    assert await store.queue.finish(held, investigation(held), now=NOW)
    assert not await store.queue.heartbeat(dead, now=NOW, lease_seconds=HOLDS)
    again = await claimed(store)
    assert (again.alert.id, again.attempts) == ("abandoned", 1)


async def test_a_person_may_queue_what_selection_left_out(store: Store) -> None:
    """Queueing by hand overrules skipping and linking."""
    for decision in (SKIPPED, LINKED):
        await saved(store, alert(decision.outcome), decision=decision)

        await store.queue.enqueue(decision.outcome, now=NOW, fresh=False)

        assert (await claimed(store)).alert.id == decision.outcome


async def test_the_status_counts(store: Store) -> None:
    """Numbers by state, the time when the longest waiting one was queued, and live leases by worker."""
    nothing = await store.queue.status(now=NOW)
    assert (nothing.by_state, nothing.oldest_queued, nothing.running_by_worker) == ({}, None, {})
    await store.queue.save([(alert("q1"), SELECTED)], now=NOW - MINUTE)
    await saved(store, alert("q2"), alert("r1"), alert("r2"), alert("r3"))
    await saved(store, alert("s"), decision=SKIPPED)
    for name, worker, seconds in (("r1", "w1", HOLDS), ("r2", "w1", HOLDS), ("r3", "dead", RUN_OUT)):
        await claimed(store, worker, alert_id=name, lease_seconds=seconds)

    status = await store.queue.status(now=NOW)

    assert status.by_state == {"queued": 2, "running": 3, "skipped": 1}
    assert status.oldest_queued == NOW - MINUTE
    assert status.running_by_worker == {"w1": 2}


async def test_one_holder_has_a_lease(store: Store) -> None:
    """The holder prolongs it, others wait until it has run out or is given up."""
    assert await store.values.acquire_lease("poller", "one", now=NOW, seconds=HOLDS)
    assert await store.values.acquire_lease("poller", "one", now=NOW, seconds=HOLDS)
    assert not await store.values.acquire_lease("poller", "two", now=NOW, seconds=HOLDS)
    assert await store.values.acquire_lease("other", "two", now=NOW, seconds=HOLDS)

    await store.values.release_lease("poller", "two")
    assert not await store.values.acquire_lease("poller", "two", now=NOW, seconds=HOLDS)
    await store.values.release_lease("poller", "one")
    assert await store.values.acquire_lease("poller", "two", now=NOW, seconds=RUN_OUT)
    assert await store.values.acquire_lease("poller", "one", now=NOW, seconds=HOLDS)


async def test_of_many_one_gets_the_lease(store: Store, store_url: str) -> None:
    """Where several ask at once, one is told yes."""
    other = await open_store(store_url)

    answers = await asyncio.gather(
        *(
            each.values.acquire_lease("poller", f"{side}{n}", now=NOW, seconds=HOLDS)
            for side, each in enumerate((store, other))
            for n in range(5)
        )
    )
    await other.close()

    assert sum(answers) == 1


async def test_whose_clock_leases_go_by(store: Store, store_url: str) -> None:
    """On SQLite the caller's clock; on PostgreSQL the database's, so a host whose clock is fast takes nothing."""
    await saved(store, alert("a"), alert("b"))
    await claimed(store, "w", alert_id="a")
    await store.queue.give_back(await claimed(store, "w", alert_id="b"), now=NOW, retry_at=NOW + MINUTE)

    fast = NOW + timedelta(days=1)
    taken = [await store.queue.claim("fast", now=fast, lease_seconds=HOLDS, alert_id=name) for name in ("a", "b")]

    expected = ["a", "b"] if store_url.startswith("sqlite") else []
    assert [claim.alert.id for claim in taken if claim is not None] == expected
