"""A process that is killed in the middle of its writes: what it was told is stored, is stored, and nothing is half done."""

import asyncio
import signal
import sqlite3
from contextlib import closing
from multiprocessing.connection import Connection
from typing import NoReturn

from sqlalchemy import make_url

from tests.support.forked import context
from tests.support.stores import HOLDS, NOW, RUN_OUT, SELECTED, alert, investigation
from triage.domain.verdict import Disposition
from triage.edges.store import open_store
from triage.ports import State

pytest_plugins = ["tests.support.store_fixtures"]

BATCH = 7
STEPS = 3
KILLS = (3, 40, 90)
"""Writes that a worker gets to acknowledge before it is killed, run by run."""
PADDING = "x" * 3_000


async def work(url: str, run: int, acknowledged: Connection) -> NoReturn:
    """Poll and work side by side until killed, and tell of each write once it is stored."""
    store = await open_store(url)

    async def poll() -> None:
        for batch in range(10_000):
            names = [f"r{run}-b{batch}-{number}" for number in range(BATCH)]
            await store.queue.save([(alert(name, description=PADDING), SELECTED) for name in names], now=NOW)
            acknowledged.send(("saved", *names))

    async def take() -> None:
        while True:
            claim = await store.queue.claim("w", now=NOW, lease_seconds=RUN_OUT)
            if claim is None:
                await asyncio.sleep(0)
                continue
            for step in range(STEPS):
                payload = {"step": step, "pad": PADDING}
                assert await store.journal.append(claim, f"s{step}", "query", payload, now=NOW)
                acknowledged.send(("step", claim.alert.id, claim.run_id, f"s{step}"))
            assert await store.queue.finish(claim, investigation(claim), now=NOW)
            acknowledged.send(("done", claim.alert.id))

    await asyncio.gather(poll(), take())
    raise AssertionError("nobody killed this worker")


def run_worker(url: str, run: int, acknowledged: Connection) -> None:
    asyncio.run(work(url, run, acknowledged))


def killed_worker(url: str, run: int, writes: int) -> list[tuple[str, ...]]:
    """Run a worker in a process of its own, kill it after some writes, and return all that it has acknowledged."""
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=run_worker, args=(url, run, writer))
    process.start()
    writer.close()
    with reader:
        said = [reader.recv() for _ in range(writes)]
        process.kill()
        process.join()
        try:
            while True:
                said.append(reader.recv())
        except (EOFError, OSError):
            # The last message may have been cut by the kill.
            pass
    assert process.exitcode == -signal.SIGKILL, "the worker failed by itself"
    return said


async def check(url: str, said: list[tuple[str, ...]]) -> None:
    """Whatever was acknowledged is there, and every transaction is there whole or not at all."""
    store = await open_store(url)
    records = {record.alert.id: record for record in await store.records.newest()}
    for word, *rest in said:
        if word == "saved":
            assert set(rest) <= set(records)
        elif word == "step":
            assert await store.journal.recall(rest[1], rest[2]) == {"step": int(rest[2][1:]), "pad": PADDING}
        else:
            assert records[rest[0]].state is State.DONE
    batches: dict[str, int] = {}
    for name in records:
        batches[name.rpartition("-")[0]] = batches.get(name.rpartition("-")[0], 0) + 1
    assert set(batches.values()) == {BATCH}
    for record in records.values():
        result = await store.records.investigation(record.alert.id)
        assert (result is not None) == (record.state is State.DONE) == (record.verdict is Disposition.BENIGN)
        if record.state is State.DONE:
            assert len(await store.journal.entries(record.run_id)) == STEPS
    await store.close()


async def finish_one(url: str) -> None:
    """The next process takes up what the killed one left."""
    store = await open_store(url)
    left = await store.records.newest(states=[State.RUNNING])
    for record in left:
        claim = await store.queue.claim("heir", now=NOW, lease_seconds=HOLDS, alert_id=record.alert.id)
        assert claim is not None
        assert claim.run_id == record.run_id
        assert await store.queue.give_back(claim, now=NOW)
    await store.close()


def test_sigkill_in_the_middle_of_writes(store_url: str) -> None:
    """After each kill the database is sound, and holds exactly what was acknowledged, and perhaps one write more."""
    database = make_url(store_url)
    said: list[tuple[str, ...]] = []
    for run, writes in enumerate(KILLS):
        said += killed_worker(store_url, run, writes)
        if database.drivername == "sqlite":
            with closing(sqlite3.connect(str(database.database))) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        asyncio.run(check(store_url, said))
        asyncio.run(finish_one(store_url))
    assert any(words[0] == "done" for words in said)
