"""Run every shipped playbook question: `python -m tests.bench.questions [WORLD ...]`.

Each question that some alert of a world can fill is sent by itself, and the table shows for it: log type, how often it
was asked, how many answers had rows, median rows, median milliseconds, and failures. Without arguments: the generated
evaluation world, and those beside the project (or in TRIAGE_SHARED) where they are present, and a small one of a log type that no playbook knows. Questions
of the shipped playbooks that no alert called for are listed. Exit status 1 where a question failed.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.enrichment import NoJournal, room
from tests.support.small_lake import LOG_TYPE, small_lake
from tools.worlds import generate
from tools.worlds.sets import Set
from triage.domain.alert import Alert
from triage.domain.evidence import Evidence, Source
from triage.edges.clock import FixedStartClock
from triage.edges.panther.client import connect
from triage.edges.panther.config import PantherConfig
from triage.logtypes import shipped_log_types
from triage.ports import AlertQuery
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import World, load_world
from triage.settings import InvestigationSettings
from triage.stages.enrichment import Playbooks, load_playbooks

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TRIAGE_SHARED", ROOT.parent / "shared"))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EACH = 2
"""Alerts of one detection."""


@dataclass(slots=True)
class Seen:
    """What one question gave over all worlds."""

    log_type: str = ""
    entries: list[Evidence] = field(default_factory=list)
    worlds: set[str] = field(default_factory=set)


async def ask(world: World, name: str, playbooks: Playbooks, seen: dict[str, Seen]) -> None:
    """Enrich some alerts of each detection and note what every question gave."""
    with SandboxServer(world) as server:
        clock = FixedStartClock(world.now)
        config = PantherConfig(url=server.url, token="sandbox-token", requests_per_second=1e6)
        async with connect(config, clock=clock) as panther:
            settings = InvestigationSettings(questions_per_query=1, max_queries=200, max_rows=1_000_000)
            enricher = room(panther, playbooks, clock, settings)
            chosen: dict[str, list[Alert]] = defaultdict(list)
            cursor: str | None = None
            while True:
                page = await panther.alerts.page(AlertQuery(ascending=False), cursor)
                for alert in page.alerts:
                    if alert.first_event_at is not None and len(chosen[alert.detection_id]) < EACH:
                        chosen[alert.detection_id].append(alert)
                cursor = page.cursor
                if cursor is None:
                    break
            for alert in [each for alerts in chosen.values() for each in alerts]:
                found = await enricher.enrich(alert, now=world.now, journal=NoJournal(), observe=lambda _: None)
                for entry in found.evidence:
                    if entry.source in {Source.QUERY, Source.SEARCH}:
                        here = seen[entry.key]
                        here.log_type = here.log_type or entry.log_type
                        here.entries.append(entry)
                        here.worlds.add(name)


def wanted(playbooks: Playbooks) -> set[str]:
    """The key of every shipped question, for each log type that it can be asked of."""
    named = {log_type for book in playbooks.books for log_type in book.log_types if log_type != "*"}
    named |= {file.log_type for file in shipped_log_types() if file.terms}
    found = {
        asked.key
        for log_type in named
        for asked in playbooks.questions_for([log_type], kinds=[], tags=[], detection_id="any")
    }
    return found | {asked.key for asked in playbooks.questions_for([LOG_TYPE], kinds=[], tags=[], detection_id="any")}


def table(seen: dict[str, Seen]) -> int:
    """Print a line for each question; gives the number of failures."""
    failures = 0
    print(
        f"{'question':<46}{'log type':<24}{'asked':>6}{'with rows':>10}{'median rows':>12}{'ms':>7}{'failed':>7}  worlds"
    )
    for key, what in sorted(seen.items()):
        answered = [entry for entry in what.entries if entry.answered]
        failed = len(what.entries) - len(answered)
        failures += failed
        rows = statistics.median(entry.row_count for entry in what.entries)
        spent = 1000 * statistics.median(entry.seconds for entry in what.entries)
        full = sum(entry.row_count > 0 for entry in answered)
        print(
            f"{key:<46}{what.log_type:<24}{len(what.entries):>6}{full:>10}{rows:>12.0f}{spent:>7.0f}{failed:>7}  "
            f"{', '.join(sorted(what.worlds))}"
        )
        if failed:
            print("    " + next(entry.error for entry in what.entries if entry.error)[:160])
    return failures


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*", type=Path)
    given = parser.parse_args()
    playbooks = load_playbooks([ROOT / "prompts" / "playbooks"])
    seen: dict[str, Seen] = defaultdict(Seen)
    with tempfile.TemporaryDirectory() as scratch:
        paths = given.worlds
        if not paths:
            generated = generate(Path(scratch) / "generated", seed=1, now=NOW, days=18, which=Set.EVALUATION)
            paths = [generated, *sorted(path.parent for path in (SHARED / "worlds").glob("*/world.json"))]
            if len(paths) == 1:
                print(f"no worlds in {SHARED}: only the generated one is asked", file=sys.stderr)
        for path in paths:
            asyncio.run(ask(load_world(path, as_recorded=True), path.name, playbooks, seen))
        small = small_lake(Path(scratch) / "small", now=NOW)
        asyncio.run(ask(load_world(small, as_recorded=True), "small", playbooks, seen))
        failures = table(seen)
        never = sorted(wanted(playbooks) - set(seen))
        print(f"{len(seen)} questions, {sum(len(what.entries) for what in seen.values())} answers, {failures} failed")
        if never:
            print(f"never asked ({len(never)}): {', '.join(never)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
