"""`triage run` while the model's endpoint fails."""

from pathlib import Path

import pytest

from tests.support.background import scripted_model
from tests.support.cli import run_cli
from tests.support.endpoints import FAULTS, Behaviour
from tests.support.panther import TOKEN
from tests.support.tiny_world import NOW, write_world
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

LATER = "2031-05-06T12:30:00.000Z"
CONFIG = """\
panther: {{url: "{url}", token: {token}, requests_per_second: 1000}}
ingest: {{lookback: 48h}}
llm: {{base_url: "{llm}", model: m, api_key: sk-test-0123456789, max_failures: 1}}
investigation: {{concurrency: 1}}
writeback: {{enabled: true, audit: ""}}
store: {{url: sqlite:///triage.db}}
"""


@pytest.mark.parametrize("behaviour", FAULTS[:2], ids=lambda each: each.name)
def test_the_cause_is_named_once_and_nothing_is_concluded(behaviour: Behaviour, tmp_path: Path) -> None:
    """One line of the log says that the model is out of use, why, and for how long, and so does `triage status` until
    then; the exit status is 1."""
    world = tmp_path / "world"
    world.mkdir()
    options = SandboxOptions(tokens=(ApiToken(TOKEN),))
    with (
        SandboxServer(load_world(write_world(world), as_recorded=True), options) as panther,
        scripted_model(behaviour.serve, probes=True) as llm,
    ):
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=panther.url, token=TOKEN, llm=llm.url))
        ran = run_cli("run", "--once", "--now", NOW, directory=tmp_path)
        alerts = run_cli("list", "--json", directory=tmp_path).json
        status = run_cli("status", "--now", NOW, directory=tmp_path).out
        later = run_cli("status", "--json", "--now", LATER, directory=tmp_path).json
    assert ran.status == 1, ran.err
    (out,) = [line for line in ran.err.splitlines() if "model out of use" in line]
    assert behaviour.reason in out
    assert "seconds 300" in out
    assert len(llm.requests) == 1
    assert "out of use for" in status
    assert behaviour.reason in status
    assert later["model_out_of_use"] is None
    assert {alert["state"] for alert in alerts} == {"queued"}
    assert {alert["verdict"] for alert in alerts} == {None}
