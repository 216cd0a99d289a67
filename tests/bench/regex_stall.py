"""Measure how long hostile expressions hold up the event loop: `python tests/bench/regex_stall.py [--ids 20]`.

Each pattern of the corpus goes through the settings, as from a configuration file, and those that are accepted are
searched for in so many detection ids as the poller does it, while a task on the same loop wakes every millisecond.
Printed for each: whether it was refused at load, what came of the ids, the seconds it took, and the longest time that
the task was kept waiting beyond its millisecond; at the end the longest stall of all, and that of the same loop at
rest. Loading happens before the loop runs, and is timed by itself.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pydantic import ValidationError

from tests.support.shared import SHARED
from triage.ingest.selection import match_all
from triage.settings import IngestSettings

CORPUS = SHARED / "security/regex_hostile.ndjson"
EVERY = 0.001
REST = 4.0
"""Seconds for which the loop at rest is watched: as long as the slowest pattern takes on a busy machine."""
LONGEST = 0.100
"""Seconds that the loop may stand still."""


class Pulse:
    """A task that notes by how much it wakes too late."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def beat(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(EVERY)
            self.longest = max(self.longest, time.perf_counter() - before - EVERY)


async def measured(pattern: str, ids: list[str]) -> tuple[Counter[str], float, float]:
    """What came of the ids, the seconds it took, the longest stall in seconds."""
    pulse = Pulse()
    beating = asyncio.create_task(pulse.beat())
    await asyncio.sleep(0.01)
    pulse.longest = 0.0
    started = time.perf_counter()
    found = await match_all(pattern, ids) if pattern else {}
    seconds = time.perf_counter() - started
    await asyncio.sleep(0.005 if pattern else REST)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    return Counter(match.value for match in found.values()), seconds, pulse.longest


async def main(number: int) -> int:
    worst = 0.0
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        started = time.perf_counter()
        try:
            pattern = IngestSettings.model_validate({"detection_id_regex": case["pattern"]}).detection_id_regex
        except ValidationError as error:
            seconds = time.perf_counter() - started
            print(f"{case['id']}  refused at load in {1000 * seconds:.1f} ms: {error.errors()[0]['msg'][:70]}")
            continue
        # The ids differ, so that none is remembered.
        ids = [f"{case['subject'][:480]}{index}" if index else case["subject"] for index in range(number)]
        outcomes, seconds, stall = await measured(pattern, ids)
        worst = max(worst, stall)
        told = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
        print(f"{case['id']}  {told}; {seconds:.3f} s; longest stall {1000 * stall:.1f} ms")
    _, _, rest = await measured("", [])
    print(
        f"longest stall {1000 * worst:.1f} ms; of the loop at rest {1000 * rest:.1f} ms; target {1000 * LONGEST:.0f} ms"
    )
    return int(worst > LONGEST)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ids", type=int, default=20, help="detection ids for each pattern")
    sys.exit(asyncio.run(main(parser.parse_args().ids)))
