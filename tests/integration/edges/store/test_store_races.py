"""Two transactions at once on PostgreSQL, one of them held open by the test: who waits, who passes, who loses."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, delete, make_url, update

from tests.support import stores
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
    record,
    saved,
)
from triage.edges.store import alerts, links, open_store, queue
from triage.edges.store.engine import open_engines
from triage.edges.store.tables import alerts as alert_rows
from triage.errors import StoreError
from triage.ports import State, Store

pytest_plugins = ["tests.support.store_fixtures"]
pytestmark = pytest.mark.anyio

A_MOMENT = 0.1
"""Seconds in which a write that does not wait would be through."""


@pytest.fixture
def other(postgres_database: str) -> Iterator[Engine]:
    """Another process's connection to the PostgreSQL database, which is empty."""
    stores.empty(postgres_database)
    engine = open_engines(postgres_database).writer
    yield engine
    engine.dispose()


async def opened(other: Engine) -> Store:
    return await open_store(make_url(other.url).set(drivername="postgresql").render_as_string(hide_password=False))


async def test_a_claim_passes_by_an_alert_that_is_being_claimed(other: Engine) -> None:
    """A claimer never waits for another one; it takes the next alert."""
    store = await opened(other)
    await saved(store, alert("first", minutes=2), alert("second", minutes=1))

    with other.begin() as connection:
        theirs = queue.claim(connection, "other", now=NOW, lease_seconds=HOLDS, alert_id=None)
        ours = await store.queue.claim("w", now=NOW, lease_seconds=HOLDS)

    assert theirs is not None
    assert ours is not None
    assert (theirs.alert.id, ours.alert.id) == ("first", "second")
    await store.close()


@pytest.mark.parametrize("write", ["journal", "heartbeat"])
async def test_a_write_waits_for_the_claim_that_ends_its_own(other: Engine, write: str) -> None:
    """A worker that writes in the very moment in which its alert is claimed by another is refused."""
    store = await opened(other)
    await saved(store, alert("a"))
    stale = await claimed(store, lease_seconds=RUN_OUT)

    with other.begin() as connection:
        assert queue.claim(connection, "heir", now=NOW, lease_seconds=HOLDS, alert_id=None) is not None
        writing = asyncio.create_task(
            store.journal.append(stale, "step", "query", 1, now=NOW)
            if write == "journal"
            else store.queue.heartbeat(stale, now=NOW, lease_seconds=HOLDS)
        )
        await asyncio.sleep(A_MOMENT)
        assert not writing.done()

    assert not await writing
    assert await store.journal.entries(stale.run_id) == ()
    await store.close()


async def test_a_poller_that_comes_second_refreshes_what_the_first_inserted(other: Engine) -> None:
    """Two pollers insert one alert at the same time: it counts once, and the newer content stands."""
    store = await opened(other)
    newer = alert("a", title="newer", updated_at=NOW + timedelta(minutes=1))

    with other.begin() as connection:
        assert alerts.save(connection, [(alert("a"), SKIPPED)], now=NOW) == 1
        saving = asyncio.create_task(store.queue.save([(newer, SELECTED), (alert("b"), SELECTED)], now=NOW))
        await asyncio.sleep(A_MOMENT)
        assert not saving.done()

    assert await saving == 1
    found = await record(store)
    assert (found.alert, found.state) == (newer, State.QUEUED)
    await store.close()


async def test_an_alert_is_not_deleted_from_under_its_journal(store: Store) -> None:
    """Both engines refuse to leave a journal entry without its alert."""
    await saved(store, alert("a"))
    await store.journal.append(await claimed(store), "step", "query", 1, now=NOW)

    with pytest.raises(StoreError, match=r"foreign key|FOREIGN KEY"):
        await store.queue.database.write(lambda connection: connection.execute(delete(alert_rows)))

    assert await store.records.find("a") is not None


async def test_a_link_saved_while_its_leader_finishes_does_not_wait_for_ever(other: Engine) -> None:
    """The save waits for the transaction that ends the leader, and sees that it has."""
    store = await opened(other)
    await saved(store, alert("leader"))
    leader = await claimed(store)

    with other.begin() as connection:
        assert queue.finish(connection, leader, investigation(leader), now=NOW, again_at=None)
        saving = asyncio.create_task(saved(store, alert("a"), decision=LINKED))
        await asyncio.sleep(A_MOMENT)
        assert not saving.done()
    await saving

    assert (await claimed(store)).alert.id == "a"
    await store.close()


async def test_a_leader_that_finishes_while_a_link_is_saved_sees_it(other: Engine) -> None:
    """The other way round: the end of the leader waits for the save."""
    store = await opened(other)
    await saved(store, alert("leader"))
    await saved(store, alert("a"), decision=LINKED)
    leader = await claimed(store)

    with other.begin() as connection:
        links.hold_leaders(connection, ["leader"])
        finishing = asyncio.create_task(store.queue.finish(leader, investigation(leader), now=NOW))
        await asyncio.sleep(A_MOMENT)
        assert not finishing.done()
    assert await finishing

    assert (await claimed(store)).alert.id == "a"
    await store.close()


async def test_a_deadlock_is_tried_again(other: Engine) -> None:
    """PostgreSQL ends one of two transactions that wait for each other; the one that lost runs anew."""
    store, second = await opened(other), await opened(other)
    await saved(store, alert("a"), alert("b"))

    def both(first: str, second: str) -> Callable[..., None]:
        def change(connection: Connection) -> None:
            for name in (first, second):
                connection.execute(
                    update(alert_rows).where(alert_rows.c.id == name).values(attempts=alert_rows.c.attempts + 1)
                )
                time.sleep(A_MOMENT)

        return change

    await asyncio.gather(store.queue.database.write(both("a", "b")), second.queue.database.write(both("b", "a")))

    assert [record.attempts for record in await store.records.newest()] == [2, 2]
    await store.close()
    await second.close()
