"""The state database as commands use it: opened in one place, and read with linked alerts resolved."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from triage.cli.common import run_async
from triage.domain.verdict import Investigation
from triage.edges.store import open_store
from triage.ports import AlertRecord, Mark, Store
from triage.service.stored import each_page
from triage.settings import Settings

T = TypeVar("T")


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The state database, closed at the end. Raises StoreError."""
    store = await open_store(settings.store.url)
    try:
        yield store
    finally:
        await store.close()


def in_store(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Open the state database, do the work, close it. Raises StoreError, and what the work raises."""

    async def body() -> T:
        async with opened_store(settings) as store:
            return await work(store)

    return run_async(body())


def latest_marks(settings: Settings) -> Mapping[str, Mark]:
    """The last label that a person gave each alert, by alert ID. Raises StoreError."""
    marks = in_store(settings, lambda store: store.records.marks())
    return {mark.alert_id: mark for mark in reversed(marks)}


def each_record(
    settings: Settings, start: datetime | None, visit: Callable[[AlertRecord, Investigation | None], None]
) -> None:
    """Visit every alert created at or after `start`, newest first; a page of alerts and one investigation are in memory.

    A linked alert shows its leader's verdict and has no investigation. Raises StoreError.
    """

    async def walk(store: Store) -> None:
        async for page in each_page(store.records, since=start):
            for record in page:
                visit(record, await store.records.investigation(record.alert.id))

    in_store(settings, walk)
