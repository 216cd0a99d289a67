"""Connecting one's own Panther, as it looks in a terminal: real processes, their words kept in `tests/golden/terminal`.

`TRIAGE_GOLDEN=1` writes the files anew. Each process takes a second or two to start.
"""

import asyncio
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.background import scripted_model
from tests.support.llm import cite_first_event
from tests.support.loopback import FakePanther, Loopback, respond
from tests.support.terminal import COMMAND, check_golden, environment, run
from tests.support.tiny_world import ALERTS, COMMENTS, LOGS, MATCHES, NOW, RULES, SOURCES, USERS, alert, write_files
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

pytestmark = pytest.mark.slow

READING = frozenset({"AlertRead", "RuleRead", "DataAnalyticsRead", "LogSourceRead", "UserRead"})
TOKENS = (
    ApiToken("good", READING | {"AlertModify"}),
    ApiToken("blind", READING - {"DataAnalyticsRead", "LogSourceRead"}),
)
ODD = [
    *ALERTS,
    alert(5, severity="SEVERE"),
    alert(6, status="SNOOZED"),
    alert(7, type="ANOMALY"),
    alert(8, detectionType="NEURAL"),
    alert(9, title=None),
]
"""The alerts of a later Panther, the last one broken."""
ALIKE = {
    r"127\.0\.0\.1:\d+": "127.0.0.1:PORT",
    r"digest [0-9a-f]{12}": "digest DIGEST",
    r"\d+ questions": "N questions",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "TIME",
}
"""What differs between runs, and with each change of the prompts."""


