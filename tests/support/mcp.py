"""`triage mcp` as a process, and as a client sees its results."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from tests.support.shared import ROOT
from tests.support.stores import sqlite_url
from triage.cli.mcp import TOKEN

SECRET = "a-token-for-the-tools-0123456789"
FENCED = re.compile(
    r"<<<DATA (?P<nonce>[0-9a-f]{16}) (?P<label>\S+)\n(?P<data>.*)\nDATA (?P=nonce) (?P=label)>>>", re.DOTALL
)


def configure(directory: Path) -> None:
    """A configuration that names no token of Panther's but an unset variable."""
    text = "panther: {url: 'http://127.0.0.1:1', token: '${PANTHER_API_TOKEN}'}\n"
    (directory / "config.yaml").write_text(f"{text}store: {{url: '{sqlite_url(directory)}'}}\n", encoding="utf-8")


@asynccontextmanager
async def over_stdio(directory: Path, *options: str) -> AsyncIterator[Client]:
    """A client of a process that it has started, as a desktop client does."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "triage", "mcp", *options],
        env={"PYTHONPATH": str(ROOT)},
        cwd=directory,
    )
    async with Client(parameters, read_timeout_seconds=30) as client:
        yield client


@contextmanager
def http_process(directory: Path, *options: str) -> Iterator[str]:
    """The URL of a running process; it ends on SIGTERM with status 0, and has never printed the token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "triage", "mcp", "--http", "0", *options],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), TOKEN: SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.search(r"MCP: (http://127\.0\.0\.1:\d+/mcp)", first)
        assert found is not None, first + process.stderr.read()
        yield found[1]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out) == (0, "")
    assert SECRET not in err
    assert "Traceback" not in err


@asynccontextmanager
async def over_http(url: str, token: str = SECRET) -> AsyncIterator[Client]:
    """A client with the token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


def text_of(result: Any) -> str:
    """The one text of a result, which has no form beside it."""
    assert isinstance(result, CallToolResult)
    assert result.structured_content is None
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def lines_of(result: Any) -> list[dict[str, Any]]:
    """The objects between the markers."""
    found = FENCED.search(text_of(result))
    assert found is not None, text_of(result)
    return [json.loads(line[line.index("{") :]) for line in found["data"].splitlines()]


def outside(result: Any) -> str:
    """What is not between the markers."""
    return FENCED.sub("", text_of(result))
