"""`triage check`: whether the configuration works."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from shlex import quote
from typing import Literal

import click

from triage.cli.common import WRONG, colour, print_json, run_async, settings_from
from triage.cli.lazy import require
from triage.cli.logs import log_to_stderr
from triage.cli.options import age_option, config_option, json_option
from triage.edges.clock import SystemClock
from triage.edges.panther import panther_config

NEXT = "triage queue select --explain --since 7d"
_WIDTH = 28
"""Columns of a check's name; the second token's is longer."""
_COLOURS = {"ok": "green", "warning": "yellow", "untested": "yellow"}


@dataclass(frozen=True, slots=True)
class Line:
    """The outcome of one check."""

    name: str
    state: Literal["ok", "warning", "untested", "refused", "missing", "failed"]
    """`refused`: the token or key itself; `missing`: a permission of a token that is accepted."""
    text: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the configuration or the access has to change."""
        return self.state in ("refused", "missing", "failed")


@click.command("check")
@config_option
@age_option("--wait", "Keep trying this long while a new token is not active yet.", zero=True, metavar="DURATION")
@click.option("--model", is_flag=True, help="Try only the model: one whole investigation of an invented alert.")
@click.option("--log-sources", is_flag=True, help="Also test Manage Log Sources, for `triage panther source`.")
@json_option
def command(config: str | None, wait: timedelta | None, model: bool, log_sources: bool, as_json: bool) -> int:
    """Test the configuration, GraphQL, REST, every token permission, the filters, the model and the prompts.

    Each line is printed as soon as it is known. Exit status: 0 ready, 2 the configuration or the access is wrong.

    Example: triage check --wait 5m
    """
    settings = settings_from(config)
    if model:
        status: int = run_async(require("triage.cli.check_model").check_model(settings, SystemClock(), as_json=as_json))
        return status
    log_to_stderr()
    # An address that can't be the API's is refused like any other wrong value, before the first line.
    panther_config(settings)
    lines = [Line("configuration", "ok", "parsed")]
    if not as_json:
        show(lines[0])
    # What the checks need takes a second to import.
    checked = require("triage.cli.check_lines").checked(
        settings, wait or timedelta(0), quiet=as_json, log_sources=log_sources
    )
    lines += run_async(_collect(checked, shown=not as_json))
    wrong = sum(line.wrong for line in lines)
    if as_json:
        print_json([{"check": line.name, "state": line.state, "text": line.text} for line in lines])
    elif wrong:
        click.echo(f"not ready: {wrong} of {len(lines)} lines say what to change")
    else:
        click.echo(f"ready; next: {NEXT}{f' --config {quote(config)}' if config else ''}")
    return WRONG if wrong else 0


def show(line: Line) -> None:
    """Print the outcome of one check."""
    state = click.style(f"{line.state:<8}", fg=_COLOURS.get(line.state, "red"))
    click.echo(f"{state}  {line.name:<{_WIDTH}}  {line.text}".rstrip(), color=colour())


async def _collect(lines: AsyncIterator[Line], *, shown: bool) -> list[Line]:
    found = []
    async for line in lines:
        found.append(line)
        if shown:
            show(line)
    return found
