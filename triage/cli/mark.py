"""`triage mark`."""

import getpass
from typing import Literal

import click

from triage.cli.common import config_option, note, run_async, settings_from
from triage.cli.investigate import alert_id_of
from triage.settings import Settings

Name = Literal["malicious", "benign"]


@click.command("mark")
@click.argument("alert")
@click.argument("label", type=click.Choice(["malicious", "benign"]))
@click.option("--note", "text", default="", help="Why, for whoever reads the figures later.")
@config_option
def command(alert: str, label: Name, text: str, config: str | None) -> int:
    """Say what an ALERT turned out to be; `triage agreement` counts it before any status. Panther is not touched."""
    name = alert_id_of(alert)
    run_async(_mark(settings_from(config), name, label, text))
    note(f"alert {name} is marked {label}")
    return 0


async def _mark(settings: Settings, alert_id: str, label: Name, text: str) -> None:
    from triage.edges.clock import SystemClock  # noqa: PLC0415 - start-up time
    from triage.edges.store import open_store  # noqa: PLC0415

    try:
        person = getpass.getuser()
    except (OSError, KeyError):
        person = ""
    store = await open_store(settings.store.url)
    try:
        await store.mark(alert_id, label, text, by=person, now=SystemClock().now())
    finally:
        await store.close()
