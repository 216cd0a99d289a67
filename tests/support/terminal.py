"""Runs the real program in a process of its own, through pipes or on a pseudo-terminal, as a person would see it."""

import errno
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.shared import ROOT

GOLDEN = ROOT / "tests" / "golden" / "terminal"
COMMAND = (sys.executable, "-m", "triage")
SECONDS = 240
"""Until a process that does not end, or text that does not come, fails the test."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Ended:
    """What a process has printed, on both streams, and its exit status."""

    text: str
    status: int


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of the process: what a program needs to start, and what the test gives."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **(more or {})}


def run(*arguments: str, directory: Path, more: Mapping[str, str] | None = None) -> Ended:
    """Run `triage ARGUMENTS` with both streams in one pipe."""
    ran = subprocess.run(
        [*COMMAND, *arguments],
        cwd=directory,
        env=environment(more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    return Ended(ran.stdout, ran.returncode)


def plain(text: str) -> str:
    """The text without a terminal's escape sequences and carriage returns."""
    return _ESCAPES.sub("", text).replace("\r", "")


class Terminal:
    """A program on a pseudo-terminal. A context manager: a process that still runs at its end is killed."""

    def __init__(
        self,
        *arguments: str,
        directory: Path,
        more: Mapping[str, str] | None = None,
        columns: int = 100,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        """Start it in a terminal of this width."""
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.raw = ""
        """All that has been printed, with the escape sequences."""
        self._process = subprocess.Popen(
            [*command, *arguments],
            cwd=directory,
            env={**environment(more), "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        """The running program."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it if it still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        """Read what there is; false at the end."""
        if not select.select([self._master], [], [], 1)[0]:
            return True
        try:
            data = os.read(self._master, 65_536)
        except OSError as closed:
            if closed.errno != errno.EIO:
                raise
            return False
        self.raw += data.decode("utf-8", "replace")
        return bool(data)

    def wait_for(self, pattern: str) -> None:
        """Read until the plain text so far has a match; the test fails where it never comes."""
        deadline = time.monotonic() + SECONDS
        while not re.search(pattern, plain(self.raw)):
            assert self._read(), f"{pattern!r} is not in {plain(self.raw)!r}"
            assert time.monotonic() < deadline, f"{pattern!r} is not in {plain(self.raw)!r}"

    def type(self, text: str) -> None:
        """What a person types."""
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """What Ctrl-C does: SIGINT to every process of the terminal."""
        os.killpg(self._process.pid, signal.SIGINT)

    def ended(self) -> Ended:
        """Wait for its end."""
        deadline = time.monotonic() + SECONDS
        while self._read():
            assert time.monotonic() < deadline, "the process does not end"
        return Ended(plain(self.raw), self._process.wait(timeout=SECONDS))


def check_golden(name: str, text: str, replacements: Mapping[str, str]) -> None:
    """Compare with `tests/golden/terminal/NAME.txt`; `TRIAGE_GOLDEN=1` writes the file anew.

    Args:
        name: Stem of the file.
        text: What the program printed.
        replacements: What differs from run to run, as regular expressions, and what stands for it.
    """
    for pattern, stand_in in replacements.items():
        text = re.sub(pattern, stand_in, text)
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("TRIAGE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
