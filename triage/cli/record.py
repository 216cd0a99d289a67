"""`triage record`."""

from pathlib import Path

import click

from triage.cli.common import config_option, note, run_async, settings_from, write_file
from triage.cli.investigate import alert_id_of
from triage.settings import Settings


@click.group("record")
def command() -> None:
    """Share an investigation whole: alert, evidence, turns and result, without secrets."""


@command.command("export")
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


@command.command("import")
@click.argument("file")
@config_option
def import_(file: str, config: str | None) -> int:
    """Put a record into this store, for `triage show` and `triage replay`."""
    name = run_async(_import(settings_from(config), Path(file)))
    note(f"alert {name} is in the store; `triage replay {name}` investigates it again")
    return 0


async def _export(settings: Settings, alert_id: str) -> str:
    from triage.edges.store import open_store  # noqa: PLC0415 - start-up time
    from triage.evaluation.record import read_record  # noqa: PLC0415

    store = await open_store(settings.store.url)
    try:
        return (await read_record(store, alert_id)).text()
    finally:
        await store.close()


async def _import(settings: Settings, path: Path) -> str:
    from triage.edges.clock import SystemClock  # noqa: PLC0415 - start-up time
    from triage.edges.store import open_store  # noqa: PLC0415
    from triage.evaluation.record import keep_record, load_record  # noqa: PLC0415

    case = load_record(path)
    store = await open_store(settings.store.url)
    try:
        await keep_record(store, case, SystemClock(), worker="import")
    finally:
        await store.close()
    return case.alert.id
