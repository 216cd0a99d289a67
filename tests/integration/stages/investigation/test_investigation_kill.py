"""SIGKILL after each journalled step of a conversation with tools: no turn is paid twice, and the end is the same."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.background import scripted_model
from tests.support.conversations import inquisitive, run_settings, spent
from tests.support.panther import TOKEN
from tests.support.shared import ROOT
from tests.support.tiny_world import NOW, write_world
from triage.domain.verdict import Investigation
from triage.edges.store import open_store
from triage.sandbox.permissions import Token
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world


def triaged(panther: str, llm: str, directory: Path, dies_after: int) -> tuple[int, Investigation]:
    """Triage the alert in processes that die after so many steps each; how many were killed, and the end of the last."""
    directory.mkdir()
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.conversations", panther, llm, str(directory), NOW, str(dies_after)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    *killed, last = ran.stdout.splitlines()
    assert set(killed) <= {f"killed by {signal.SIGKILL}"}
    return len(killed), Investigation.model_validate_json(last)


def steps(directory: Path, run_id: str) -> list[str]:
    """The keys of the model's turns and tool calls in the journal."""

    async def read() -> list[str]:
        store = await open_store(f"sqlite:///{directory}/triage.db")
        try:
            return [key for key, kind, _ in await store.journal.entries(run_id) if kind in {"model", "tool"}]
        finally:
            await store.close()

    return asyncio.run(read())


@pytest.mark.slow
def test_a_killed_conversation_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Killed after every single turn and tool call, one after the other, it asks what an undisturbed run asks.

    Each call is booked once. About 20 s, nearly all of it processor time: each of the ten runs reads every playbook again.
    """
    world = load_world(write_world(tmp_path / "world"), as_recorded=True)
    with (
        SandboxServer(world, SandboxOptions(tokens=(Token(TOKEN),))) as panther,
        scripted_model(inquisitive) as llm,
    ):
        none, expected = triaged(panther.url, llm.url, tmp_path / "whole", 0)
        asked = len(llm.requests)
        llm.requests.clear()
        kills, found = triaged(panther.url, llm.url, tmp_path / "killed", 1)
        booked = asyncio.run(spent(run_settings(panther.url, llm.url, tmp_path / "killed")))
    keys = steps(tmp_path / "killed", found.run_id)
    # The two calls of one turn run together: the kill behind the first may find the second in the journal too.
    assert none == 0
    assert kills in {len(keys) - 1, len(keys)}
    assert len(keys) > 5
    assert sorted(keys) == sorted(steps(tmp_path / "whole", expected.run_id))
    assert len(llm.requests) == asked == sum(key.count("/") == 1 for key in keys)
    assert found.verdict == expected.verdict
    assert [entry.rows for entry in found.evidence if entry.source == "tool"] == [
        entry.rows for entry in expected.evidence if entry.source == "tool"
    ]
    assert found.usage.prompt_tokens == expected.usage.prompt_tokens
    assert booked.calls == asked
    assert booked.prompt_tokens == found.usage.prompt_tokens
    assert booked.money == pytest.approx(found.usage.money)
