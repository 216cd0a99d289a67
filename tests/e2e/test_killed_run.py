"""The real command, killed again and again: what a machine that loses its power does to a queue."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.shared import ROOT
from tests.support.tiny_world import alert, write_world
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

NUMBERS = range(10, 22)


def _later(started: float, attempt: int) -> str:
    """A clock for each attempt at which the leases of the one before have run out."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started + 600 * attempt))


@pytest.mark.exhaustive
def test_a_killed_run_is_finished_by_the_next(tmp_path: Path) -> None:
    """SIGKILL at eight moments of a run over twelve alerts, then a run to the end: each done, one comment each.

    Takes about 20 seconds: each attempt starts a new process. `tests/integration/service/test_service_kills.py` kills a fork
    at every write, which is quicker and exact; this one is the command as it is installed.
    """
    folder = tmp_path / "world"
    folder.mkdir()
    world = write_world(folder)
    lines = [json.dumps(alert(number % 9, id=f"{number:032x}", title=f"Door number {number}")) for number in NUMBERS]
    (folder / "alerts.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    chance = random.Random(7)
    with SandboxServer(load_world(world), SandboxOptions(query_latency=0.1)) as panther:
        write_config(tmp_path, panther.url, more="investigation:\n  concurrency: 2\n")
        command = [sys.executable, "-m", "triage", "run", "--once", "--write", "--now"]
        started = panther.world.clock().timestamp()
        killed = 0
        for attempt in range(8):
            process = subprocess.Popen(
                [*command, _later(started, attempt)],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=subprocess.DEVNULL,
            )
            # The moment is counted in requests that Panther has seen, so that it lies inside the run on any machine.
            goal = len(panther.requests) + chance.randint(3, 40)
            while process.poll() is None and len(panther.requests) < goal:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += process.returncode == -signal.SIGKILL
        assert killed >= 6
        ended = run_cli("run", "--once", "--write", "--now", _later(started, 8), directory=tmp_path)
        assert ended.status == 0, ended.err
        rows = run_cli("list", "--json", directory=tmp_path).json
        assert [row["state"] for row in rows] == ["done"] * len(NUMBERS)
        for number in NUMBERS:
            comments = panther.comments(f"{number:032x}")
            assert sum(item["createdBy"]["type"] == "api-token" for item in comments) == 1
