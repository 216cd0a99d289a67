"""Pages are stored while further ones are read: in which order, when reading waits, and what an end leaves behind."""

import asyncio
from pathlib import Path

import pytest

from tests.support.stores import NOW, SELECTED, SKIPPED, alert, sqlite_url
from triage.domain.alert import DetectionOrigin
from triage.edges.store import open_store
from triage.errors import StoreError
from triage.ingest.saving import MOST, PAUSE, Saver
from triage.ports import Store

pytestmark = pytest.mark.anyio


async def stored(store: Store) -> set[str]:
    return {record.alert.id for record in await store.records.newest()}


async def test_all_is_stored_at_the_end(tmp_path: Path) -> None:
    """However the pages fall into transactions; an alert on two pages counts once."""
    store = await open_store(sqlite_url(tmp_path))
    saver = Saver(store.queue, NOW, None)
    names = [f"n{number}" for number in range(50)]
    for name in (*names, "n0"):
        await saver.add([(alert(name), SELECTED)])
    await saver.flush()
    assert saver.new == len(names)
    assert await stored(store) == set(names)
    await saver.abandon()
    await store.close()


async def test_each_alert_counts_once_in_a_backlog(tmp_path: Path) -> None:
    """Also where a transaction ends, the pause is over and the next page comes at the same time."""
    store = await open_store(sqlite_url(tmp_path))
    saver = Saver(store.queue, NOW, None)
    for number in range(40):
        await saver.add([(alert(f"n{number}-{each}"), SKIPPED) for each in range(MOST // 3)])
        await asyncio.sleep(PAUSE / 4)
    await saver.flush()
    assert saver.new == len(await stored(store)) == 40 * (MOST // 3)
    await store.close()


async def test_a_page_is_stored_though_none_follows(tmp_path: Path) -> None:
    """An answer of Panther that hangs keeps nothing of what was read from the store."""
    store = await open_store(sqlite_url(tmp_path))
    saver = Saver(store.queue, NOW, None)
    await saver.add([(alert("a"), SELECTED)])
    await saver.add([(alert("b"), SELECTED)])
    for _ in range(100):
        if len(await stored(store)) == 2:
            break
        await asyncio.sleep(PAUSE)
    assert await stored(store) == {"a", "b"}
    await store.close()


async def test_reading_waits_for_the_store(tmp_path: Path) -> None:
    """At most so many alerts are in memory beside those that are being stored."""
    store = await open_store(sqlite_url(tmp_path))
    saver = Saver(store.queue, NOW, None)
    for number in range(5):
        await saver.add([(alert(f"n{number}-{each}"), SKIPPED) for each in range(MOST)])
        assert len(saver._waiting) < MOST
    assert saver.new >= 3 * MOST
    await saver.flush()
    assert saver.new == 5 * MOST
    await store.close()


async def test_leaders_are_looked_up_behind_what_is_under_way(tmp_path: Path) -> None:
    """Who asks about a detection waits for its alerts, and not for those of another."""
    store = await open_store(sqlite_url(tmp_path))
    saver = Saver(store.queue, NOW, None)
    await saver.add([(alert("a", origin=DetectionOrigin(id="One")), SELECTED)])
    await saver.have_stored(["Other"])
    assert saver.new == 0
    await saver.have_stored(["One"])
    assert await stored(store) == {"a"}
    await store.close()


async def test_a_store_that_fails_ends_the_reading(tmp_path: Path) -> None:
    """With the page after the one that could not be stored, or at the end."""
    store = await open_store(sqlite_url(tmp_path))
    saver = Saver(store.queue, NOW, None)
    await store.close()
    await saver.add([(alert("a"), SELECTED)])
    await asyncio.sleep(3 * PAUSE)
    with pytest.raises(StoreError):
        await saver.add([(alert("b"), SELECTED)])
    with pytest.raises(StoreError):
        await saver.flush()
    await saver.abandon()
