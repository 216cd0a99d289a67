"""`triage export alerts|assets|risks`: the content of the state database, one record a line; Panther is not asked."""

import json
from datetime import timedelta

import click

from triage.cli.common import settings_from
from triage.cli.options import config_option, now_option, since_option
from triage.cli.state import Cases, each_record, in_store, latest_marks
from triage.domain.alert import Severity
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord, Clock
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
    settings = settings_from(config, needs_token=False)
    start = clock.now() - since if since else None
    cases = in_store(settings, lambda store: Cases.load(store.records, start))
    if form == "jsonl":
        each_record(
            settings,
            start,
            lambda record, investigation: _print_line(to_json(record, investigation, cases.of(record))),
        )
        return 0
    marks = latest_marks(settings)
    click.echo(csv_line(COLUMNS), nl=False)

    def visit(record: AlertRecord, investigation: Investigation | None) -> None:
        click.echo(csv_line(csv_row(record, investigation, marks.get(record.alert.id), cases.of(record))), nl=False)

    each_record(settings, start, visit)
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
    found = Assets()
    each_record(settings_from(config, needs_token=False), clock.now() - since if since else None, found.add)
    for row in found.rows():
        _print_line(row)
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
    settings = settings_from(config, needs_token=False)
    least = Severity(min_severity.upper()).rank
    rows = []

    def visit(record: AlertRecord, investigation: Investigation | None) -> None:
        alert = record.alert
        if alert.severity.rank >= least:
            row = risk_row(record, investigation, console_url=settings.writeback.console_url)
            rows.append((-alert.severity.rank, alert.created_at, alert.id, row))

    each_record(settings, clock.now() - since if since else None, visit)
    for *_, row in sorted(rows, key=lambda item: item[:3]):
        _print_line(row)
    return 0


def _print_line(row: object) -> None:
    """One JSON object on one line of stdout, in ASCII."""
    click.echo(json.dumps(row, ensure_ascii=True, separators=(",", ":")))
