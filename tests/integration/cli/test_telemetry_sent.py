"""`triage run` with telemetry on: what reaches a collector, and what never does."""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.background import scripted_model
from tests.support.cli import Ran, run_cli, write_config
from tests.support.endpoints import investigator
from tests.support.receivers import Receiver
from tests.support.shared import ROOT
from tests.support.telemetry import collector, metrics, resource_of, spans
from tests.support.tiny_world import NOW, write_world
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

TOKEN = "collector-key-0123456789"
IDENTIFIER = re.compile(r"[A-Za-z0-9_.:/@+-]{1,120}")


def run(directory: Path, environment: dict[str, str], *, enabled: bool = True) -> Ran:
    """Triage the alerts of the tiny world with a scripted model, once, and write the results."""
    (directory / "world").mkdir()
    world = load_world(write_world(directory / "world"), as_recorded=True)
    with (
        SandboxServer(world, SandboxOptions(query_latency=0.0)) as panther,
        scripted_model(investigator, probes=True) as llm,
    ):
        more = f'llm: {{base_url: "{llm.url}", model: m, api_key: sk-test-0123456789}}\n'
        more += f"telemetry: {{enabled: {str(enabled).lower()}}}\n"
        write_config(directory, panther.url, more=more)
        return run_cli("run", "--once", "--write", "--now", NOW, directory=directory, environment=environment)


def texts(value: Any) -> Iterator[str]:
    """Every string of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def exported(receiver: Receiver) -> bytes:
    return b"".join(request.body for request in receiver.received)


def test_a_run_reaches_the_collector_without_a_text(tmp_path: Path) -> None:
    """A tree of spans per alert, and metrics, at the endpoint and with the headers of the standard variables; no title,
    value, statement or prompt in any byte of them."""
    with collector() as receiver:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={TOKEN}",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        }
        ran = run(tmp_path, environment)
    assert ran.status == 0, ran.err
    assert {request.target for request in receiver.received} == {"/v1/traces", "/v1/metrics"}
    assert {request.headers["x-api-key"] for request in receiver.received} == {TOKEN}
    resource = resource_of(receiver.received)
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("triage", "test")

    found = spans(receiver.received)
    by_id = {span.id: span for span in found}
    runs = [span for span in found if span.name == "invoke_agent triage"]
    # The fourth alert is closed, and not selected.
    assert {span.facts["triage.alert.id"] for span in runs} >= {f"{1:032x}", f"{2:032x}"}
    assert {span.facts["triage.outcome"] for span in runs} == {"done"}
    assert all(span.parent == b"" and span.facts["gen_ai.usage.input_tokens"] > 0 for span in runs)
    above = {(span.name, by_id[span.parent].name) for span in found if span.parent in by_id}
    assert {
        ("enrich", "invoke_agent triage"),
        ("investigate", "invoke_agent triage"),
        ("adjudicate", "invoke_agent triage"),
        ("write back comment", "invoke_agent triage"),
        ("write back labels", "invoke_agent triage"),
        ("chat m", "investigate"),
        ("chat m", "adjudicate"),
        ("lake query", "enrich"),
        ("lake query", "investigate"),
    } <= above
    assert {span.facts["triage.writeback.result"] for span in found if span.name == "write back comment"} == {"created"}
    measured = metrics(receiver.received)
    assert sum(count for _, count, _ in measured["gen_ai.client.operation.duration"]) == sum(
        span.name == "chat m" for span in found
    )
    assert "triage.lake.query.duration" in measured

    document = (ROOT / "docs" / "tracing.md").read_text(encoding="utf-8")
    named = {span.name.replace("chat m", "chat MODEL") for span in found} | measured.keys()
    named |= {name for span in found for name in span.facts}
    named |= {name for points in measured.values() for facts, _, _ in points for name in facts}
    assert {name for name in named if f"`{name}`" not in document} == set()

    assert not any(span.events for span in found)
    strings = [text for span in found for text in texts(dict(span.facts))]
    assert [text for text in strings if not IDENTIFIER.fullmatch(text)] == []
    sent = exported(receiver).decode("utf-8", "replace")
    lines = [line for path in (tmp_path / "world").rglob("*.ndjson") for line in path.read_text("utf-8").splitlines()]
    known = set(texts([json.loads(line) for line in lines]))
    ids = {span.facts["triage.alert.id"] for span in runs}
    assert len(known) > 50
    assert {text for text in known - ids if len(text) > 5 and text in sent} == set()
    assert not any(word in sent for word in ("left open", "SELECT *", "panther_logs", "sk-test", "sandbox-token"))


def test_nothing_is_sent_unless_it_is_enabled(tmp_path: Path) -> None:
    """The variables alone, which a host may set for other programs, turn nothing on."""
    with collector() as receiver:
        ran = run(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}, enabled=False)
    assert ran.status == 0, ran.err
    assert receiver.received == []


def test_the_kill_switch_of_the_standard_counts(tmp_path: Path) -> None:
    """`OTEL_SDK_DISABLED` and an exporter `none` send nothing, and the run is as ever."""
    environment = {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
    with collector() as receiver:
        ran = run(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **environment})
    assert ran.status == 0, ran.err
    assert receiver.received == []


@pytest.mark.slow
def test_a_dead_collector_costs_seconds_and_no_alert(tmp_path: Path) -> None:
    """Nobody listens, or somebody takes requests and never answers: the alerts are finished with status 0, and the end of
    the program waits for a few seconds at most.

    About 12 seconds: three alerts twice, and the deadline of closing.
    """
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        for name, port in (("refuses", 1), ("silent", silent.getsockname()[1])):
            (tmp_path / name).mkdir()
            start = time.monotonic()
            ran = run(tmp_path / name, {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
            assert ran.status == 0, ran.err
            assert time.monotonic() - start < 30
            assert "Traceback" not in ran.err
