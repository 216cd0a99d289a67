"""SIGKILL at every boundary of a run over twenty alerts: `python -m tests.bench.kills --all [--engine sqlite]`.

A run's writes that bring an alert on (journal entries, receipts, comments, results, verdicts of linked alerts) are
counted; the campaign with phase p of n kills the process after each write whose number gives p modulo n, starts it
again, and so on until a run ends by itself. The n campaigns together meet every boundary once; the first one also
kills after the first two writes of each kind that every start repeats (claims, leases, polled alerts, cursors), the
second while the first two comments are on their way. Each campaign has an empty store and a fresh sandbox.

The table counts, for each campaign: kills, alerts that came to their end, comments per alert, journalled steps that
were done again, and requests that Panther got to create a comment. Without `--all` only the first phase is run.
"""

import argparse
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import crash, postgres
from tests.support.cli import run_cli
from tests.support.crash import ALERTS, LINKED, Crashes, Plan, forker
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world

CONFIG = """\
panther: {{url: "{url}", token: sandbox-token, requests_per_second: 1000}}
ingest: {{lookback: 4h}}
investigation: {{concurrency: 1}}
writeback: {{audit: ""}}
store: {{url: "{store}"}}
"""


@contextmanager
def database(engine: str, directory: Path) -> Iterator[str]:
    if engine == "sqlite":
        yield f"sqlite:///{directory}/state.db"
        return
    with postgres.database() as url:
        yield url


def main(engine: str, phases: int, *, everything: bool) -> None:
    print(
        f"{engine}: {ALERTS} alerts, {LINKED} of them linked\n"
        f"{'phase':>6}{'kills':>7}{'runs':>6}{'ended':>7}{'comments':>10}{'repeated':>10}{'creates':>9}{'seconds':>9}"
    )
    kinds: Counter[str] = Counter()
    total: Counter[str] = Counter()
    with forker() as process:
        for phase in range(phases if everything else 1):
            plan = Plan(every=phases, phase=phase, around=2 * (phase == 0), during=2 * (phase == 1))
            began = time.perf_counter()
            with tempfile.TemporaryDirectory() as name, database(engine, Path(name)) as url:
                directory = Path(name)
                (directory / "world").mkdir()
                world = load_world(crash.make_world(directory / "world"))
                with SandboxServer(world) as panther:
                    (directory / "config.yaml").write_text(CONFIG.format(url=panther.url, store=url))
                    crashes = Crashes(directory, world.clock(), process)
                    crashes.run_to_the_end(plan)
                    rows = run_cli("list", "--json", directory=directory).json
                    comments = [len(panther.comments(each)) for each in crash.alert_ids()]
                    creates = sum(operation == "CreateComment" for _, _, operation in panther.requests)
            ended = sum(row["state"] in {"done", "linked"} and row["verdict"] is not None for row in rows)
            repeated = len(crash.repeated(crashes.lines))
            kinds += Counter(crash.kills(crashes.lines))
            total += Counter(kills=crashes.killed, ended=ended, repeated=repeated)
            spread = "1 each" if set(comments) == {1} else f"{min(comments)} to {max(comments)}"
            print(
                f"{phase:>6}{crashes.killed:>7}{crashes.runs:>6}{ended:>7}{spread:>10}{repeated:>10}{creates:>9}"
                f"{time.perf_counter() - began:>9.1f}",
                flush=True,
            )
    print(f"in all: {total['kills']} kills, {total['ended']} ends, {total['repeated']} repeated steps")
    print("killed after: " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))


if __name__ == "__main__":
    # The sandbox says of each request whose sender was killed that it broke off.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every boundary; some minutes")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], action="append", help="default: both")
    parser.add_argument("--phases", type=int, default=6, help="campaigns that share the boundaries")
    options = parser.parse_args()
    for chosen in options.engine or ["sqlite", "postgresql"]:
        try:
            main(chosen, options.phases, everything=options.all)
        except pytest.skip.Exception as reason:
            print(f"{chosen} is left out: {reason}")
