"""Comments whose request had no answer: they are made up, and counted until then."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import crash
from tests.support.cli import Ran, run_cli
from tests.support.clocks import FastClock
from tests.support.stores import sqlite_url
from tests.support.wired import Wired, wired
from triage.ports import Receipt, State
from triage.sandbox.server import Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.service.loop import Service
from triage.service.status import unsettled
from triage.settings import Settings
from triage.stages.writeback import Timing

pytestmark = pytest.mark.anyio

ALERTS = 8
LINKED = 2


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    (tmp_path / "world").mkdir()
    world = load_world(crash.make_world(tmp_path / "world", ALERTS, LINKED), as_recorded=True)
    with SandboxServer(world, SandboxOptions(query_latency=0.0)) as server:
        yield server


@asynccontextmanager
async def serving(
    panther: SandboxServer,
    directory: Path,
    *,
    pace: float = 500,
    timing: Timing = Timing(),  # noqa: B008 - frozen
) -> AsyncIterator[tuple[Service, Wired]]:
    settings = Settings.model_validate(
        {
            "panther": {"url": panther.url, "token": "sandbox-token", "requests_per_second": 1_000},
            "ingest": {"lookback": "4h"},
            "investigation": {"concurrency": 2},
            "writeback": {"audit": ""},
            "store": {"url": sqlite_url(directory)},
        }
    )
    async with wired(settings, FastClock(panther.world.clock(), pace=pace), timing=timing) as app:
        yield Service(pipeline=app.pipeline, observe=lambda _progress: None, name="me"), app


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(120):
        while not await condition():  # noqa: ASYNC110 - what is waited for stands in a database
            await asyncio.sleep(0.02)


async def test_a_lost_comment_is_made_up(panther: SandboxServer, tmp_path: Path) -> None:
    """Every request for a comment fails before it takes effect, once or twice; each alert, linked ones too, still ends
    with exactly one comment, and none is left open."""
    async with serving(panther, tmp_path) as (service, app):
        panther.fail("CreateComment", Fault(status=502), times=ALERTS + ALERTS // 2)
        stop = asyncio.Event()
        running = asyncio.create_task(service.run_forever(stop))

        async def all_commented() -> bool:
            return all(panther.comments(name) for name in crash.alert_ids(ALERTS))

        async def none_open() -> bool:
            return not (await app.store.queue.status(now=service.pipeline.clock.now())).comments_open

        try:
            await until(all_commented)
            await until(none_open)
        finally:
            stop.set()
            tally = await running

        assert [len(panther.comments(name)) for name in crash.alert_ids(ALERTS)] == [1] * ALERTS
        assert not tally.unfinished
        status = await app.store.queue.status(now=service.pipeline.clock.now())
        assert status.by_state == {State.DONE: ALERTS - LINKED, State.LINKED: LINKED}


async def test_a_lost_comment_is_counted_until_it_is_made_up(panther: SandboxServer, tmp_path: Path) -> None:
    """Status, the detail of health and the exit status tell of it, also of a later run that has nothing to do yet."""
    async with serving(panther, tmp_path, pace=1, timing=Timing(reads=(0.01,))) as (service, app):
        panther.fail("CreateComment", Fault(status=502), times=100_000)
        tally = await service.run_once()
        status = await app.store.queue.status(now=service.pipeline.clock.now())
        assert status.comments_open == tally.unwritten > 0
        detail = await unsettled(app.store, now=service.pipeline.clock.now())
        assert detail["comments_open"] == status.comments_open
        panther._faults.clear()
    (tmp_path / "config.yaml").write_text(
        f"panther: {{url: '{panther.url}', token: sandbox-token}}\nstore: {{url: '{sqlite_url(tmp_path)}'}}\n",
        encoding="utf-8",
    )
    # By this clock the request was made a moment ago.
    then = panther.world.clock().isoformat()

    def commands() -> tuple[Ran, Ran, Ran]:
        shown = run_cli("status", directory=tmp_path)
        in_json = run_cli("status", "--json", directory=tmp_path)
        return shown, in_json, run_cli("run", "--once", "--no-poll", "--write", "--now", then, directory=tmp_path)

    shown, in_json, ran = await asyncio.to_thread(commands)

    assert f"{status.comments_open} without a known answer" in shown.out
    assert in_json.json["comments_open"] == status.comments_open
    assert ran.status == 1
    assert f"without a known answer: {status.comments_open}" in ran.err


async def test_a_request_that_a_kill_cut_off_holds_up_no_other_alert(panther: SandboxServer, tmp_path: Path) -> None:
    """As many requests as there are workers were on their way when the process ended. The next one does not wait for
    what may become of them: it works on the other alerts, counts these as open, and a later run writes them."""
    cut_off = crash.alert_ids(2)
    async with serving(panther, tmp_path, pace=1) as (service, app):
        now = service.pipeline.clock.now()
        for alert_id in cut_off:
            await app.store.values.save_receipt(Receipt(f"comment:{alert_id}", "sent", at=now), now=now)
        tally = await service.run_once()
        status = await app.store.queue.status(now=service.pipeline.clock.now())

        assert status.comments_open == tally.unwritten == len(cut_off)
        commented = [name for name in crash.alert_ids(ALERTS) if panther.comments(name)]
        assert commented == crash.alert_ids(ALERTS)[len(cut_off) :]
    (tmp_path / "config.yaml").write_text(
        f"panther: {{url: '{panther.url}', token: sandbox-token}}\nstore: {{url: '{sqlite_url(tmp_path)}'}}\n",
        encoding="utf-8",
    )
    later = (panther.world.clock() + timedelta(minutes=10)).isoformat()
    ran = await asyncio.to_thread(run_cli, "run", "--once", "--no-poll", "--write", "--now", later, directory=tmp_path)

    assert ran.status == 0, ran.err
    assert [len(panther.comments(name)) for name in crash.alert_ids(ALERTS)] == [1] * ALERTS
