"""Alerts in the store, on SQLite and on PostgreSQL: what a save, a decision and retention change, and what not."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from tests.support.stores import (
    DECISIONS,
    HOLDS,
    LINKED,
    NOW,
    RUN_OUT,
    SELECTED,
    SKIPPED,
    alert,
    claimed,
    investigation,
    record,
    saved,
)
from triage.domain.alert import Alert, DetectionOrigin, Severity, SystemOrigin
from triage.domain.selection import Decision, Linked, Selected, SkipCode, Skipped
from triage.edges.store import open_store
from triage.edges.store.columns import dump
from triage.edges.store.tables import alerts, leases
from triage.errors import NotFound
from triage.ports import AlertRecord, Pruned, Receipt, State, Store

pytest_plugins = ["tests.support.store_fixtures"]
pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
LATER = NOW + MINUTE
POLLED = tuple(state for state in State if state is not State.IMPORTED)
"""What becomes of an alert that Panther lists; imported records have tests of their own."""


async def bring(store: Store, state: State, name: str = "a") -> None:
    """Bring one alert into a state, the way it gets there in life."""
    others: dict[State, Decision] = {State.SKIPPED: SKIPPED, State.LINKED: LINKED}
    await saved(store, alert(name), decision=others.get(state, SELECTED))
    if state in {State.SKIPPED, State.LINKED, State.QUEUED}:
        return
    claim = await claimed(store, alert_id=name)
    if state is State.DONE:
        await store.queue.finish(claim, investigation(claim), now=NOW)
    elif state is State.FAILED:
        await store.queue.give_back(claim, now=NOW, error="no", failed=True)


FOLLOWS = {
    (State.SKIPPED, "selected"): State.QUEUED,
    (State.SKIPPED, "skipped"): State.SKIPPED,
    (State.SKIPPED, "linked"): State.LINKED,
    (State.LINKED, "selected"): State.QUEUED,
}
"""Where a saved alert takes the new decision; everywhere else it keeps its state and its decision."""


def with_another_reason(decision: Decision) -> Decision:
    match decision:
        case Skipped():
            return Skipped(code=SkipCode.SEVERITY, reason="another reason")
        case Linked():
            return Linked(leader="another", reason="another reason")
        case Selected():
            return Selected(reason="another reason")


async def test_saving_again(store: Store) -> None:
    """Panther's fields are refreshed in any state; only skipped alerts, and linked ones that are selected, move."""
    for state, decision in itertools.product(POLLED, DECISIONS):
        name = f"{state} {decision.outcome}"
        await bring(store, state, name)
        before = await record(store, name)
        new = with_another_reason(decision)

        added = await store.queue.save([(alert(name, title="A new title", updated_at=NOW), new)], now=LATER)

        after = await record(store, name)
        expected = FOLLOWS.get((state, decision.outcome))
        assert added == 0, name
        assert after.alert.title == "A new title", name
        moved = (state, before.decision) if expected is None else (expected, new)
        assert (after.state, after.decision) == moved, name
        assert (after.seen_at, after.updated_at) == (NOW, LATER), name
        unchanged = (before.worker, before.attempts, before.verdict)
        assert (after.worker, after.attempts, after.verdict) == unchanged, name
        claim = await store.queue.claim("w2", now=NOW, lease_seconds=HOLDS)
        assert (claim is not None and claim.alert.id) == (after.state is State.QUEUED and name), name


async def test_a_new_alert_takes_its_decision(store: Store) -> None:
    """Selected is queued, skipped is skipped, linked is linked, each with its reason."""
    states = {"selected": State.QUEUED, "skipped": State.SKIPPED, "linked": State.LINKED}
    for decision in DECISIONS:
        name = decision.outcome
        assert await store.queue.save([(alert(name), decision)], now=NOW) == 1, name

        found = await record(store, name)
        assert (found.alert, found.state, found.decision) == (alert(name), states[name], decision)
        assert (found.run_id, found.attempts, found.seen_at, found.updated_at) == ("", 0, NOW, NOW), name


async def test_only_new_alerts_are_counted(store: Store) -> None:
    """The number is that of ids not seen before, across batches and repeats, in one call and the next."""
    many = [(alert(f"a{number}"), SELECTED) for number in range(1_100)]

    assert await store.queue.save([], now=NOW) == 0
    assert await store.queue.save(many[:600] + many[:3], now=NOW) == 600
    assert await store.queue.save(many, now=NOW) == 500
    assert await store.queue.save(many, now=NOW) == 0
    assert (await store.queue.status(now=NOW)).by_state == {"queued": 1_100}