@pytest.fixture(scope="module")
def panther(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    files = {
        "alerts": ODD,
        "rules": RULES,
        "users": USERS,
        "sources": SOURCES,
        "comments": COMMENTS,
        "lake/panther_logs/custom_door": LOGS,
        "lake/panther_rule_matches/custom_door": MATCHES,
    }
    world = write_files(tmp_path_factory.mktemp("world"), NOW, files)
    with SandboxServer(load_world(world), SandboxOptions(tokens=TOKENS)) as server:
        yield server


def write(directory: Path, url: str, token: str = "good", more: str = "") -> None:
    text = f"panther:\n  url: {url}\n  token: {token}\n{more}"
    (directory / "config.yaml").write_text(text, encoding="utf-8")


def in_order(text: str) -> str:
    """The permissions are tried at once, and come as they are known: in the golden they are sorted."""
    lines = text.splitlines(keepends=True)
    probes = [line for line in lines if re.search(r"\((GraphQL|REST)\)", line) and "untested" not in line]
    if not probes:
        return text
    at = lines.index(probes[0])
    return "".join([*lines[:at], *sorted(probes), *(line for line in lines[at:] if line not in probes)])


@pytest.mark.parametrize(
    ("name", "token", "more", "status"),
    [
        ("check-ready", "good", "", 0),
        ("check-refused", "wrong", "", 2),
        ("check-missing", "blind", "writeback:\n  enabled: true\n", 2),
        ("check-writing", "good", "writeback:\n  enabled: true\n  token: wrong\n", 2),
        (
            "check-filters",
            "good",
            "ingest:\n  statuses: [open, Invalid]\n  severities: []\n  log_types: [custom.door]\n"
            "  detections_deny: [Door.Opened]\n  detection_id_regex: ^Door.Twise$\n",
            0,
        ),
    ],
)
def test_what_check_says(name: str, token: str, more: str, status: int, panther: SandboxServer, tmp_path: Path) -> None:
    """Where it connects, what is refused or missing or untested, where alert data goes, and what to do next."""
    write(tmp_path, panther.url, token, more)
    ended = run("check", directory=tmp_path)
    assert ended.status == status
    check_golden(name, in_order(ended.text), ALIKE)


def test_check_where_nothing_listens(tmp_path: Path) -> None:
    """Host, port, address and the system's reason stand in the line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    write(tmp_path, f"http://127.0.0.1:{port}/public/graphql")
    ended = run("check", directory=tmp_path)
    assert ended.status == 2
    check_golden("check-unreachable", ended.text, ALIKE)


def test_check_names_where_alert_data_goes(panther: SandboxServer, tmp_path: Path) -> None:
    """In the file that `triage init` writes, OPENAI_BASE_URL and OPENAI_MODEL count as OPENAI_API_KEY does."""
    assert run("init", directory=tmp_path).status == 0
    path = tmp_path / "config.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"  url: https://api.example.*", f"  url: {panther.url}", text), encoding="utf-8")
    with scripted_model(cite_first_event()) as model:
        url = model.url
        more = {"PANTHER_API_TOKEN": "good", "OPENAI_BASE_URL": url, "OPENAI_MODEL": "scripted-1"}
        ended = run("check", directory=tmp_path, more=more)
    assert ended.status == 0, ended.text
    assert model.probed
    goes, asked = [line for line in ended.text.splitlines() if re.search(r"  (alert data|model) ", line)]
    assert re.search(rf"alert data +goes to {url}, secrets redacted, names not", goes)
    assert "scripted-1: " in asked


WRONG = (
    ("a console on another host", "panther:\n  url: https://panther.corp.example/alerts\n  token: t\n"),
    ("plain http", "panther:\n  url: http://acme.runpanther.net\n  token: t\n"),
    ("no address", "panther:\n  url: 'my panther'\n  token: t\n"),
    ("no token", "panther:\n  url: acme.runpanther.net\n  token: ''\n"),
    ("a number for a token", "panther:\n  url: acme.runpanther.net\n  token: 12345\n"),
    ("a key", "panther:\n  url: acme.runpanther.net\n  tokn: t\n"),
    ("a status", "panther: {url: acme.runpanther.net, token: t}\ningest:\n  statuses: [invald]\n"),
    ("one name for a list", "panther: {url: acme.runpanther.net, token: t}\ningest:\n  log_types: AWS.CloudTrail\n"),
    ("no pause", "panther: {url: acme.runpanther.net, token: t}\ningest:\n  poll_interval: 0s\n"),
    ("a pause without a unit", "panther: {url: acme.runpanther.net, token: t}\ningest:\n  poll_interval: 60\n"),
    ("a word for a number", "panther: {url: acme.runpanther.net, token: t}\nllm:\n  max_output_tokens: lots\n"),
)


def test_what_a_wrong_configuration_says(tmp_path: Path) -> None:
    """One line in the file's own terms: the key, its line, and what to write; never the library's words. 15 seconds."""
    told = []
    for name, text in WRONG:
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        ended = run("check", directory=tmp_path)
        assert ended.status == 2
        told.append(f"# {name}\n{ended.text}")
    check_golden("configuration", "".join(told), ALIKE)


def test_select_reads_what_a_later_panther_adds(panther: SandboxServer, tmp_path: Path) -> None:
    """Unknown severities, statuses and types, and an alert that Panther itself can't give, hide no other alert."""
    write(tmp_path, panther.url)
    ended = run("queue", "select", "--explain", "--since", "7d", directory=tmp_path)
    assert ended.status == 0
    check_golden("select-unknown", ended.text, ALIKE)
    write(tmp_path, panther.url, more="ingest:\n  log_types: [Custom.Dor]\n  detections_allow: [Door.Opne]\n")
    ended = run("queue", "select", directory=tmp_path)
    assert ended.status == 0
    check_golden("select-filters", ended.text, ALIKE)


@pytest.mark.anyio
async def test_each_line_is_printed_as_soon_as_it_is_known(tmp_path: Path) -> None:
    """The lake answers only once the lines of the other permissions are there to be read."""
    others_read = asyncio.Event()

    async def held(writer: asyncio.StreamWriter) -> None:
        await others_read.wait()
        await respond({"data": {"executeDataLakeQuery": {"id": "q"}}})(writer)

    page: dict[str, Any] = {"edges": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    results = {"columnInfo": {"order": ["one"]}, "edges": [], "pageInfo": page["pageInfo"], "stats": {"rowCount": 0}}
    fake = FakePanther(
        graphql={
            "Alerts": {"alerts": page},
            "Databases": {"dataLakeDatabases": []},
            "ExecuteQuery": held,
            "QueryResults": {"dataLakeQuery": {"status": "succeeded", "message": "", "results": results}},
            "Sources": {"sources": page},
            "Users": {"users": []},
        },
        rest={("GET", "/rules"): {"results": []}},
    )
    async with Loopback(fake) as server:
        write(tmp_path, f"{server.url}/public/graphql")
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "check", cwd=tmp_path, env=environment(), stdout=asyncio.subprocess.PIPE, stderr=sys.stderr
        )
        assert process.stdout is not None
        seen = ""
        async with asyncio.timeout(120):
            while not all(label in seen for label in ("View Rules", "View Log Sources", "Read User Info")):
                seen += (await process.stdout.readline()).decode()
            assert "Query Data Lake" not in seen
            others_read.set()
            rest = (await process.stdout.read()).decode()
            assert await process.wait() == 0
    assert re.search(r"^ok +Query Data Lake", rest, re.MULTILINE)
