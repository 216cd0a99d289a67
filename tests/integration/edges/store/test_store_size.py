"""What is stored of an answer: once, compressed, and whole when it is read again."""

import pytest
from pydantic import JsonValue
from sqlalchemy import delete, func, select

from tests.support.stores import NOW, alert, claimed, investigation, saved
from triage.domain.evidence import Evidence, Source
from triage.domain.verdict import Investigation
from triage.edges.store.columns import dump
from triage.edges.store.tables import investigations, journal
from triage.ports import Claim, Store

pytest_plugins = ["tests.support.store_fixtures"]
pytestmark = pytest.mark.anyio

ROWS: list[JsonValue] = [
    {"hour": f"2031-05-{day:02d} {hour:02d}:00:00", "events": (day * hour) % 97, "path": "C:\\ü\x00\ud800"}
    for day in range(1, 29)
    for hour in range(24)
]
PAYLOAD: JsonValue = {"result": {"value": {"columns": ["hour", "events", "path"], "rows": ROWS}}}


def with_evidence(claim: Claim, *rows: list[JsonValue]) -> Investigation:
    evidence = [
        Evidence.model_validate({"id": f"E{n}", "source": Source.QUERY, "key": f"q{n}", "question": "?", "rows": each})
        for n, each in enumerate(rows, 1)
    ]
    return investigation(claim, evidence=tuple(evidence))


async def stored_bytes(store: Store) -> tuple[int, int]:
    """Of investigations and of journal entries."""
    first, second = (select(func.sum(func.length(c))) for c in (investigations.c.investigation, journal.c.payload))
    read = store.queue.database.read
    return await read(lambda c: c.scalar(first) or 0), await read(lambda c: c.scalar(second) or 0)


async def test_rows_are_kept_once_and_read_whole(store: Store) -> None:
    """Rows that the run has journalled aren't stored with the investigation; others are; both come back as they were."""
    await saved(store, alert("a"))
    claim = await claimed(store)
    assert await store.journal.append(claim, "coverage/q1", "query", PAYLOAD, now=NOW)
    changed = with_evidence(claim, ROWS, [*ROWS[:20], {"else": 1}], [{"short": 1}], [])
    assert await store.queue.finish(claim, changed, now=NOW)

    assert await store.records.investigation("a") == changed
    assert await store.journal.recall(claim.run_id, "coverage/q1") == PAYLOAD
    result, steps = await stored_bytes(store)
    assert steps < len(dump(PAYLOAD)) / 5
    assert result < steps


async def test_rows_are_those_of_their_own_run(store: Store) -> None:
    """Another alert's run has journalled other rows under the same key."""
    await saved(store, alert("a"), alert("b"))
    for rows in (ROWS, ROWS[1:]):
        claim = await claimed(store)
        await store.journal.append(claim, "q", "query", {"result": {"value": {"rows": rows}}}, now=NOW)
        assert await store.queue.finish(claim, with_evidence(claim, rows), now=NOW)
        found = await store.records.investigation(claim.alert.id)
        assert found is not None
        assert list(found.evidence[0].rows) == rows
    first, second = [await store.records.investigation(name) for name in ("a", "b")]
    assert first is not None
    assert second is not None
    assert {len(first.evidence[0].rows), len(second.evidence[0].rows)} == {len(ROWS), len(ROWS) - 1}


async def test_an_imported_record_is_kept_once_too(store: Store) -> None:
    """Its steps come with it."""
    await saved(store, alert("a"))
    result = with_evidence(await claimed(store), ROWS)
    await store.journal.keep_imported(alert("other"), result, [("q1", "query", PAYLOAD)], now=NOW)

    found = await store.records.investigation("other")

    assert found is not None
    assert found.evidence == result.evidence
    whole, steps = await stored_bytes(store)
    assert whole < steps


async def test_rows_whose_step_is_gone_count_as_cut(store: Store) -> None:
    """A journal deleted by hand takes rows away, and the evidence proves no absence any more."""
    await saved(store, alert("a"))
    claim = await claimed(store)
    await store.journal.append(claim, "q1", "query", PAYLOAD, now=NOW)
    await store.queue.finish(claim, with_evidence(claim, ROWS), now=NOW)
    await store.queue.database.write(lambda connection: connection.execute(delete(journal)) and None)

    found = await store.records.investigation("a")

    assert found is not None
    assert found.evidence[0].rows == ()
    assert not found.evidence[0].complete
