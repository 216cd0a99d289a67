"""Measure how soon an announced alert is worked on: `python tests/bench/webhook.py [--calls 100] [--workers 64]`.

The embedded Panther runs in a process of its own and has as many alerts, each of its own title, so that none is linked.
`triage run`'s service takes the calls on loopback and does not poll; `panther.requests_per_second` is lifted, for it would
stretch the investigations that begin at the same time. Twice, each with a new SQLite file:

- one call at a time, each after the alert before it has ended;
- all calls at once.

Printed for both: milliseconds from sending a call to its answer, to the alert being stored and due, and to the first step
that its journal has, the time at which a worker took it up; median and slowest.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx

from tests.support.tiny_world import alert, write_world
from triage.app import open_app
from triage.edges.clock import SystemClock
from triage.ports import State
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.service.announced import AnnouncedAlerts
from triage.service.loop import Service
from triage.settings import Settings
from triage.web.metrics import Metrics
from triage.web.server import LOOPBACK, bound, serving, url_of
from triage.web.webhook import HEADER, Webhook

SECRET = "a-secret-of-the-destination-0123456789"


def other_process(pipe: Connection, world: str, count: int) -> None:
    """Serve so many alerts until told to stop."""
    loaded = load_world(Path(world))
    for number in range(10, 10 + count):
        recorded = alert(1, id=f"{number:032x}", title=f"Door {number} left open")
        loaded.alerts[str(recorded["id"])] = json.loads(loaded.shift(json.dumps(recorded)))
    with SandboxServer(loaded) as panther:
        pipe.send(panther.url)
        pipe.recv()


async def measure(url: str, count: int, workers: int, *, at_once: bool) -> Mapping[str, list[float]]:
    """Milliseconds of each call."""
    with tempfile.TemporaryDirectory(prefix="triage-bench-") as directory:
        settings = Settings.model_validate(
            {
                "panther": {"url": url, "token": "sandbox-token", "requests_per_second": 1e6, "concurrency": 64},
                "store": {"url": f"sqlite:///{directory}/triage.db"},
                "webhook": {"secret": SECRET},
            }
        )
        clock = SystemClock()
        sent: dict[str, float] = {}
        found: dict[str, dict[str, float]] = {"answered": {}, "stored": {}, "first step": {}}
        async with open_app(settings, clock=clock, write=False) as app:
            announced = AnnouncedAlerts(app.pipeline.alerts, app.store, settings.ingest, clock)
            ended: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

            service = Service(
                pipeline=app.pipeline,
                observe=lambda _progress: None,
                name="bench/1",
                announced=announced,
                on_done=lambda alert, _result: ended[alert.id].set(),
            )

            async def watch() -> None:
                while True:
                    await announced.arrived.wait()
                    now = time.time()
                    for record in await app.store.records.newest():
                        found["stored"].setdefault(record.alert.id, now)

            async def announce(client: httpx.AsyncClient, alert_id: str) -> None:
                sent[alert_id] = time.time()
                answer = await client.post("/panther", json={"id": "Door.Open", "alertId": alert_id})
                assert answer.status_code == 202, answer.text
                found["answered"][alert_id] = time.time()

            stop = asyncio.Event()
            work = asyncio.create_task(service.run_forever(stop, polls=False, workers=workers))
            watching = asyncio.create_task(watch())
            with bound(LOOPBACK, 0) as listener:
                webhook = Webhook(SECRET, announced.announce, clock)
                async with (
                    serving(listener, app.store, service.health, Metrics("USD"), clock, webhook=webhook),
                    httpx.AsyncClient(base_url=url_of(listener), headers={HEADER: SECRET}, timeout=600) as client,
                ):
                    ids = [f"{number:032x}" for number in range(10, 10 + count)]
                    await asyncio.sleep(0.5)
                    for some in [ids] if at_once else [[each] for each in ids]:
                        await asyncio.gather(*(announce(client, each) for each in some))
                        await asyncio.gather(*(ended[each].wait() for each in some))
            states = (await app.store.queue.status(now=clock.now())).by_state
            assert dict(states) == {State.DONE: count}, states
            for record in await app.store.records.newest():
                started = await app.store.journal.recall(record.run_id, "started")
                assert isinstance(started, dict), started
                at = datetime.fromisoformat(str(started["result"])).timestamp()
                found["first step"][record.alert.id] = at
            watching.cancel()
            stop.set()
            await work
    return {name: [1000 * (moment - sent[each]) for each, moment in times.items()] for name, times in found.items()}


def main(count: int, workers: int) -> None:
    with tempfile.TemporaryDirectory(prefix="triage-bench-") as directory:
        world = write_world(Path(directory))
        ours, theirs = multiprocessing.Pipe()
        context: Any = multiprocessing.get_context("spawn")
        panther = context.Process(target=other_process, args=(theirs, str(world), count))
        panther.start()
        url = ours.recv()
        print(f"{'ms from the call':<24}{'calls':>8}{'median':>10}{'slowest':>10}")
        for name, at_once, calls in (("one at a time", False, min(count, 30)), ("at once", True, count)):
            for what, times in asyncio.run(measure(url, calls, workers, at_once=at_once)).items():
                figures = f"{len(times):>8}{statistics.median(times):>10.0f}{max(times):>10.0f}"
                print(f"{f'{name}: {what}':<24}{figures}", flush=True)
        ours.send(None)
        panther.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--workers", type=int, default=64, help="alerts worked on at once")
    options = parser.parse_args()
    main(options.calls, options.workers)
