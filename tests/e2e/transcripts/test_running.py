"""A service in trouble, as its operator sees it: real processes, their words kept in `tests/golden/terminal`.

`TRIAGE_GOLDEN=1` writes the files anew. Each process takes a second or two to start.
"""

import json
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.cli.test_cli_queue import busy, prepare
from tests.support.background import scripted_model
from tests.support.llm import cite_first_event
from tests.support.terminal import COMMAND, SECONDS, check_golden, environment, run
from tests.support.tiny_world import write_world
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

pytestmark = pytest.mark.slow

CONFIG = """\
panther: {{url: "{url}", token: "${{PANTHER_API_TOKEN}}"}}
ingest: {{lookback: 4h, poll_interval: 1s, token_grace: {grace}}}
writeback: {{audit: ""}}
"""
ALIKE = {
    r"127\.0\.0\.1:\d+": "127.0.0.1:PORT",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ": "TIME",
    r"\d{4}-\d\d-\d\d \d\d:\d\d UTC": "MINUTE",
    r"until \d\d:\d\d:\d\d UTC": "until THEN",
    r"in \d+\.\d s": "in N s",
    r"\(failures \d+\)": "(failures N)",
    r"\(\d+ in a row\)": "(N in a row)",
}
TOKEN = {"PANTHER_API_TOKEN": "good"}


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    world = tmp_path / "world"
    world.mkdir()
    options = SandboxOptions(tokens=(ApiToken("good"),), query_latency=0.0)
    with SandboxServer(load_world(write_world(world)), options) as server:
        configure(tmp_path, server.url)
        yield server


def configure(directory: Path, url: str, *, grace: str = "5m", more: str = "") -> None:
    (directory / "config.yaml").write_text(CONFIG.format(url=url, grace=grace) + more, encoding="utf-8")


class Service:
    """`triage run`, its stderr in a file that can be read while it runs."""

    def __init__(self, directory: Path, *arguments: str, more: Mapping[str, str] | None = None) -> None:
        self._path = directory / "stderr.txt"
        with self._path.open("wb") as file:
            self.process = subprocess.Popen(
                [*COMMAND, "run", *arguments], cwd=directory, env=environment(TOKEN | dict(more or {})), stderr=file
            )

    @property
    def text(self) -> str:
        """What it has written so far."""
        return self._path.read_text(encoding="utf-8")

    def says(self, pattern: str) -> "re.Match[str]":
        """Wait for a line."""
        until(lambda: re.search(pattern, self.text) is not None, lambda: self.text)
        found = re.search(pattern, self.text)
        assert found is not None
        return found

    def health(self) -> tuple[int, list[str]]:
        """What /healthz answers."""
        url = self.says(r"http://127\.0\.0\.1:\d+/metrics")[0].replace("metrics", "healthz")
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.status, json.loads(answer.read())["reasons"]
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["reasons"]

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=SECONDS)


@contextmanager
def service(directory: Path, *arguments: str, more: Mapping[str, str] | None = None) -> Iterator[Service]:
    started = Service(directory, *arguments, more=more)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def until(condition: Callable[[], bool], why: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


def test_an_outage_of_panther(panther: SandboxServer, tmp_path: Path) -> None:
    """One timed line at once, not one for each poll; /healthz says why; a line when polling works again."""
    with service(tmp_path, "--listen", "0") as running:
        until(lambda: running.text.count("->") == 3, lambda: running.text)
        until(lambda: running.health()[0] == 200)
        panther.fail("Alerts", Fault(status=503), times=1_000)
        running.says("poll failed")
        until(lambda: "(3 in a row)" in str(running.health()[1]), running.health)
        status, reasons = running.health()
        panther._faults.clear()
        running.says("polling works again")
        until(lambda: running.health() == (200, []), running.health)
        assert running.stop() == 0
        lines = running.text.splitlines()
    assert status == 503
    assert sum("poll failed" in line for line in lines) == 1
    # Whichever alert is first.
    lines[2:5] = sorted(lines[2:5], key=lambda line: line.partition("Z ")[2])
    check_golden("run-outage", "\n".join([*lines, "healthz:", *reasons, ""]), ALIKE)


def test_a_panther_that_is_not_there(tmp_path: Path) -> None:
    """The service waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    configure(tmp_path, f"http://127.0.0.1:{port}/public/graphql")
    with service(tmp_path, "--listen", "0") as running:
        running.says("poll failed")
        until(lambda: running.health()[0] == 503, running.health)
        assert running.stop() == 0
        check_golden("run-unreachable", running.text, ALIKE)


def test_a_token_that_is_refused(panther: SandboxServer, tmp_path: Path) -> None:
    """It is said at once and tried for the grace; then the service ends with status 2, its queue as it was."""
    configure(tmp_path, panther.url, grace="3s")
    with service(tmp_path, more={"PANTHER_API_TOKEN": "wrong"}) as running:
        assert running.process.wait(timeout=SECONDS) == 2
        check_golden("run-refused", running.text, ALIKE)


def test_a_model_that_is_not_there(panther: SandboxServer, tmp_path: Path) -> None:
    """One line names the endpoint; the alerts wait."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    configure(
        tmp_path,
        panther.url,
        more=f"llm: {{base_url: 'http://127.0.0.1:{port}/v1', max_failures: 1}}\ninvestigation: {{concurrency: 1}}\n",
    )
    with service(tmp_path) as running:
        running.says("model out of use")
        assert running.stop() == 1
        check_golden("run-model", running.text, ALIKE)
    assert json.loads(run("status", "--json", directory=tmp_path).text)["states"] == {"queued": 3}


