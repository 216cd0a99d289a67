"""How an alert's cost grows with its events and with the alerts at once: `python tests/bench/growth.py`.

The generated company on an embedded Panther in another process, with a scripted model that answers at once. One alert
with its events, with each of them ten and a hundred times; then one, ten and fifty alerts at once. Printed: requests to
Panther without reads again (see `requests.py`), processor time of this process and bytes of the first prompt, each per
alert, all after a first round that is not counted. A bar is as long as the figure over that of the first line.
"""

import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.investigation import LATER, NOW, listed, one, settings, turn
from tests.bench.requests import AGAIN, operations
from tests.support.llm import ScriptedLlm
from tests.support.loopback import respond
from tools.worlds import generate
from triage.app import App, open_app
from triage.domain.selection import Selected
from triage.edges.clock import FixedStartClock
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

ROUNDS = 3
BAR = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one alert."""

    name: str
    requests: float
    milliseconds: float
    prompt: float
    """Bytes."""


def serve(pipe: Connection, world: str) -> None:
    """Panther and the model; sends requests and sizes of first prompts since the last look when asked to."""
    with SandboxServer(load_world(Path(world), as_recorded=True), SandboxOptions(remember=True)) as panther:

        async def both() -> None:
            async with ScriptedLlm(lambda asked: respond(turn(asked))) as llm:
                pipe.send((panther.url, llm.url))
                while await asyncio.to_thread(pipe.recv) == "count":
                    firsts = [asked for asked in llm.requests if len(asked["messages"]) == 2 and asked.get("tools")]
                    sizes = [len(json.dumps(asked, ensure_ascii=False).encode()) for asked in firsts]
                    pipe.send((list(panther.requests), [size for size in sizes if size > 20_000]))
                    panther.requests.clear()
                    llm.requests.clear()

        asyncio.run(both())


def multiply(world: Path, alert_id: str, times: int) -> int:
    """Repeat an alert's events; returns how many it has now."""
    count = 0
    for path in (world / "lake" / "panther_rule_matches").glob("*.ndjson"):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        own = [row for row in rows if row.get("p_alert_id") == alert_id]
        more = [
            {**row, "p_row_id": f"{row.get('p_row_id', '')}x{number}"} for number in range(times - 1) for row in own
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]), "utf-8")
        count += len(own) * times
    return count


def busiest(world: Path) -> str:
    """The alert of most events."""
    found: Counter[str] = Counter()
    for path in (world / "lake" / "panther_rule_matches").glob("*.ndjson"):
        found.update(json.loads(line)["p_alert_id"] for line in path.read_text("utf-8").splitlines())
    return found.most_common(1)[0][0]


async def costs(
    pipe: Connection, panther: str, llm: str, directory: str, groups: Sequence[tuple[str, str | int]]
) -> list[Cost]:
    """The cost of an alert of each group, whose alerts are worked on at once; the least of the rounds.

    A group is one alert by its id, or a number of the newest ones.
    """
    at_once = max(group if isinstance(group, int) else 1 for _, group in groups)
    async with open_app(settings(panther, llm, directory, at_once), clock=FixedStartClock(LATER), write=False) as app:
        alerts = await listed(app)
        await app.store.queue.save([(alert, Selected(reason="bench")) for alert in alerts], now=app.clock.now())
        newest = [alert.id for alert in alerts]
        return [
            await cost(app, pipe, name, newest[:group] if isinstance(group, int) else [group]) for name, group in groups
        ]


async def cost(app: App, pipe: Connection, name: str, ids: list[str]) -> Cost:
    """Of one group."""
    spent, requests, prompts = [], [], []
    for number in range(ROUNDS + 1):
        pipe.send("count")
        pipe.recv()
        start = time.process_time()
        await asyncio.gather(*(one(app, alert_id) for alert_id in ids))
        if number:
            spent.append((time.process_time() - start) * 1000 / len(ids))
            pipe.send("count")
            seen, sizes = pipe.recv()
            counted = operations(seen)
            requests.append((counted.total() - counted[AGAIN]) / len(ids))
            prompts.append(statistics.median(sizes))
    return Cost(name, min(requests), min(spent), prompts[-1])


def measured(world: Path, groups: Sequence[tuple[str, str | int]]) -> list[Cost]:
    """The costs in a world that is served anew."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(there, str(world)), daemon=True)
    child.start()
    try:
        panther, llm = here.recv()
        with tempfile.TemporaryDirectory() as directory:
            return asyncio.run(costs(here, panther, llm, directory, groups))
    finally:
        here.send("stop")
        child.join(10)


def show(found: Sequence[Cost]) -> None:
    """Print a table with bars."""
    print(f"{'':<24}{'requests':>10}{'CPU ms':>10}{'prompt kB':>11}   CPU over the first line")
    for each in found:
        ratio = each.milliseconds / found[0].milliseconds
        print(
            f"{each.name:<24}{each.requests:>10.1f}{each.milliseconds:>10.0f}{each.prompt / 1000:>11.1f}   "
            f"{'#' * round(BAR * ratio)} {ratio:.2f}",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        found = []
        for times in (1, 10, 100):
            world = generate(Path(scratch) / f"world{times}", seed=1, now=NOW)
            alert_id = busiest(world)
            count = multiply(world, alert_id, times)
            found += measured(world, [(f"{count} events", alert_id)])
        show(found)
        world = generate(Path(scratch) / "world", seed=1, now=NOW)
        print()
        show(measured(world, [(f"{count} at once", count) for count in (1, 10, 50)]))


if __name__ == "__main__":
    main()
