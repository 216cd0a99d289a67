"""The main job: a queue through all stages, against a Panther that speaks the official API.

Every run takes some seconds: a lake of tens of thousands of events is loaded and some alerts are investigated. The
whole queues of the demo's world and of each sample are triaged in the slow tier.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.background import scripted_model
from tests.support.cli import run_cli, write_config
from tests.support.llm import cite_first_event
from tests.support.shared import SHARED, shared_path
from tests.support.worlds import demo_world
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world

pytestmark = pytest.mark.slow
VERDICTS = {"malicious", "suspicious", "inconclusive", "benign"}
DEMO = "demo"
SAMPLES = sorted(path.parent.name for path in (SHARED / "worlds").glob("*/world.json")) or ["absent"]
FEW = 4
"""Alerts of a short queue."""


def short_queue(world: Path, folder: Path) -> Path:
    """The same world with a few of its alerts that the default filters take, and what is linked to them."""
    folder.mkdir()
    for path in world.iterdir():
        if path.name != "alerts.ndjson":
            (folder / path.name).symlink_to(path.resolve())
    alerts = [json.loads(line) for line in (world / "alerts.ndjson").read_text(encoding="utf-8").splitlines()]
    taken = [each for each in alerts if each["status"] == "OPEN" and each["severity"] in ("CRITICAL", "HIGH", "MEDIUM")]
    few = taken[:: max(1, len(taken) // FEW)][:FEW]
    titles = {each["title"] for each in few}
    kept = [each for each in taken if each["title"] in titles]
    (folder / "alerts.ndjson").write_text("".join(json.dumps(each) + "\n" for each in kept), encoding="utf-8")
    return folder


def whole(*names: str) -> list[Any]:
    """Whole queues, in the slow tier."""
    return [pytest.param((name, "whole"), marks=pytest.mark.exhaustive, id=f"{name} whole") for name in names]


@pytest.fixture
def panther(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxServer]:
    name, size = request.param
    world = demo_world() if name == DEMO else shared_path(f"worlds/{name}")
    with SandboxServer(load_world(world if size == "whole" else short_queue(world, tmp_path / "world"))) as server:
        yield server


def check_result(rows: list[dict[str, Any]], panther: SandboxServer) -> int:
    """Every selected alert has a verdict and exactly one comment of ours, every linked one a pointer; no other has any."""
    selected = [row for row in rows if row["selected"]]
    for row in rows:
        ours = [item for item in panther.comments(row["alert_id"]) if item["createdBy"]["type"] == "api-token"]
        assert len(ours) == int(row["selected"] or row["group"] is not None), row
        if row["group"] is not None:
            assert row["group"] in ours[0]["body"], "the pointer names the investigated alert"
        assert row["reason"]
        if row["selected"]:
            assert row["state"] == "done"
            assert row["verdict"] in VERDICTS
            assert 0 <= row["confidence"] <= 1
    return len(selected)


@pytest.mark.parametrize("panther", [(DEMO, "short"), *whole(DEMO, *SAMPLES)], indirect=True)
def test_a_queue_is_triaged_once(panther: SandboxServer, tmp_path: Path) -> None:
    """Every selected alert gets a verdict and one comment; a second run adds none; both end with status 0."""
    write_config(tmp_path, panther.url)
    first = run_cli("run", "--once", "--write", directory=tmp_path)
    assert first.status == 0, first.err
    rows = run_cli("list", "--json", directory=tmp_path).json
    count = check_result(rows, panther)
    assert count >= (12 if len(panther.world.alerts) > 2 * FEW else FEW)

    second = run_cli("run", "--once", "--write", directory=tmp_path)
    assert second.status == 0, second.err
    again = run_cli("list", "--json", directory=tmp_path).json
    assert check_result(again, panther) == count

    chosen = next(row for row in rows if row["selected"])
    shown = run_cli("show", chosen["alert_id"], "--json", directory=tmp_path).json
    assert shown["verdict"] == chosen["verdict"]
    ids = {entry["id"] for entry in shown["evidence"]}
    for finding in shown["findings"]:
        assert {citation["evidence"] for citation in finding["citations"]} <= ids
        assert isinstance(finding["verified"], bool)
    assert any(entry["sql"] for entry in shown["evidence"])
    assert "(confidence " in run_cli("show", chosen["alert_id"], directory=tmp_path).out


@pytest.mark.parametrize("panther", [(SAMPLES[0], "short"), *whole(DEMO, *SAMPLES)], indirect=True)
def test_a_queue_is_triaged_by_a_model(panther: SandboxServer, tmp_path: Path) -> None:
    """The same through a scripted OpenAI-compatible server: verified findings, one comment each, none added later."""
    with scripted_model(cite_first_event()) as model:
        more = f"llm:\n  base_url: {model.url}\n  model: scripted-1\n"
        write_config(tmp_path, panther.url, more=more)
        first = run_cli("run", "--once", "--write", directory=tmp_path)
        assert first.status == 0, first.err
        rows = run_cli("list", "--json", directory=tmp_path).json
        count = check_result(rows, panther)
        asked = len(model.requests)
        assert asked >= count

        second = run_cli("run", "--once", "--write", directory=tmp_path)
        assert second.status == 0, second.err
        assert check_result(run_cli("list", "--json", directory=tmp_path).json, panther) == count
        assert len(model.requests) == asked

    shown = [run_cli("show", row["alert_id"], "--json", directory=tmp_path).json for row in rows if row["selected"]]
    assert all(entry["analyst"] == "llm" for entry in shown)
    assert any(finding["verified"] for entry in shown for finding in entry["findings"])
