"""A full disk under the real command: nothing is lost, nothing is sent unlogged, and the audit chain stays whole."""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import crash
from tests.support.cli import Ran, run_cli
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

CONFIG = """\
panther: {{url: "{url}", token: sandbox-token, requests_per_second: 1000}}
ingest: {{lookback: 4h}}
investigation: {{concurrency: 2}}
writeback: {{audit: "{audit}/audit.jsonl"}}
store: {{url: "sqlite:///{store}/triage.db"}}
"""
ALERTS, LINKED = 6, 1
ROOM = 4 << 20
"""Bytes of the disk, four times what the alerts need."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(path)], capture_output=True, check=False, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("full", "left"),
    [("audit", 0), ("audit", 2), ("store", 0), pytest.param("store", 200, marks=pytest.mark.exhaustive)],
    ids=["audit log, full", "audit log, full after some lines", "store, full", "store, full amid the work"],
)
def test_a_full_disk_leaves_alerts_unfinished(tmp_path: Path, disk: Path, full: str, left: int) -> None:
    """Alerts wait with the reason, none is parked, the exit status is 1, and what was sent is in the log. Once there is
    room again a run finishes every alert, with one comment each and the chain intact.

    Takes about 4 seconds; where the store fills up amid the work, a minute and a half, while the worker waits for it.
    """
    (tmp_path / "world").mkdir()
    world = load_world(crash.make_world(tmp_path / "world", ALERTS, LINKED), as_recorded=True)

    def run(*arguments: str, minutes: float = 0) -> Ran:
        now = (world.clock() + timedelta(minutes=minutes)).isoformat()
        return run_cli("run", "--once", "--write", "--now", now, *arguments, directory=tmp_path)

    def states() -> Counter[str]:
        return Counter(row["state"] for row in run_cli("list", "--json", directory=tmp_path).json)

    def comments() -> list[int]:
        return [len(panther.comments(name)) for name in crash.alert_ids(ALERTS)]

    with SandboxServer(world, SandboxOptions(query_latency=0.0)) as panther:
        where = {"audit": tmp_path, "store": tmp_path, full: disk}
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=panther.url, **where), encoding="utf-8")
        assert run("--workers", "0").status == 0
        free = os.statvfs(disk)
        (disk / "filler").write_bytes(b"x" * (free.f_bavail * free.f_bsize - left * 1024))
        ran = run()

        assert ran.status == 1
        assert "space" in ran.err or "disk is full" in ran.err, ran.err
        sent = sum(comments())
        assert sent < ALERTS
        assert "Traceback" not in ran.err
        (disk / "filler").unlink()
        assert states().keys() <= {"queued", "running", "linked", "done"}
        checked = run_cli("writeback", "audit", directory=tmp_path)
        assert checked.status == 0, checked.out + checked.err
        again = run(minutes=10)

        assert again.status == 0, again.err
        assert states() == {"done": ALERTS - LINKED, "linked": LINKED}
        assert comments() == [1] * ALERTS
        checked = run_cli("writeback", "audit", directory=tmp_path)
        assert checked.status == 0, checked.out + checked.err
