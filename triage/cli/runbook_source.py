"""Where the `runbook` commands take runbooks and plans from: Panther or a text file, and a directory."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from triage.app import runbook_plans
from triage.cli.common import run_async, settings_from
from triage.domain.alert import DetectionOrigin
from triage.domain.detection import Detection
from triage.edges.clock import SystemClock
from triage.edges.panther import connect, panther_config
from triage.errors import ConfigError, NotFound
from triage.questions.plans import Plans, load_plans
from triage.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
_MAX_BYTES = 100_000
"""Of a runbook's text."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """A runbook's text, with what is needed to compile it."""

    detection: str
    """Its id."""
    text: str
    log_types: tuple[str, ...]
    title: str = ""
    """What the detection calls itself, if it is known."""
    description: str = ""


file_option = click.option("--file", "file", metavar="FILE", help="Read the runbook's text from FILE.")
log_type_option = click.option(
    "--log-type", "log_types", multiple=True, metavar="NAME", help="With --file: a log type of the detection."
)
plans_option = click.option("--plans", metavar="DIR", help="Directory of plans (default: investigation.runbooks).")


def settings_of(config: str | None, *, needed: bool) -> Settings | None:
    """The configuration; `None` where there is none and nothing needs it. Raises ConfigError."""
    named = config or click.get_current_context().find_root().obj
    if not needed and not named and not Path("config.yaml").exists():
        return None
    return settings_from(config)


def plans_in(directory: str | None, settings: Settings | None) -> Plans:
    """The plans of a directory that is given, else of the configured one. Raises ConfigError."""
    if directory:
        return load_plans(Path(directory).expanduser())
    return runbook_plans(settings) if settings is not None else Plans()


def from_file(file: str, rule: str | None, log_types: tuple[str, ...]) -> Runbook:
    """A runbook in a text file; without a rule's id it is named after the file. Raises ConfigError."""
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--file: {file} cannot be read as UTF-8 text ({type(error).__name__})") from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"--file: {file} is larger than {_MAX_BYTES} bytes")
    return Runbook(rule or Path(file).stem, text, log_types)


def from_panther(settings: Settings, rule: str) -> Runbook:
    """The runbook of one detection. Raises NotFound, PantherError."""

    async def read() -> Detection:
        async with connect(panther_config(settings), clock=SystemClock()) as panther:
            return await panther.rules.detection(DetectionOrigin(id=rule))

    found = run_async(read())
    if found.deleted:
        raise NotFound(f"Panther has no rule {rule}; give its ID, such as AWS.CloudTrail.Stopped")
    return _runbook(found)


def all_from_panther(settings: Settings) -> tuple[Runbook, ...]:
    """Every runbook of this Panther, by detection id; detections without one are left out. Raises PantherError."""

    async def read() -> tuple[Detection, ...]:
        async with connect(panther_config(settings), clock=SystemClock()) as panther:
            return await panther.rules.detections()

    found = sorted(run_async(read()), key=lambda detection: detection.id)
    return tuple(_runbook(detection) for detection in found if detection.runbook.strip())


def one_runbook(settings: Settings | None, rule: str | None, file: str | None, log_types: tuple[str, ...]) -> Runbook:
    """The runbook that a command is given: of a rule in Panther, or a file. Raises ConfigError, NotFound, PantherError."""
    if file:
        if not log_types:
            known = from_panther(settings, rule) if settings is not None and rule else None
            if known is None or not known.log_types:
                raise ConfigError("--file: say with --log-type which logs the detection reads, such as AWS.CloudTrail")
            log_types = known.log_types
        return from_file(file, rule, log_types)
    if not rule:
        raise ConfigError("give the ID of a rule, or a text with --file")
    if log_types:
        raise ConfigError("--log-type goes with --file; a rule of Panther has its own log types")
    assert settings is not None
    return from_panther(settings, rule)


def _runbook(detection: Detection) -> Runbook:
    return Runbook(
        detection.id, detection.runbook, detection.log_types, title=detection.name, description=detection.description
    )
