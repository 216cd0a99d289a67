"""Endpoints as they are: each behaviour of `tests.support.endpoints`, with the whole service over a small world."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.clocks import FastClock
from tests.support.endpoints import (
    TABLE,
    Behaviour,
)
from tests.support.llm import ScriptedLlm
from tests.support.stores import sqlite_url
from tests.support.tiny_world import write_world
from tests.support.wired import wired
from triage.domain.verdict import Disposition
from triage.ports import State
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.service.loop import Service
from triage.service.worker import Tally
from triage.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    world = tmp_path / "world"
    world.mkdir()
    with SandboxServer(load_world(write_world(world)), SandboxOptions(query_latency=0.0)) as server:
        yield server


@dataclass
class Ran:
    """What came of one run over all alerts."""

    tally: Tally
    llm: ScriptedLlm
    states: dict[State, int]
    errors: list[str]
    verdicts: list[Disposition]
    comments: int
    refused: list[int]
    """Numbers of the requests that were refused."""


async def run(panther: SandboxServer, directory: Path, behaviour: Behaviour, **llm: Any) -> Ran:
    """Triage the world's alerts with a model behind one endpoint, writing comments."""
    refused: list[int] = []

    def serve(asked: dict[str, Any]) -> Any:
        reply = behaviour.serve(asked)
        if isinstance(reply, tuple):
            refused.append(len(server.requests) - 1)
        return reply

    async with ScriptedLlm(serve, probes=True) as server:
        settings = Settings.model_validate(
            {
                "panther": {"url": panther.url, "token": "sandbox-token", "requests_per_second": 1_000},
                "ingest": {"lookback": "48h"},
                "llm": {"base_url": server.url, "model": "m", "api_key": "k", **behaviour.settings, **llm},
                "investigation": {"concurrency": 1},
                "writeback": {"enabled": True, "audit": ""},
                "store": {"url": sqlite_url(directory)},
            }
        )
        async with wired(settings, FastClock(panther.world.clock(), pace=1_000)) as app:
            service = Service(pipeline=app.pipeline, observe=lambda _: None, name="me")
            tally = await service.run_once()
            records = await app.store.records.newest(limit=10)
            listed = [await app.panther.comments.list(record.alert.id) for record in records]
            comments = sum("triage" in comment.body for found in listed for comment in found)
        return Ran(
            tally=tally,
            llm=server,
            states={state: sum(record.state is state for record in records) for state in State},
            errors=list(tally.errors.values()),
            verdicts=[record.verdict for record in records if record.verdict is not None],
            comments=comments,
            refused=refused,
        )


@pytest.mark.parametrize("behaviour", TABLE, ids=[behaviour.name for behaviour in TABLE])
async def test_every_endpoint_ends_honestly(panther: SandboxServer, tmp_path: Path, behaviour: Behaviour) -> None:
    """Investigated in spite of it, or nothing concluded: no verdict, no comment, and the reason on the alert."""
    ran = await run(panther, tmp_path, behaviour)
    if not behaviour.done:
        assert ran.verdicts == []
        assert ran.states[State.DONE] == 0
        assert ran.comments == 0
        assert ran.tally.unfinished
        assert ran.errors
        assert all(behaviour.reason in reason for reason in ran.errors)
        return
    assert ran.errors == []
    assert ran.states[State.DONE] == 3
    assert ran.verdicts == [Disposition.SUSPICIOUS] * 3
    assert ran.comments == 3
    assert len(ran.refused) <= behaviour.learns, "what was learned is not asked for again"
