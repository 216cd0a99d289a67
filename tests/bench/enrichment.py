"""Measure the enrichment room: `python tests/bench/enrichment.py [--world DIR]`.

The embedded Panther runs in a process of its own, at 300 ms for each API call and 2 s for each query; the settings are
the default ones. Printed for each number of alerts at once, and for a second alert of the same detection: wall time,
its ratio to the slowest chain (the alert's events, then one query started, run and read), questions asked, statements
and API calls sent, this process's own CPU seconds (all for one alert), and the machine's load: with more work than cores
the wall time says more about the neighbours. `--separate` sends each question by itself, to compare. The table of all questions is
`python -m tests.bench.questions`.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pydantic import JsonValue

from tools.worlds import generate
from triage.domain.alert import Alert
from triage.domain.dossier import Dossier
from triage.domain.evidence import Source
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.ports import AlertQuery, Clock, PantherApi
from triage.questions.plans import Plans
from triage.sandbox.world import load_world
from triage.settings import InvestigationSettings, PantherSettings
from triage.stages.enrichment import Enricher, Playbooks, SharedCache, load_playbooks

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
API, QUERY = 0.3, 2.0
SERVE = """
import sys, time
from pathlib import Path
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
world = load_world(Path(sys.argv[1]), as_recorded=True)
with SandboxServer(world, SandboxOptions(api_latency=float(sys.argv[2]), query_latency=float(sys.argv[3]))) as server:
    print(server.url, flush=True)
    for _ in sys.stdin:
        seen = [request[2] for request in server.requests]
        server.requests.clear()
        print(len(seen), sum(name in ("ExecuteQuery", "ExecuteSearch") for name in seen), flush=True)
"""


class NoJournal:
    """Performs each step and keeps nothing."""

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Perform."""
        return await perform()


def room(panther: PantherApi, playbooks: Playbooks, clock: Clock, settings: InvestigationSettings) -> Enricher:
    """The enrichment room of one Panther, with an empty cache."""
    return Enricher(
        panther=panther,
        playbooks=playbooks,
        settings=settings,
        clock=clock,
        cache=SharedCache(clock),
        plans=Plans().current,
    )


@asynccontextmanager
async def served(path: Path, now: datetime) -> AsyncIterator[tuple[PantherApi, Clock, Callable[[], tuple[int, int]]]]:
    """A world behind its own process, as slow as a real one."""
    command = [sys.executable, "-c", SERVE, str(path), str(API), str(QUERY)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)  # noqa: ASYNC220 - this module's own server, before anything is timed
    try:
        reading, writing = process.stdout, process.stdin
        assert reading is not None
        assert writing is not None

        def counted() -> tuple[int, int]:
            """API calls, and queries among them, since the last look."""
            print(file=writing, flush=True)
            calls, queries = reading.readline().split()
            return int(calls), int(queries)

        url = reading.readline().strip()
        clock = FixedStartClock(now)
        given = PantherSettings.model_validate({"url": url, "token": "sandbox-token"})
        config = PantherConfig(
            url=url,
            token="sandbox-token",
            requests_per_second=given.requests_per_second,
            concurrency=given.concurrency,
        )
        async with connect(config, clock=clock) as panther:
            yield panther, clock, counted
    finally:
        process.terminate()
        process.wait()


async def timed(enricher: Enricher, alerts: list[Alert], now: datetime) -> tuple[float, list[Dossier]]:
    """Enrich alerts at once; seconds and dossiers."""
    start = time.monotonic()
    found = await asyncio.gather(
        *(enricher.enrich(alert, now=now, journal=NoJournal(), observe=lambda _: None) for alert in alerts)
    )
    return time.monotonic() - start, list(found)


async def measure(path: Path, playbooks: Playbooks, settings: InvestigationSettings) -> None:
    """Print a line for each load."""
    world = load_world(path, as_recorded=True)
    async with served(path, world.now) as (panther, clock, counted):
        found: list[Alert] = []
        cursor: str | None = None
        while True:
            page = await panther.alerts.page(AlertQuery(ascending=False), cursor)
            found += [alert for alert in page.alerts if alert.first_event_at is not None]
            cursor = page.cursor
            if cursor is None:
                break
        by_rule: dict[str, list[Alert]] = {}
        for alert in found:
            by_rule.setdefault(alert.detection_id, []).append(alert)
        pairs = [alerts for alerts in by_rule.values() if len(alerts) > 1]
        print(f"{len(by_rule)} detections; API {API:g} s a call, {QUERY:g} s a query")
        print(
            f"{'load':<42}{'wall s':>8}{'chain s':>9}{'ratio':>7}{'questions':>11}{'statements':>12}{'calls':>7}{'CPU s':>7}{'load':>7}"
        )

        async def line(name: str, enricher: Enricher, alerts: list[Alert]) -> None:
            counted()
            cpu = time.process_time()
            wall, dossiers = await timed(enricher, alerts, world.now)
            # The shortest way there is: the events, and then one query started, run and read.
            chain = max(dossier.evidence[0].seconds for dossier in dossiers) + API + QUERY + API
            asked = sum(entry.source is Source.QUERY for dossier in dossiers for entry in dossier.evidence)
            each = len(dossiers)
            calls, statements = counted()
            print(
                f"{name:<42}{wall:>8.2f}{chain:>9.2f}{wall / chain:>7.2f}{asked / each:>11.1f}"
                f"{statements / each:>12.1f}{calls / each:>7.1f}"
                f"{(time.process_time() - cpu) / each:>7.2f}{os.getloadavg()[0]:>7.1f}"
            )

        await line("first alert of a fresh process", room(panther, playbooks, clock, settings), pairs[0][:1])
        for alerts in pairs[:3]:
            enricher = room(panther, playbooks, clock, settings)
            name = alerts[0].detection_id[:34]
            await line(f"{name}, first", enricher, alerts[:1])
            await line(f"{name}, second", enricher, alerts[1:2])
        for count in (InvestigationSettings().concurrency, 10):
            chosen = [alerts[0] for alerts in by_rule.values()][:count]
            await line(f"{len(chosen)} alerts at once", room(panther, playbooks, clock, settings), chosen)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", type=Path, help="a world's directory; left out: one is generated")
    parser.add_argument("--separate", action="store_true", help="each question in a statement of its own")
    given = parser.parse_args()
    settings = InvestigationSettings(questions_per_query=1) if given.separate else InvestigationSettings()
    start = time.perf_counter()
    playbooks = load_playbooks([ROOT / "prompts" / "playbooks"])
    print(f"playbooks loaded in {time.perf_counter() - start:.2f} s")
    if given.world:
        asyncio.run(measure(given.world, playbooks, settings))
        return
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(measure(generate(Path(scratch) / "world", seed=1, now=NOW), playbooks, settings))


if __name__ == "__main__":
    main()
