"""A cable between a client and a server that can break: a proxy on loopback."""

import json
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Cut = Literal["reset before", "reset after", "silence after", "twice"]
"""What happens to a request: nothing is sent on; the work is done and its answer lost by a reset or by silence; the
answer's list of results comes doubled."""


@dataclass
class Cable:
    """Where the client connects to, and what is wrong with it."""

    url: str = ""
    cuts: list[tuple[str, Cut]] = field(default_factory=list)
    """Text of a request's first line or body, and what happens to the next request that has it."""
    seen: list[str] = field(default_factory=list)
    """First lines of the requests."""

    def cut_for(self, request: bytes) -> Cut | None:
        text = request.decode("utf-8", "replace")
        for place, (wanted, cut) in enumerate(self.cuts):
            if wanted in text:
                del self.cuts[place]
                return cut
        return None


def _message(file: socket.socket) -> bytes:
    """One HTTP message with a content length, or nothing where the connection has ended."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = file.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        piece = file.recv(65536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body


def _doubled(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    found = json.loads(body)
    found["results"] = found["results"] * 2
    body = json.dumps(found).encode()
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"content-length: " + str(len(body)).encode()]) + b"\r\n\r\n" + body


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def cable(upstream: str, port: int = 0) -> Iterator[Cable]:
    """Lay a cable to a server; it is at a free port, or at that of one taken away before."""
    place = urlsplit(upstream).hostname, urlsplit(upstream).port
    laid = Cable()
    done = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                with socket.create_connection(place) as server:
                    while request := _message(self.request):
                        laid.seen.append(request.split(b"\r\n", 1)[0].decode())
                        if done.is_set():
                            # A connection that was kept open doesn't outlive the cable.
                            return _reset(self.request)
                        cut = laid.cut_for(request)
                        if cut == "reset before":
                            return _reset(self.request)
                        server.sendall(request)
                        answer = _message(server)
                        if cut == "reset after":
                            return _reset(self.request)
                        if cut == "silence after":
                            done.wait(30)
                            return None
                        self.request.sendall(_doubled(answer) if cut == "twice" else answer)
            except OSError:
                return None
            return None

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", port), Handler) as proxy:
        laid.url = f"http://127.0.0.1:{proxy.server_address[1]}{urlsplit(upstream).path}"
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield laid
        finally:
            done.set()
            proxy.shutdown()
            thread.join(5)
