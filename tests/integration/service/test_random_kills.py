"""SIGKILL to the real command at random moments: every alert ends finished, none is parked."""

import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import crash
from tests.support.cli import run_cli
from tests.support.shared import ROOT
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.stages.writeback import Timing

CONFIG = """\
panther: {{url: "{url}", token: sandbox-token, requests_per_second: 1000}}
ingest: {{lookback: 4h, poll_interval: 1s}}
investigation: {{concurrency: 3}}
store: {{url: "sqlite:///{directory}/triage.db"}}
"""
LINKED = 2


def run_and_kill(directory: Path, now: str, seconds: float) -> int:
    """Start the command and kill it so long after it began to work; returns its status."""
    process = subprocess.Popen(
        [sys.executable, "-m", "triage", "run", "--once", "--write", "--now", now],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "HOME": str(directory), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # Its first line says who judges; importing is over then.
    select.select([process.stderr], [], [], 60)
    time.sleep(seconds)
    process.kill()
    process.communicate()
    return process.returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    ("alerts", "kills", "within"),
    [(6, 5, 1.2), pytest.param(400, 100, 2.5, marks=pytest.mark.exhaustive)],
    ids=["short", "long"],
)
def test_random_kills_park_no_alert(tmp_path: Path, alerts: int, kills: int, within: float) -> None:
    """The command is killed again and again in the midst of its work, then runs once to its end: each alert has its
    verdict, and its comment or an open one that a run after the settle period writes; then there is exactly one each.

    Takes about 20 seconds, or some ten minutes: every kill is followed by a new start of the program.
    """
    (tmp_path / "world").mkdir()
    world = load_world(crash.make_world(tmp_path / "world", alerts, LINKED), as_recorded=True)
    chance = random.Random(18)
    began = time.monotonic()

    def now(later: float = 0) -> str:
        """The world's present runs on between the starts."""
        return (world.clock() + timedelta(seconds=time.monotonic() - began + later)).isoformat()

    def states() -> Counter[str]:
        return Counter(row["state"] for row in run_cli("list", "--json", directory=tmp_path).json)

    with SandboxServer(world, SandboxOptions(api_latency=0.03, query_latency=0.1)) as panther:
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=panther.url, directory=tmp_path), encoding="utf-8")
        ended = Counter(run_and_kill(tmp_path, now(), chance.uniform(0, within)) for _ in range(kills))

        assert ended[-signal.SIGKILL] > kills * 0.8
        print(f"after {kills} kills: {states()}")
        last = run_cli("run", "--once", "--write", "--now", now(), directory=tmp_path)
        left = states()
        opened = run_cli("status", "--json", directory=tmp_path).json["comments_open"]
        print(f"after a run to the end: {left}, {opened} comments open, exit status {last.status}")

        assert left["done"] == alerts - LINKED, last.err
        assert left["linked"] == LINKED
        assert last.status == (1 if opened else 0)
        settled = run_cli("run", "--once", "--write", "--now", now(2 * Timing().settle), directory=tmp_path)

        assert settled.status == 0, settled.err
        assert states() == {"done": alerts - LINKED, "linked": LINKED}
        assert [len(panther.comments(name)) for name in crash.alert_ids(alerts)] == [1] * alerts
