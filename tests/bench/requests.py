"""Count what one alert costs Panther in requests: `python tests/bench/requests.py [--latency SECONDS] [WAY ...]`.

The generated company on an embedded Panther; its alerts are polled once, which is not counted, and `service.loop` works
until nothing is left, one alert after the other, as `triage run --once --write` does. Printed for the offline analyst and for a scripted model, which
asks two queries in its first turn and concludes in its second, each without and with comments written back: requests
per investigated alert by operation.

A statement's result is read at least once. Reads beyond that (`QueryResults again`) are those that came while it still
ran and those of further pages of rows; they depend on how long the lake takes, all other figures are exact.
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.investigation import LATER, NOW, turn
from tests.support.llm import ScriptedLlm
from tests.support.loopback import respond
from tools.worlds import generate
from triage.app import open_app
from triage.edges.clock import FixedStartClock
from triage.ingest.poll import poll
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.service.loop import Service
from triage.settings import Settings

STARTS = frozenset({"ExecuteQuery", "ExecuteSearch", "ExecuteActorQuery"})
READ, AGAIN = "QueryResults", "QueryResults again"
WAYS = ("offline", "offline, comments", "model", "model, comments")


@dataclass(frozen=True, slots=True)
class Requests:
    """What one round cost."""

    alerts: int
    """Investigated, not linked."""
    by_operation: Counter[str]

    @property
    def exact(self) -> int:
        """Requests whose number does not depend on the lake's speed."""
        return self.by_operation.total() - self.by_operation[AGAIN]

    def per_alert(self, operation: str) -> float:
        return self.by_operation[operation] / self.alerts


def operations(requests: list[tuple[str, str, str]]) -> Counter[str]:
    """Requests by operation; REST paths without their ids."""
    found: Counter[str] = Counter()
    for method, path, operation in requests:
        parts = path.removeprefix("/public/v1").strip("/").split("/")
        found[operation or f"{method} /{parts[0]}" + ("/{id}" if len(parts) > 1 else "")] += 1
    read = min(found[READ], sum(found[name] for name in STARTS))
    found[AGAIN] = found[READ] - read
    found[READ] = read
    return +found


def serve(pipe: Connection, world: str, latency: float) -> None:
    """Panther and the model in a process of their own; answers each request for a count until told to stop."""
    with SandboxServer(load_world(Path(world), as_recorded=True), SandboxOptions(query_latency=latency)) as panther:

        async def both() -> None:
            async with ScriptedLlm(lambda asked: respond(turn(asked))) as llm:
                pipe.send((panther.url, llm.url))
                while await asyncio.to_thread(pipe.recv) == "count":
                    pipe.send(list(panther.requests))
                    panther.requests.clear()

        asyncio.run(both())


async def work(panther: str, llm: str, directory: str, *, comments: bool, polled: Callable[[], object]) -> int:
    """Poll once and triage everything; the number of alerts investigated."""
    given = {
        "panther": {"url": panther, "token": "sandbox-token", "requests_per_second": 1e6},
        "store": {"url": f"sqlite:///{directory}/triage.db"},
        "ingest": {"lookback": "30d"},
        "writeback": {"audit": f"{directory}/audit.jsonl"},
    }
    model = {"llm": {"base_url": llm, "model": "scripted-1"}} if llm else {}
    settings = Settings.model_validate(given | model)
    async with open_app(settings, clock=FixedStartClock(LATER), write=comments) as app:
        service = Service(pipeline=app.pipeline, observe=lambda _progress: None, name="bench")
        await poll(app.panther.alerts, app.store, settings.ingest, now=app.clock.now(), observe=lambda _progress: None)
        polled()
        tally = await service.run_once(polls=False, workers=1)
        assert not tally.unfinished, tally.errors
        return tally.done


def counted(ways: Sequence[str] = WAYS, *, latency: float = 0.0) -> dict[str, Requests]:
    """Each way of working with its requests, in a world and a store of its own."""
    found = {}
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch:
        world = str(generate(Path(scratch) / "world", seed=1, now=NOW))
        for way in ways:
            here, there = context.Pipe()
            child = context.Process(target=serve, args=(there, world, latency), daemon=True)
            child.start()
            panther, llm = here.recv()

            def seen(pipe: Connection = here) -> list[tuple[str, str, str]]:
                """The requests since the last look."""
                pipe.send("count")
                requests: list[tuple[str, str, str]] = pipe.recv()
                return requests

            with tempfile.TemporaryDirectory() as directory:
                model, comments = llm if "model" in way else "", "comments" in way
                done = asyncio.run(work(panther, model, directory, comments=comments, polled=seen))
            found[way] = Requests(done, operations(seen()))
            here.send("stop")
            child.join(10)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.0, help="Seconds that each query of the lake takes.")
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"Of: {'; '.join(WAYS)} (all).")
    given = parser.parse_args()
    found = counted(given.ways or WAYS, latency=given.latency)
    names = sorted({name for each in found.values() for name in each.by_operation})
    names.sort(key=lambda name: -max(each.by_operation[name] for each in found.values()))
    print(f"{'requests per alert':<34}" + "".join(f"{way:>19}" for way in found))
    print(f"{'alerts investigated':<34}" + "".join(f"{each.alerts:>19}" for each in found.values()))
    for name in names:
        print(f"{name:<34}" + "".join(f"{each.per_alert(name):>19.2f}" for each in found.values()))
    print(f"{'all':<34}" + "".join(f"{each.by_operation.total() / each.alerts:>19.2f}" for each in found.values()))
    print(f"{'all but reads again':<34}" + "".join(f"{each.exact / each.alerts:>19.2f}" for each in found.values()))


if __name__ == "__main__":
    main()
