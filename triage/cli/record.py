"""`triage eval record export|import`."""

from pathlib import Path

import click

from triage.cli.common import note, settings_from, write_file
from triage.cli.options import alert_argument, config_option
from triage.cli.state import in_store
from triage.edges.clock import SystemClock
from triage.evaluation.record import CaseRecord, keep_record, load_record, read_record
from triage.ports import Store
from triage.service.stored import full_id


@click.command("export")
@alert_argument
@click.option("--file", metavar="FILE", help="Default: stdout.")
@config_option
def export(alert: str, file: str | None, config: str | None) -> int:
    """Write the record of an ALERT. Secrets are redacted; names and addresses of your company are not.

    Example: triage eval record export ALERT --file case.json
    """

    async def read(store: Store) -> CaseRecord:
        return await read_record(store.records, store.journal, await full_id(store.records, alert))

    text = in_store(settings_from(config, needs_token=False), read).text()
    if file:
        write_file(file, text, "--file")
    else:
        click.echo(text, nl=False)
    return 0


@click.command("import")
@click.argument("file")
@config_option
def import_(file: str, config: str | None) -> int:
    """Import a record into this store, for `triage show` and `triage eval replay`.

    Example: triage eval record import case.json
    """
    settings = settings_from(config, needs_token=False)
    case = load_record(Path(file))
    in_store(settings, lambda store: keep_record(store, case, SystemClock()))
    name = case.alert.id
    note(f"alert {name} is in the store; `triage eval replay {name}` investigates it again")
    return 0
