"""Measure the enrichment room: `python tests/bench/enrichment.py [--latency]`.

Prints a table of every playbook question that was asked on the generated world and on those beside the project (or
in TRIAGE_SHARED): log type, answers, rows, milliseconds, failures; then queries per alert, and what a second alert of
the same detection saves. With `--latency`, the wall time at 300 ms for each API call and 2 s for each query, as a
ratio to the slowest chain (the events, then the slowest query).
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pydantic import JsonValue

from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, Source
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import Panther, connect
from triage.edges.panther.config import PantherConfig
from triage.ports import AlertQuery, Clock
from triage.sandbox.generator import generate
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import World, load_world
from triage.settings import InvestigationSettings
from triage.stages.enrichment import Enricher, Playbooks, SharedCache, load_playbooks

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TRIAGE_SHARED", ROOT.parent / "shared"))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PER_WORLD = 25


class NoJournal:
    """Performs each step and keeps nothing."""

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Perform."""
        return await perform()


def room(panther: Panther, playbooks: Playbooks, clock: Clock, settings: InvestigationSettings) -> Enricher:
    """The enrichment room of one Panther."""
    return Enricher(
        alerts=panther.alerts,
        lake=panther.lake,
        rules=panther.rules,
        sources=panther.sources,
        comments=panther.comments,
        playbooks=playbooks,
        settings=settings,
        clock=clock,
        cache=SharedCache(clock, seconds=3600),
    )


async def dossiers(world: World, playbooks: Playbooks) -> list[Dossier]:
    """The newest alerts of a world that have events, one of each detection."""
    with SandboxServer(world) as server:
        clock = FixedStartClock(world.now)
        config = PantherConfig(url=server.url, token="sandbox-token", requests_per_second=1e6)
        async with connect(config, clock=clock) as panther:
            enricher = room(panther, playbooks, clock, InvestigationSettings())
            page = await panther.alerts.page(AlertQuery(ascending=False))
            first = {alert.detection_id: alert for alert in reversed(page.alerts) if alert.first_event_at is not None}
            found = [
                await enricher.enrich(alert, now=world.now, journal=NoJournal(), observe=lambda _: None)
                for alert in list(first.values())[:PER_WORLD]
            ]
    return found


def table(evidence: list[Evidence]) -> None:
    """Every question with what it gave."""
    by_key: dict[str, list[Evidence]] = defaultdict(list)
    for entry in evidence:
        by_key[entry.key].append(entry)
    print(f"{'question':<44}{'log type':<24}{'asked':>6}{'with rows':>10}{'median rows':>12}{'ms':>8}{'failed':>8}")
    for key, entries in sorted(by_key.items()):
        rows = statistics.median(entry.row_count for entry in entries)
        spent = 1000 * statistics.median(entry.seconds for entry in entries)
        failed = sum(not entry.answered for entry in entries)
        full = sum(entry.row_count > 0 for entry in entries)
        print(f"{key:<44}{entries[0].log_type:<24}{len(entries):>6}{full:>10}{rows:>12.0f}{spent:>8.0f}{failed:>8}")


async def latency(world: World, playbooks: Playbooks) -> None:
    """Wall time against the slowest chain, first and second alert of a detection."""
    options = SandboxOptions(api_latency=0.3, query_latency=2.0)
    with SandboxServer(world, options) as server:
        clock = FixedStartClock(world.now)
        config = PantherConfig(url=server.url, token="sandbox-token", requests_per_second=1e6, concurrency=64)
        async with connect(config, clock=clock) as panther:
            page = await panther.alerts.page(AlertQuery(ascending=False))
            with_events = [alert for alert in page.alerts if alert.first_event_at is not None]
            pair = next(
                (one, other)
                for one in with_events
                for other in with_events
                if one.id != other.id and one.detection_id == other.detection_id
            )
            for concurrency in (InvestigationSettings().query_concurrency, 40):
                settings = InvestigationSettings(query_concurrency=concurrency)
                enricher = room(panther, playbooks, clock, settings)
                for name, alert in zip(("first alert", "second of the same detection"), pair, strict=True):
                    start = time.monotonic()
                    cpu = time.process_time()
                    dossier = await enricher.enrich(alert, now=world.now, journal=NoJournal(), observe=lambda _: None)
                    wall = time.monotonic() - start
                    queries = [entry for entry in dossier.evidence if entry.source is Source.QUERY]
                    # The shortest way there is: the events, and then one query started, run and read.
                    chain = dossier.evidence[0].seconds + 0.3 + 2.0 + 0.3
                    print(
                        f"concurrency {concurrency:>2}, {name:<29} {wall:5.2f} s wall, chain {chain:4.2f} s, "
                        f"ratio {wall / chain:4.2f}, {len(queries)} queries, {time.process_time() - cpu:4.2f} s of CPU "
                        "with the embedded Panther's own"
                    )


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", action="store_true")
    given = parser.parse_args()
    start = time.perf_counter()
    playbooks = load_playbooks([ROOT / "prompts" / "playbooks"])
    print(f"playbooks loaded in {time.perf_counter() - start:.2f} s")
    with tempfile.TemporaryDirectory() as scratch:
        generated = generate(Path(scratch) / "world", seed=1, now=NOW)
        if given.latency:
            asyncio.run(latency(load_world(generated, as_recorded=True), playbooks))
            return
        paths = [generated, *sorted(path.parent for path in (SHARED / "worlds").glob("*/world.json"))]
        if len(paths) == 1:
            print(f"no worlds in {SHARED}: only the generated one is measured", file=sys.stderr)
        evidence: list[Evidence] = []
        counts: list[int] = []
        for path in paths:
            for dossier in asyncio.run(dossiers(load_world(path, as_recorded=True), playbooks)):
                asked = [entry for entry in dossier.evidence if entry.source is Source.QUERY]
                evidence += asked
                counts.append(len(asked))
        table(evidence)
        print(f"queries per alert: {min(counts)} to {max(counts)}, median {statistics.median(counts):.0f}")


if __name__ == "__main__":
    main()
