"""A small HTTP server beside the workers, on their event loop."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from triage.errors import ConfigError, StoreError
from triage.ports import Clock, Store
from triage.service.status import ProcessHealth, health_problems, read_status, unsettled
from triage.web.metrics import Metrics
from triage.web.webhook import PATH, Webhook

_ADDRESS = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:.%]+\]|[^:\[\]\s]+):)?(?P<port>\d{1,5})")
_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_MAX_PORT = 65_535
_CONNECTIONS = 256
"""Open at once; beyond that a request is answered with 503."""
LOOPBACK = "127.0.0.1"


def address(text: str, *, option: str = "--listen") -> tuple[str, int]:
    """Read `PORT`, which means this host only, or `HOST:PORT`, as the value of an option. Raises ConfigError."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or int(found["port"]) > _MAX_PORT:
        raise ConfigError(f"{option}: {text[:60]!r} is not PORT or HOST:PORT, such as 9464 or 0.0.0.0:9464")
    return (found["host"] or LOOPBACK).strip("[]"), int(found["port"])


@contextmanager
def bound(host: str, port: int, *, option: str = "--listen") -> Iterator[socket.socket]:
    """Listen on an address. Raises ConfigError if that is impossible."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"{option}: there is no address {host} here ({error.strerror})") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(place)
        except OSError as error:
            raise ConfigError(f"{option}: cannot listen on {host} port {port}: {error.strerror}") from error
        yield listener


def url_of(listener: socket.socket) -> str:
    """The URL of a listener, for a person."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ipaddress.ip_address(host.partition('%')[0]).version == 6 else host}:{port}"  # noqa: PLR2004 - IPv6


class _Server(uvicorn.Server):
    """Leaves signal handling to the program."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    listener: socket.socket,
    store: Store,
    health: ProcessHealth,
    metrics: Metrics,
    clock: Clock,
    *,
    webhook: Webhook | None = None,
    pages: ASGIApp | None = None,
) -> AsyncIterator[None]:
    """Answer `/metrics` and `/healthz` until the block ends, and what is given of `webhook` and, for all the rest,
    `pages`."""

    async def serve_metrics(_request: Request) -> Response:
        try:
            status = await read_status(store, now=clock.now(), total=False)
        except StoreError:
            status = None
        return Response(metrics.text(status, health), headers={"Content-Type": _TEXT_FORMAT})

    async def serve_health(_request: Request) -> Response:
        wrong = await health_problems(store.values, health, now=clock.now(), monotonic=clock.monotonic())
        answer: dict[str, object] = {"ok": not wrong, "reasons": list(wrong)}
        with suppress(StoreError):
            answer |= await unsettled(store, now=clock.now())
        return JSONResponse(answer, status_code=503 if wrong else 200)

    routes: list[BaseRoute] = [
        Route("/metrics", serve_metrics, methods=["GET"]),
        Route("/healthz", serve_health, methods=["GET"]),
    ]
    if webhook is not None:
        routes.append(Route(PATH, webhook.answer, methods=["POST"]))
    if pages is not None:
        routes.append(Mount("/", pages))
    async with listening(listener, Starlette(routes=routes)):
        yield


@asynccontextmanager
async def listening(listener: socket.socket, app: ASGIApp) -> AsyncIterator[None]:
    """Answer requests with an application until the block ends."""
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_level="warning",
            access_log=False,
            ws="none",
            # h11 bounds the head of a request; the other implementation does not.
            http="h11",
            # Whom a proxy speaks for is decided in one place, `access`; uvicorn would believe every local process.
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
    )
    # The address is announced as soon as this block is entered; the server itself listens a moment later.
    listener.listen()
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
