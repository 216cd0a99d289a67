"""The workers under trouble, in this process, on a clock that runs fast: retries, lost leases, refused tokens, stops."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from tests.support.cable import Cable, cable
from tests.support.cli import Ran, run_cli
from tests.support.clocks import FastClock
from tests.support.stores import HOLDS, RUN_OUT, sqlite_url
from tests.support.tiny_world import ALERTS, write_world
from tests.support.wired import Wired, wired
from triage.domain.selection import Skipped
from triage.errors import PantherDenied
from triage.ingest.poll import poll_status
from triage.pipeline.journal import ClaimJournal, StaleClaimError
from triage.ports import Claim, State
from triage.sandbox.server import Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.service.loop import Service
from triage.service.worker import ATTEMPTS, MAX_DEATHS, Tally, Worker
from triage.settings import Settings

pytestmark = pytest.mark.anyio

SELECTED = [str(ALERTS[number]["id"]) for number in range(3)]
FIRST = SELECTED[0]


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    world = tmp_path / "world"
    world.mkdir()
    with SandboxServer(load_world(write_world(world)), SandboxOptions(query_latency=0.0)) as server:
        yield server


@asynccontextmanager
async def serving(
    panther: SandboxServer, directory: Path, *, pace: float = 500, url: str = "", **more: Any
) -> AsyncIterator[tuple[Service, Wired]]:
    """The service of a process called `me`, with one worker."""
    settings = Settings.model_validate(
        {
            "panther": {"url": url or panther.url, "token": "sandbox-token", "requests_per_second": 1_000},
            "ingest": {"lookback": "4h"},
            "investigation": {"concurrency": 1},
            "writeback": {"audit": ""},
            "store": {"url": sqlite_url(directory)},
        }
    )
    clock = FastClock(panther.world.clock(), pace=pace)
    async with wired(settings, clock) as app:
        service = Service(
            pipeline=app.pipeline,
            observe=lambda _progress: None,
            name="me",
            **more,
        )
        yield service, app


async def of(app: Wired, name: str = FIRST) -> tuple[State, int, str]:
    record = await app.store.records.find(name)
    assert record is not None
    return record.state, record.attempts, record.error


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - what is waited for stands in a database
            await asyncio.sleep(0.01)


async def test_a_failing_alert_is_retried_then_parked(panther: SandboxServer, tmp_path: Path) -> None:
    """Each try waits longer than the one before; after the last one the alert keeps its error for a person. The
    command that queues it again lets it end well, and says how many it was."""
    async with serving(panther, tmp_path) as (service, app):
        panther.fail("Alert", Fault(status=500), times=100_000)
        stop = asyncio.Event()
        running = asyncio.create_task(service.run_forever(stop))

        async def parked() -> bool:
            return (await app.store.queue.status(now=service.pipeline.clock.now())).by_state.get("failed", 0) == len(
                SELECTED
            )

        await until(parked)
        stop.set()
        tally = await running
        state, attempts, error = await of(app)
        assert (state, attempts) == (State.FAILED, ATTEMPTS)
        assert "the server has trouble" in error
        assert tally.failed == ATTEMPTS * len(SELECTED)
        assert tally.unfinished
        panther._faults.clear()
    write_config(tmp_path, panther)
    failed = await command(tmp_path, "list", "--failed")
    assert all(name in failed.out for name in SELECTED)
    assert "the server has trouble" in failed.out
    assert (await command(tmp_path, "retry", FIRST)).out == "1 queued again\n"
    assert (await command(tmp_path, "retry", "--all")).out == "2 queued again\n"
    assert (await command(tmp_path, "run", "--once", "--no-poll")).status == 0
    assert {row["state"] for row in (await command(tmp_path, "list", "--json")).json} == {"done"}


async def command(directory: Path, *arguments: str) -> Ran:
    """A command runs an event loop of its own."""
    return await asyncio.to_thread(run_cli, *arguments, directory=directory)


def write_config(directory: Path, panther: SandboxServer) -> None:
    text = f"panther: {{url: '{panther.url}', token: sandbox-token}}\nstore: {{url: '{sqlite_url(directory)}'}}\n"
    (directory / "config.yaml").write_text(text, encoding="utf-8")


async def test_an_alert_that_is_refused_alone_is_parked(panther: SandboxServer, tmp_path: Path) -> None:
    """The token is good for the list, so the others go on."""
    async with serving(panther, tmp_path) as (service, app):
        panther.fail("Alert", Fault(status=403), times=1)
        tally = await service.run_once()
        assert (tally.failed, tally.done) == (1, 2)
        failed = await app.store.records.newest(states=[State.FAILED])
        assert len(failed) == 1
        assert "permission" in failed[0].error


@pytest.mark.parametrize("forever", [False, True])
async def test_a_refused_token_stops_everything_and_parks_nothing(
    panther: SandboxServer, tmp_path: Path, forever: bool
) -> None:
    """Every alert stays queued with all its attempts, and the reason is raised once: by a single run at once, by a
    service after the token's grace, in which it takes an alert ever less often."""
    async with serving(panther, tmp_path) as (service, app):
        await service._poller(service._reach()).once()
        panther.fail("", Fault(status=401), times=100_000)
        run = service.run_forever(asyncio.Event(), polls=False) if forever else service.run_once(polls=False)
        with pytest.raises(PantherDenied, match="token"):
            await run
        assert [await of(app, name) for name in SELECTED] == [(State.QUEUED, 0, "")] * 3
        assert len(panther.requests) <= (40 if forever else 4)
        if forever:
            assert "token" in service.health.problems(service.pipeline.clock.monotonic())[0]


