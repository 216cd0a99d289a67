"""`triage export`."""

import click

from triage.cli.common import clock_at, config_option, now_option, run_async, settings_from
from triage.cli.history import age_of, json_line, opened, walk
from triage.ports import Clock
from triage.settings import Settings


@click.command("export")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--since", default=None, metavar="AGE", help="Only alerts created in the last 24h, 7d, …")
@config_option
@now_option
def command(form: str, since: str | None, config: str | None, now: str | None) -> int:
    """Write every stored alert with its investigation to stdout, one a line; Panther is not asked.

    JSON lines have the keys of `triage show --json`. CSV cells never start a formula.
    """
    settings = settings_from(config)
    run_async(_export(settings, clock_at(now), since, form))
    return 0


async def _export(settings: Settings, clock: Clock, since: str | None, form: str) -> None:
    from triage.stages.reporting import to_json  # noqa: PLC0415 - start-up time
    from triage.stages.reporting.exports import COLUMNS, csv_line, csv_row  # noqa: PLC0415

    age = age_of(since)
    async with opened(settings) as store:
        marks = {mark.alert_id: mark for mark in reversed(await store.marks())}
        if form == "csv":
            click.echo(csv_line(COLUMNS), nl=False)
        async for record, investigation in walk(store, since=clock.now() - age if age else None):
            if form == "csv":
                click.echo(csv_line(csv_row(record, investigation, marks.get(record.alert.id))), nl=False)
            else:
                json_line(to_json(record, investigation))
