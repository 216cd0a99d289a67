"""Receivers on loopback for everything that results are sent on to: HTTPS services, webhooks, mail, and a small Jira."""

import base64
import json
import shutil
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

HOSTS = (
    "hooks.slack.com",
    "events.pagerduty.com",
    "api.opsgenie.com",
    "prod-1.westus.logic.azure.com",
)


@dataclass(frozen=True)
class Received:
    """One request."""

    host: str
    """That of the tunnel, for a service; else the receiver's own."""
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = tuple[int, bytes] | None
"""Status and body; `None`: the request is taken, and no answer is given."""


@dataclass
class Receiver:
    """An HTTP server, and a proxy that ends every HTTPS tunnel in itself."""

    reply: Callable[[Received], Reply] = lambda _request: (200, b"ok")
    received: list[Received] = field(default_factory=list)
    url: str = ""


@contextmanager
def receiving(receiver: Receiver, certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """Serve on a thread; `url` is set."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        tunnel = ""

        def do_CONNECT(self) -> None:
            assert context is not None
            self.tunnel = self.path.rpartition(":")[0]
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")  # type: ignore[assignment]
            self.wfile = self.connection.makefile("wb")  # type: ignore[assignment]
            self.close_connection = False

        def _take(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                self.close_connection = True  # The sender died on the way: no receiver acts on half a request.
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(self.tunnel or "127.0.0.1", self.command, self.path, headers, body)
            receiver.received.append(request)
            reply = receiver.reply(request)
            self.close_connection = True
            if reply is None:
                return
            status, text = reply
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("location", f"{receiver.url}/elsewhere")
            self.send_header("connection", "close")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = _take  # noqa: N815 - the base's names

        def finish(self) -> None:
            super().finish()
            if self.tunnel:
                self.connection.close()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away is no failure here."""

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for the services' names, with its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    cert, key = folder / "cert.pem", folder / "key.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=receivers.invalid"
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    more = ["-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([openssl, *options.split(), *more], check=True, capture_output=True)
    return cert, key


@dataclass
class Mailbox:
    """An SMTP server that keeps what it is given."""

    messages: list[str] = field(default_factory=list)
    port: int = 0
    answers: bool = True
    """False: the connection ends after the message was taken, without an answer."""


@contextmanager
def mailing(mailbox: Mailbox) -> Iterator[Mailbox]:
    """Serve on a thread; `port` is set. Source: RFC 5321."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 receiver")
            while line := self.rfile.readline().decode("utf-8", "replace").strip():
                word = line.split(" ")[0].upper()
                if word in ("EHLO", "HELO"):
                    self._say("250 receiver")
                elif word == "DATA":
                    self._say("354 go on")
                    lines = []
                    while (text := self.rfile.readline()) != b".\r\n":
                        if not text:
                            return  # Cut off: a server keeps no half of a mail (RFC 5321, section 4.1.1.4).
                        lines.append(text.decode("utf-8", "replace"))
                    mailbox.messages.append("".join(lines))
                    if not mailbox.answers:
                        return
                    self._say("250 taken")
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 yes")

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        mailbox.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield mailbox
        finally:
            server.shutdown()
            thread.join()


@dataclass
class FakeJira:
    """Issues by key, as Jira Cloud and Data Center keep them. Source: their REST APIs, version 2."""

    data_center: bool = False
    """The search has its older path only."""
    token: str = "jira-token-0123456789"
    user: str = "triage@example.com"
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By issue and global id."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    lose: int = 0
    """So many creations take effect and get no answer."""
    indexed: bool = True
    """False: the search does not know of any issue yet."""
    refuse: list[int] = field(default_factory=list)
    """Statuses of the next answers."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Received) -> Reply:
        with self._lock:
            return self._answer(request)

    def _answer(self, request: Received) -> Reply:
        path = urlsplit(request.target).path.removeprefix("/rest/api/2")
        self.requests.append((request.method, path))
        basic = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        if request.headers.get("authorization") not in (f"Basic {basic}", f"Bearer {self.token}"):
            return 401, b"{}"
        if self.refuse:
            return self.refuse.pop(0), b'{"errorMessages": ["not now"]}'
        if path in ("/search/jql", "/search"):
            if (path == "/search") is not self.data_center:
                return (404 if self.data_center else 410), b"{}"
            (jql,) = parse_qs(urlsplit(request.target).query)["jql"]
            known = self.issues if self.indexed else {}
            found = [key for key, fields in known.items() if f'labels = "{fields["labels"][0]}"' in jql]
            return 200, json.dumps({"issues": [{"key": key} for key in found]}).encode()
        if request.method == "POST" and path == "/issue":
            fields = request.json["fields"]
            key = f"{fields['project']['key']}-{len(self.issues) + 1}"
            self.issues[key] = fields
            if self.lose:
                self.lose -= 1
                return None
            return 201, json.dumps({"id": "1", "key": key}).encode()
        _, _, key, *rest = path.split("/")
        if key not in self.issues:
            return 404, b"{}"
        if request.method == "PUT":
            self.issues[key].update(request.json["fields"])
            return 204, b""
        assert rest == ["remotelink"]
        self.links[f"{key} {request.json['globalId']}"] = request.json["object"]
        return 201, b"{}"
