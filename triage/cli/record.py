"""`triage eval record export|import`."""

from pathlib import Path

import click

from triage.cli.common import alert_id_of, config_option, note, run_async, settings_from, write_file
from triage.cli.state import opened_store
from triage.edges.clock import SystemClock
from triage.evaluation.record import keep_record, load_record, read_record
from triage.settings import Settings


@click.command("export")
@click.argument("alert")
@click.option("--file", "file", default=None, metavar="FILE", help="Default: stdout.")
@config_option
def export(alert: str, file: str | None, config: str | None) -> int:
    """Write the record of an ALERT. Secrets are redacted; names and addresses of your company are not."""
    text = run_async(_export(settings_from(config), alert_id_of(alert)))
    if file:
        write_file(file, text, "--file")
    else:
        click.echo(text, nl=False)
    return 0


@click.command("import")
@click.argument("file")
@config_option
def import_(file: str, config: str | None) -> int:
    """Put a record into this store, for `triage show` and `triage eval replay`."""
    name = run_async(_import(settings_from(config), Path(file)))
    note(f"alert {name} is in the store; `triage eval replay {name}` investigates it again")
    return 0


async def _export(settings: Settings, alert_id: str) -> str:
    async with opened_store(settings) as store:
        return (await read_record(store.records, store.journal, alert_id)).text()


async def _import(settings: Settings, path: Path) -> str:
    case = load_record(path)
    async with opened_store(settings) as store:
        await keep_record(store, case, SystemClock(), worker="import")
    return case.alert.id
