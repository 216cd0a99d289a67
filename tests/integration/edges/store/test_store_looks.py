"""Alerts that are done and due to be looked at again, on both engines."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.stores import (
    HOLDS,
    NOW,
    SELECTED,
    SKIPPED,
    alert,
    claimed,
    empty,
    investigation,
    nothing_due,
    record,
    saved,
    sqlite_url,
)
from triage.domain.alert import Severity
from triage.domain.look import AlertSeen, Growth
from triage.domain.verdict import Disposition, Investigation, Look
from triage.edges.store import open_store
from triage.ports import Claim, Pruned, State, Store

pytest_plugins = ["tests.support.store_fixtures"]
pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def again(claim: Claim, at: datetime | None, disposition: Disposition = Disposition.BENIGN) -> Investigation:
    """A finished investigation, after which the alert is to be looked at again."""
    return investigation(claim, disposition, look=Look(again_at=at))


async def grown(store: Store, now: datetime, **changes: object) -> None:
    """Save the alert as Panther lists it after a change."""
    await store.queue.save([(alert("a", updated_at=now, **changes), SELECTED)], now=now, growth=Growth())


async def test_what_is_done_returns_to_be_looked_at_again(store: Store) -> None:
    """Until then it is done, nobody gets it, and retention leaves it alone. In its time it is claimed under a new run,
    whose journal is empty, as if for the first time; its verdict stays until there is another."""
    await saved(store, alert("later"), alert("now"))
    later, first = await claimed(store, alert_id="later"), await claimed(store, alert_id="now")
    await store.journal.append(first, "step", "query", 1, now=NOW)

    assert await store.queue.finish(later, again(later, NOW + HOUR), now=NOW)
    assert await store.queue.finish(first, again(first, NOW), now=NOW)

    assert (await record(store, "later")).look_at is not None
    status = await store.queue.status(now=NOW)
    assert (status.by_state, status.second_looks) == ({"done": 2}, 2)
    assert await store.records.prune(NOW + MINUTE) == Pruned()
    second = await claimed(store)
    assert (second.alert.id, second.look, second.attempts, first.look) == ("now", 1, 1, 0)
    assert second.run_id != first.run_id
    assert await store.journal.entries(second.run_id) == ()
    assert (await record(store, "now")).verdict is Disposition.BENIGN
    assert await store.queue.finish(second, again(second, None, Disposition.MALICIOUS), now=NOW)
    found = await record(store, "now")
    assert (found.state, found.verdict, found.look_at) == (State.DONE, Disposition.MALICIOUS, None)
    assert await nothing_due(store)


async def test_a_look_that_was_killed_goes_on_under_its_run(store: Store) -> None:
    """Another worker takes over the run and the number of the look; the one before cannot write any more."""
    await saved(store, alert("a"))
    first = await claimed(store)
    await store.queue.finish(first, again(first, NOW), now=NOW)
    dead = await claimed(store, lease_seconds=0.0)

    heir = await claimed(store, "heir")

    assert (heir.run_id, heir.look) == (dead.run_id, 1)
    assert not await store.queue.finish(dead, again(dead, None), now=NOW)
    assert not await store.queue.settle(dead, now=NOW)
    assert await store.queue.give_back(heir, now=NOW)
    assert (await claimed(store)).run_id == dead.run_id


async def test_a_look_without_a_reason_leaves_all_as_it_was(store: Store) -> None:
    """The alert is done with the verdict that it had, and nothing is due; a first investigation cannot end so."""
    await saved(store, alert("a"))
    first = await claimed(store)
    assert not await store.queue.settle(first, now=NOW)
    await store.queue.finish(first, again(first, NOW), now=NOW)
    look = await claimed(store)

    assert await store.queue.settle(look, now=NOW)

    found = await record(store)
    assert (found.state, found.verdict, found.look_at) == (State.DONE, Disposition.BENIGN, None)
    assert await store.records.investigation("a") == again(first, NOW)
    assert await nothing_due(store)


async def test_a_comment_that_waits_leaves_the_look_planned(store: Store) -> None:
    """What is claimed to write its comment keeps its run; afterwards the look is still planned for its own time."""
    await saved(store, alert("a"))
    first = await claimed(store)
    await store.queue.finish(first, again(first, NOW + HOUR), now=NOW, again_at=NOW)

    second = await claimed(store)

    assert (second.run_id, second.look) == (first.run_id, 0)
    assert await store.queue.finish(second, again(second, NOW + HOUR), now=NOW)
    assert (await record(store)).look_at is not None
    assert await nothing_due(store)


async def test_by_hand_an_alert_starts_over(store: Store) -> None:
    """A retry takes the planned look's place; a fresh one is a first look again."""
    await saved(store, alert("a"))
    first = await claimed(store)
    await store.queue.finish(first, again(first, NOW), now=NOW)
    look = await claimed(store)
    await store.queue.finish(look, again(look, NOW + HOUR), now=NOW)

    await store.queue.enqueue("a", now=NOW, fresh=True)

    claim = await claimed(store)
    assert claim.look == 0
    assert claim.run_id not in {first.run_id, look.run_id}
    assert (await record(store)).look_at is None


