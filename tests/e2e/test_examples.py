"""What stands in `examples/` works."""

import importlib
import re
from pathlib import Path

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.shared import ROOT
from tests.support.worlds import demo_world
from triage.domain.report import find_marker
from triage.domain.verdict import Disposition
from triage.edges.prompts import load_prompts
from triage.resources import shipped
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.stages.enrichment import load_playbooks
from triage.stages.reporting.comment import count_words

EXAMPLES = ROOT / "examples"
FAILED = "<tr><th>Question</th><th>Times</th><th>Last reason</th></tr>"
"""The head of a table that a shift without failures does not have."""


def test_the_playbook_loads_beside_the_shipped_ones() -> None:
    """A user's question joins the shipped ones."""
    shipped_only = load_playbooks([shipped("playbooks")])
    both = load_playbooks([shipped("playbooks"), EXAMPLES])
    assert len(both.books) == len(shipped_only.books) + 1


@pytest.mark.parametrize("name", ["alert.html", "report.html"])
def test_the_pages_are_whole_and_ask_nothing_of_the_network(name: str) -> None:
    """What a reader of the repository opens is one file without script or remote parts."""
    html = (EXAMPLES / name).read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert not re.search(r"<script|<img|<link|https?://", html)


@pytest.mark.parametrize("name", ["page", "report"])
def test_the_pages_look_as_the_program_makes_them_today(name: str) -> None:
    """The style sheet, and the heads of the tables, are those of the templates."""
    html = (EXAMPLES / ("alert.html" if name == "page" else "report.html")).read_text(encoding="utf-8")
    assert load_prompts().render("page.style.html.j2", {}).strip() in html
    source = shipped(f"{name}.html.j2").read_text(encoding="utf-8")
    heads = [line for line in source.splitlines() if line.startswith("<tr><th>") and "{" not in line]
    assert heads
    assert [line for line in heads if line not in html] == ([] if name == "page" else [FAILED])


def test_the_comments_are_there() -> None:
    """One of each of three verdicts at least, short, with the verdict in the first line and the marker in the last."""
    comments = sorted(EXAMPLES.glob("comment-*.txt"))
    assert len(comments) >= 3
    for path in (*comments, EXAMPLES / "comment.html"):
        body = path.read_text(encoding="utf-8")
        assert any(each.value.capitalize() in body.splitlines()[0] for each in Disposition)
        assert find_marker(body) is not None
    assert all(count_words(path.read_text(encoding="utf-8")) <= 160 for path in comments)


def test_the_pictures_are_small() -> None:
    """Under 150 kB each."""
    pictures = list(EXAMPLES.glob("*.png"))
    assert len(pictures) >= 3
    assert [picture.name for picture in pictures if picture.stat().st_size > 150_000] == []


def test_the_playbook_is_asked(tmp_path: Path) -> None:
    """Its answer is evidence of an alert of its log type. Takes about 6 seconds: the demo's world is loaded."""
    with SandboxServer(load_world(demo_world())) as panther:
        alert = next(
            name
            for name, record in panther.world.alerts.items()
            if record["status"] == "OPEN" and "trail" in str(record["title"])
        )
        write_config(tmp_path, panther.url, more=f"investigation:\n  playbooks: {EXAMPLES}\n")
        ran = run_cli("investigate", alert, "--json", directory=tmp_path)
    assert ran.status == 0, ran.err
    (found,) = [entry for entry in ran.json["evidence"] if entry["question"].startswith("When did this actor sign in")]
    assert not found["error"]
    assert "ConsoleLogin" in found["sql"]


def test_they_can_be_remade() -> None:
    """`python -m examples.make` finds everything that it takes from the program."""
    assert callable(importlib.import_module("examples.make").main)