async def test_an_outage_costs_no_alert_its_tries(panther: SandboxServer, tmp_path: Path) -> None:
    """Panther fails for a day: the alerts wait, none is given up, all are investigated when it is back. Meanwhile few are
    tried."""
    async with serving(panther, tmp_path, pace=20_000) as (service, app):
        await service._poller(service._reach()).once()
        panther.fail("", Fault(status=503), times=1_000_000)
        clock = service.pipeline.clock
        began, before, stop = clock.monotonic(), len(panther.requests), asyncio.Event()
        running = asyncio.create_task(service.run_forever(stop))

        async def a_day() -> bool:
            return clock.monotonic() - began > 86_400

        async def all_done() -> bool:
            return (await app.store.queue.status(now=clock.now())).by_state == {"done": 3}

        await until(a_day)
        states = (await app.store.queue.status(now=clock.now())).by_state
        assert set(states) <= {"queued", "running"}
        tried = len(panther.requests) - before
        panther._faults.clear()
        await until(all_done)
        stop.set()
        await running
        assert tried < 24 * 60 * 60 / 15


async def test_a_limit_of_requests_costs_no_alert_its_tries(panther: SandboxServer, tmp_path: Path) -> None:
    """One operation meets it again and again while the list is answered: the alerts wait, and are investigated after."""
    async with serving(panther, tmp_path, pace=2_000) as (service, app):
        panther.fail("AlertEvents", Fault(status=429, headers=(("Retry-After", "5"),)), times=60)
        stop = asyncio.Event()
        running = asyncio.create_task(service.run_forever(stop))

        async def all_ended() -> bool:
            states = (await app.store.queue.status(now=service.pipeline.clock.now())).by_state
            return sum(states.get(name, 0) for name in ("done", "failed")) == len(SELECTED)

        await until(all_ended)
        stop.set()
        tally = await running
        assert tally.done == len(SELECTED)
        assert not panther._faults


async def test_an_alert_that_takes_its_process_down_is_parked(panther: SandboxServer, tmp_path: Path) -> None:
    """After so many claims that ended with the process nobody touches it until a person says so."""
    async with serving(panther, tmp_path) as (service, app):
        await service._poller(service._reach()).once()
        # The service's own claim finds the last of them dead.
        for _ in range(MAX_DEATHS):
            assert await app.store.queue.claim(
                "dead", now=service.pipeline.clock.now(), lease_seconds=0, alert_id=FIRST
            )
        tally = await service.run_once(polls=False)
        state, _, error = await of(app)
        assert state is State.FAILED
        assert f"triage queue retry {FIRST}" in error
        assert (tally.done, tally.failed) == (2, 1)


