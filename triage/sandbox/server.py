"""The embedded Panther as an HTTP server: in the background of a test or a demo, or in the foreground."""

import asyncio
import json
import socket
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from triage.errors import ConfigError
from triage.sandbox import graphql_api, rest_api
from triage.sandbox.alerts import AlertComments, Alerts
from triage.sandbox.backend import ApiCall, ApiToken, ApiTokens, Backend
from triage.sandbox.errors import RequestError
from triage.sandbox.lake import DuckLake
from triage.sandbox.queries import KEPT, Queries
from triage.sandbox.rest_requests import Handler
from triage.sandbox.world import Record, World

__all__ = ["ApiToken", "Fault", "SandboxOptions", "SandboxServer"]

_REMEMBERED = 10_000
_START_SECONDS = 10.0
_REST_BASES = ("", "/public/v1")

Work = Callable[[ApiCall], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How the embedded Panther is served."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    tokens: tuple[ApiToken, ...] = (ApiToken("sandbox-token"),)
    any_token: bool = False
    """Any other non-empty token may do everything too."""
    api_latency: float = 0.0
    """Seconds before each answer."""
    query_latency: float = 0.0
    """Seconds that each data-lake query takes at least."""
    remember: bool = False
    """Answer a statement that was asked before from memory: for measuring the program, not the embedded lake."""
    kept_queries: int = KEPT
    """Data-lake queries that are remembered, those that run besides."""
    max_page: int = 50
    """Most alerts, events, comments or sources on a page."""
    generation: Literal["2025", "2026"] = "2026"
    """Which definition of the REST API is served; both exist in the field."""
    lacking: frozenset[str] = frozenset()
    """What the GraphQL schema does not have, such as `Alert.runbook`: see `smaller`."""
    introspection: bool = True
    """Whether the GraphQL schema may be read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that takes the place of the real one."""

    status: int = 500
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    after_work: bool = False
    """Do the work first and answer this instead: a write that succeeded, its answer lost."""


class SandboxServer:
    """Serves one world. A context manager: it listens on entry, in its own thread, and stops on exit.

    The world's alerts and comments change as requests ask; nothing is written to disk.
    """

    def __init__(self, world: World, options: SandboxOptions = SandboxOptions()) -> None:
        """Load the lake.

        Raises:
            ConfigError: A file of the world cannot be read, or the port is taken.
        """
        self.world = world
        self.options = options
        self.requests: deque[tuple[str, str, str]] = deque(maxlen=_REMEMBERED)
        """Method, path and GraphQL operation (else empty) of each request that came, the last ones."""
        self._faults: deque[tuple[str, Fault]] = deque()
        self._lake = DuckLake(world, remember=options.remember)
        self._backend: Backend | None = None
        self._tokens = ApiTokens(())
        self._socket = _listen(options.host, options.port)
        self.port: int = self._socket.getsockname()[1]
        self._comments = AlertComments(world)
        config = uvicorn.Config(
            self._app(),
            lifespan="off",
            log_level="warning",
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    @property
    def rest_url(self) -> str:
        """The base of the REST API; `/public/v1` below it is the same API again."""
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return f"http://{host}:{self.port}"

    @property
    def url(self) -> str:
        """The GraphQL URL."""
        return f"{self.rest_url}/public/graphql"

    def comments(self, alert_id: str) -> list[Record]:
        """The comments of an alert now, oldest first, in REST's shape."""
        return self._comments.of(alert_id)

    def say(self, alert_id: str, body: str, user_id: str, *, is_html: bool = False) -> str:
        """Comment on an alert as a user in the console; returns the comment's id."""
        return str(self._comments.say(alert_id, body, user_id, "HTML" if is_html else "PLAIN_TEXT")["id"])

    def edit(self, comment_id: str, body: str, user_id: str) -> None:
        """Edit a comment as a user in the console."""
        self._comments.edit(comment_id, body, user_id)

    def deliver(self, database: str, table: str, *events: Record) -> None:
        """Add events to a table of the lake, of the columns that it has; a rule match is an event of its alert too."""
        self._lake.tables.append((database, table), events)

    def fail(self, operation: str, fault: Fault, *, times: int = 1) -> None:
        """Answer the next requests of an operation with a fault.

        Args:
            operation: A GraphQL operation's name, or a REST method and path such as `GET /rules/AWS.Root.Activity`;
                empty for any request.
            fault: What to answer.
            times: How often.
        """
        self._faults.extend([(operation, fault)] * times)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread = threading.Thread(target=self.run, name="sandbox", daemon=True)
        self._thread.start()
        ready = threading.Event()
        for _ in range(int(_START_SECONDS / 0.005)):
            if self._server.started or not self._thread.is_alive():
                break
            ready.wait(0.005)
        if not self._server.started:
            raise ConfigError(f"the sandbox did not start on {self.rest_url}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and free the lake."""
        self._server.should_exit = True
        if self._thread:
            self._thread.join()

    def run(self) -> None:
        """Serve until `__exit__`, or, in the main thread, until SIGINT (then return) or SIGTERM (then die of it)."""
        with suppress(KeyboardInterrupt):
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        queries = Queries(self._lake, self.world, latency=self.options.query_latency, kept=self.options.kept_queries)
        self._backend = Backend(
            world=self.world,
            lake=self._lake,
            alerts=Alerts(self.world, self._lake.tables.alert_events),
            comments=self._comments,
            queries=queries,
            max_page=self.options.max_page,
        )
        self._tokens = ApiTokens(self.options.tokens, any_token=self.options.any_token)
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            queries.close()
            self._lake.close()
            self._socket.close()

    # ---- HTTP ----------------------------------------------------------------------------------------------------

    def _app(self) -> Starlette:
        routes = [Route("/public/graphql", self._graphql, methods=["POST"])]
        later = rest_api.LATER_ROUTES if self.options.generation != "2025" else ()
        rest_routes = (*later, *rest_api.ROUTES)
        for base in _REST_BASES:
            for method, path, handler in rest_routes:
                routes.append(Route(base + path, self._rest(handler), methods=[method]))
        handlers = {404: self._not_found, 405: self._not_found, ClientDisconnect: self._gone}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def _gone(self, _request: Request, _error: Exception) -> Response:
        """Whoever asked has given up; nobody reads this."""
        return Response(status_code=400)

    async def _not_found(self, request: Request, error: Exception) -> Response:
        self.requests.append((request.method, request.url.path, ""))
        return JSONResponse({"message": "Not Found"}, status_code=getattr(error, "status_code", 404))

    async def _graphql(self, request: Request) -> Response:
        raw = await request.body()
        try:
            payload = json.loads(raw)
        except ValueError:
            payload = None
        operation = graphql_api.operation_name(payload) if isinstance(payload, dict) else ""

        async def work(call: ApiCall) -> Response:
            if not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
                error = {"errorType": "MalformedHttpRequestException", "message": "Unable to parse GraphQL query."}
                return JSONResponse({"errors": [error]}, status_code=400)
            options = graphql_api.GraphQLOptions(self.options.lacking, self.options.introspection)
            return JSONResponse(await graphql_api.answer(payload, call, options))

        return await self._answer(request, operation, work)

    def _rest(self, handler: Handler) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            async def work(call: ApiCall) -> Response:
                return await handler(request, call)

            return await self._answer(request, "", work)

        return endpoint

    async def _answer(self, request: Request, operation: str, work: Work) -> Response:
        path = request.url.path
        self.requests.append((request.method, path, operation))
        if self.options.api_latency:
            await asyncio.sleep(self.options.api_latency)
        fault = self._fault(operation or f"{request.method} {path.removeprefix('/public/v1')}")
        if fault and not fault.after_work:
            return _faulty(fault)
        assert self._backend is not None
        try:
            token = self._tokens.authenticate(request.headers)
            answer = await work(ApiCall(self._backend, token))
        except RequestError as error:
            answer = JSONResponse({"message": str(error)}, status_code=error.status)
        return _faulty(fault) if fault else answer

    def _fault(self, operation: str) -> Fault | None:
        for index, (wanted, fault) in enumerate(self._faults):
            if wanted in ("", operation):
                del self._faults[index]
                return fault
        return None


def _faulty(fault: Fault) -> Response:
    return Response(fault.body, status_code=fault.status, headers=dict(fault.headers))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named outright, for asyncio sets TCP_NODELAY on connections of this protocol only; without it each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"the sandbox cannot listen on {host} port {port}: {error.strerror}") from error
    return listener
