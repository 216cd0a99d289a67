"""Reading the alerts page by page, and the marks of some of them."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import stores
from tests.support.stores import NOW, alert, saved
from triage.ports import Store

pytest_plugins = ["tests.support.store_fixtures"]


async def pages(store: Store, size: int) -> list[list[str]]:
    """The ids of all alerts, as someone who turns the pages sees them."""
    found: list[list[str]] = []
    before = None
    while records := await store.records.newest(before=before, limit=size):
        found.append([record.alert.id for record in records])
        before = (records[-1].alert.created_at, records[-1].alert.id)
    return found


@given(ages=st.lists(st.integers(0, 3), max_size=12), size=st.integers(1, 5))
def test_pages_together_are_the_whole_list(module_store: Store, database_url: str, ages: list[int], size: int) -> None:
    """Also where several alerts were created at the same moment, each is on one page, in the order of the list."""

    async def act() -> None:
        stores.empty(database_url)
        await saved(module_store, *(alert(f"n{number}", minutes=age) for number, age in enumerate(ages)))
        whole = [record.alert.id for record in await module_store.records.newest()]
        found = await pages(module_store, size)
        assert [name for page in found for name in page] == whole
        assert all(len(page) == size for page in found[:-1])

    asyncio.run(act())


@pytest.mark.anyio
async def test_the_marks_of_some_alerts(store: Store) -> None:
    """Only those asked for; none of an empty collection."""
    await saved(store, alert("a"), alert("b"), alert("c"))
    await store.records.mark("a", "benign", "test", by="mira", now=NOW)
    await store.records.mark("b", "malicious", now=NOW - timedelta(hours=1))
    found = await store.records.marks(only=["a", "c"])
    assert [(mark.alert_id, mark.label, mark.note, mark.by) for mark in found] == [("a", "benign", "test", "mira")]
    assert await store.records.marks(only=[]) == ()
    assert [mark.alert_id for mark in await store.records.marks()] == ["a", "b"]