async def test_deaths_of_the_process_park_no_alert_that_gets_on(panther: SandboxServer, tmp_path: Path) -> None:
    """As many processes die as would park the alert, but one of them journals a step, or an hour passes each time: the
    alert ends well, and the deaths cost it none of its tries."""
    async with serving(panther, tmp_path, pace=1) as (service, app):
        await service._poller(service._reach()).once()
        queue, start = app.store.queue, service.pipeline.clock.now()

        async def die(name: str, *, hours: float = 0) -> Claim:
            claim = await queue.claim("dead", now=start + timedelta(hours=hours), lease_seconds=0, alert_id=name)
            assert claim is not None
            return claim

        for number in range(MAX_DEATHS + 5):
            claim = await die(FIRST)
            if number == MAX_DEATHS // 2:
                assert await app.store.journal.append(
                    claim, "started", "clock", {"result": start.isoformat()}, now=start
                )
        assert (claim.attempts, claim.deaths) == (1, MAX_DEATHS + 5 - MAX_DEATHS // 2 - 2)
        for number in range(MAX_DEATHS + 5):
            slow = await die(SELECTED[1], hours=-200 + number)
        assert (slow.attempts, slow.deaths) == (1, 1)

        tally = await service.run_once(polls=False)

        assert (tally.done, tally.failed) == (3, 0)


async def test_work_whose_lease_was_lost_is_dropped(panther: SandboxServer, tmp_path: Path) -> None:
    """Another worker has the alert: this one stops at its next heartbeat, and writes neither result nor comment."""
    with cable(panther.url) as line:
        async with serving(panther, tmp_path, url=line.url) as (service, app):
            await _lose_the_lease(line, service, app)
    assert len(panther.comments(FIRST)) == 1  # the porter's own


async def _lose_the_lease(line: Cable, service: Service, app: Wired) -> None:
    await service._poller(service._reach()).once()
    claim = await app.store.queue.claim("me/0", now=service.pipeline.clock.now(), lease_seconds=120, alert_id=FIRST)
    assert claim is not None
    # An answer that never comes: the work goes on until somebody stops it.
    line.cuts += [("AlertEvents", "silence after")] * 20
    tally = Tally()
    working = asyncio.create_task(Worker(service.pipeline, service.observe).finish(claim, tally))
    await asyncio.sleep(0.05)
    other = None
    while other is None:  # a heartbeat may come in between
        await app.store.queue.release_ended(lambda name: name == "me/0", now=service.pipeline.clock.now())
        other = await app.store.queue.claim(
            "other", now=service.pipeline.clock.now(), lease_seconds=1e6, alert_id=FIRST
        )
    await asyncio.wait_for(working, 60)
    assert (tally.done, tally.failed, tally.skipped) == (0, 0, 0)
    assert await app.store.queue.heartbeat(other, now=service.pipeline.clock.now(), lease_seconds=120)


@pytest.mark.parametrize("hurried", [False, True])
async def test_a_stop_releases_what_does_not_end(panther: SandboxServer, tmp_path: Path, hurried: bool) -> None:
    """After the grace, or at once where there is a hurry, the alert is queued again, and has lost no attempt."""
    slow = Fault(status=429, headers=(("Retry-After", "20"),))
    grace = 60.0 if hurried else 0.5
    async with serving(panther, tmp_path, pace=1, grace_seconds=grace) as (service, app):
        panther.fail("AlertEvents", slow, times=100_000)
        stop, hurry = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(service.run_forever(stop, hurry=hurry))

        async def at_work() -> bool:
            status = await app.store.queue.status(now=service.pipeline.clock.now())
            return bool(status.in_flight) and any(name == "AlertEvents" for _, _, name in panther.requests)

        await until(at_work)
        flying = (await app.store.queue.status(now=service.pipeline.clock.now())).in_flight[0]
        assert flying.worker == "me/0"
        began = asyncio.get_running_loop().time()
        stop.set()
        if hurried:
            hurry.set()
        tally = await running
        assert asyncio.get_running_loop().time() - began < 5
        assert (tally.done, tally.failed) == (0, 0)
        assert await of(app, flying.alert_id) == (State.QUEUED, 0, "")
        assert await app.store.values.lease_holder("poller", now=service.pipeline.clock.now()) == ""


async def test_a_run_without_polling_only_works(panther: SandboxServer, tmp_path: Path) -> None:
    """What is queued is worked on; Panther's list is not asked for. Without workers it is the other way round."""
    async with serving(panther, tmp_path) as (service, app):
        assert (await service.run_once(workers=0)).done == 0
        states = (await app.store.queue.status(now=service.pipeline.clock.now())).by_state
        assert states["queued"] == len(SELECTED)
        polled = await poll_status(app.store.values)

        assert (await service.run_once(polls=False, workers=2)).done == len(SELECTED)

        assert await poll_status(app.store.values) == polled


async def test_another_process_that_polls_is_not_disturbed(panther: SandboxServer, tmp_path: Path) -> None:
    """A single run leaves the polling to it; where that process has certainly ended, it polls itself."""
    async with serving(panther, tmp_path, has_ended=lambda name: name == "dead") as (service, app):
        await app.store.values.acquire_lease("poller", "alive", now=service.pipeline.clock.now(), seconds=1e6)
        assert not (await service.run_once()).polled
        assert await app.store.records.newest() == ()
        await app.store.values.release_lease("poller", "alive")
        await app.store.values.acquire_lease("poller", "dead", now=service.pipeline.clock.now(), seconds=1e6)

        tally = await service.run_once()

        assert tally.polled
        assert tally.done == len(SELECTED)


async def test_a_stale_claim_skips_nothing(panther: SandboxServer, tmp_path: Path) -> None:
    """Who has lost the lease while it looked at an alert that was closed leaves it to whoever holds it now; that one
    skips it."""
    async with serving(panther, tmp_path, pace=1) as (service, app):
        await service._poller(service._reach()).once()
        lost = await app.store.queue.claim(
            "slow", now=service.pipeline.clock.now(), lease_seconds=RUN_OUT, alert_id=FIRST
        )
        assert lost is not None

        async def started() -> JsonValue:
            return service.pipeline.clock.now().isoformat()

        await ClaimJournal(app.store.journal, lost, service.pipeline.clock).step("started", "clock", started)
        holder = await app.store.queue.claim(
            "quick", now=service.pipeline.clock.now(), lease_seconds=HOLDS, alert_id=FIRST
        )
        assert holder is not None
        panther.world.alerts[FIRST]["status"] = "RESOLVED"

        with pytest.raises(StaleClaimError):
            await app.pipeline.triage(lost, observe=lambda _progress: None)
        assert await app.store.queue.heartbeat(holder, now=service.pipeline.clock.now(), lease_seconds=HOLDS)

        assert isinstance(await app.pipeline.triage(holder, observe=lambda _progress: None), Skipped)
        assert (await of(app))[0] is State.SKIPPED
        assert not await app.store.queue.heartbeat(holder, now=service.pipeline.clock.now(), lease_seconds=HOLDS)
