"""What lists and sums read in place of whole investigations: briefs, counts, verdicts as lists show them."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select

from tests.support import stores
from tests.support.stores import NOW, SKIPPED, alert, claimed, investigation, saved, sqlite_url
from triage.domain.alert import DetectionOrigin, Severity
from triage.domain.brief import Brief
from triage.domain.evidence import Evidence, Source
from triage.domain.report import DEFERRED
from triage.domain.selection import Linked
from triage.domain.verdict import Disposition, Usage
from triage.edges.store import open_store, records
from triage.edges.store.tables import alerts, briefs
from triage.ports import Claim, State, Store
from triage.service.shift import read_shift
from triage.service.stored import with_leader_verdicts
from triage.stages.reporting.shift import Shift, shift_json

pytest_plugins = ["tests.support.store_fixtures"]

KINDS = ("skipped", "queued", "failed", "malicious", "benign", "linked", "odd severity")
ROWS = ({"a": "x" * 300},)


def telling(claim: Claim) -> dict[str, object]:
    """What a sum needs of an investigation, all of it present."""
    unanswered = Evidence(id="E2", source=Source.QUERY, key="q", question="Who?", error="Panther is away")
    return {
        "disposition": Disposition.MALICIOUS,
        "evidence": (*investigation(claim).evidence, unanswered),
        "usage": Usage(seconds=3, queries=2, rows=9, prompt_tokens=5, money=0.5),
        "notes": (f"{DEFERRED}noon", "a table was not asked"),
    }


@pytest.mark.anyio
async def test_a_brief_is_of_the_newest_investigation(store: Store) -> None:
    """Written with the result, replaced by the next one, deleted with the alert."""
    await saved(store, alert("a"), alert("b"))
    first = await claimed(store, alert_id="a")
    assert await store.records.briefs(["a", "b"]) == {}
    await store.queue.finish(first, investigation(first, **telling(first)), now=NOW)
    found = await store.records.briefs(["a", "b", "gone"])
    assert found == {"a": Brief.of(investigation(first, **telling(first)))}
    assert found["a"].to_do == (f"{DEFERRED}noon",)
    assert [each.error for each in found["a"].unanswered] == ["Panther is away"]
    await store.queue.enqueue("a", now=NOW, fresh=True)
    second = await claimed(store, alert_id="a")
    await store.queue.finish(second, investigation(second), now=NOW)
    assert (await store.records.briefs(["a"]))["a"].disposition is Disposition.BENIGN
    assert (await store.records.prune(NOW + timedelta(days=1))).alerts == 1
    assert await store.records.briefs(["a"]) == {}


@pytest.mark.anyio
async def test_an_investigation_of_an_older_version_has_a_brief_too(store: Store) -> None:
    """It is made from what was stored then, whether or not the rows are with it or in the journal."""
    await saved(store, alert("a"), alert("b"))
    made = {}
    for name in ("a", "b"):
        claim = await claimed(store, alert_id=name)
        rows = {"result": {"rows": list(ROWS)}}
        await store.journal.append(claim, "events", "query", rows, now=NOW)
        evidence = Evidence(id="E1", source=Source.EVENTS, key="events", question="What happened?", rows=ROWS)
        result = investigation(claim, **{**telling(claim), "evidence": (evidence,)})
        await store.queue.finish(claim, result, now=NOW)
        made[name] = Brief.of(result)
    await store.queue.database.write(lambda connection: connection.execute(delete(briefs)).rowcount)
    assert await store.records.briefs(["a", "b"]) == made


@given(kinds=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2)), max_size=10))
def test_counts_and_notable_alerts_are_the_whole(
    module_store: Store, database_url: str, kinds: list[tuple[str, int]]
) -> None:
    """A shift whose plain alerts are counted by the database is the shift to which each alert was added."""
    store = module_store

    async def act() -> None:
        stores.empty(database_url)
        for number, (kind, detection) in enumerate(kinds):
            await put(store, f"n{number}", kind, detection, leader=f"n{number - 1}")
        since = NOW - timedelta(days=30)
        whole = Shift(since=since, until=NOW, currency="USD")
        found = await store.records.newest(since=since)
        known = await store.records.briefs([record.alert.id for record in found])
        for record in await with_leader_verdicts(store.records, found):
            whole.add(record, known.get(record.alert.id))
        shift, cut = await read_shift(store.records, since=since, until=NOW, currency="USD")
        assert not cut
        assert shift_json(shift) == shift_json(whole)

    asyncio.run(act())


async def put(store: Store, name: str, kind: str, detection: int, *, leader: str) -> None:
    """One alert of a kind."""
    severity = Severity("ODD") if kind == "odd severity" else Severity.CRITICAL if detection else Severity.LOW
    one = alert(
        name, severity=severity, origin=DetectionOrigin(id=f"D{detection}", name=f"Detection {detection}"), minutes=5
    )
    if kind == "linked":
        await saved(store, one, decision=Linked(leader=leader, reason="same title"))
        return
    await saved(store, one, **({"decision": SKIPPED} if kind in ("skipped", "odd severity") else {}))
    if kind in ("malicious", "benign"):
        claim = await claimed(store, alert_id=name)
        await store.queue.finish(claim, investigation(claim, Disposition(kind)), now=NOW)
    elif kind == "failed":
        await store.queue.give_back(await claimed(store, alert_id=name), now=NOW, error="no answer", failed=True)


@pytest.mark.anyio
async def test_verdicts_are_filtered_as_they_are_shown(store: Store) -> None:
    """A linked alert is found by its leader's verdict, also one that came after its own."""
    await put(store, "bad", "malicious", 0, leader="")
    await put(store, "fine", "benign", 0, leader="")
    await put(store, "follows", "linked", 0, leader="bad")
    await put(store, "waits", "linked", 0, leader="gone")

    async def names(*verdicts: Disposition) -> list[str]:
        return sorted(record.alert.id for record in await store.records.newest(verdicts=verdicts))

    assert await names(Disposition.MALICIOUS) == ["bad", "follows"]
    assert await names(Disposition.BENIGN, Disposition.SUSPICIOUS) == ["fine"]


@pytest.mark.anyio
async def test_ids_of_a_span_and_a_state(store: Store) -> None:
    """So that nothing else of ten thousand alerts is read."""
    await put(store, "bad", "malicious", 0, leader="")
    await put(store, "new", "queued", 0, leader="")
    assert await store.records.ids(since=NOW - timedelta(hours=1), states=(State.DONE,)) == ("bad",)
    assert await store.records.ids(since=NOW, states=(State.DONE,)) == ()
    assert await store.records.ids(states=(State.QUEUED,)) == ("new",)


@pytest.mark.anyio
async def test_retention_begins_at_the_oldest_alert(tmp_path: Path) -> None:
    """Each batch reads on from there: without the index on the creation time it would sort all alerts at rest."""
    store = await open_store(sqlite_url(tmp_path))
    (plan,) = await store.queue.database.read(plans)
    assert "alerts_created" in plan
    await store.close()


def plans(connection: Connection) -> list[str]:
    query = select(alerts.c.id).where(records._at_rest_since(NOW)).order_by(alerts.c.created_at, alerts.c.id).limit(5)
    compiled = str(query.compile(connection, compile_kwargs={"render_postcompile": True}))
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", (0,) * compiled.count("?"))
    return [str(row.detail) for row in rows]
