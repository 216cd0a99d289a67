"""`triage check --model`: whether a model works is known before the first alert."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.background import scripted_model
from tests.support.cli import Ran, run_cli
from tests.support.endpoints import (
    FAULTS,
    PARAMETERS,
    SENT_BACK,
    Behaviour,
    Serve,
    always,
    investigator,
    refuses,
    window,
)
from tests.support.llm import ScriptedLlm, completion

CONFIG = """
panther: {{url: "http://127.0.0.1:1/public/graphql", token: t}}
llm: {{base_url: "{url}", model: m, api_key: k{more}}}
store: {{url: "sqlite:///{directory}/triage.db"}}
"""


def checked(serve: Serve, directory: Path, *words: str, more: str = "") -> tuple[Ran, ScriptedLlm]:
    """`triage check --model` against one endpoint; Panther is not there."""
    with scripted_model(serve, probes=True) as server:
        text = CONFIG.format(url=server.url, directory=directory, more=more)
        (directory / "config.yaml").write_text(text, encoding="utf-8")
        return run_cli("check", "--model", *words, directory=directory), server


def by_name(ran: Ran) -> Mapping[str, Any]:
    return {row["check"]: row for row in ran.json}


def test_a_model_that_works_is_known_to(tmp_path: Path) -> None:
    """Turns with tools, the window, an investigation and a judgement, with tokens, seconds and cost; without Panther."""
    ran, _ = checked(investigator, tmp_path, "--json", more=", prices: {m: {input: 1.0, output: 2.0}}")
    assert ran.status == 0, ran.err
    rows = by_name(ran)
    assert {row["state"] for row in rows.values()} == {"ok"}
    assert "3 turns, 2 tool calls, proposed suspicious" in rows["investigation"]["text"]
    assert rows["judge"]["text"] == "suspicious"
    assert "tokens read" in rows["cost"]["text"]
    assert "USD" in rows["cost"]["text"]
    assert rows["llm.quirks"]["text"] == "nothing had to be learned"


@pytest.mark.parametrize("behaviour", [*PARAMETERS[:1], *SENT_BACK], ids=lambda each: each.name)
def test_what_was_learned_is_said_and_kept(behaviour: Behaviour, tmp_path: Path) -> None:
    """The second check has nothing to learn: no request of it is refused."""
    refused: list[Any] = []

    def serve(asked: dict[str, Any]) -> Any:
        reply = behaviour.serve(asked)
        if isinstance(reply, tuple):
            refused.append(reply)
        return reply

    ran, _ = checked(serve, tmp_path, "--json")
    assert ran.status == 0, ran.out
    said = by_name(ran)["llm.quirks"]["text"]
    assert ("learned and kept" in said) == bool(behaviour.learns)
    assert len(refused) == behaviour.learns
    # Another server has another port: the same endpoint is asked again by a second check within one server's life.
    with scripted_model(serve, probes=True) as server:
        text = CONFIG.format(url=server.url, directory=tmp_path, more="")
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        assert run_cli("check", "--model", directory=tmp_path).status == 0
        refused.clear()
        assert run_cli("check", "--model", directory=tmp_path).status == 0
        assert refused == []


@pytest.mark.parametrize("behaviour", FAULTS[:6], ids=lambda each: each.name)
def test_a_cause_is_named_once(behaviour: Behaviour, tmp_path: Path) -> None:
    """One line says what to change, and the exit status says that something is wrong."""
    ran, server = checked(behaviour.serve, tmp_path)
    assert ran.status != 0
    assert sum(behaviour.reason in line for line in ran.out.splitlines()) == 1
    assert len(server.requests) == 1


def test_a_small_window_is_found_with_a_question(tmp_path: Path) -> None:
    """A server that keeps only the end of a prompt does not know the word at its beginning."""

    def stump(asked: dict[str, Any]) -> Any:
        said = asked["messages"][0]["content"]
        return completion("Which code word?") if "code word" in said else investigator(asked)

    ran, _ = checked(window(2_000, stump), tmp_path, "--json")
    assert ran.status != 0
    row = by_name(ran)["context window"]
    assert row["state"] == "failed"
    assert "num_ctx" in row["text"]


def test_a_server_that_counts_otherwise_is_believed(tmp_path: Path) -> None:
    """It repeats the word from the beginning: its low count means nothing, and that is kept."""
    ran, _ = checked(window(2_000), tmp_path, "--json")
    rows = by_name(ran)
    assert rows["context window"]["state"] == "ok"
    assert "counts_prompt: false" in rows["llm.quirks"]["text"]
    assert rows["investigation"]["state"] == "ok"


def test_a_model_without_a_result_is_not_ready(tmp_path: Path) -> None:
    """Prose in place of a result is named, with exit status 1."""

    def chats(asked: dict[str, Any]) -> Any:
        text = str(asked["messages"])
        small = "`note`" in text or "code word" in text or '{"word": "alpha"}' in text
        return investigator(asked) if small else completion("It looks fine to me.")

    ran, _ = checked(chats, tmp_path, "--json")
    assert ran.status == 1
    assert by_name(ran)["investigation"]["state"] == "failed"


def test_a_filter_is_said_as_such(tmp_path: Path) -> None:
    """It is the endpoint's, whatever the model could do."""
    ran, _ = checked(always(refuses("blocked", code="content_filter")), tmp_path)
    assert ran.status != 0
    assert "content filter" in ran.out
