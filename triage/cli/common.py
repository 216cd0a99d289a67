"""What the commands share: options, the clock, output, the exit status."""

import asyncio
import json
import logging
import re
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from triage.domain.clean import printable, printable_sentence
from triage.edges.clock import FixedStartClock, SystemClock
from triage.errors import (
    ConfigError,
    NotFound,
    PantherDenied,
    PantherProtocolError,
    PantherRefused,
    PromptError,
    errors_in,
)
from triage.ports import Clock, Progress
from triage.settings import Settings, load_settings, parse_duration

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

WRONG = 2
UNFINISHED = 1
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


def exit_status(error: BaseException) -> int:
    """2 where the request or the configuration has to change, 1 where trying again may help."""
    # An answer that is no API's, after a second try, comes from a wrong address more often than from a passing fault.
    wrong = ConfigError | NotFound | PantherDenied | PantherRefused | PantherProtocolError | PromptError
    return WRONG if isinstance(error, wrong) else UNFINISHED


def one_line(text: str, limit: int = 600) -> str:
    """Text for a terminal: one line, control characters made visible."""
    return printable_sentence(text, limit)


def alert_id_of(text: str) -> str:
    """Take an alert id, or the last part of a console URL's path. Raises ConfigError."""
    name = text.strip()
    if "://" in name:
        name = urlsplit(name).path.rstrip("/").rpartition("/")[2]
    if not _ID.fullmatch(name):
        raise ConfigError(f"{text[:80]!r} is neither an alert id nor the URL of an alert")
    return name


def duration_of(text: str | None, option: str) -> timedelta | None:
    """Read an option that is a length of time, such as `5m`. Raises ConfigError."""
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def age_of(since: str | None, option: str = "--since") -> timedelta | None:
    """Read an option that is an age, such as `24h`. Raises ConfigError."""
    age = duration_of(since, option)
    if age is not None and not age:
        raise ConfigError(f"{option}: the age must be above zero")
    return age


def config_option(function: F) -> F:
    """`--config FILE`, before or behind the command's name."""
    return click.option("--config", "config", default=None, metavar="FILE", help="Default: config.yaml.")(function)


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout and nothing else.")(
        function
    )


def now_option(function: F) -> F:
    return click.option(
        "--now", "now", default=None, metavar="TIME", help="Set the program's clock, such as 2026-03-01T12:00:00Z."
    )(function)


def dry_run_option(function: F) -> F:
    return click.option("--dry-run", "dry_run", is_flag=True, help="Print what would be written; write nothing.")(
        function
    )


def say(text: str) -> None:
    """Several lines for the person at the terminal; control characters made visible."""
    for line in text.split("\n"):
        click.echo(printable(line), err=True)


def verbose_option(function: F) -> F:
    return click.option("-v", "--verbose", is_flag=True, help="Log each stage to stderr as JSON lines.")(function)


def settings_from(config: str | None) -> Settings:
    """Load the configuration that the options name. Raises ConfigError."""
    outer = click.get_current_context().find_root().obj
    return load_settings(Path(config or outer or "config.yaml"))


def clock_at(now: str | None) -> Clock:
    """The real clock, or one set to a moment. Raises ConfigError."""

    moment = moment_of(now, "--now")
    return SystemClock() if moment is None else FixedStartClock(moment)


def moment_of(text: str | None, option: str) -> datetime | None:
    """Read an option that is a time; without a zone it is UTC. Raises ConfigError."""
    try:
        moment = datetime.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise ConfigError(
            f"{option}: {one_line(text or '', 60)!r} is not a time such as 2026-03-01T12:00:00Z"
        ) from error
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a command's body.

    Raises:
        TriageError: also where a task group has wrapped it; the gravest of a group.
    """
    try:
        return asyncio.run(main)
    except BaseExceptionGroup as group:
        found = errors_in(group)
        if found:
            raise max(found, key=exit_status) from group
        raise


def print_json(value: object) -> None:
    """One JSON document on stdout; lone surrogates and control characters stay escaped."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True, default=str))


def note(text: str) -> None:
    """A line for the person at the terminal; never on stdout."""
    click.echo(one_line(text), err=True)


def observer(*, quiet: bool = False) -> Callable[[Progress], None]:
    """Prints progress to stderr."""

    def observe(progress: Progress) -> None:
        if not quiet:
            mark = "ok " if progress.ok else "-- "
            click.echo(f"  {mark}{progress.stage}: {one_line(progress.text, 200)}", err=True)

    return observe


def write_file(path: str, text: str, option: str) -> None:
    """Write what an option asked for. Raises ConfigError."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{option}: {path} cannot be written ({error.strerror})") from error
    note(f"{path} written")


class _JsonLines(logging.Formatter):
    _known = frozenset(vars(logging.makeLogRecord({})))

    def format(self, record: logging.LogRecord) -> str:
        extra = {key: value for key, value in vars(record).items() if key not in self._known and key != "message"}
        head = {"at": datetime.fromtimestamp(record.created, UTC).isoformat(), "level": record.levelname.lower()}
        body: dict[str, object] = {**head, "logger": record.name, "event": record.getMessage(), **extra}
        if record.exc_info and record.exc_info[0] is not None:
            # The type and the place, not the text of values: a traceback's last line could quote log text.
            body["exception"] = self.formatException(record.exc_info).splitlines()[-3:]
        return json.dumps(body, ensure_ascii=True, default=str)


def log_to_stderr(*, verbose: bool) -> None:
    """Configure logging for a command: warnings always, each stage on request."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logger = logging.getLogger("triage")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO if verbose else logging.ERROR)
    logger.propagate = False
