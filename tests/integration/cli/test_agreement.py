"""`triage eval agreement`: verdicts compared with what people did in Panther afterwards."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.clocks import START
from tests.support.listing import AlertList, Node, node
from tests.support.loopback import Answer, Loopback, respond
from tests.support.stores import NOW, alert, claimed, investigation, saved
from tests.support.tiny_world import ALERTS, write_world
from triage.domain.calibration import ConfidenceMap, Curve
from triage.domain.verdict import Disposition
from triage.edges.store import open_store
from triage.pipeline.calibration import save_fit
from triage.ports import Receipt
from triage.sandbox.server import SandboxServer
from triage.sandbox.world import load_world
from triage.stages.writeback import quality_key


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    folder = tmp_path / "world"
    folder.mkdir()
    with SandboxServer(load_world(write_world(folder))) as server:
        yield server


def test_from_shadow_mode_to_a_calibrated_verdict(panther: SandboxServer, tmp_path: Path) -> None:
    """Triage without writing, people decide, the fit is made, and the next verdict says what it rests on."""
    write_config(tmp_path, panther.url)
    assert run_cli("run", "--once", directory=tmp_path).status == 0
    rows = {row["alert_id"]: row for row in run_cli("list", "--json", directory=tmp_path).json}
    done = [name for name, row in rows.items() if row["state"] == "done"]
    later = (panther.world.now + timedelta(hours=1)).isoformat()
    for name in done:
        assert run_cli("mark", name, "false-positive", "--note", "a drill", directory=tmp_path).status == 0
    found = run_cli("eval", "agreement", "--json", "--now", later, directory=tmp_path)
    assert found.status == 0, found.err
    assert found.json["agreement"]["triaged"] == len(done)
    assert found.json["agreement"]["unlabelled"] == 0
    assert found.json["calibration"] is None
    few = run_cli("eval", "agreement", "--calibrate", "--now", later, directory=tmp_path)
    assert few.status == 2
    assert "too few for a fit" in few.err
    asyncio.run(_keep_a_fit(tmp_path))
    shown = run_cli("investigate", done[0], "--json", directory=tmp_path).json
    assert shown["confidence"] == 0.25
    assert "calibrated on 77 outcomes" in run_cli("show", done[0], directory=tmp_path).out
    assert run_cli("eval", "agreement", "--forget", directory=tmp_path).status == 0
    assert run_cli("investigate", done[0], "--json", directory=tmp_path).json["confidence"] != 0.25


def test_a_quality_is_an_outcome_unless_this_program_gave_it(panther: SandboxServer, tmp_path: Path) -> None:
    """A person's NOISE or USEFUL counts; what the program set, or may have set, is nobody's word."""
    write_config(tmp_path, panther.url)
    assert run_cli("run", "--once", directory=tmp_path).status == 0
    done = [row["alert_id"] for row in run_cli("list", "--json", directory=tmp_path).json if row["state"] == "done"]
    assert len(done) >= 2
    for name, quality in zip(done, ("NOISE", "USEFUL"), strict=False):
        panther.world.alerts[name]["quality"] = quality
    asyncio.run(_gave(tmp_path, done[1], "NOISE USEFUL none"))
    later = (panther.world.now + timedelta(hours=1)).isoformat()
    found = run_cli("eval", "agreement", "--json", "--now", later, directory=tmp_path)
    assert found.status == 0, found.err
    outcomes = found.json["agreement"]["outcomes"]
    assert [(entry["alert_id"], entry["truth"], entry["by"]) for entry in outcomes] == [(done[0], "benign", "NOISE")]


async def _gave(directory: Path, alert_id: str, qualities: str) -> None:
    """Receipts of a run that gave an alert these qualities."""
    store = await open_store(f"sqlite:///{directory / 'triage.db'}")
    try:
        await store.values.save_receipt(Receipt(quality_key(alert_id), "done", digest=qualities, at=NOW), now=NOW)
    finally:
        await store.close()


async def _keep_a_fit(directory: Path) -> None:
    """A fit whose curve is the same for every verdict, since the small world decides nothing."""
    curve = Curve(outcomes=77, points=((0.5, 0.25),))
    store = await open_store(f"sqlite:///{directory / 'triage.db'}")
    try:
        fitted = ConfidenceMap(fitted_at=NOW, curves=dict.fromkeys(Disposition, curve))
        await save_fit(store.values, fitted, now=NOW)
    finally:
        await store.close()


def test_what_cannot_be_asked_is_one_line(tmp_path: Path, panther: SandboxServer) -> None:
    """Wrong options and unknown alerts are refused with what to do."""
    write_config(tmp_path, panther.url)
    assert run_cli("eval", "agreement", "--since", "soon", directory=tmp_path).status == 2
    assert run_cli("eval", "agreement", "--max-missed", "0.1", directory=tmp_path).status == 2
    assert run_cli("eval", "agreement", "--calibrate", directory=tmp_path).status == 2
    assert run_cli("mark", ALERTS[0]["id"], "false-positive", directory=tmp_path).status == 2


async def _decided(directory: Path, *names: str) -> None:
    """Alerts that were called benign an hour before `START`."""
    store = await open_store(f"sqlite:///{directory / 'triage.db'}")
    try:
        for name in names:
            await saved(store, alert(name, created_at=START - timedelta(hours=1)))
            claim = await claimed(store, alert_id=name)
            assert await store.queue.finish(claim, investigation(claim), now=NOW)
    finally:
        await store.close()


def turning(number: int, page: Node) -> Answer | Node:
    """Two cursors that lead to each other; after fifty requests the server has had enough."""
    if number >= 50:
        return respond({"message": "enough"}, status=500)
    return page | {"pageInfo": {"hasNextPage": True, "endCursor": f"{START.isoformat()}|{'xy'[number % 2]}"}}


@pytest.mark.anyio
async def test_a_list_that_turns_in_a_circle_is_told(tmp_path: Path) -> None:
    """Cursors that come again end the reading after a few requests, and no figure is made of half a list."""
    await _decided(tmp_path, "a")
    panther = AlertList([node("a")], turning)
    async with Loopback(panther) as server:
        write_config(tmp_path, f"{server.url}/public/graphql")
        ran = await asyncio.to_thread(run_cli, "agreement", "--now", START.isoformat(), directory=tmp_path)
    assert ran.status == 2
    assert "repeats a page cursor" in ran.err
    assert ran.out == ""
    assert len(panther.requests) < 6


@pytest.mark.anyio
async def test_a_list_of_several_pages_is_read_to_its_end_whatever_the_filters(tmp_path: Path) -> None:
    """Alerts count once each, also those whose status and severity the configuration would not take by now."""
    names = [f"a{number}" for number in range(7)]
    await _decided(tmp_path, *names)
    by = {"__typename": "User", "id": "user-1", "email": "ada@acme.example"}
    panther = AlertList(
        [node(name, status="RESOLVED", severity="INFO" if name == "a0" else "LOW", updatedBy=by) for name in names]
    )
    async with Loopback(panther) as server:
        write_config(tmp_path, f"{server.url}/public/graphql")
        text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
        more = "ingest:\n  page_size: 2\n  statuses: [OPEN]\n  log_types: [Custom.Other]"
        (tmp_path / "config.yaml").write_text(text.replace("ingest:", more), encoding="utf-8")
        ran = await asyncio.to_thread(run_cli, "agreement", "--json", "--now", START.isoformat(), directory=tmp_path)
    assert ran.status == 0, ran.err
    assert ran.json["agreement"]["triaged"] == 7
    assert ran.json["agreement"]["missed"]["hits"] == 6
    assert len(panther.requests) == 4
    assert all("logTypes" not in asked and "statuses" not in asked for asked in panther.requests)
