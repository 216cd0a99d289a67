"""Options and arguments that several commands share, and what their values become."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from triage.cli.common import one_line
from triage.cli.lazy import require
from triage.edges.clock import FixedStartClock, SystemClock
from triage.errors import ConfigError, TriageError
from triage.ports import Clock
from triage.settings import load_settings, parse_duration

F = TypeVar("F", bound=Callable[..., Any])

COMPLETIONS = 50
"""Alerts that a shell is offered."""
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


def alert_id_of(text: str) -> str:
    """Take an alert ID, or the last part of a console URL's path. Raises ConfigError."""
    name = text.strip()
    if "://" in name:
        name = urlsplit(name).path.rstrip("/").rpartition("/")[2]
    if not _ID.fullmatch(name):
        raise ConfigError(f"{text[:80]!r} is neither an alert ID nor the URL of an alert")
    return name


def moment_of(text: str | None, option: str) -> datetime | None:
    """Read an option that is a time; without a zone it is UTC. Raises ConfigError."""
    try:
        moment = datetime.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise ConfigError(
            f"{option}: {one_line(text or '', 60)!r} is not a time such as 2026-03-01T12:00:00Z"
        ) from error
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _clock(_context: click.Context, _param: click.Parameter, text: str | None) -> Clock:
    moment = moment_of(text, "--now")
    return SystemClock() if moment is None else FixedStartClock(moment)


def _refuse_seed(_context: click.Context, _param: click.Parameter, text: str | None) -> None:
    if text is not None:
        raise ConfigError(
            "--seed is gone: make a world of another seed with `python -m tools.worlds DIR --seed N` in a checkout,"
            " then give --world DIR"
        )


def age_option(
    name: str,
    help: str,  # noqa: A002 - click's parameter
    *,
    default: str | None = None,
    zero: bool = False,
    metavar: str = "AGE",
) -> Callable[[F], F]:
    """An option such as `--since 24h`; the command gets a timedelta, or `None` without option and default.

    Args:
        name: As typed.
        help: One line.
        default: The age without the option.
        zero: Accept `0s`; otherwise it is a ConfigError.
        metavar: Name of the value in the help.
    """

    def read(_context: click.Context, _param: click.Parameter, text: str | None) -> timedelta | None:
        wanted = text or default
        try:
            age = parse_duration(wanted) if wanted else None
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from error
        if age is not None and not age and not zero:
            raise ConfigError(f"{name}: the age must be above zero")
        return age

    return click.option(name, default=default, show_default=bool(default), metavar=metavar, callback=read, help=help)


def _complete_alert(context: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The stored alerts that begin with what is typed, the newest first; none where the state can't be read."""
    state = require("triage.cli.state")
    named = context.params.get("config") or context.find_root().params.get("config") or "config.yaml"
    try:
        found: tuple[str, ...] = state.in_store(
            load_settings(Path(named), needs_token=False),
            lambda store: store.records.ids(incomplete, limit=COMPLETIONS),
        )
    except TriageError:
        return []
    return list(found)


alert_argument = click.argument(
    "alert", callback=lambda _context, _param, text: alert_id_of(text), shell_complete=_complete_alert
)
config_option = click.option("--config", default=None, metavar="FILE", help="Default: config.yaml.")
"""`--config FILE`, before or after the command's name; `settings_from` reads it."""
dry_run_option = click.option("--dry-run", is_flag=True, help="Print what would be written; write nothing.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
now_option = click.option(
    "--now", "clock", metavar="TIME", callback=_clock, help="Set the program's clock, such as 2026-03-01T12:00:00Z."
)
page_option = click.option("--html", metavar="FILE", help="Write the investigation as one HTML page.")
seed_option = click.option("--seed", hidden=True, expose_value=False, is_eager=True, callback=_refuse_seed)
"""Says where `--seed` went; for one version after the generator left the package."""
since_option = age_option("--since", "Only alerts created in the last 24h, 7d, …")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Log each stage to stderr.")
