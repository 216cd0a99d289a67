"""A queue under trouble: nothing is lost, nothing is done twice."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Ran, run_cli, write_config
from tests.support.shared import ROOT
from tests.support.tiny_world import ALERTS, write_world
from triage.app import open_app
from triage.edges.clock import SystemClock
from triage.ingest.poll import poll
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import load_settings

READING = frozenset({"AlertRead", "RuleRead", "DataAnalyticsRead", "LogSourceRead", "UserRead"})
SELECTED = 3
"""Alerts of the small world that are open and severe enough."""


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    folder = tmp_path / "world"
    folder.mkdir()
    options = SandboxOptions(
        tokens=(ApiToken("sandbox-token", READING | {"AlertModify"}), ApiToken("reader", READING)), query_latency=0.0
    )
    with SandboxServer(load_world(write_world(folder)), options) as server:
        yield server


def ours(panther: SandboxServer) -> dict[str, int]:
    """Number of comments by an API token on each alert that has one."""
    counted = {
        name: sum(item["createdBy"]["type"] == "api-token" for item in panther.comments(name))
        for name in panther.world.alerts
    }
    return {name: count for name, count in counted.items() if count}


def run(directory: Path, *more: str) -> Ran:
    return run_cli("run", "--once", "--write", *more, directory=directory)


def states(directory: Path) -> dict[str, str]:
    return {row["alert_id"]: row["state"] for row in run_cli("list", "--json", directory=directory).json}


def test_a_poll_that_breaks_off_loses_nothing(panther: SandboxServer, tmp_path: Path) -> None:
    """The cursor stays where it was; the next run takes what the broken one could not."""
    write_config(tmp_path, panther.url)
    panther.fail("Alerts", Fault(status=400, body=b"{}"), times=1)
    broken = run(tmp_path)
    assert broken.status != 0
    assert states(tmp_path) == {}
    assert run(tmp_path).status == 0
    assert list(ours(panther).values()) == [1] * SELECTED


async def _poll_only(directory: Path) -> int:
    clock = SystemClock()
    settings = load_settings(directory / "config.yaml", environment={})
    async with open_app(settings, clock=clock, write=False) as app:
        found = await poll(
            app.panther.alerts, app.store, settings.ingest, now=clock.now(), observe=lambda _progress: None
        )
    return found.new


def test_an_alert_that_is_closed_before_its_turn_is_left_alone(panther: SandboxServer, tmp_path: Path) -> None:
    """What a person has dealt with meanwhile is skipped, with the reason, and gets no comment."""
    closed = ALERTS[0]["id"]
    write_config(tmp_path, panther.url)
    assert asyncio.run(_poll_only(tmp_path)) == SELECTED
    panther.world.alerts[closed]["status"] = "RESOLVED"
    assert run(tmp_path).status == 0
    rows = {row["alert_id"]: row for row in run_cli("list", "--json", directory=tmp_path).json}
    assert rows[closed]["state"] == "skipped"
    assert not rows[closed]["selected"]
    assert "RESOLVED before its turn" in rows[closed]["reason"]
    assert len(ours(panther)) == SELECTED - 1
    assert closed not in ours(panther)


def test_a_lost_answer_to_a_comment_makes_no_second_one(panther: SandboxServer, tmp_path: Path) -> None:
    """Panther wrote the comment but its answer was lost: it is found again by its marker."""
    write_config(tmp_path, panther.url)
    panther.fail("CreateComment", Fault(status=502, after_work=True), times=2)
    assert run(tmp_path).status == 0
    writes = [name for _, _, name in panther.requests if name == "CreateComment"]
    assert len(writes) == SELECTED
    assert list(ours(panther).values()) == [1] * SELECTED


def test_a_lost_store_makes_no_second_comment(panther: SandboxServer, tmp_path: Path) -> None:
    """With the state gone everything is investigated again, and the comments are updated in place."""
    write_config(tmp_path, panther.url)
    assert run(tmp_path).status == 0
    for leftover in tmp_path.glob("triage.db*"):
        leftover.unlink()
    assert run(tmp_path).status == 0
    assert list(ours(panther).values()) == [1] * SELECTED


def test_a_token_that_may_not_write_leaves_the_findings(panther: SandboxServer, tmp_path: Path) -> None:
    """The verdicts are kept, the run says what it could not do, and its status is 1."""
    write_config(tmp_path, panther.url, token="reader")
    ran = run(tmp_path)
    assert ran.status == 1
    assert "comment was not written" in ran.err
    assert set(states(tmp_path).values()) == {"done"}
    assert ours(panther) == {}


def test_without_write_nothing_is_written(panther: SandboxServer, tmp_path: Path) -> None:
    """Reading is the default."""
    write_config(tmp_path, panther.url)
    assert run_cli("run", "--once", directory=tmp_path).status == 0
    assert ours(panther) == {}
    assert not [name for _, _, name in panther.requests if name in {"CreateComment", "UpdateStatus", "Assign"}]


def test_one_alert_by_id_and_by_url(panther: SandboxServer, tmp_path: Path) -> None:
    """`investigate` takes an alert whatever the filters say, again and again, and keeps to one comment."""
    write_config(tmp_path, panther.url)
    closed = ALERTS[3]["id"]
    by_id = run_cli("investigate", closed, "--write", "--html", "page.html", directory=tmp_path)
    assert by_id.status == 0, by_id.err
    assert "Verdict:" in by_id.out
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!")
    url = f"https://console.acme.example/alerts/{closed}/"
    by_url = run_cli("investigate", url, "--write", "--json", directory=tmp_path)
    assert by_url.status == 0, by_url.err
    assert json.loads(by_url.out)["alert_id"] == closed
    assert ours(panther) == {closed: 1}


def test_json_output_is_one_document(panther: SandboxServer, tmp_path: Path) -> None:
    """With --json stdout holds JSON and nothing else, for every command that has a result."""
    write_config(tmp_path, panther.url)
    assert run(tmp_path, "--json").json["done"] == SELECTED
    rows = run_cli("list", "--json", directory=tmp_path).json
    keys = {
        "alert_id", "detection_id", "title", "severity", "selected", "reason", "state", "verdict", "confidence",
        "seconds",
    }  # fmt: skip
    assert all(keys <= row.keys() for row in rows)
    shown = run_cli("show", rows[0]["alert_id"], "--json", directory=tmp_path).json
    assert keys | {"summary", "findings", "evidence", "signals", "issues"} <= shown.keys()
    assert isinstance(run_cli("check", "--json", directory=tmp_path).json, list)


def test_secrets_in_logs_are_kept_nowhere(tmp_path: Path) -> None:
    """A token and a password in an event reach neither the store's file, nor the output, nor the comment."""
    folder = tmp_path / "world"
    folder.mkdir()
    world = write_world(folder)
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    for table in (folder / "lake").glob("*/custom_door.ndjson"):
        events = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
        for event in events:
            event |= {"note": f"curl -H 'Authorization: token {token}'", "password": "correct-horse-battery"}
        table.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    with SandboxServer(load_world(world)) as panther:
        write_config(tmp_path, panther.url)
        assert run(tmp_path).status == 0
        shown = run_cli("show", ALERTS[0]["id"], "--json", directory=tmp_path).out
        comments = json.dumps(panther.comments(ALERTS[0]["id"]))
    assert "redacted" in shown
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("triage.db*")).decode("utf-8", "replace")
    for text in (shown, comments, stored):
        assert token not in text
        assert "correct-horse" not in text


def test_a_killed_investigation_holds_nothing_up(tmp_path: Path) -> None:
    """SIGKILL while one alert is investigated: the next command takes it over at once, though the lease still holds."""
    folder = tmp_path / "world"
    folder.mkdir()
    name = ALERTS[0]["id"]
    with SandboxServer(load_world(write_world(folder)), SandboxOptions(query_latency=0.3)) as panther:
        write_config(tmp_path, panther.url)
        process = subprocess.Popen(
            [sys.executable, "-m", "triage", "investigate", name, "--write"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not any("Query" in operation for _, _, operation in panther.requests):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL
        assert states(tmp_path)[name] == "running"
        again = run_cli("investigate", name, "--write", "--json", directory=tmp_path)
        assert again.status == 0, again.err
        assert again.json["alert_id"] == name
        assert ours(panther) == {name: 1}


def test_a_stop_ends_within_its_grace(panther: SandboxServer, tmp_path: Path) -> None:
    """SIGTERM ends the unattended form with status 0 soon after what is in flight."""
    write_config(tmp_path, panther.url)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "triage", "run"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not any(name == "Alerts" for _, _, name in panther.requests):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "Traceback" not in err
