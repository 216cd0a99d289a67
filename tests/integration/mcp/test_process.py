"""`triage mcp` as a process: over stdin and stdout, and over HTTP."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.cli import run_cli
from tests.support.investigations import malicious
from tests.support.mcp import SECRET, configure, http_process, lines_of, over_http, over_stdio, text_of
from tests.support.shared import ROOT
from tests.support.team import prepare, some_alerts
from triage.cli.mcp import TOKEN

BAD = malicious()[0].id
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    prepare(tmp_path, some_alerts)
    configure(tmp_path)
    return tmp_path


def test_a_client_talks_to_the_process_over_stdio(store: Path) -> None:
    """It needs no token of Panther's, lists the tools, and answers; marks only with the flag."""

    async def talk() -> tuple[set[str], str]:
        async with over_stdio(store) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            found = lines_of(await client.call_tool("list_alerts", {"verdict": "malicious"}))
            assert [row["alert_id"] for row in found] == [BAD]
            assert (await client.call_tool("get_investigation", {"alert": "nowhere"})).is_error
        async with over_stdio(store, "--allow-marks") as client:
            asked = {"alert": BAD, "label": "false-positive", "note": "a drill"}
            return names, text_of(await client.call_tool("mark", asked))

    names, marked = asyncio.run(talk())
    assert "mark" not in names
    assert "list_alerts" in names
    assert marked == f"Alert {BAD} is marked false-positive."


def test_stdout_has_nothing_but_the_protocol(store: Path) -> None:
    """The process ends with its input, with status 0; every line that it prints is a JSON-RPC message."""
    ended = subprocess.run(
        [sys.executable, "-m", "triage", "mcp"],
        cwd=store,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        input=json.dumps(INITIALIZE) + "\nno json\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    messages = [json.loads(line) for line in ended.stdout.splitlines()]
    assert messages[0]["result"]["serverInfo"]["name"] == "triage"
    assert all(each["jsonrpc"] == "2.0" for each in messages)
    assert "Traceback" not in ended.stderr


def test_a_client_talks_to_the_process_over_http(store: Path) -> None:
    """The same tools for who has the token; nobody else, and no page of another name or origin, gets in."""

    async def talk(url: str) -> list[str]:
        async with over_http(url) as client:
            return [row["id"] for row in lines_of(await client.call_tool("get_evidence", {"alert": BAD}))]

    bearer = {**ACCEPT, "Authorization": f"Bearer {SECRET}"}
    with http_process(store) as url, httpx.Client() as http:
        found = asyncio.run(talk(url))

        def status(**headers: str) -> int:
            return http.post(url, json=INITIALIZE, headers=headers).status_code

        statuses = {
            "right": status(**bearer),
            "no token": status(**ACCEPT),
            "wrong token": status(**{**bearer, "Authorization": f"Bearer {SECRET}x"}),
            "basic": status(**{**bearer, "Authorization": f"Basic {SECRET}"}),
            "foreign host": status(**{**bearer, "Host": "evil.example"}),
            "foreign port": status(**{**bearer, "Host": "127.0.0.1:1"}),
            "foreign origin": status(**{**bearer, "Origin": "https://evil.example"}),
            "null origin": status(**{**bearer, "Origin": "null"}),
            "too big": http.post(url, content=b" " * 100_000, headers=bearer).status_code,
            "another path": http.get(url.replace("/mcp", "/"), headers=bearer).status_code,
        }
    assert found == ["E1", "E2"]
    assert statuses == {
        "right": 200,
        "no token": 401,
        "wrong token": 401,
        "basic": 401,
        "foreign host": 421,
        "foreign port": 421,
        "foreign origin": 403,
        "null origin": 403,
        "too big": 413,
        "another path": 404,
    }


@pytest.mark.parametrize(
    ("listen", "token", "message"),
    [
        ("0.0.0.0:0", SECRET, "--http: 0.0.0.0 is not loopback"),
        ("0", "", "TRIAGE_MCP_TOKEN: write at least 20 characters"),
        ("0", "short", "TRIAGE_MCP_TOKEN: write at least 20 characters"),
        ("nonsense", SECRET, "--http: 'nonsense' is not PORT or HOST:PORT"),
    ],
)
def test_what_would_be_unsafe_is_refused_at_the_start(store: Path, listen: str, token: str, message: str) -> None:
    """One line that says what to set, and status 2."""
    ran = run_cli("mcp", "--http", listen, directory=store, environment={TOKEN: token})
    assert ran.status == 2
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1


def test_our_clients_do_not_change_with_the_sdk() -> None:
    """The SDK is imported by its command only, and brings httpx2, which Panther's client does not use."""
    code = (
        "import sys, triage.app, triage.edges.panther.http, triage.edges.http, triage.web.pages, triage.cli.run\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'mcp']\n"
        "before = sys.modules['httpx']\n"
        "import triage.cli.mcp\n"
        "assert sys.modules['httpx'] is before\n"
        "import httpx2; assert httpx2.AsyncClient is not before.AsyncClient\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