@pytest.mark.parametrize(
    "change", [{"last_event_at": NOW}, {"severity": Severity.HIGH}, {"last_event_at": NOW, "severity": Severity.LOW}]
)
async def test_what_panther_changed_is_looked_at_again(store: Store, change: dict[str, object]) -> None:
    """More events, or another severity: a title or a status is no reason, nor is anything while growth is not asked for."""
    await saved(store, alert("a", last_event_at=NOW - MINUTE))
    await store.queue.finish(first := await claimed(store), again(first, None), now=NOW)
    await grown(store, NOW + MINUTE, last_event_at=NOW - MINUTE, title="Another", status="TRIAGED")
    assert (await record(store)).look_at is None

    await grown(store, NOW + 2 * MINUTE, **{"last_event_at": NOW - MINUTE, **change})

    assert (await record(store)).look_at is not None
    assert (await store.queue.status(now=NOW)).second_looks == 1
    assert await nothing_due(store)


async def test_growth_during_an_investigation_is_not_lost(store: Store) -> None:
    """A poll refreshes the alert while it is worked on; if the investigation began before, the alert is looked at again."""
    seen = AlertSeen(severity=Severity.MEDIUM, last_event_at=NOW - MINUTE)
    for name, looks in (("a", True), ("b", False)):
        await saved(store, alert(name, last_event_at=NOW - MINUTE))
        claim = await claimed(store, alert_id=name)
        last = NOW if looks else NOW - MINUTE
        changed = alert(name, last_event_at=last, updated_at=NOW, title="Another")
        await store.queue.save([(changed, SELECTED)], now=NOW, growth=Growth())

        await store.queue.finish(claim, investigation(claim, look=Look(seen=seen)), now=NOW, growth=Growth())

        assert ((await record(store, name)).look_at is not None) is looks


async def test_what_is_done_is_told_from_the_rest(store: Store) -> None:
    """Of the alerts that are asked about; unknown ones are not done."""
    await saved(store, alert("a"), alert("b"))
    await store.queue.finish(first := await claimed(store, alert_id="a"), investigation(first), now=NOW)

    assert await store.records.done(["a", "b", "c"]) == {"a"}
    assert await store.records.done([]) == frozenset()


async def test_what_is_not_done_does_not_grow(store: Store) -> None:
    """A skipped alert takes its decision and no look."""
    await saved(store, alert("a"), decision=SKIPPED)

    await store.queue.save([(alert("a", last_event_at=NOW, updated_at=NOW), SKIPPED)], now=NOW, growth=Growth())

    assert (await record(store)).look_at is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(1, 25), st.booleans()), max_size=25))
def test_growth_causes_few_looks_and_none_too_soon(tmp_path: Path, steps: list[tuple[int, bool]]) -> None:
    """Whenever events are added and whenever a worker comes by: a look is due ten minutes after the last of them or an hour
    after the first that no look has seen, whichever is earlier, and there are two looks at most."""
    asyncio.run(_grow(tmp_path, steps))


async def _grow(directory: Path, steps: list[tuple[int, bool]]) -> None:
    growth = Growth()
    store = await open_store(sqlite_url(directory))
    empty(sqlite_url(directory))
    await saved(store, alert("a", last_event_at=NOW))
    claim = await claimed(store)
    await store.queue.finish(claim, again(claim, None), now=NOW)
    now, looks = NOW, 0
    unseen: list[datetime] = []
    for minutes, grows in steps:
        now += minutes * MINUTE
        if grows:
            await grown(store, now, last_event_at=now)
            unseen.append(now)
        due = bool(unseen) and looks < growth.most
        due = due and now >= min(unseen[-1] + growth.quiet, unseen[0] + growth.longest)
        found = await store.queue.claim("w", now=now, lease_seconds=HOLDS)
        assert (found is not None) is due
        if found is not None:
            looks += 1
            unseen.clear()
            assert found.look == looks
            assert await store.queue.finish(found, again(found, None), now=now)
    await store.close()