async def test_an_unchanged_alert_is_left_alone(store: Store) -> None:
    """Overlapping polls bring the same alert again; nothing is written for it."""
    await saved(store, alert("a"))

    await store.queue.save([(alert("a"), SELECTED)], now=LATER)

    assert (await record(store)).updated_at == NOW


VERSIONS: tuple[tuple[Alert, Decision], ...] = (
    (alert("a", title="first", severity=Severity.LOW), SKIPPED),
    (alert("a", title="second", severity=Severity.HIGH, updated_at=NOW - 2 * MINUTE), SELECTED),
    (alert("a", title="third", severity=Severity.CRITICAL, updated_at=NOW - MINUTE), SELECTED),
)


async def test_the_newest_content_wins_in_any_order(store: Store) -> None:
    """Pages out of order, in one save or in several, leave what Panther said last, and the decision on it."""
    for together, order in itertools.product((True, False), itertools.permutations(VERSIONS)):
        name = f"{together} " + "".join(version.title[0] for version, _ in order)
        versions = [(version.model_copy(update={"id": name}), decision) for version, decision in order]
        for batch in [versions] if together else [[version] for version in versions]:
            await store.queue.save(batch, now=NOW)

        found = await record(store, name)
        newest = ("third", Severity.CRITICAL, State.QUEUED)
        assert (found.alert.title, found.alert.severity, found.state) == newest, name


async def test_a_raised_severity_moves_an_alert_up_the_queue(store: Store) -> None:
    """The queue goes by the refreshed severity."""
    await saved(store, alert("a"), alert("b", severity=Severity.HIGH))

    await saved(store, alert("a", severity=Severity.CRITICAL, updated_at=NOW))

    assert (await claimed(store)).alert.id == "a"


async def test_pollers_that_save_at_once_count_each_alert_once(store: Store, store_url: str) -> None:
    """Several processes that save the same alerts neither fail nor count one twice."""
    other = await open_store(store_url)
    batches = [[(alert(f"a{number}"), SELECTED) for number in range(start, start + 60)] for start in range(0, 100, 20)]

    added = await asyncio.gather(
        *(each.queue.save(batch, now=NOW) for batch in batches for each in (store, other, store))
    )
    await other.close()

    assert sum(added) == 140


async def test_saving_while_workers_claim(store: Store, store_url: str) -> None:
    """A poll that refreshes alerts while they are claimed and finished undoes none of it."""
    other = await open_store(store_url)
    names = [f"a{number}" for number in range(12)]
    await saved(store, *map(alert, names))

    async def work() -> None:
        while (claim := await store.queue.claim("w", now=NOW, lease_seconds=HOLDS)) is not None:
            await store.queue.finish(claim, investigation(claim), now=NOW)

    async def poll() -> None:
        for minute in range(6):
            fresh = [
                (alert(name, title=f"title {minute}", updated_at=NOW + minute * MINUTE), SELECTED) for name in names
            ]
            await other.queue.save(fresh, now=NOW)

    await asyncio.gather(work(), poll(), work())
    await work()
    await other.close()

    records = await store.records.newest()
    assert {record.state for record in records} == {State.DONE}
    assert {record.alert.title for record in records} == {"title 5"}


# ---- reading -----------------------------------------------------------------------------------------------------


async def test_records_come_newest_first(store: Store) -> None:
    """By creation, filtered by time and state, up to a limit."""
    for minutes, state in ((3, State.QUEUED), (1, State.SKIPPED), (2, State.DONE), (4, State.LINKED)):
        name = f"m{minutes}"
        await store.queue.save([(alert(name, minutes=minutes), SKIPPED)], now=NOW)
        if state is not State.SKIPPED:
            await store.queue.decide(name, LINKED if state is State.LINKED else SELECTED, now=NOW)
        if state is State.DONE:
            claim = await claimed(store, alert_id=name)
            await store.queue.finish(claim, investigation(claim), now=NOW)

    def names(records: Sequence[AlertRecord]) -> list[str]:
        return [record.alert.id for record in records]

    waiting = [State.QUEUED, State.LINKED]
    assert names(await store.records.newest()) == ["m1", "m2", "m3", "m4"]
    assert names(await store.records.newest(since=NOW - 3 * MINUTE)) == ["m1", "m2", "m3"]
    assert names(await store.records.newest(states=waiting)) == ["m3", "m4"]
    assert names(await store.records.newest(states=waiting, since=NOW - 3 * MINUTE)) == ["m3"]
    assert names(await store.records.newest(limit=2)) == ["m1", "m2"]
    assert names(await store.records.newest(limit=0)) == []