def test_lines_as_json(panther: SandboxServer, tmp_path: Path) -> None:
    """Every line is an object with time, level and event; those about an alert have its id. Errors as well."""
    with scripted_model(cite_first_event()) as model:
        configure(tmp_path, panther.url, more=f"llm: {{base_url: '{model.url}', model: scripted-1}}\n")
        with service(tmp_path, "--log-format", "json", "-v", "--listen", "0") as running:
            until(lambda: running.text.count('"alert ended"') == 3, lambda: running.text)
            panther.fail("Alerts", Fault(status=503), times=1_000)
            running.says("poll failed")
            panther._faults.clear()
            running.says("polling works again")
            assert running.stop() == 0
            lines = [json.loads(line) for line in running.text.splitlines()]
    assert all({"time", "level", "event"} <= line.keys() for line in lines)
    ended = [line for line in lines if line["event"] == "alert ended"]
    assert {line["verdict"] for line in ended} <= {"suspicious", "inconclusive", "malicious", "benign"}
    assert all(line["alert_id"] and line["title"] and line["severity"] for line in ended)
    assert [line["level"] for line in lines if line["event"] == "poll failed"] == ["warning"]
    assert {"started", "listening", "enriched", "done", "ended", "poll"} <= {line["event"] for line in lines}

    configure(tmp_path, panther.url, grace="0s")
    with service(tmp_path, "--log-format", "json", "-q", more={"PANTHER_API_TOKEN": "wrong"}) as refused:
        assert refused.process.wait(timeout=SECONDS) == 2
        (line,) = [json.loads(line) for line in refused.text.splitlines()]
    assert (line["level"], line["event"]) == ("error", "ended with an error")
    assert "token" in line["error"]


def test_a_quiet_service(panther: SandboxServer, tmp_path: Path) -> None:
    """With `-q` nothing is said while all is well."""
    with service(tmp_path, "-q", "--once") as running:
        assert running.process.wait(timeout=SECONDS) == 0
        assert running.text == ""


STATE_ONLY = (
    "list",
    "list --json",
    "show done",
    "status",
    "report --now 2031-05-06T12:30:00Z",
    "cases",
    "export",
    "mark done benign",
    "mark done unmark",
    "queue retry broken",
    "queue prune --older-than 4000d",
    "writeback pause",
    "writeback resume",
)


def test_commands_on_the_state_need_no_token_and_no_panther(tmp_path: Path) -> None:
    """The variable with the token is not set and nothing listens: they read and write the state; what asks Panther says
    which variable is missing."""
    prepare(tmp_path, busy)
    told = []
    configured = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    (tmp_path / "config.yaml").write_text(configured.replace("token: t", "token: '${PANTHER_API_TOKEN}'"), "utf-8")
    for line in STATE_ONLY:
        ended = run(*line.split(), directory=tmp_path)
        assert ended.status == 0, (line, ended.text)
        told.append(ended.text)
    # The same with a token: it changes no output.
    (tmp_path / "other").mkdir()
    prepare(tmp_path / "other", busy)
    assert [run(*line.split(), directory=tmp_path / "other").text for line in STATE_ONLY] == told
    for line in ("check", "queue select", "investigate done", "run --once"):
        ended = run(*line.split(), directory=tmp_path)
        assert ended.status == 2
        assert "reads the environment variable PANTHER_API_TOKEN, which is not set" in ended.text
