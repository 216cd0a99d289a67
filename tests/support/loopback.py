"""Real servers on loopback whose every byte a test decides."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Writes an answer, or misbehaves."""
Script = Sequence[Answer] | Callable[[Request], Answer]
"""One answer per request, the last one repeated; or a function that chooses."""


class Loopback:
    """A raw HTTP/1.1 server. Use as an async context manager."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.requests: list[Request] = []
        self.connections = 0

    @property
    def url(self) -> str:
        assert self._server is not None
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.connections += 1
        try:
            while (request := await _receive(reader)) is not None:
                self.requests.append(request)
                await self._choose(request)(writer)
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    def _choose(self, request: Request) -> Answer:
        if callable(self._script):
            return self._script(request)
        return self._script[min(len(self.requests), len(self._script)) - 1]


async def _receive(reader: asyncio.StreamReader) -> Request | None:
    begin = await reader.read(1)
    if begin in (b"", b"\x16"):
        # The end, or the first byte of a TLS handshake, which this server does not speak without a context.
        return None
    head = begin + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.split(":", 1) for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


def respond(
    body: bytes | str | object = b"",
    status: int = 200,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    *,
    content_type: str = "application/json",
) -> Answer:
    """A well-formed answer; anything but bytes and text is sent as JSON."""
    if isinstance(body, str):
        data = body.encode()
    elif isinstance(body, bytes):
        data = body
    else:
        data = json.dumps(body).encode()
    more = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    lines = [("content-type", content_type), ("content-length", str(len(data))), *more]
    head = f"HTTP/1.1 {status} Status\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    return raw(head.encode("latin-1") + data, close=False)


def raw(data: bytes, *, close: bool = True) -> Answer:
    """Bytes as they are, then the end of the connection."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()

    return answer


def reset(first: bytes = b"") -> Answer:
    """Perhaps some bytes, then a TCP reset."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        if first:
            writer.write(first)
            await writer.drain()
            # The client reads what has come before the reset throws away the rest.
            await asyncio.sleep(0.02)
        found = writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return answer


def drip(first: bytes, piece: bytes, pause: float = 0.01) -> Answer:
    """Some bytes, then a little more again and again for ever."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


def silence() -> Answer:
    """Nothing, for ever."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return answer


@dataclass
class FakePanther:
    """A Panther with scripted answers: GraphQL by operation name, REST by method and path.

    An answer is the `data` of GraphQL or the JSON of REST, an `Answer`, or a list of such, the last one repeated.
    """

    graphql: dict[str, Any] = field(default_factory=dict)
    rest: dict[tuple[str, str], Any] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """Operation and variables, or `METHOD path` and the query or body, in order."""
    _used: dict[Any, int] = field(default_factory=dict)

    def __call__(self, request: Request) -> Answer:
        if request.path == "/public/graphql":
            name = request.json["operationName"]
            self.calls.append((name, request.json["variables"]))
            found = self._next(name, self.graphql.get(name, respond({"errors": [{"message": f"no answer: {name}"}]})))
            return found if callable(found) else respond({"data": found})
        key = (request.method, request.target.split("?")[0])
        self.calls.append((" ".join(key), request.json if request.body else request.query))
        found = self._next(key, self.rest.get(key, respond({"message": "not found"}, 404)))
        return found if callable(found) else respond(found)

    def _next(self, key: Any, found: Any) -> Any:
        if not isinstance(found, list):
            return found
        place = self._used.get(key, 0)
        self._used[key] = place + 1
        return found[min(place, len(found) - 1)]