async def test_several_records_at_once(store: Store) -> None:
    """Those of the given ids that are stored, however many are asked for."""
    for name in ("a", "b", "c"):
        await saved(store, alert(name))
    wanted = ["a", "c", *(f"absent {number}" for number in range(1_200))]
    assert {each.alert.id for each in await store.records.several(wanted)} == {"a", "c"}
    assert await store.records.several([]) == ()


async def test_group_leaders_are_or_will_be_investigated(store: Store) -> None:
    """Queued, running and done alerts of the detection since a moment, oldest first; no others."""
    for number, state in enumerate(POLLED):
        await bring(store, state, name=state.value)
        await saved(store, alert(state.value, minutes=number + 1, updated_at=NOW))
    await saved(
        store,
        alert("other", origin=DetectionOrigin(id="Other")),
        alert("system", origin=SystemOrigin(type="x")),
        alert("old", minutes=60),
    )

    leaders = await store.queue.group_leaders(["Standard.NewPlace"], since=NOW - 30 * MINUTE)

    # Skipped and linked alerts were selected by the second save, and are queued now.
    assert [leader.id for leader in leaders] == ["linked", "done", "running", "queued", "skipped"]


async def test_leaders_of_several_detections_come_at_once(store: Store) -> None:
    """The same alerts for each of the detections, within both bounds, oldest first."""
    others = [alert(f"o{number}", minutes=number, origin=DetectionOrigin(id="Other")) for number in (2, 4, 6, 60)]
    await saved(store, *others, *(alert(f"a{number}", minutes=number) for number in (1, 3, 5, 60)))
    await saved(store, alert("third", minutes=3, origin=DetectionOrigin(id="Third")))
    await saved(store, alert("skipped", minutes=4), decision=SKIPPED)
    await saved(store, alert("linked", minutes=2), decision=Linked(leader="a3", reason="same title"))

    found = await store.queue.group_leaders(
        {"Other", "Standard.NewPlace", "None"}, since=NOW - 5 * MINUTE, until=NOW - 2 * MINUTE
    )

    assert [leader.id for leader in found] == ["a5", "o4", "a3", "o2"]
    assert found[1] == others[1]
    assert await store.queue.group_leaders((), since=NOW - 5 * MINUTE, until=NOW) == ()
    names = [f"Detection {number}" for number in range(1_200)]
    assert [
        leader.id for leader in await store.queue.group_leaders([*names, "Other"], since=NOW - 4 * MINUTE, until=NOW)
    ] == [
        "o4",
        "o2",
    ]


async def test_an_alert_is_written_as_json_in_ascii(store: Store) -> None:
    """One text for one content, however it came about, so that an unchanged alert is seen to be unchanged."""
    titles = ("plain", 'quo"te\\ \x7f\n', "ü", "\u202e", "\ud800", "\x00")
    contexts: tuple[dict[str, object], ...] = ({}, {"rate": 1e300, "none": None})
    for number, (title, context) in enumerate(itertools.product(titles, contexts)):
        given = alert(f"a{number}", title=title, context=context)
        await saved(store, given)

        assert (await record(store, given.id)).alert == given
        query = select(alerts.c.alert).where(alerts.c.id == given.id)
        text = await store.queue.database.read(Connection.scalar, query)
        assert text == dump(given)
        assert text.isascii()


# ---- decisions ---------------------------------------------------------------------------------------------------

MOVES: dict[tuple[str, State], State] = {
    ("selected", State.SKIPPED): State.QUEUED,
    ("selected", State.LINKED): State.QUEUED,
    **{("skipped", state): State.SKIPPED for state in POLLED if state is not State.DONE},
    **{("linked", state): State.LINKED for state in POLLED if state is not State.DONE},
}


async def test_deciding(store: Store) -> None:
    """A decision moves any alert but one that is done; selecting queues what was left out and moves nothing else."""
    for state, decision in itertools.product(POLLED, DECISIONS):
        name = f"{state} {decision.outcome}"
        await bring(store, state, name)
        before = await record(store, name)

        await store.queue.decide(name, decision, now=LATER)

        after = await record(store, name)
        assert after.state == MOVES.get((decision.outcome, state), state), name
        assert after.decision == (before.decision if state is State.DONE else decision), name
        claim = await store.queue.claim("w2", now=NOW, lease_seconds=HOLDS)
        assert (claim is not None and claim.alert.id) == (after.state is State.QUEUED and name), name


async def test_a_decision_ends_a_claim(store: Store) -> None:
    """An alert that a person closed meanwhile is skipped, and its worker's writes are refused from then on."""
    await saved(store, alert("a"))
    claim = await claimed(store)

    await store.queue.decide("a", Skipped(code=SkipCode.CLOSED_MEANWHILE, reason="closed meanwhile"), now=NOW)

    assert not await store.queue.finish(claim, investigation(claim), now=NOW)
    assert (await record(store)).state is State.SKIPPED


