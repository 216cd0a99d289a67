"""The real command: what it costs to start, a pipe whose reader has gone, and `triage sandbox serve`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.support.cli import write_config
from tests.support.shared import ROOT
from tests.support.tiny_world import write_world

HEAVY = ["openai", "duckdb", "sqlglot", "gql", "httpx", "sqlalchemy", "pydantic", "jinja2"]


@pytest.mark.parametrize(
    ("commands", "unwanted"),
    [
        ([""], HEAVY),
        (["list", "show", "report", "status", "export alerts", "queue retry", "mark"], HEAVY[:5]),
    ],
    ids=["overview", "store-only"],
)
def test_help_imports_nothing_heavy(commands: list[str], unwanted: list[str]) -> None:
    """`triage --help` needs click alone; commands that read only the store need no client, no lake and no parser."""
    code = (
        "import sys, json\n"
        "from triage.cli import main\n"
        f"for command in {commands}:\n"
        "    sys.argv = ['triage', *command.split(), '--help']\n"
        "    try: main()\n"
        "    except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(ran.stderr.splitlines()[-1]))
    assert not loaded & set(unwanted)
    assert ran.stdout.count("Usage:") == len(commands)


NO_UNIX = """\
import asyncio, os, sys
# The standard library's own modules of this system need these before they are taken away.
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "pread", "getuid", "killpg", "fork"):
    delattr(os, name)
from triage.cli import main
main()
"""


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("--help", 0, "Usage: triage "),
        ("--version", 0, "triage "),
        ("queue --help", 0, "Usage: triage queue "),
        ("run --once", 2, "Error: this needs Linux or macOS: "),
        ("writeback audit", 2, "Error: this needs Linux or macOS: "),
        ("list", 2, "Error: this needs Linux or macOS: "),
        ("init", 2, "Error: this needs Linux or macOS: "),
    ],
)
def test_a_system_that_is_no_unix(command: str, status: int, said: str, tmp_path: Path) -> None:
    """Without Unix' modules and names, as on Windows, the overview works, and a command says in one line what it needs."""
    ran = subprocess.run(
        [sys.executable, "-c", NO_UNIX, *command.split()], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == status, ran.stdout
    assert ran.stdout.startswith(said)
    assert status == 0 or ran.stdout.count("\n") == 1


def test_the_first_line_of_a_check_needs_no_stage() -> None:
    """What only the later lines need is imported after the first is printed: the parser, the store, the templates."""
    code = "import sys, json, triage.cli.check; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(json.loads(ran.stdout)) & {"triage.app", "sqlglot", "sqlalchemy", "jinja2", "openai"}


def test_a_reader_that_has_gone_ends_it_quietly(tmp_path: Path) -> None:
    """`triage export alerts | head`: no traceback; what was not read is unfinished."""
    write_config(tmp_path, "http://127.0.0.1:9/public/graphql")
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as pipe:
        ran = subprocess.run(
            [sys.executable, "-m", "triage", "export", "alerts", "--format", "csv", "--config", str(tmp_path / "config.yaml")],
            cwd=ROOT, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (1, "")


def test_the_sandbox_command_serves(tmp_path: Path) -> None:
    """It says where it listens, takes any token unless one is named, serves the API of either generation, and ends on an interrupt. Takes about 5 seconds."""
    command = [sys.executable, "-m", "triage", "sandbox", "serve", "--world", str(write_world(tmp_path))]
    running = [
        subprocess.Popen([*command, *more], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for more in ((), ("--token", "mine"), ("--api", "2025"))
    ]
    try:
        urls = [listening(process) for process in running]
        (any_token, other_token), (refused, named_token), _ = [
            [status_with(url, token) for token in ("whatever", "mine")] for url in urls
        ]
        # A type of alarm that doesn't exist: the path is what the older API lacks.
        newest, _, older = [
            httpx.get(f"{url.removesuffix('/public/graphql')}/log-source-alarms/x/NONE", headers={"x-api-key": "mine"})
            for url in urls
        ]
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.communicate(timeout=20)
    assert (any_token, other_token, named_token) == (200, 200, 200)
    assert refused != 200
    assert (newest.status_code, older.status_code) == (400, 404)


def listening(process: subprocess.Popen[str]) -> str:
    """Where `triage sandbox serve` says that it listens; the other two lines that it prints are read as well."""
    assert process.stdout is not None
    url, _, _ = [process.stdout.readline() for _ in range(3)]
    return url.split()[-1]


def status_with(url: str, token: str) -> int:
    """The HTTP status of a request with a token, once the server answers."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpx.post(url, json={"query": "{ users { id } }"}, headers={"x-api-key": token}).status_code
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
