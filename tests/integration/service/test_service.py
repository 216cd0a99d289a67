"""A queue under trouble: nothing is lost, nothing is done twice."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Ran, run_cli, write_config
from tests.support.shared import ROOT
from tests.support.stores import HOLDS
from tests.support.tiny_world import ALERTS, write_world
from triage.app import open_app
from triage.edges.clock import SystemClock
from triage.pipeline.single import claim_alert
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


def test_trouble_loses_no_alert_and_writes_no_second_comment(panther: SandboxServer, tmp_path: Path) -> None:
    """A poll that breaks off leaves the cursor where it was; a comment whose answer was lost is found again by its marker;
    with the state gone everything is investigated again, and the comments are updated in place."""
    write_config(tmp_path, panther.url)
    panther.fail("Alerts", Fault(status=400, body=b"{}"), times=1)
    assert run(tmp_path).status != 0
    assert states(tmp_path) == {}

    panther.fail("CreateComment", Fault(status=502, after_work=True), times=2)
    assert run(tmp_path).status == 0
    assert sum(name == "CreateComment" for _, _, name in panther.requests) == SELECTED
    assert list(ours(panther).values()) == [1] * SELECTED

    for leftover in tmp_path.glob("triage.db*"):
        leftover.unlink()
    assert run(tmp_path).status == 0
    assert list(ours(panther).values()) == [1] * SELECTED


def test_without_write_nothing_is_written_and_json_is_one_document(panther: SandboxServer, tmp_path: Path) -> None:
    """Reading is the default. With --json stdout holds JSON and nothing else, for every command that has a result."""
    write_config(tmp_path, panther.url)
    assert run_cli("run", "--once", "--json", directory=tmp_path).json["done"] == SELECTED
    assert ours(panther) == {}
    assert not [name for _, _, name in panther.requests if name in {"CreateComment", "UpdateStatus", "Assign"}]
    rows = run_cli("list", "--json", directory=tmp_path).json
    keys = {
        "alert_id", "detection_id", "title", "severity", "selected", "reason", "state", "verdict", "confidence",
        "seconds",
    }  # fmt: skip
    assert all(keys <= row.keys() for row in rows)
    shown = run_cli("show", rows[0]["alert_id"], "--json", directory=tmp_path).json
    assert keys | {"summary", "findings", "evidence", "signals", "issues"} <= shown.keys()
    assert isinstance(run_cli("check", "--json", directory=tmp_path).json, list)


def test_one_alert_by_id_and_by_url(panther: SandboxServer, tmp_path: Path) -> None:
    """`investigate` takes an alert whatever the filters say, again and again, and keeps to one comment. With a token that
    may not write, a run keeps the verdicts, says what it could not do, and its status is 1."""
    write_config(tmp_path, panther.url)
    closed = ALERTS[3]["id"]
    by_id = run_cli("investigate", closed, "--write", "--html", "page.html", directory=tmp_path)
    assert by_id.status == 0, by_id.err
    assert "(confidence " in by_id.out
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!")
    url = f"https://console.acme.example/alerts/{closed}/"
    by_url = run_cli("investigate", url, "--write", "--json", directory=tmp_path)
    assert by_url.status == 0, by_url.err
    assert json.loads(by_url.out)["alert_id"] == closed
    assert ours(panther) == {closed: 1}

    write_config(tmp_path, panther.url, token="reader")
    ran = run(tmp_path)
    assert ran.status == 1
    assert "comment was not written" in ran.err
    assert set(states(tmp_path).values()) == {"done"}
    assert ours(panther) == {closed: 1}


def test_the_lease_of_a_dead_process_holds_nothing_up(panther: SandboxServer, tmp_path: Path) -> None:
    """What a killed command of this host holds is taken over at once; what another process works on is left to it."""
    write_config(tmp_path, panther.url)
    name, other = ALERTS[0]["id"], ALERTS[1]["id"]
    code = "from triage.edges.process import process_name; print(process_name())"
    dead = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)

    async def claim(worker: str, name: str = name) -> None:
        settings = load_settings(tmp_path / "config.yaml", environment={})
        async with open_app(settings, clock=SystemClock(), write=False) as app:
            alert = await app.panther.alerts.alert(name)
            queue = app.store.queue
            await claim_alert(queue, alert, reason="", worker=worker, clock=app.clock, lease_seconds=HOLDS, fresh=True)

    asyncio.run(claim(f"{dead.stdout.strip()}/investigate"))
    assert states(tmp_path)[name] == "running"
    again = run_cli("investigate", name, "--write", "--json", directory=tmp_path)
    assert again.status == 0, again.err
    assert again.json["alert_id"] == name
    assert ours(panther) == {name: 1}

    asyncio.run(claim("elsewhere/1/investigate"))
    busy = run_cli("investigate", name, directory=tmp_path)
    assert busy.status == 1
    assert f"alert {name} is being worked on by another process; try again later" in busy.err

    asyncio.run(claim(f"{dead.stdout.strip()}/0", other))
    assert run(tmp_path).status == 0
    assert (states(tmp_path)[name], states(tmp_path)[other]) == ("running", "done")
    assert ours(panther)[other] == 1


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
