"""Failures as the operator sees them: one line, what to do, the right exit status."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.cli import run_cli, write_config
from tests.support.tiny_world import write_world
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world

READING = frozenset({"AlertRead", "RuleRead", "DataAnalyticsRead", "LogSourceRead", "UserRead"})
TOKEN = "sandbox-token"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def panther(world: Path) -> Iterator[SandboxServer]:
    tokens = (
        ApiToken(TOKEN, READING | {"AlertModify"}),
        ApiToken("reader", READING),
        ApiToken("blind", READING - {"DataAnalyticsRead"}),
        ApiToken("young", READING, active_after=3600),
    )
    with SandboxServer(load_world(world), SandboxOptions(tokens=tokens)) as server:
        yield server


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


@pytest.mark.parametrize("token", ["nonsense", "young"])
def test_a_token_that_is_refused(token: str, panther: SandboxServer, tmp_path: Path) -> None:
    """A wrong token and one that is not active yet look the same to Panther's clients; the line names both."""
    write_config(tmp_path, panther.url, token=token)
    for arguments in (("run", "--once"), ("investigate", "alert-1")):
        ran = run_cli(*arguments, directory=tmp_path)
        assert ran.status == 2
        line = one_line("\n".join(text for text in ran.err.splitlines() if text.startswith("triage: ")))
        assert "token" in line
        assert token not in line.replace("token", "")


def test_check_says_what_a_refused_token_needs(panther: SandboxServer, tmp_path: Path) -> None:
    """One line for the token, with the remedy, instead of one for each permission."""
    write_config(tmp_path, panther.url, token="young")
    ran = run_cli("check", directory=tmp_path)
    assert ran.status == 2
    (line,) = [text for text in ran.out.splitlines() if text.startswith("refused")]
    assert "--wait 5m" in line


def test_check_waits_for_a_new_token(world: Path, tmp_path: Path) -> None:
    """With --wait a token that becomes active meanwhile ends well."""
    tokens = (ApiToken("fresh", READING, active_after=3.5),)
    with SandboxServer(load_world(world), SandboxOptions(tokens=tokens)) as server:
        write_config(tmp_path, server.url, token="fresh")
        ran = run_cli("check", "--wait", "1m", directory=tmp_path)
    assert ran.status == 0, ran.out
    assert "not active yet" in ran.err


def test_check_passes_and_writes_nothing(panther: SandboxServer, tmp_path: Path) -> None:
    """With every permission each line is ok, and Panther is as it was."""
    write_config(tmp_path, panther.url, more="writeback:\n  enabled: true\n")
    before = {name: len(panther.comments(name)) for name in panther.world.alerts}
    ran = run_cli("check", directory=tmp_path)
    assert ran.status == 0, ran.out + ran.err
    *lines, last = ran.out.splitlines()
    assert all(line.startswith("ok") for line in lines)
    assert last.startswith("ready; next: triage queue select")
    for label in (
        "Read Alerts",
        "View Rules",
        "Query Data Lake",
        "View Log Sources",
        "Read User Info",
        "Manage Alerts",
    ):
        assert label in ran.out
    assert before == {name: len(panther.comments(name)) for name in panther.world.alerts}


def test_check_names_the_missing_permissions(panther: SandboxServer, tmp_path: Path) -> None:
    """Exactly the permissions that the reading and the writing token lack are missing, by their names in the console."""
    write_config(tmp_path, panther.url, token="blind", more="writeback:\n  enabled: true\n  token: reader\n")
    ran = run_cli("check", directory=tmp_path)
    assert ran.status == 2
    lake, writing, _ = [text for text in ran.out.splitlines() if not text.startswith("ok")]
    assert lake.startswith("missing")
    assert "Query Data Lake" in lake
    assert writing.startswith("missing")
    assert "Manage Alerts" in writing
    assert "writeback.token" in writing


def test_a_host_that_is_not_there(tmp_path: Path) -> None:
    """An unreachable Panther is unfinished work, not a wrong request."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    write_config(tmp_path, f"http://127.0.0.1:{port}/public/graphql")
    ran = run_cli("investigate", "alert-1", directory=tmp_path)
    assert ran.status == 1
    assert "connect" in one_line(ran.err).lower()


class _LoginPage(BaseHTTPRequestHandler):
    def _page(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b"<html><body>Please sign in</body></html>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _page  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def test_a_web_page_instead_of_the_api(tmp_path: Path) -> None:
    """HTML where JSON should be means that the address is not the API's; its text is not shown."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _LoginPage)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        write_config(tmp_path, f"http://127.0.0.1:{server.server_port}/public/graphql")
        ran = run_cli("run", "--once", directory=tmp_path)
    finally:
        server.shutdown()
        server.server_close()
    assert ran.status == 2
    line = one_line("\n".join(text for text in ran.err.splitlines() if text.startswith("triage: ")))
    assert "JSON" in line
    assert "sign in" not in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "panther:\n  url: https://x.example/public/graphql\n  tokn: y\n",
            "config.yaml, line 3: unknown key panther.tokn",
        ),
        ("panther: {url: https://x.example/public/graphql, token: '${NOPE_TOKEN}'}\n", "NOPE_TOKEN, which is not set"),
    ],
)
def test_a_config_typo(text: str, expected: str, tmp_path: Path) -> None:
    """The key, its line, and what is allowed."""
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    ran = run_cli("run", "--once", directory=tmp_path)
    assert ran.status == 2
    assert expected in one_line(ran.err)


def test_no_config_at_all(tmp_path: Path) -> None:
    """Without a file the line says which command writes one."""
    ran = run_cli("list", directory=tmp_path)
    assert ran.status == 2
    assert "triage init" in one_line(ran.err)


def test_an_alert_that_does_not_exist(panther: SandboxServer, tmp_path: Path) -> None:
    """An unknown alert is a wrong request."""
    write_config(tmp_path, panther.url)
    for name in ("no-such-alert", "not an id", "https://console.example/alerts/no-such-alert?x=1"):
        ran = run_cli("investigate", name, directory=tmp_path)
        assert ran.status == 2, name
        one_line(ran.err)


def test_a_store_that_is_no_database(panther: SandboxServer, tmp_path: Path) -> None:
    """A file that is something else is not overwritten, and the line names it."""
    write_config(tmp_path, panther.url)
    (tmp_path / "triage.db").write_text("not a database, but long enough to be looked at as one\n" * 50)
    ran = run_cli("list", directory=tmp_path)
    assert ran.status == 1
    assert "triage.db" in one_line(ran.err)
