"""What the commands share: settings, output, logging, the exit status."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Container, Coroutine, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import click
from pydantic import JsonValue

from triage.domain.clean import printable, printable_sentence
from triage.domain.redaction import know_own_secrets
from triage.edges.files import write_private
from triage.errors import (
    ConfigError,
    NotFound,
    PantherDenied,
    PantherProtocolError,
    PantherRefused,
    PromptError,
    errors_in,
)
from triage.ports import Progress
from triage.settings import Settings, load_settings

T = TypeVar("T")

VERDICT_COLOURS = {"malicious": "red", "suspicious": "yellow", "inconclusive": "cyan", "benign": "green"}
WRONG = 2
UNFINISHED = 1


def exit_status(error: BaseException) -> int:
    """2 where the request or the configuration has to change, 1 where trying again may help."""
    # A reply that doesn't come from the API, even on the second try, means a wrong address more often than a hiccup.
    wrong = ConfigError | NotFound | PantherDenied | PantherRefused | PantherProtocolError | PromptError
    return WRONG if isinstance(error, wrong) else UNFINISHED


def settings_from(config: str | None, *, needs_token: bool = True) -> Settings:
    """Load the file that `--config` names, before or after the command.

    Args:
        config: As typed after the command.
        needs_token: False where only the state database is read or written.

    Raises:
        ConfigError: The file is wrong, or the token is missing.
    """
    outer = click.get_current_context().find_root().obj
    settings = load_settings(Path(config or outer or "config.yaml"), needs_token=needs_token)
    know_own_secrets(settings.secrets)
    return settings


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a command's body.

    Raises:
        TriageError: also where a task group has wrapped it; the gravest of a group.
    """
    try:
        with _runner(main) as runner:
            return runner.run(main)
    except BaseExceptionGroup as group:
        found = errors_in(group)
        if found:
            raise max(found, key=exit_status) from group
        raise


def _runner(main: Coroutine[Any, Any, Any]) -> asyncio.Runner:
    """A runner with its loop made. An interrupt meanwhile is raised afterwards: half a loop ends with a traceback."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return asyncio.Runner()
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        runner = asyncio.Runner()
        runner.get_loop()
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        runner.close()
        main.close()
        raise KeyboardInterrupt
    return runner


def one_line(text: str, limit: int = 600) -> str:
    """Text for a terminal: one line, control characters made visible."""
    return printable_sentence(text, limit)


def note(text: str) -> None:
    """A line for the person at the terminal; never on stdout."""
    click.echo(one_line(text), err=True)


def note_lines(text: str) -> None:
    """Several lines for the person at the terminal; control characters made visible."""
    for line in text.split("\n"):
        click.echo(printable(line), err=True)


def print_json(value: object) -> None:
    """One JSON document on stdout; lone surrogates and control characters stay escaped."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True, default=str))


@contextlib.contextmanager
def json_list() -> Iterator[Callable[[Mapping[str, JsonValue]], None]]:
    """Print what `print_json` prints for a list, one row after the other as they come."""
    rows = 0

    def write(row: Mapping[str, JsonValue]) -> None:
        nonlocal rows
        # The encoder that indents is slow; a value of a row needs it only if it is nested.
        cells = (
            f"    {_JSON(name)}: "
            + (json.dumps(value, indent=2).replace("\n", "\n    ") if isinstance(value, dict | list) else _JSON(value))
            for name, value in row.items()
        )
        click.echo(("[\n" if not rows else ",\n") + "  {\n" + ",\n".join(cells) + "\n  }", nl=False)
        rows += 1

    yield write
    click.echo("\n]" if rows else "[]")


_JSON = json.JSONEncoder().encode


def table(
    rows: Iterable[Sequence[str]],
    head: Sequence[str] | None = None,
    *,
    right: Container[int] = (),
    shrink: Sequence[int] = (),
    paint: Mapping[int, Callable[[str], str]] = MappingProxyType({}),
) -> list[str]:
    """Lay out rows in columns, two spaces apart.

    Args:
        rows: Cells, clean for a terminal; each row has as many.
        head: Titles, with a line of dashes below.
        right: Indexes of the columns that are aligned to the right, such as numbers.
        shrink: Indexes of the columns that give way where the terminal is too narrow, the first one first; then no line
            is longer than it is wide. Without any, long text is left to the terminal.
        paint: By column, what colours a padded cell on a terminal.
    """
    cells = [*([head] if head else []), *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    room = terminal_width() if shrink else None
    for column in shrink if room is not None else ():
        over = sum(widths) + 2 * (len(widths) - 1) - (room or 0)
        widths[column] = max(min(widths[column], _NARROWEST), widths[column] - max(over, 0))
    if head:
        cells.insert(1, ["-" * width for width in widths])
    lines = []
    for number, row in enumerate(cells):
        padded = [
            cut(cell, width).rjust(width) if column in right else cut(cell, width).ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        fits = room is None or len("  ".join(padded).rstrip()) <= room
        if paint and fits and coloured() and not (head and number <= 1):
            padded = [paint[column](cell) if column in paint else cell for column, cell in enumerate(padded)]
        lines.append(cut("  ".join(padded).rstrip(), room))
    return lines


_NARROWEST = 12
"""Columns that a cell keeps on a narrow terminal."""


def observer(*, quiet: bool = False) -> Callable[[Progress], None]:
    """Prints progress to stderr."""

    def observe(progress: Progress) -> None:
        if not quiet:
            mark = "ok " if progress.ok else "-- "
            click.echo(f"  {mark}{progress.stage}: {one_line(progress.text, 200)}", err=True)

    return observe


def write_file(path: str, text: str, option: str) -> None:
    """Write the file that an option names. Raises ConfigError."""
    try:
        write_private(Path(path), text)
    except ConfigError as error:
        raise ConfigError(f"{option}: {error}") from error
    note(f"{path} written")


def colour() -> bool | None:
    """Whether text is coloured: not with `NO_COLOR`, else where the terminal can (`None`: click finds out)."""
    return False if os.environ.get("NO_COLOR") else None


def coloured(*, err: bool = False) -> bool:
    """Whether a stream is a terminal that gets colours."""
    return (sys.stderr if err else sys.stdout).isatty() and colour() is not False


def terminal_width() -> int | None:
    """Columns of the terminal that results are printed on; `None` where stdout is none, and nothing has to fit."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


_STYLED = re.compile(r"\x1b\[[0-9;]*m")


def cut(line: str, width: int | None) -> str:
    """A line without colours, cut to a width with an ellipsis; `None`: as it is."""
    return line if width is None or len(_STYLED.sub("", line)) <= width else f"{_STYLED.sub('', line)[: width - 1]}…"
