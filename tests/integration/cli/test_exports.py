"""Exports and the shift summary, through the command line and from the state database."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.tiny_world import NOW as WORLD_NOW
from tests.support.tiny_world import write_world
from triage.domain.report import DEFERRED
from triage.edges.prompts import load_prompts
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.stages.reporting.records import COLUMNS

PROMPTS = load_prompts()


@pytest.fixture(scope="module")
def triaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory whose state database holds the tiny world, triaged once while writing was paused. Takes 3 seconds."""
    directory = tmp_path_factory.mktemp("exports")
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    with SandboxServer(world) as panther:
        write_config(directory, panther.url, more="  keep: 0s\n")
        assert run_cli("writeback", "pause", directory=directory).status == 0
        ran = run_cli("run", "--once", "--write", "--now", WORLD_NOW, directory=directory)
        assert ran.status == 0, ran.err
        yield directory


def test_everything_is_read_from_the_store_alone(triaged: Path) -> None:
    """Each command works with Panther away, and prints what the store has."""
    (triaged / "away.yaml").write_text(
        f"panther:\n  url: http://127.0.0.1:9\n  token: x\nstore:\n  url: sqlite:///{triaged}/triage.db\n"
    )

    def run(*arguments: str) -> list[str]:
        ran = run_cli(*arguments, "--config", "away.yaml", "--now", WORLD_NOW, directory=triaged)
        assert ran.status == 0, ran.err
        return ran.out.splitlines()

    listed = run_cli("list", "--json", directory=triaged).json
    assert listed
    exported = [json.loads(line) for line in run("export")]
    assert {row["alert_id"] for row in exported} == {row["alert_id"] for row in listed}
    assert any(row["findings"] for row in exported)
    table = list(csv.reader(run("export", "--format", "csv")))
    assert tuple(table[0]) == COLUMNS
    assert len(table) == len(listed) + 1
    report = json.loads("\n".join(run("report", "--since", "30d", "--json")))
    assert report["alerts"] == len(listed)
    assert run("export", "--since", "1s") == []


def test_risks_have_this_programs_verdicts(triaged: Path) -> None:
    """They are read from Panther; what the state database says of an alert stands beside it, a linked one's leader too."""
    ran = run_cli("export", "risks", "--now", WORLD_NOW, directory=triaged)
    assert ran.status == 0, ran.err
    risks = {row["alert_id"]: row for row in map(json.loads, ran.out.splitlines())}
    listed = {row["alert_id"]: row for row in run_cli("list", "--json", directory=triaged).json}
    assert {name: risks[name]["verdict"] for name in listed} == {name: row["verdict"] for name, row in listed.items()}
    assert any(row["verdict"] for row in listed.values())
    assert {name: risks[name]["group"] for name in listed} == {name: row["group"] for name, row in listed.items()}
    # A verdict that is new is a change of its risk.
    text = (triaged / "config.yaml").read_text(encoding="utf-8").replace("triage.db", "none.db")
    (triaged / "empty.yaml").write_text(text, encoding="utf-8")
    for config, expected in (("empty.yaml", set(risks)), ("empty.yaml", set()), ("config.yaml", set(listed))):
        again = run_cli(
            *("export", "risks", "--now", WORLD_NOW, "--state", "risks.db", "--config", config), directory=triaged
        )
        assert {json.loads(line)["alert_id"] for line in again.out.splitlines()} == expected
    assert not (triaged / "none.db").exists()
    counted = run_cli("export", "assets", "--now", WORLD_NOW, directory=triaged)
    assert any(json.loads(line)["verdicts"] for line in counted.out.splitlines())


def test_a_shift_becomes_a_page(triaged: Path) -> None:
    """`--html` writes one file; without it, and without `--json`, a page for the terminal."""
    ran = run_cli("report", "--since", "30d", "--now", WORLD_NOW, "--html", "shift.html", directory=triaged)
    assert ran.status == 0, ran.err
    html = (triaged / "shift.html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "Noisiest detections" in html
    shown = run_cli("report", "--since", "30d", "--now", WORLD_NOW, directory=triaged)
    assert shown.out.splitlines()[0].endswith("alerts")
    wrong = run_cli("report", "--since", "soon", directory=triaged)
    assert wrong.status == 2
    assert "--since" in wrong.err


def test_the_page_of_an_alert_has_its_conversation_only_where_there_was_one(triaged: Path) -> None:
    """The offline analyst has no transcript; the page is written all the same."""
    (first, *_) = [row for row in run_cli("list", "--json", directory=triaged).json if row["state"] == "done"]
    ran = run_cli("show", first["alert_id"], "--html", "alert.html", directory=triaged)
    assert ran.status == 0, ran.err
    assert 'id="transcript"' not in (triaged / "alert.html").read_text(encoding="utf-8")


def test_a_comment_that_policy_puts_off_waits_for_a_person(triaged: Path) -> None:
    """Written while writing was paused: the report lists it."""
    ran = run_cli("report", "--since", "30d", "--now", WORLD_NOW, "--json", directory=triaged)
    waiting = [row["why"] for row in ran.json["waiting"]]
    assert len([why for why in waiting if why.startswith(DEFERRED)]) == 3
