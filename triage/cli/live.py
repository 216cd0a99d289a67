"""A few lines at the end of a terminal that are drawn over while something works; nothing where there is no terminal."""

import shutil
import sys
from collections.abc import Sequence

import click

from triage.cli.common import VERDICT_COLOURS, coloured, cut


class Live:
    """Draws on stderr, so that results on stdout can be redirected."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        """Whether there is a terminal to draw on."""
        self._height = 0

    def draw(self, lines: Sequence[str]) -> None:
        """Replace what was drawn before by these lines, each cut to the terminal's width."""
        if not self.shown:
            return
        width, height = shutil.get_terminal_size()
        fitting = [cut(line, width - 1) for line in lines[: height - 1]]
        click.echo(self._erasing() + "\n".join(fitting), err=True, color=True)
        self._height = len(fitting)

    def clear(self) -> None:
        """Take away what was drawn."""
        if self._height:
            click.echo(self._erasing(), nl=False, err=True, color=True)
            self._height = 0

    def _erasing(self) -> str:
        return f"\x1b[{self._height}F\x1b[J" if self._height else ""


def verdict_word(verdict: str, width: int = 0, *, err: bool = False) -> str:
    """A verdict in its colour, padded; plain where the stream is no terminal or `NO_COLOR` is set."""
    padded = verdict.ljust(width)
    return click.style(padded, fg=VERDICT_COLOURS.get(verdict)) if coloured(err=err) else padded
