"""A model's conversation as a person sees it: live while it runs, and afterwards in full from the journal."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.background import scripted_model
from tests.support.cli import run_cli
from tests.support.conversations import inquisitive
from tests.support.llm import ScriptedLlm, read_tokens
from tests.support.panther import TOKEN
from tests.support.small_dossier import ALERT_ID
from tests.support.tiny_world import NOW, write_world
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

CONFIG = """\
panther:
  url: {url}
  token: {token}
  requests_per_second: 1000
llm:
  base_url: {llm}
  model: scripted-1
  currency: EUR
  prices:
    scripted-1: {{input: 1.0, output: 2.0}}
store:
  url: sqlite:///triage.db
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ScriptedLlm]]:
    """A directory with a configuration, beside the tiny world and an inquisitive model."""
    directory = tmp_path_factory.mktemp("cli")
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    with (
        SandboxServer(world, SandboxOptions(tokens=(ApiToken(TOKEN),))) as panther,
        scripted_model(inquisitive) as llm,
    ):
        (directory / "config.yaml").write_text(CONFIG.format(url=panther.url, token=TOKEN, llm=llm.url))
        yield directory, llm


def test_an_investigation_is_shown_live_and_afterwards(served: tuple[Path, ScriptedLlm]) -> None:
    """Live: question, tool, rows, finding. Afterwards: every turn and call with tokens, money and seconds, on the page too."""
    directory, llm = served
    live = run_cli("investigate", ALERT_ID, "--now", NOW, directory=directory)
    assert live.status == 0, live.err
    for words in ("Which doors? [query_lake sql=SELECT door, state", "list_tables database=panther_logs", "3 rows"):
        assert words in live.err
    assert "finding 1, malicious: Door 3 is there. [E" in live.err
    shown = run_cli("show", ALERT_ID, "--transcript", directory=directory)
    money = (read_tokens(llm.requests[0]) + 2 * 100) / 1_000_000
    assert shown.status == 0, shown.err
    assert shown.out.startswith("model/1  ")
    for words in (
        "calls query_lake",
        "tools/1/0  ",
        "SQL: SELECT",
        "3 rows: Which doors?",
        f"{read_tokens(llm.requests[0])} tokens read, 100 written, {money:.4f} EUR",
        "3 tool calls",
    ):
        assert words in shown.out
    rows = run_cli("show", ALERT_ID, "--transcript", "--json", directory=directory).json
    assert [row["kind"] for row in rows[:4]] == ["turn", "tool", "tool", "turn"]
    assert rows[0]["money"] == pytest.approx(money)
    assert all(row["at"] for row in rows)
    assert run_cli("show", ALERT_ID, "--html", "alert.html", directory=directory).status == 0
    html = (directory / "alert.html").read_text(encoding="utf-8")
    for words in ("What the model said and asked", "calls query_lake", "tokens read"):
        assert words in html
    assert re.search(r"cost 0\.\d{4} EUR", html)


def test_check_shows_what_the_endpoint_can_do(served: tuple[Path, ScriptedLlm]) -> None:
    """And remembers it, so that runs needn't ask."""
    directory, llm = served
    asked = len(llm.probed)
    checked = run_cli("check", directory=directory)
    assert "scripted-1: tools yes, parallel tools yes, strict tools yes, JSON schema yes" in checked.out
    assert len(llm.probed) == asked + 4


def test_an_alert_without_a_run_has_no_transcript(served: tuple[Path, ScriptedLlm]) -> None:
    """One line says so."""
    directory, _ = served
    missing = run_cli("show", "f" * 32, "--transcript", directory=directory)
    assert missing.status == 2
    assert "not in the state database" in missing.err
