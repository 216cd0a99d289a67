"""A private PostgreSQL server for tests, and fresh databases in it.

The server's programs refuse to run as root, so under root they run as an unprivileged user. Nothing is kept: the data
is in a temporary directory, and the server stops with the process that started it.
"""

import atexit
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

URL_VARIABLE = "TRIAGE_TEST_POSTGRES"
"""Names a running server instead: a URL whose user may create databases."""

START_SECONDS = 30


def _program(name: str) -> str | None:
    """Find a server program; Debian keeps them outside of PATH."""
    versioned = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(versioned[0]) if versioned else None)


def _unprivileged() -> pwd.struct_passwd | None:
    """The user to run the server as; `None` if this process is not root and may run it itself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@functools.cache
def server_url(*, durable: bool = False) -> str:
    """The URL of a running server, started by the first call; skips the test if there is none.

    Args:
        durable: Flush writes to disk, as in production. Most tests' data need not survive a crash of the machine.
    """
    if given := os.environ.get(URL_VARIABLE):
        return given
    server = Server(durable=durable)
    atexit.register(server.stop)
    server.start()
    return server.url


class Server:
    """A private server, which can be stopped and started again. Skips the test if no server is installed."""

    def __init__(self, *, durable: bool = False) -> None:
        """Make an empty cluster."""
        initdb, postgres = _program("initdb"), _program("postgres")
        if initdb is None or postgres is None:
            pytest.skip(f"no PostgreSQL server programs here; set {URL_VARIABLE} to use a running server")
        user = _unprivileged()
        self._owner = os.getpid()
        self._directory = Path(tempfile.mkdtemp(prefix="triage-postgres-"))
        # Leave nothing behind even if the run is interrupted while the server starts.
        atexit.register(shutil.rmtree, self._directory, ignore_errors=True)
        if user is not None:
            os.chown(self._directory, user.pw_uid, user.pw_gid)
        self._uid: int | None = None if user is None else user.pw_uid
        self._gid: int | None = None if user is None else user.pw_gid
        self._environment = {"PATH": os.defpath, "HOME": str(self._directory), "LC_ALL": "C"}
        data, port = self._directory / "data", _free_port()
        subprocess.run(
            [initdb, "--pgdata", data, "--username", "triage", "--auth", "trust", "--no-sync", "--encoding", "UTF8"],
            check=True,
            capture_output=True,
            cwd=self._directory,
            env=self._environment,
            user=self._uid,
            group=self._gid,
            extra_groups=None if user is None else [],
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": self._directory,
            "fsync": "on" if durable else "off",
            "max_connections": 60,
            "shared_buffers": "32MB",
        }
        options = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        self._command = [postgres, "-D", str(data), *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://triage@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = self._directory / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                env=self._environment,
                start_new_session=True,
                user=self._uid,
                group=self._gid,
                extra_groups=None if self._uid is None else [],
            )
        _wait(self.url, self._process, log)

    def stop(self) -> None:
        """End all sessions; what they have not committed is rolled back."""
        if os.getpid() != self._owner or self._process is None:
            return
        self._process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        self._process.wait(timeout=START_SECONDS)
        self._process = None


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            engine.connect().close()
            break
        except OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.05)
    engine.dispose()


@contextmanager
def database(*, durable: bool = False) -> Iterator[str]:
    """A URL of a new, empty database; it is dropped afterwards."""
    server: URL = make_url(server_url(durable=durable)).set(drivername="postgresql+psycopg")
    name = f"triage_test_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()
