"""The server: which tools there are, and who may reach them over HTTP."""

import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import socket

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import triage
from triage.mcp.answer import NOTICE
from triage.mcp.tools import StoredResults
from triage.web.server import listening, url_of

PATH = "/mcp"
MAX_REQUEST = 64 * 1024
"""Bytes of a request; the longest argument has some hundred characters."""
INSTRUCTIONS = (
    "Results of alert triage for the Panther SIEM, as stored: alerts, verdicts, the evidence behind them, and cases. "
    f"Begin with list_alerts. {NOTICE}"
)
_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_MARKS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


def mcp_server(results: StoredResults, *, allow_marks: bool = False) -> MCPServer[object]:
    """The server with its tools.

    Args:
        results: What the tools read.
        allow_marks: Whether there is a tool that records marks.
    """
    # The SDK would put a handler of its own on the root logger; what is shown is for the command to decide.
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    server: MCPServer[object] = MCPServer(
        "triage", title="Alert triage", instructions=INSTRUCTIONS, version=triage.__version__, log_level="WARNING"
    )
    for tool in (
        results.list_alerts,
        results.get_investigation,
        results.get_evidence,
        results.explain_verdict,
        results.search_cases,
    ):
        # Text only: see `answer`.
        server.add_tool(tool, annotations=_READS, structured_output=False)
    if allow_marks:
        server.add_tool(results.mark, annotations=_MARKS, structured_output=False)
    return server


@asynccontextmanager
async def served_over_http(server: MCPServer[object], listener: socket, token: str) -> AsyncIterator[str]:
    """Serve on a loopback address until the block ends; gives the URL.

    Args:
        server: The server.
        listener: Bound to loopback.
        token: What a client sends as `Authorization: Bearer`.
    """
    port = listener.getsockname()[1]
    ours = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        # Nothing is kept between requests, so that nobody can fill it up.
        stateless_http=True,
        max_request_body_size=MAX_REQUEST,
        # Against DNS rebinding: a page of another name that was made to point here is refused.
        transport_security=TransportSecuritySettings(
            allowed_hosts=ours, allowed_origins=[f"http://{each}" for each in ours]
        ),
    )
    async with server.session_manager.run(), listening(listener, BearerOnly(app, token)):
        yield f"{url_of(listener)}{PATH}"


class BearerOnly:
    """Answers 401 to whoever does not bring the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        given = Request(scope).headers.getlist("authorization")
        scheme, _, value = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() == "bearer" and hmac.compare_digest(value.strip().encode(errors="replace"), self._token):
            await self._app(scope, receive, send)
            return
        text = "401: send the token as Authorization: Bearer\n"
        refusal = PlainTextResponse(text, status_code=401, headers={"WWW-Authenticate": "Bearer"})
        await refusal(scope, receive, send)
