"""`triage export assets|risks`: all alerts of Panther, and what they name, for an exposure-management platform."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TextIO, TypeVar

import click
from pydantic import JsonValue

from triage.cli.common import UNFINISHED, note, run_async, settings_from
from triage.cli.logs import log_to_stderr
from triage.cli.options import age_option, config_option, now_option
from triage.cli.state import opened_store
from triage.domain.alert import Severity
from triage.edges.exposure import ExposureFile
from triage.edges.files import PRIVATE
from triage.edges.panther import connect, panther_config
from triage.errors import ConfigError, PantherError
from triage.pipeline.exposure import ExposureCount, ExposureWindow, read_exposure
from triage.ports import Clock
from triage.ports.exposure import StoredVerdict
from triage.service.stored import with_leader_verdicts
from triage.settings import Settings
from triage.stages.reporting.exposure import (
    ASSET_COLUMNS,
    RISK_COLUMNS,
    asset_row,
    csv_cells,
    risk_row,
    schema_text,
)
from triage.stages.reporting.records import csv_line

F = TypeVar("F", bound=Callable[..., Any])
Rows = Iterator[dict[str, JsonValue]]

_PROGRESS = 100
"""Pages between two lines of progress: 5,000 alerts."""
_SHOWN = 5
"""Problems that are written out; the others are counted."""


def _options(command: F) -> F:
    """What both commands take."""
    for option in reversed(
        (
            age_option("--since", "Alerts created in the last 24h, 7d, …", default="30d"),
            click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True),
            click.option(
                "--events/--no-events",
                default=True,
                show_default=True,
                help="Read the events of each new alert: a request each. Without, only titles are looked at.",
            ),
            click.option(
                "--state", metavar="FILE", help="Remember what was read and delivered; write only what has changed."
            ),
            age_option("--reread", "With --state: list alerts of this long before the last run again.", default="7d"),
            click.option("--out", metavar="FILE", help="Write to a new file, which appears when it is whole."),
            click.option("--schema", is_flag=True, help="Print the JSON Schema of a line, and nothing else."),
            config_option,
            now_option,
        )
    ):
        command = option(command)
    return command


@click.command("assets")
@_options
def assets(
    since: timedelta,
    form: str,
    events: bool,
    state: str | None,
    reread: timedelta,
    out: str | None,
    schema: bool,
    config: str | None,
    clock: Clock,
) -> int:
    """List the addresses, hosts, cloud resources and users in Panther's alerts, each with its alerts and detections.

    All alerts of the window count: every type, severity and status, whatever `ingest` selects. Only reads from Panther.

    Example: triage export assets --since 30d --state exposure.db --out assets.jsonl
    """
    if schema:
        click.echo(schema_text("asset"), nl=False)
        return 0
    settings = settings_from(config)
    url = settings.writeback.console_url

    def rows(file: ExposureFile) -> Rows:
        return (asset_row(asset, console_url=url) for asset in file.assets())

    return _export(settings, "asset", rows, since, form, events, state, reread, out, clock)


@click.command("risks")
@_options
@click.option(
    "--min-severity",
    type=click.Choice(["INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"], case_sensitive=False),
    default="INFO",
    show_default=True,
    help="Leave out what is less severe.",
)
def risks(
    since: timedelta,
    form: str,
    events: bool,
    state: str | None,
    reread: timedelta,
    out: str | None,
    schema: bool,
    min_severity: str,
    config: str | None,
    clock: Clock,
) -> int:
    """List every alert of Panther as a risk, the most severe first, with its assets and this program's verdict.

    All alerts of the window count: policy violations and correlation alerts too, of every severity and status, whatever
    `ingest` selects. Only reads from Panther.

    Example: triage export risks --since 30d --state exposure.db --out risks.jsonl
    """
    if schema:
        click.echo(schema_text("risk"), nl=False)
        return 0
    settings = settings_from(config)
    least = Severity(min_severity.upper()).rank
    url = settings.writeback.console_url

    def rows(file: ExposureFile) -> Rows:
        return (risk_row(risk, console_url=url) for risk in file.risks(min_rank=least))

    return _export(settings, "risk", rows, since, form, events, state, reread, out, clock)


def _export(
    settings: Settings,
    kind: Literal["asset", "risk"],
    rows: Callable[[ExposureFile], Rows],
    since: timedelta,
    form: str,
    events: bool,
    state: str | None,
    reread: timedelta,
    out: str | None,
    clock: Clock,
) -> int:
    """Read Panther, then write the rows."""
    log_to_stderr()
    target = Path(out).expanduser() if out else None
    with _opened(settings, state) as file:
        written = file.settle(kind) if file.kept else None
        if written is not None:
            note(f"{written} is whole: the run before was interrupted after it had written it")
            if target is not None and written == target.absolute():
                return 0
        if target is not None and file.kept and target.exists():
            raise ConfigError(
                f"--out: {target} exists, and with --state each file has only what changed since the one before; "
                "move it away or give another name"
            )
        now = clock.now()
        # On the minute: of two runs just after each other the second must not reach a little further back.
        start = (now - since).replace(second=0, microsecond=0)
        window = ExposureWindow(now=now, since=start, reread=reread, events=events)
        # A state database that isn't there is not made: then no alert has a verdict.
        path = settings.store.url.removeprefix("sqlite:///")
        verdicts = path == settings.store.url or Path(path).exists()
        count = run_async(_read(settings, file, window, clock, verdicts=verdicts))
        found = _deliver(file, kind, rows(file), form, target)
    took = f"{count.pages} requests for pages of alerts, {count.events} for events"
    note(f"{count.alerts} alerts listed, {count.changed} of them new or changed ({took}); {found} {kind}s written")
    for problem in count.problems[:_SHOWN]:
        note(f"not read: {problem}")
    if len(count.problems) > _SHOWN:
        note(f"and {len(count.problems) - _SHOWN} more problems")
    return UNFINISHED if count.problems else 0


@contextmanager
def _opened(settings: Settings, state: str | None) -> Iterator[ExposureFile]:
    origin = panther_config(settings).url
    if state:
        with ExposureFile(Path(state).expanduser(), origin=origin, kept=True) as file:
            yield file
        return
    # What was read is too much for memory: 100,000 alerts and their assets.
    with (
        tempfile.TemporaryDirectory(prefix="triage-") as directory,
        ExposureFile(Path(directory) / "exposure.db", origin=origin, kept=False) as file,
    ):
        yield file


async def _read(
    settings: Settings, file: ExposureFile, window: ExposureWindow, clock: Clock, *, verdicts: bool
) -> ExposureCount:
    def observe(count: ExposureCount) -> None:
        if count.pages % _PROGRESS == 0:
            note(f"{count.alerts} alerts listed, {count.pages + count.events} requests")

    try:
        async with connect(panther_config(settings), clock=clock) as panther:
            count = await read_exposure(panther.alerts, file, window, settings.ingest, observe)
    except PantherError:
        if file.kept:
            note("what was read so far is kept; the same command goes on from there")
        raise
    if verdicts:
        await _add_verdicts(settings, file)
    return count


async def _add_verdicts(settings: Settings, file: ExposureFile) -> None:
    """Put this program's verdicts beside the alerts."""
    async with opened_store(settings) as store:
        for ids in file.alert_ids():
            records = await with_leader_verdicts(store.records, await store.records.several(ids))
            file.set_verdicts(
                {
                    record.alert.id: StoredVerdict(
                        record.state.value,
                        record.verdict.value if record.verdict else None,
                        record.confidence,
                        record.leader,
                    )
                    for record in records
                }
            )


