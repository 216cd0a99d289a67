"""`triage export alerts|assets|risks`: the content of the state database, one record a line; Panther is not asked."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import click

from triage.cli.common import run_async, settings_from
from triage.cli.options import config_option, now_option, since_option
from triage.cli.state import latest_marks, opened_store, walk
from triage.domain.alert import Severity
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord, Clock, Records
from triage.settings import Settings
from triage.stages.reporting import to_json
from triage.stages.reporting.exposure import Assets, risk_row
from triage.stages.reporting.records import COLUMNS, csv_line, csv_row


@click.command("alerts")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@since_option
@config_option
@now_option
def alerts(form: str, since: timedelta | None, config: str | None, clock: Clock) -> int:
    """Write every stored alert with its investigation to stdout, one per line; Panther is not asked.

    JSON lines have the keys of `triage show --json`. CSV cells never start a formula.

    Example: triage export alerts --format csv --since 30d
    """
    run_async(_alerts(settings_from(config), clock, since, form))
    return 0


@click.command("assets")
@since_option
@config_option
@now_option
def assets(since: timedelta | None, config: str | None, clock: Clock) -> int:
    """List the addresses, hosts, cloud resources and users of the investigated alerts as JSON lines.

    Each has a stable ID, first and last seen, and the IDs of its alerts, detections and risks. Only the state database
    is read: alerts that were not investigated contribute no assets.

    Example: triage export assets --since 30d
    """
    run_async(_assets(settings_from(config), clock, since))
    return 0


@click.command("risks")
@since_option
@click.option(
    "--min-severity",
    type=click.Choice(["INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"], case_sensitive=False),
    default="INFO",
    show_default=True,
)
@config_option
@now_option
def risks(since: timedelta | None, min_severity: str, config: str | None, clock: Clock) -> int:
    """List every stored alert as a risk, the most severe first, as JSON lines.

    Policy violations and correlation alerts are included, investigated or not. Only the state database is read: alerts
    that no poll has listed are missing.

    Example: triage export risks --min-severity HIGH
    """
    run_async(_risks(settings_from(config), clock, since, Severity(min_severity.upper()).rank))
    return 0


async def _alerts(settings: Settings, clock: Clock, since: timedelta | None, form: str) -> None:
    async with opened_store(settings) as store:
        marks = await latest_marks(store.records)
        if form == "csv":
            click.echo(csv_line(COLUMNS), nl=False)
        async for record, investigation in _since(store.records, clock, since):
            if form == "csv":
                click.echo(csv_line(csv_row(record, investigation, marks.get(record.alert.id))), nl=False)
            else:
                _print_line(to_json(record, investigation))


async def _assets(settings: Settings, clock: Clock, since: timedelta | None) -> None:
    found = Assets()
    async with opened_store(settings) as store:
        async for record, investigation in _since(store.records, clock, since):
            found.add(record, investigation)
    for row in found.rows():
        _print_line(row)


async def _risks(settings: Settings, clock: Clock, since: timedelta | None, least: int) -> None:
    rows = []
    async with opened_store(settings) as store:
        async for record, investigation in _since(store.records, clock, since):
            if record.alert.severity.rank >= least:
                row = risk_row(record, investigation, console_url=settings.writeback.console_url)
                rows.append((-record.alert.severity.rank, record.alert.created_at, record.alert.id, row))
    for *_, row in sorted(rows, key=lambda item: item[:3]):
        _print_line(row)


def _since(
    records: Records, clock: Clock, age: timedelta | None
) -> AsyncIterator[tuple[AlertRecord, Investigation | None]]:
    return walk(records, since=clock.now() - age if age else None)


def _print_line(row: object) -> None:
    """One JSON object on one line of stdout, in ASCII."""
    click.echo(json.dumps(row, ensure_ascii=True, separators=(",", ":")))
