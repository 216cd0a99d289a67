"""`triage eval mark`."""

import getpass
from typing import Literal

import click

from triage.cli.common import note, settings_from
from triage.cli.options import alert_argument, config_option
from triage.cli.state import in_store
from triage.edges.clock import SystemClock


@click.command("mark")
@alert_argument
@click.argument("label", type=click.Choice(["malicious", "benign"]))
@click.option("--note", "text", default="", help="Why, for whoever reads the figures later.")
@config_option
def command(alert: str, label: Literal["malicious", "benign"], text: str, config: str | None) -> int:
    """Record what an ALERT turned out to be.

    `triage eval agreement` prefers this label to the alert's status. Panther is not touched.

    Example: triage eval mark ALERT malicious --note INC-42
    """
    try:
        person = getpass.getuser()
    except (OSError, KeyError):
        person = ""
    now = SystemClock().now()
    in_store(settings_from(config), lambda store: store.records.mark(alert, label, text, by=person, now=now))
    note(f"alert {alert} is marked {label}")
    return 0
