"""What the embedded Panther keeps of queries."""

import asyncio
import threading
from pathlib import Path

import duckdb
import pytest

from tests.support.tiny_world import write_world
from triage.sandbox import queries
from triage.sandbox.backend import ApiToken
from triage.sandbox.errors import RequestError
from triage.sandbox.lake import DuckLake, LakeAnswer
from triage.sandbox.world import load_world

pytestmark = pytest.mark.anyio
TOKEN = ApiToken("t")


async def ended(*some: queries.Query) -> None:
    """Wait until none runs; the server's own loop notes the end."""
    for _ in range(3_000):
        if all(each.status != "running" for each in some):
            return
        await asyncio.sleep(0.01)
    raise AssertionError([each.status for each in some])


async def test_a_query_that_runs_is_kept_however_many_come_after(tmp_path: Path) -> None:
    """Those that are over go, the oldest first; whoever waits gets the rows."""
    world = load_world(write_world(tmp_path), as_recorded=True)
    lake = DuckLake(world)
    kept = queries.Queries(lake, world, latency=0, kept=2)
    go = threading.Event()

    def slow(_: duckdb.DuckDBPyConnection) -> LakeAnswer:
        go.wait(30)
        return quick(_)

    def quick(_: duckdb.DuckDBPyConnection) -> LakeAnswer:
        return LakeAnswer((), {}, (), 0.0, 0)

    waits = kept.submit(slow, "SELECT 1", TOKEN)
    done = [kept.submit(quick, "SELECT 2", TOKEN) for _ in range(3)]
    await ended(*done)
    last = kept.submit(quick, "SELECT 3", TOKEN)
    with pytest.raises(RequestError, match="not found"):
        kept.get(done[0].id)
    assert kept.get(waits.id).status == "running"
    go.set()
    await ended(waits, last)
    assert kept.get(waits.id).status == "succeeded"
    kept.close()
    lake.close()
