"""`triage eval mark`."""

import getpass
from typing import Literal

import click

from triage.cli.common import alert_id_of, config_option, note, run_async, settings_from
from triage.cli.state import opened_store
from triage.edges.clock import SystemClock
from triage.settings import Settings

Name = Literal["malicious", "benign"]


@click.command("mark")
@click.argument("alert")
@click.argument("label", type=click.Choice(["malicious", "benign"]))
@click.option("--note", "text", default="", help="Why, for whoever reads the figures later.")
@config_option
def command(alert: str, label: Name, text: str, config: str | None) -> int:
    """Say what an ALERT turned out to be.

    `triage eval agreement` counts the mark before any status. Panther is not touched.
    """
    name = alert_id_of(alert)
    run_async(_mark(settings_from(config), name, label, text))
    note(f"alert {name} is marked {label}")
    return 0


async def _mark(settings: Settings, alert_id: str, label: Name, text: str) -> None:
    try:
        person = getpass.getuser()
    except (OSError, KeyError):
        person = ""
    async with opened_store(settings) as store:
        await store.records.mark(alert_id, label, text, by=person, now=SystemClock().now())
