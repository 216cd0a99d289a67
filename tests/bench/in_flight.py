"""Many investigations in flight at once: `python tests/bench/in_flight.py [--counts 10,100,1000] [--turn 30]`.

An embedded Panther and a scripted model that takes `--turn` seconds for each answer run in a process of their own; the
program under test is this one, with as many workers as alerts. The alerts are copies of those of the generated world under
other ids. Printed for each number: how many ended with a verdict, memory of this process an alert at its peak, wall and
processor time; a bar is as long as the memory over that of the first line.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.investigation import LATER, NOW, Watch, late, listed, one, settings, turn
from tests.support.llm import ScriptedLlm
from tests.support.loopback import respond
from tools.worlds import generate
from triage.app import open_app
from triage.domain.selection import Selected
from triage.domain.verdict import Investigation
from triage.edges.clock import FixedStartClock
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

BAR = 10


def crowded(world: Path, count: int) -> Path:
    """The world with so many alerts that have events: copies under other ids."""
    lines = [json.loads(line) for line in (world / "alerts.ndjson").read_text(encoding="utf-8").splitlines()]
    real = [alert for alert in lines if alert.get("firstEventOccurredAt")]
    events: dict[str, list[tuple[Path, dict[str, object]]]] = {}
    for file in sorted((world / "lake" / "panther_rule_matches").glob("*.ndjson")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            events.setdefault(row["p_alert_id"], []).append((file, row))
    copies, rows = [], []
    for number in range(len(real), count):
        alert = real[number % len(real)]
        name = f"{number:032x}"
        copies.append(alert | {"id": name})
        rows += [(file, row | {"p_alert_id": name}) for file, row in events.get(alert["id"], [])]
    with (world / "alerts.ndjson").open("a", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(alert)}\n" for alert in copies)
    for file, row in rows:
        with file.open("a", encoding="utf-8") as out:
            out.write(f"{json.dumps(row)}\n")
    return world


def other_process(pipe: Connection, world: str, seconds: float) -> None:
    """Serve until told to stop."""
    loaded = load_world(Path(world), as_recorded=True)

    async def serve() -> None:
        llm = ScriptedLlm(lambda asked: late(respond(turn(asked)), seconds))
        with SandboxServer(loaded, SandboxOptions(remember=True, kept_queries=100_000)) as panther:
            async with llm:
                pipe.send((panther.url, llm.url))
                await asyncio.to_thread(pipe.recv)

    asyncio.run(serve())


async def measure(panther: str, llm: str, counts: list[int]) -> None:
    """Each number at once, in a store of its own."""
    first = 0.0
    print(f"{'in flight':>10}{'completed':>11}{'MB/alert':>10}{'wall s':>9}{'CPU s':>8}")
    for count in counts:
        with tempfile.TemporaryDirectory() as directory:
            clock = FixedStartClock(LATER)
            async with open_app(
                settings(panther, llm, directory, count, patient=True), clock=clock, write=False
            ) as app:
                alerts = await listed(app)
                await app.store.queue.save([(alert, Selected(reason="bench")) for alert in alerts], now=clock.now())
                # What is read once for all: playbooks, imports, the probe of the model.
                await one(app, alerts[-1].id)
                watch = Watch()
                watcher = asyncio.create_task(watch.run())
                start, cpu = time.monotonic(), time.process_time()
                done = await asyncio.gather(*(one(app, alert.id) for alert in alerts[:count]), return_exceptions=True)
                wall, spent = time.monotonic() - start, time.process_time() - cpu
                watcher.cancel()
        ended = sum(isinstance(found, Investigation) for found in done)
        memory = (watch.peak - watch.start) / count / 1e6
        first = first or memory
        bar = "#" * max(1, round(BAR * memory / first))
        print(f"{count:>10}{ended:>11}{memory:>10.2f}{wall:>9.0f}{spent:>8.0f}  {bar}", flush=True)
        for failed in [found for found in done if not isinstance(found, Investigation)][:3]:
            print(f"  {failed!r}", file=sys.stderr)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="10,100,1000", help="numbers of alerts at once")
    parser.add_argument("--turn", type=float, default=30.0, help="seconds of each of the model's answers")
    given = parser.parse_args()
    counts = [int(part) for part in given.counts.split(",")]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8_192)), hard))
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch:
        world = crowded(generate(Path(scratch) / "world", seed=1, now=NOW), max(counts) + 1)
        here, there = context.Pipe()
        child = context.Process(target=other_process, args=(there, str(world), given.turn), daemon=True)
        child.start()
        panther, llm = here.recv()
        try:
            asyncio.run(measure(panther, llm, counts))
        finally:
            here.send("stop")
            child.join(10)


if __name__ == "__main__":
    main()
