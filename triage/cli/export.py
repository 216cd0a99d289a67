"""`triage export alerts|assets|risks`: what the state database holds, one record a line; Panther is not asked."""

from collections.abc import AsyncIterator

import click

from triage.cli.common import age_of, clock_at, config_option, now_option, run_async, settings_from
from triage.cli.state import json_line, opened_store, walk
from triage.domain.alert import Severity
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord, Clock, Records
from triage.settings import Settings
from triage.stages.reporting import to_json
from triage.stages.reporting.exposure import Assets, risk_row
from triage.stages.reporting.records import COLUMNS, csv_line, csv_row

since_option = click.option(
    "--since", default=None, metavar="AGE", help="Only of alerts created in the last 24h, 7d, …"
)


@click.command("alerts")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@since_option
@config_option
@now_option
def alerts(form: str, since: str | None, config: str | None, now: str | None) -> int:
    """Write every stored alert with its investigation to stdout, one a line; Panther is not asked.

    JSON lines have the keys of `triage show --json`. CSV cells never start a formula.
    """
    settings = settings_from(config)
    run_async(_alerts(settings, clock_at(now), since, form))
    return 0


@click.command("assets")
@since_option
@config_option
@now_option
def assets(since: str | None, config: str | None, now: str | None) -> int:
    """List the addresses, hosts, cloud resources and users of the investigated alerts as JSON lines.

    Each has a stable id, first and last seen, and the ids of its alerts, detections and risks. Only the state database
    is read: alerts that were not investigated have no assets here.
    """
    settings = settings_from(config)
    run_async(_assets(settings, clock_at(now), since))
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
def risks(since: str | None, min_severity: str, config: str | None, now: str | None) -> int:
    """List every stored alert as a risk, the most severe first, as JSON lines.

    Policy violations and correlation alerts are among them, investigated or not. Only the state database is read:
    alerts that no poll has listed are not here.
    """
    settings = settings_from(config)
    run_async(_risks(settings, clock_at(now), since, Severity(min_severity.upper()).rank))
    return 0


async def _alerts(settings: Settings, clock: Clock, since: str | None, form: str) -> None:
    async with opened_store(settings) as store:
        marks = {mark.alert_id: mark for mark in reversed(await store.records.marks())}
        if form == "csv":
            click.echo(csv_line(COLUMNS), nl=False)
        async for record, investigation in _since(store.records, clock, since):
            if form == "csv":
                click.echo(csv_line(csv_row(record, investigation, marks.get(record.alert.id))), nl=False)
            else:
                json_line(to_json(record, investigation))


async def _assets(settings: Settings, clock: Clock, since: str | None) -> None:
    found = Assets()
    async with opened_store(settings) as store:
        async for record, investigation in _since(store.records, clock, since):
            found.add(record, investigation)
    for row in found.rows():
        json_line(row)


async def _risks(settings: Settings, clock: Clock, since: str | None, least: int) -> None:
    rows = []
    async with opened_store(settings) as store:
        async for record, investigation in _since(store.records, clock, since):
            if record.alert.severity.rank >= least:
                row = risk_row(record, investigation, console_url=settings.writeback.console_url)
                rows.append((-record.alert.severity.rank, record.alert.created_at, record.alert.id, row))
    for *_, row in sorted(rows, key=lambda item: item[:3]):
        json_line(row)


def _since(
    records: Records, clock: Clock, since: str | None
) -> AsyncIterator[tuple[AlertRecord, Investigation | None]]:
    age = age_of(since)
    return walk(records, since=clock.now() - age if age else None)