async def test_unknown_alerts(store: Store) -> None:
    """An alert that was never seen has no record, and changing it is an error that names its id."""
    assert await store.records.find("nobody") is None
    with pytest.raises(NotFound, match="nobody"):
        await store.queue.decide("nobody", SKIPPED, now=NOW)
    with pytest.raises(NotFound, match="nobody"):
        await store.queue.enqueue("nobody", now=NOW, fresh=False)
    with pytest.raises(NotFound, match="nobody"):
        await store.records.mark("nobody", "benign", now=NOW)


# ---- retention ---------------------------------------------------------------------------------------------------


async def test_pruning_takes_what_is_old_and_at_rest(store: Store) -> None:
    """Alerts created before and not touched since go, with investigations, journal and receipts; the rest stays."""
    old = 60 * 24
    for state in POLLED:
        await bring(store, state, name=state.value)
        found = await record(store, state.value)
        await store.queue.save(
            [(alert(state.value, minutes=old, title="old", updated_at=NOW - MINUTE), found.decision)], now=NOW
        )
    await saved(store, alert("with steps", minutes=old), alert("young", minutes=1))
    for name in ("with steps", "young"):
        claim = await claimed(store, alert_id=name)
        await store.journal.append(claim, "one", "query", 1, now=NOW)
        await store.journal.append(claim, "two", "query", 2, now=NOW)
        await store.queue.finish(claim, investigation(claim), now=NOW)
    await store.values.save_receipt(Receipt(key="kept", state="unknown"), now=NOW - 2 * MINUTE)
    await store.values.save_receipt(Receipt(key="gone", state="done"), now=NOW - 2 * MINUTE)
    await store.values.save_receipt(Receipt(key="recent", state="done"), now=NOW)

    assert await store.records.prune(NOW - MINUTE) == Pruned(receipts=1)
    # The alerts above were all touched at NOW, so only a later moment reaches them; "young" was created after it.
    pruned = await store.records.prune(NOW + timedelta(seconds=1))

    assert pruned == Pruned(alerts=6, investigations=3, steps=4, receipts=1)
    assert {record.alert.id for record in await store.records.newest()} == {"queued", "running"}
    assert await store.values.receipt("kept") is not None


async def test_pruning_spares_the_young(store: Store) -> None:
    """An alert created after the moment stays, though nothing has touched it since."""
    await store.queue.save([(alert("young", minutes=1), SKIPPED)], now=NOW - 60 * MINUTE)
    await store.queue.save([(alert("old", minutes=90), SKIPPED)], now=NOW - 60 * MINUTE)
    await store.queue.save([(alert("touched", minutes=90), SKIPPED)], now=NOW)

    assert await store.records.prune(NOW - 30 * MINUTE) == Pruned(alerts=1)

    assert {record.alert.id for record in await store.records.newest()} == {"young", "touched"}


async def test_pruning_forgets_leases_that_ran_out(store: Store) -> None:
    """A lease by name leaves no row for ever; one that holds stays with its holder."""
    # PostgreSQL counts leases by its own clock, so the moment is decades from either clock.
    decade = timedelta(days=3_650)
    await store.values.acquire_lease("old", "one", now=NOW, seconds=RUN_OUT)
    await store.values.acquire_lease("held", "one", now=NOW, seconds=20 * decade.total_seconds())

    await store.records.prune(NOW + 5 * decade)

    rows = await store.queue.database.read(lambda connection: connection.scalars(select(leases.c.name)).all())
    assert rows == ["held"]


async def test_pruning_many(store: Store) -> None:
    """Retention goes on until nothing is left to delete, batch after batch."""
    await store.queue.save([(alert(f"a{number}"), SKIPPED) for number in range(1_201)], now=NOW)

    assert await store.records.prune(NOW + MINUTE) == Pruned(alerts=1_201)
    assert await store.records.newest() == ()


async def test_a_pruned_alert_that_comes_again_is_new(store: Store) -> None:
    """It has no history: its journal went with it."""
    await saved(store, alert("a"))
    claim = await claimed(store, lease_seconds=RUN_OUT)
    await store.journal.append(claim, "step", "query", 1, now=NOW)
    await store.queue.decide("a", SKIPPED, now=NOW)
    await store.records.prune(NOW + MINUTE)

    await saved(store, alert("a"))

    again = await claimed(store)
    assert again.attempts == 1
    assert await store.journal.entries(again.run_id) == ()
