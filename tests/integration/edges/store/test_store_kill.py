"""A process that is killed in the middle of its writes: what it was told is stored, is stored, and nothing is half done."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.support.shared import ROOT
from tests.support.stores import HOLDS, NOW, sqlite_url
from triage.domain.verdict import Disposition
from triage.edges.store import open_store
from triage.ports import State

pytest_plugins = ["tests.support.store_fixtures"]

BATCH = 7
STEPS = 3
KILLS = (3, 40, 90)
"""Lines that a worker gets to say before it is killed, run by run."""

WORKER = f"""
import asyncio, sys
from tests.support.stores import NOW, RUN_OUT, SELECTED, alert, investigation
from triage.edges.store import open_store

async def main(url, run):
    store = await open_store(url)
    say = lambda *words: print(*words, flush=True)

    async def poll():
        for batch in range(10_000):
            names = [f"r{{run}}-b{{batch}}-{{number}}" for number in range({BATCH})]
            await store.queue.save([(alert(name, description="x" * 3_000), SELECTED) for name in names], now=NOW)
            say("saved", *names)

    async def work():
        while True:
            claim = await store.queue.claim("w", now=NOW, lease_seconds=RUN_OUT)
            if claim is None:
                await asyncio.sleep(0)
                continue
            for step in range({STEPS}):
                assert await store.journal.append(claim, f"s{{step}}", "query", {{"step": step, "pad": "x" * 3_000}}, now=NOW)
                say("step", claim.alert.id, claim.run_id, f"s{{step}}")
            assert await store.queue.finish(claim, investigation(claim), now=NOW)
            say("done", claim.alert.id)

    await asyncio.gather(poll(), work())

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def killed_worker(url: str, run: int, lines: int) -> list[list[str]]:
    """Run a poller and worker in a process of its own, kill it after some lines, and give what it has said."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, url, str(run)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL, "the worker failed by itself"
    # The last line may have been cut by the kill.
    return [line.split() for line in said if line.endswith("\n")]


async def check(url: str, said: list[list[str]]) -> None:
    """Whatever was acknowledged is there, and every transaction is there whole or not at all."""
    store = await open_store(url)
    records = {record.alert.id: record for record in await store.records.newest()}
    for word, *rest in said:
        if word == "saved":
            assert set(rest) <= set(records)
        elif word == "step":
            assert await store.journal.recall(rest[1], rest[2]) == {"step": int(rest[2][1:]), "pad": "x" * 3_000}
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


def test_sigkill_in_the_middle_of_writes(store_url: str, tmp_path: Path) -> None:
    """After each kill the database is sound, and holds exactly what was acknowledged, and perhaps one write more."""
    said: list[list[str]] = []
    for run, lines in enumerate(KILLS if store_url.startswith("sqlite") else KILLS[-1:]):
        said += killed_worker(store_url, run, lines)
        if store_url == sqlite_url(tmp_path):
            with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        asyncio.run(check(store_url, said))
        asyncio.run(finish_one(store_url))
    assert any(words[0] == "done" for words in said)