# ---- writing ---------------------------------------------------------------------------------------------------------


def _deliver(file: ExposureFile, kind: Literal["asset", "risk"], rows: Rows, form: str, target: Path | None) -> int:
    """Write the rows, with `--state` those that changed since they were delivered, and count them."""
    if target is None:
        count = _write(file, kind, rows, form, sys.stdout)
        sys.stdout.flush()
        file.delivered(kind)
        return count
    part = target.with_name(f"{target.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            count = _write(file, kind, rows, form, stream)
            stream.flush()
            os.fsync(handle)
        if file.kept:
            file.delivering(kind, target, part)
        part.replace(target)
    except OSError as error:
        raise ConfigError(f"--out: {target} cannot be written ({error.strerror})") from error
    file.delivered(kind)
    return count


def _write(file: ExposureFile, kind: Literal["asset", "risk"], rows: Rows, form: str, stream: TextIO) -> int:
    columns = ASSET_COLUMNS if kind == "asset" else RISK_COLUMNS
    if form == "csv":
        stream.write(csv_line(columns))
    return file.changed(kind, _contents(kind, rows), _writer(form, columns, stream))


def _contents(kind: str, rows: Iterable[dict[str, JsonValue]]) -> Iterator[tuple[str, str]]:
    key = "alert_id" if kind == "risk" else "id"
    for row in rows:
        # In ASCII: a terminal or a line-by-line reader acts on nothing in it.
        yield str(row[key]), json.dumps(row, ensure_ascii=True, separators=(",", ":"))


def _writer(form: str, columns: Sequence[str], stream: TextIO) -> Callable[[str], None]:
    # Ids, values and links are compared or followed by another program; a title is only read.
    exact = {index for index, name in enumerate(columns) if name != "title"}

    def line(content: str) -> None:
        if form == "csv":
            stream.write(csv_line(csv_cells(json.loads(content), columns), exact=exact))
        else:
            stream.write(f"{content}\n")

    return line
