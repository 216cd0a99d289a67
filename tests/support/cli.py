"""Runs the command line in this process, with its own directory and environment."""

import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from triage.cli import main
from triage.cli.logs import _PROGRAM

CONFIG = """\
panther:
  url: {url}
  token: {token}
  requests_per_second: 1000
ingest:
  severities: [CRITICAL, HIGH, MEDIUM, LOW]
store:
  url: sqlite:///{directory}/triage.db
"""


@dataclass(frozen=True, slots=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run_cli(*arguments: str, directory: Path, environment: Mapping[str, str] | None = None) -> Ran:
    """Call `triage ARGUMENTS` in a directory; the environment holds only what is given beside PATH and HOME."""
    out, err = io.StringIO(), io.StringIO()
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    status = 0
    before = Path.cwd()
    os.chdir(directory)
    try:
        with (
            mock.patch.dict(os.environ, {**keep, **(environment or {})}, clear=True),
            mock.patch.object(sys, "argv", ["triage", *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _logging_restored(),
        ):
            main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        os.chdir(before)
    return Ran(status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _logging_restored() -> Iterator[None]:
    """A command sets up the process's logging; the next test reads its own records."""
    loggers = [logging.getLogger(name) for name in _PROGRAM]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    try:
        yield
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate


def write_config(directory: Path, url: str, *, token: str = "sandbox-token", more: str = "") -> None:
    """A configuration for a Panther on loopback."""
    text = CONFIG.format(url=url, token=token, directory=directory) + more
    (directory / "config.yaml").write_text(text, encoding="utf-8")
