"""What was spent, what people said, and the numbers for the status; on SQLite and on PostgreSQL."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tests.support.stores import HOLDS, NOW, RUN_OUT, SKIPPED, alert, claimed, investigation, saved, sqlite_url
from triage.edges.store import ledger, open_store, status
from triage.edges.store.tables import spend
from triage.ports import Ended, Mark, Parked, Spend, Store

pytest_plugins = ["tests.support.store_fixtures"]
pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
CALL = Spend(calls=1, prompt_tokens=1_000, cached_tokens=400, completion_tokens=200, money=0.25)
TWICE = Spend(calls=2, prompt_tokens=2_000, cached_tokens=800, completion_tokens=400, money=0.5)


# ---- spend -------------------------------------------------------------------------------------------------------


async def test_what_calls_cost_adds_up(store: Store) -> None:
    """Over all alerts, for one run, by alert, and since a moment; nothing spent is all zeros, or left out by alert."""
    await saved(store, alert("a"), alert("b"), alert("c"))
    assert await store.ledger.spent(since=NOW) == Spend()
    first, second = await claimed(store, alert_id="a"), await claimed(store, alert_id="b")

    for claim, key, at in ((first, "model/1", NOW - HOUR), (first, "model/2", NOW), (second, "model/1", NOW)):
        assert await store.ledger.book(claim, key, CALL, now=at)

    assert await store.ledger.spent(since=NOW) == TWICE
    assert await store.ledger.spent(since=NOW - HOUR, run_id=first.run_id) == TWICE
    assert await store.ledger.spent(since=NOW, run_id=first.run_id) == CALL
    assert (await store.ledger.spent(since=NOW - HOUR)).calls == 3
    assert await store.ledger.spent_by_alert(only=["a", "b", "c"]) == {"a": TWICE, "b": CALL}
    assert await store.ledger.spent_by_alert(only=["b"]) == {"b": CALL}


async def test_a_call_is_booked_once(store: Store) -> None:
    """The first entry under a run's key counts, also where a restarted run books it again."""
    await saved(store, alert("a"))
    claim = await claimed(store, lease_seconds=RUN_OUT)
    await store.ledger.book(claim, "model/1", CALL, now=NOW)
    heir = await claimed(store)

    assert await store.ledger.book(heir, "model/1", TWICE, now=NOW)

    assert await store.ledger.spent(since=NOW) == CALL


async def test_a_stale_claim_books_nothing(store: Store) -> None:
    """Neither does one that was given back."""
    await saved(store, alert("a"))
    stale = await claimed(store, lease_seconds=RUN_OUT)
    current = await claimed(store)
    await store.queue.give_back(current, now=NOW)

    assert not await store.ledger.book(stale, "model/1", CALL, now=NOW)
    assert not await store.ledger.book(current, "model/1", CALL, now=NOW)

    assert await store.ledger.spent(since=NOW) == Spend()


async def test_retention_keeps_the_sum(store: Store) -> None:
    """What was spent on alerts that are deleted still counts in the total, and an alert that comes again adds to it."""
    for _ in range(2):
        await saved(store, alert("a"), alert("b"))
        for name in ("a", "b"):
            claim = await claimed(store, alert_id=name)
            await store.ledger.book(claim, "model/1", CALL, now=NOW)
            await store.queue.finish(claim, investigation(claim), now=NOW)
        await store.records.prune(NOW + HOUR)
        await store.records.prune(NOW + 2 * HOUR)

    assert await store.records.newest() == ()
    assert (await store.ledger.spent(since=NOW - HOUR)).calls == 4
    assert await store.ledger.spent(since=NOW + HOUR) == Spend()


# ---- marks -------------------------------------------------------------------------------------------------------


