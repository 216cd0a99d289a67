"""`triage run` as a process: what it tells over HTTP, how it ends, and a database that goes away under it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import postgres
from tests.support.background import scripted_model
from tests.support.cli import run_cli
from tests.support.endpoints import refuses
from tests.support.shared import ROOT
from tests.support.tiny_world import ALERTS, write_world
from triage.sandbox.server import Fault, SandboxServer
from triage.sandbox.world import load_world

SELECTED = [str(ALERTS[number]["id"]) for number in range(3)]
CONFIG = """\
panther: {{url: "{url}", token: sandbox-token, requests_per_second: 1000}}
ingest: {{lookback: 4h, poll_interval: 1s}}
writeback: {{audit: ""}}
store: {{url: "{store}"}}
"""


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    world = tmp_path / "world"
    world.mkdir()
    with SandboxServer(load_world(write_world(world))) as server:
        store = f"sqlite:///{tmp_path}/triage.db"
        (tmp_path / "config.yaml").write_text(CONFIG.format(url=server.url, store=store), encoding="utf-8")
        yield server


@contextmanager
def running(directory: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "triage", "run", *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ours(panther: SandboxServer) -> list[int]:
    """Comments by a token, for each alert."""
    found = []
    for name in SELECTED:
        authors = [comment["createdBy"] for comment in panther.comments(name)]
        found.append(sum(isinstance(each, dict) and each["type"] == "api-token" for each in authors))
    return found


def commented(panther: SandboxServer) -> int:
    return sum(count > 0 for count in ours(panther))


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(text: str) -> dict[tuple[str, str], float]:
    """Values by name and the value of the one label."""
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.slow
def test_a_running_process_tells_how_it_is(panther: SandboxServer, tmp_path: Path) -> None:
    """Metrics and health over HTTP, the same numbers in `triage status`; SIGTERM ends it with status 0.

    Takes about 6 seconds: the program is started.
    """
    with running(tmp_path, "--listen", "0", "--write") as process:
        assert process.stderr is not None
        url = ""
        while not url:
            found = re.search(r"metrics: (http://127\.0\.0\.1:\d+)/metrics", process.stderr.readline())
            url = found[1] if found else ""
        until(lambda: commented(panther) == 3)
        until(lambda: samples(get(f"{url}/metrics")[1])["triage_alerts_total", "done"] == 3)

        health, told = get(f"{url}/healthz")
        metrics = samples(get(f"{url}/metrics")[1])
        status = run_cli("status", "--json", directory=tmp_path).json
        page = run_cli("status", directory=tmp_path).out

        well = {"ok": True, "reasons": [], "model_out_of_use": None, "comments_open": 0, "failed": 0, "failures": []}
        assert (health, json.loads(told)) == (200, well)
        assert metrics["triage_investigation_seconds_count", ""] == 3
        assert sum(value for (name, _), value in metrics.items() if name == "triage_verdicts_total") == 3
        assert metrics["triage_alerts_stored", "done"] == 3
        assert metrics["triage_queue_depth", ""] == metrics["triage_oldest_queued_seconds", ""] == 0
        assert (metrics["triage_poller", ""], metrics["triage_store_up", ""]) == (1, 1)
        assert metrics["triage_poll_failures_total", ""] == 0
        assert abs(metrics["triage_last_poll_timestamp_seconds", ""] - time.time()) < 3_600
        assert metrics["triage_workers", ""] == 4
        assert get(f"{url}/nothing")[0] == 404
        assert status["states"] == {"done": 3}
        assert status["last_hour"]["done"] == 3
        assert status["poll"]["error"] == ""
        assert str(process.pid) in status["poller"]
        assert "3 investigated" in page

        panther.fail("Alerts", Fault(status=503), times=1_000)
        until(lambda: get(f"{url}/healthz")[0] == 503)
        (reason,) = json.loads(get(f"{url}/healthz")[1])["reasons"]
        assert re.match(r"polling fails \(\d+ in a row\): .*trouble.*; the last complete poll was at ", reason)
        panther._faults.clear()
        until(lambda: get(f"{url}/healthz")[0] == 200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert "Traceback" not in process.stderr.read()


@pytest.mark.slow
def test_a_model_out_of_use_shows_everywhere(panther: SandboxServer, tmp_path: Path) -> None:
    """The endpoint refuses the key: the detail of health, a metric and `triage status`, from another process, say that
    the model is out of use, why and until when. The process is well, so that nothing restarts it.

    Takes about 6 seconds: the program is started.
    """
    refused = refuses("Incorrect API key provided", 401)
    with scripted_model(lambda _asked: refused) as llm:
        config = tmp_path / "config.yaml"
        config.write_text(
            config.read_text("utf-8") + f'llm: {{base_url: "{llm.url}", model: m, api_key: sk-test-0123456789}}\n',
            "utf-8",
        )
        with running(tmp_path, "--listen", "0") as process:
            assert process.stderr is not None
            url = ""
            while not url:
                found = re.search(r"metrics: (http://127\.0\.0\.1:\d+)/metrics", process.stderr.readline())
                url = found[1] if found else ""
            until(lambda: samples(get(f"{url}/metrics")[1])["triage_model_out_of_use", ""] == 1)
            health, told = get(f"{url}/healthz")
            status = run_cli("status", "--json", directory=tmp_path).json
            page = run_cli("status", directory=tmp_path).out
    pause = json.loads(told)["model_out_of_use"]
    assert (health, json.loads(told)["ok"]) == (200, True)
    assert "llm.api_key" in pause["reason"]
    assert status["model_out_of_use"] == pause
    assert status["states"] == {"queued": 3}
    assert re.search(r"model +out of use for \d .* after 3 failures in a row: .*llm\.api_key", page), page


@pytest.mark.slow
def test_what_is_in_flight_is_released_at_the_end(panther: SandboxServer, tmp_path: Path) -> None:
    """A second signal ends the process without waiting; the alerts are queued again, and it says so in one breath.

    Takes about 8 seconds: the program is started, and asked about its work.
    """
    panther.fail("AlertEvents", Fault(status=429, headers=(("Retry-After", "25"),)), times=1_000)
    with running(tmp_path) as process:
        until(lambda: sum(name == "AlertEvents" for _, _, name in panther.requests) >= 3)
        flying = run_cli("status", "--json", directory=tmp_path).json
        assert {each["alert_id"] for each in flying["in_flight"]} == set(SELECTED)
        assert all(str(process.pid) in each["worker"] and each["since"] for each in flying["in_flight"])
        assert "In flight: 3" in run_cli("status", directory=tmp_path).out
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert run_cli("status", "--json", directory=tmp_path).json["states"] == {"queued": 3}


@pytest.mark.slow
def test_a_database_that_is_restarted(panther: SandboxServer, tmp_path: Path) -> None:
    """PostgreSQL goes away under the running program and comes back: it waits, says so, and finishes the work.

    Takes about 15 seconds: a server of its own is made, stopped and started.
    """
    server = postgres.Server()
    server.start()
    try:
        config = CONFIG.format(url=panther.url, store=server.url)
        (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
        panther.fail("AlertEvents", Fault(status=429, headers=(("Retry-After", "1"),)), times=3)
        with running(tmp_path, "--write", "--listen", "0") as process:
            assert process.stderr is not None
            url = ""
            while not url:
                found = re.search(r"metrics: (http://\S+)/metrics", process.stderr.readline())
                url = found[1] if found else ""
            until(lambda: sum(name == "AlertEvents" for _, _, name in panther.requests) >= 3)
            server.stop()
            until(lambda: get(f"{url}/healthz")[0] == 503)
            assert samples(get(f"{url}/metrics")[1])["triage_store_up", ""] == 0
            time.sleep(1.5)  # past the moment when the work goes on
            assert process.poll() is None
            server.start()
            until(lambda: commented(panther) == 3, 120)
            until(lambda: get(f"{url}/healthz")[0] == 200)
            polls = sum(name == "Alerts" for _, _, name in panther.requests)
            until(lambda: sum(name == "Alerts" for _, _, name in panther.requests) > polls)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        rows = run_cli("list", "--json", directory=tmp_path).json
        assert [row["state"] for row in rows] == ["done"] * 3
        assert ours(panther) == [1, 1, 1]
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--listen", "somewhere"), "is not PORT or HOST:PORT"),
        (("--listen", "70000"), "is not PORT or HOST:PORT"),
        (("--listen", "203.0.113.1:0"), "cannot listen on 203.0.113.1"),
        (("--listen", "no.such.host.invalid:1"), "there is no address no.such.host.invalid"),
        (("--listen", "9464", "--once"), "leave out --once"),
        (("--web",), "--web needs an address: add --listen 9465"),
        (("--listen", "0.0.0.0:0", "--web"), "the pages would be open to everyone who reaches 0.0.0.0"),
        (("--no-poll", "--workers", "0"), "nothing to do"),
    ],
)
def test_what_run_cannot_do_is_said_in_one_line(
    panther: SandboxServer, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """With status 2, before anything is opened."""
    ran = run_cli("run", *arguments, directory=tmp_path)

    assert ran.status == 2
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1
    assert len(panther.requests) == 0


def test_a_port_that_is_taken(panther: SandboxServer, tmp_path: Path) -> None:
    """The line names it."""
    ran = run_cli("run", "--listen", str(panther.port), directory=tmp_path)

    assert ran.status == 2
    assert f"port {panther.port}" in ran.err
