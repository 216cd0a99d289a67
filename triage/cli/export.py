"""`triage export alerts`: the content of the state database, one record a line; Panther is not asked."""

import json
from datetime import timedelta

import click

from triage.cli.common import settings_from
from triage.cli.options import config_option, now_option, since_option
from triage.cli.state import each_record, in_store, latest_marks
from triage.domain.verdict import Investigation
from triage.ports import AlertRecord, Clock
from triage.service.stored import Cases
from triage.stages.reporting.records import COLUMNS, csv_line, csv_row, to_json


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


def _print_line(row: object) -> None:
    """One JSON object on one line of stdout, in ASCII."""
    click.echo(json.dumps(row, ensure_ascii=True, separators=(",", ":")))