async def test_the_last_word_counts(store: Store) -> None:
    """A person may change their mind; marks come newest first, and since a moment."""
    await saved(store, alert("a"), alert("b"))
    await store.records.mark("a", "benign", "a scanner", by="ada", now=NOW - 2 * HOUR)
    await store.records.mark("b", "malicious", now=NOW - HOUR)
    await store.records.mark("a", "malicious", "not our scanner", by="bob", now=NOW)

    newer, older = await store.records.marks()

    assert newer == Mark(alert_id="a", label="malicious", note="not our scanner", by="bob", at=NOW)
    assert older == Mark(alert_id="b", label="malicious", at=NOW - HOUR)
    assert await store.records.marks(since=NOW) == (newer,)


async def test_marks_go_with_their_alerts(store: Store) -> None:
    """Retention deletes what was said of an alert together with the alert."""
    await saved(store, alert("a"), decision=SKIPPED)
    await store.records.mark("a", "benign", now=NOW)

    assert (await store.records.prune(NOW + HOUR)).marks == 1

    assert await store.records.marks() == ()


# ---- the status --------------------------------------------------------------------------------------------------


async def test_ends_are_counted_by_hour_and_day(store: Store) -> None:
    """Done, skipped and given up; a later change of the alert in Panther does not make it end again."""
    for name, age in (("old", 25), ("today", 5), ("now", 0)):
        await saved(store, alert(name))
        claim = await claimed(store, alert_id=name)
        await store.queue.finish(claim, investigation(claim), now=NOW - age * HOUR)
    await store.queue.save([(alert("s1"), SKIPPED), (alert("s2"), SKIPPED)], now=NOW - 2 * HOUR)
    await saved(store, alert("f"))
    await store.queue.give_back(await claimed(store), now=NOW, error="the model refuses", failed=True)
    await saved(store, alert("today", title="Changed"), alert("s1", title="Changed"), decision=SKIPPED)

    found = await store.queue.status(now=NOW)

    assert found.last_hour == Ended(done=1, failed=1)
    assert found.last_day == Ended(done=2, skipped=2, failed=1)
    assert found.parked == (Parked("f", "the model refuses", NOW),)


async def test_the_newest_failures_are_shown(store: Store) -> None:
    """Five of them, the last one first."""
    await saved(store, *(alert(f"f{number}", minutes=number) for number in range(7)))
    for number in range(7):
        claim = await claimed(store, alert_id=f"f{number}")
        await store.queue.give_back(claim, now=NOW + number * HOUR, error=f"error {number}", failed=True)

    parked = (await store.queue.status(now=NOW)).parked

    assert [each.error for each in parked] == [f"error {number}" for number in (6, 5, 4, 3, 2)]


async def test_the_holder_of_a_lease_is_known(store: Store) -> None:
    """Only while the lease holds."""
    assert await store.values.lease_holder("poller", now=NOW) == ""
    await store.values.acquire_lease("poller", "one", now=NOW, seconds=HOLDS)
    await store.values.acquire_lease("other", "two", now=NOW, seconds=RUN_OUT)

    assert await store.values.lease_holder("poller", now=NOW) == "one"
    assert await store.values.lease_holder("other", now=NOW) == ""


async def test_the_status_is_read_from_indexes(tmp_path: Path) -> None:
    """However many alerts there are: no question scans the table, and the day's spend looks at the day's calls."""
    store = await open_store(sqlite_url(tmp_path))

    plans = await store.queue.database.read(sqlite_plans)

    assert len(plans) >= 7
    assert [plan for plan in plans if "INDEX" not in plan and not plan.startswith("USE TEMP B-TREE")] == []
    await store.close()


def sqlite_plans(connection: Connection) -> list[str]:
    """How SQLite finds the rows of each question."""
    questions = [
        getattr(status, name)
        for name in ("_BY_STATE", "_OLDEST", "_IN_FLIGHT", "_WAITING", "_DUE", "_ENDED", "_PARKED")
    ]
    plans = []
    for question in (*questions, select(*ledger._SUMS).where(spend.c.at >= NOW)):
        compiled = str(question.compile(connection))
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", (0,) * compiled.count("?"))
        plans += [str(row.detail) for row in rows]
    return plans
