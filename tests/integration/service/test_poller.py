"""The poll loop against a real server and store, on a clock that runs fast: what it waits for, and when it gives up."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.clocks import FastClock
from tests.support.stores import SKIPPED, alert, sqlite_url
from tests.support.tiny_world import write_world
from triage.edges.panther import PantherConfig, connect
from triage.edges.store import open_store
from triage.errors import PantherDenied, PantherRefused
from triage.ingest.poll import poll_status
from triage.ports import Store
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.service.poller import REFUSED_PAUSE, Poller
from triage.service.reach import PantherReach
from triage.service.status import POLLER, PRUNED
from triage.settings import Settings

pytestmark = pytest.mark.anyio

ALERTS = 3
"""Of the small world, those that are open and severe enough."""


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    world = tmp_path / "world"
    world.mkdir()
    options = SandboxOptions(tokens=(ApiToken("sandbox-token"),), query_latency=0.0)
    with SandboxServer(load_world(write_world(world)), options) as server:
        yield server


def listed(panther: SandboxServer) -> int:
    return sum(name == "Alerts" for _, _, name in panther.requests)


@asynccontextmanager
async def polling(
    panther: SandboxServer,
    directory: Path,
    *names: str,
    token: str = "sandbox-token",
    pace: float = 2_000,
    grace: str = "5m",
    **more: str,
) -> AsyncIterator[tuple[Store, list[Poller]]]:
    """A store, and pollers that share it, each with a clock of its own."""
    settings = Settings.model_validate(
        {
            "panther": {"url": panther.url, "token": token},
            "ingest": {"lookback": "4h", "poll_interval": "60s", "token_grace": grace},
            "store": more,
        }
    )
    async with AsyncExitStack() as stack:
        store = await open_store(sqlite_url(directory))
        stack.push_async_callback(store.close)
        pollers = []
        for name in names or ("one",):
            clock = FastClock(panther.world.clock(), pace=pace)
            config = PantherConfig(url=panther.url, token=token, requests_per_second=1e6)
            edge = await stack.enter_async_context(connect(config, clock=clock))
            reach = PantherReach(clock, settings.ingest.token_grace)
            pollers.append(Poller(settings, edge.alerts, store, clock, lambda _progress: None, name, reach))
        yield store, pollers


@asynccontextmanager
async def running(*pollers: Poller) -> AsyncIterator[list[tuple[asyncio.Task[None], asyncio.Event]]]:
    started = []
    for poller in pollers:
        stop = asyncio.Event()
        started.append((asyncio.create_task(poller.run(stop)), stop))
    try:
        yield started
    finally:
        for _, stop in started:
            stop.set()
        await asyncio.gather(*(task for task, _ in started), return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.005)


async def test_it_polls_until_it_is_stopped(panther: SandboxServer, tmp_path: Path) -> None:
    """Again and again, at the interval; a stop ends it at once and frees the lease."""
    async with polling(panther, tmp_path) as (store, (poller,)):
        async with running(poller) as ((task, stop),):
            await until(lambda: listed(panther) >= 9)
            assert poller.health.leading
            assert await store.values.lease_holder(POLLER, now=poller.clock.now()) == "one"
            stop.set()
            await task
        assert len(await store.records.newest()) == ALERTS
        assert await store.values.lease_holder(POLLER, now=poller.clock.now()) == ""


async def test_one_of_several_polls(panther: SandboxServer, tmp_path: Path) -> None:
    """The others stand by; when the one stops, another takes over."""
    async with (
        polling(panther, tmp_path, "one", "two", "three", pace=200) as (_store, pollers),
        running(*pollers) as started,
    ):
        await until(lambda: listed(panther) >= 3)
        leading = [poller.health.leading for poller in pollers]
        assert sum(leading) == 1
        first = leading.index(True)
        started[first][1].set()
        await started[first][0]
        await until(lambda: sum(poller.health.leading for poller in pollers) == 1)
        assert not pollers[first].health.leading
        before = listed(panther)
        await until(lambda: listed(panther) > before)


async def test_trouble_is_waited_out(panther: SandboxServer, tmp_path: Path) -> None:
    """Ever longer pauses while Panther fails, each failure counted and kept for the status; then all is well again."""
    async with polling(panther, tmp_path) as (store, (poller,)):
        await poller.once()
        panther.fail("Alerts", Fault(status=500), times=10_000)
        async with running(poller):
            await until(lambda: poller.health.poll_failures >= 4)
            status = await poll_status(store.values)
            assert status is not None
            assert status.failures >= 4
            assert "trouble" in status.error
            panther._faults.clear()
            await until(lambda: poller.health.poll_failures == 0)
        assert poller.health.polls_failed >= 4
        assert isinstance(poller.clock, FastClock)
        waits = [seconds for seconds in poller.clock.sleeps if seconds > poller.settings.ingest.poll_interval.seconds]
        assert len({round(seconds) for seconds in waits}) >= 2
        assert max(waits) <= 900


@pytest.mark.parametrize("accepted", [False, True], ids=["never accepted", "accepted before"])
async def test_a_refused_token_is_given_its_grace(panther: SandboxServer, tmp_path: Path, accepted: bool) -> None:
    """It may be new, or about to be replaced: it is tried for `ingest.token_grace`, and then the reason is raised."""
    async with polling(panther, tmp_path, grace="10m") as (store, (poller,)):
        if accepted:
            await poller.once()
        panther.fail("Alerts", Fault(status=401), times=10_000)
        began = poller.clock.monotonic()
        with pytest.raises(PantherDenied, match="token"):
            await poller.run(asyncio.Event())
        assert poller.clock.monotonic() - began >= 600
        assert isinstance(poller.clock, FastClock)
        assert poller.clock.sleeps.count(REFUSED_PAUSE) in range(2, 21)
        status = await poll_status(store.values)
        assert status is not None
        assert "token" in status.error


async def test_a_token_that_is_accepted_in_time_polls_on(panther: SandboxServer, tmp_path: Path) -> None:
    """The next refusal, days later, has its whole grace again.

    Slower than the others: at 500 times the pace the whole grace is over in 0.6 s, for which a busy machine may stand still.
    """
    async with polling(panther, tmp_path, pace=50) as (_store, (poller,)), running(poller) as ((task, _stop),):
        for _ in range(2):
            failed = poller.health.polls_failed
            panther.fail("Alerts", Fault(status=401), times=3)
            await until(lambda: poller.health.polls_failed == failed + 3)  # noqa: B023 - called before it changes
            await until(lambda: poller.health.poll_failures == 0)
            assert poller.reach.refused_since is None
        assert not task.done()


async def test_without_grace_a_refused_token_ends_polling_at_once(panther: SandboxServer, tmp_path: Path) -> None:
    """`ingest.token_grace: 0s`."""
    async with polling(panther, tmp_path, grace="0s") as (_store, (poller,)):
        panther.fail("Alerts", Fault(status=401), times=1)
        with pytest.raises(PantherDenied):
            await poller.run(asyncio.Event())
        assert listed(panther) == 1


async def test_a_refusal_ends_the_first_poll_and_no_later_one(panther: SandboxServer, tmp_path: Path) -> None:
    """At first the address is likely wrong; later something in between is, and passes."""
    refusal = Fault(status=404)
    async with polling(panther, tmp_path) as (_store, (poller,)):
        panther.fail("Alerts", refusal, times=1)
        with pytest.raises(PantherRefused):
            await poller.run(asyncio.Event())
        await poller.once()
        panther.fail("Alerts", refusal, times=3)
        async with running(poller):
            await until(lambda: poller.health.polls_failed >= 3)
            await until(lambda: poller.health.poll_failures == 0)


async def test_old_alerts_are_deleted_once_a_day(panther: SandboxServer, tmp_path: Path) -> None:
    """The process that polls applies `store.keep`, and notes when."""
    async with polling(panther, tmp_path, keep="30d", pace=50_000) as (store, (poller,)):
        long_ago = poller.clock.now() - timedelta(days=40)
        await store.queue.save([(alert("old", created_at=long_ago), SKIPPED)], now=long_ago)
        async with running(poller):
            await until(lambda: listed(panther) >= 6)
            assert await store.records.find("old") is None
            first = await store.values.get(PRUNED)
            assert isinstance(first, dict)
            assert first["alerts"] == 1
            # A day has many polls.
            async with asyncio.timeout(60):
                while await store.values.get(PRUNED) == first:  # noqa: ASYNC110 - the poller has no event for it
                    await asyncio.sleep(0.01)


async def test_keep_of_zero_keeps_everything(panther: SandboxServer, tmp_path: Path) -> None:
    """Nothing is deleted, however old."""
    async with polling(panther, tmp_path, keep="0s") as (store, (poller,)):
        long_ago = poller.clock.now() - timedelta(days=4_000)
        await store.queue.save([(alert("old", created_at=long_ago), SKIPPED)], now=long_ago)
        async with running(poller):
            await until(lambda: listed(panther) >= 3)
        assert await store.records.find("old") is not None
        assert await store.values.get(PRUNED) is None
