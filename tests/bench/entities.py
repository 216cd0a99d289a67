"""Measures how many of Panther's published test events give entities: `python -m tests.bench.entities [--json] [--misses]`.

An event is covered where at least one entity is an actor or a target. Needs the shared data beside the project
(`../shared/data/rule_tests.ndjson`, or `TRIAGE_SHARED`).
"""

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.domain.entity import Entity, Role
from triage.stages.enrichment.entities import extract_entities

TARGET = 0.95


def shared() -> Path:
    """The directory of the shared data; it may be absent."""
    return Path(os.environ.get("TRIAGE_SHARED") or Path(__file__).resolve().parents[2] / ".." / "shared")


def published() -> Iterator[dict[str, Any]]:
    """Give the published test events that are objects, with their rule's log types."""
    path = shared() / "data" / "rule_tests.ndjson"
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def log_types_of(test: dict[str, Any]) -> tuple[str, ...]:
    """The log types that the event may have; none for the rows of a scheduled query."""
    if test.get("event_log_type"):
        return (test["event_log_type"],)
    return tuple(test.get("log_types") or ())


@dataclass
class Share:
    """Counts for one log type."""

    events: int = 0
    covered: int = 0
    actor: int = 0
    source: int = 0
    target: int = 0
    misses: list[str] = field(default_factory=list)

    def add(self, entities: tuple[Entity, ...], name: str) -> None:
        roles = {entity.role for entity in entities}
        self.events += 1
        self.covered += bool(roles & {Role.ACTOR, Role.TARGET})
        self.actor += Role.ACTOR in roles
        self.source += Role.SOURCE in roles
        self.target += Role.TARGET in roles
        if not roles & {Role.ACTOR, Role.TARGET}:
            self.misses.append(name)


def measure() -> tuple[dict[str, Share], Share, float]:
    """Give the shares by log type, the overall one, and the milliseconds per event."""
    by_type: dict[str, Share] = defaultdict(Share)
    whole = Share()
    tests = list(published())
    start = time.perf_counter()
    for test in tests:
        event = test["event"] if isinstance(test["event"], dict) else {}
        types = log_types_of(test)
        entities = extract_entities([event], context={}, log_types=types)
        log_type = event.get("p_log_type") or (types[0] if types else "(scheduled query)")
        name = f"{test['rule_id']}: {test['test_name']}"
        by_type[str(log_type)].add(entities, name)
        whole.add(entities, name)
    return dict(by_type), whole, (time.perf_counter() - start) / len(tests) * 1_000


def main() -> int:
    """Print the table; exit status 1 where the share is below the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", action="store_true", help="name the events without an actor or a target")
    options = parser.parse_args()
    if not (shared() / "data").is_dir():
        print("the shared data is not here", file=sys.stderr)
        return 2
    by_type, whole, milliseconds = measure()
    share = whole.covered / whole.events
    rows = [("all", whole), *sorted(by_type.items())]
    if options.json:
        print(json.dumps({"share": share, "ms_per_event": milliseconds, "log_types": {n: vars(s) for n, s in rows}}))
    else:
        print(f"{'log type':42} {'events':>6} {'covered':>8} {'actor':>6} {'source':>6} {'target':>6}")
        for name, row in rows:
            shares = (f"{count / row.events:6.0%}" for count in (row.actor, row.source, row.target))
            print(f"{name:42} {row.events:6} {row.covered / row.events:8.1%} {' '.join(shares)}")
        print(f"\n{milliseconds:.2f} ms per event")
        if options.misses:
            print(*whole.misses, sep="\n")
    return 0 if share >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
