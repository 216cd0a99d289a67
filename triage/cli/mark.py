"""`triage mark`."""

from collections.abc import Mapping
from typing import Final, Literal

import click

from triage.cli.common import note, print_json, settings_from
from triage.cli.options import alert_argument, config_option, json_option
from triage.cli.state import in_store
from triage.edges.clock import SystemClock
from triage.edges.process import user_name
from triage.ports import MARK_LABELS, Store
from triage.service.stored import full_id

LABELS: Final[Mapping[str, Literal["malicious", "benign"] | None]] = {
    **MARK_LABELS,
    "unmark": None,
    "malicious": "malicious",
    "benign": "benign",
}
"""What is stored for each word; the last two are how the words were spelled before."""


@click.command("mark")
@alert_argument
@click.argument("label", type=click.Choice(list(LABELS)), metavar="true-positive|false-positive|unmark")
@click.option("--note", "text", default="", help="Why, for whoever reads the figures later.")
@config_option
@json_option
def command(alert: str, label: str, text: str, config: str | None, as_json: bool) -> int:
    """Record what an ALERT turned out to be, or take that back; Panther is not touched.

    `triage eval agreement` prefers this label to the alert's status.

    Example: triage mark ALERT true-positive --note INC-42
    """

    async def change(store: Store) -> tuple[str, bool]:
        name = await full_id(store.records, alert)
        stored = LABELS[label]
        if stored is None:
            return name, await store.records.unmark(name)
        await store.records.mark(name, stored, text, by=user_name(), now=SystemClock().now())
        return name, True

    name, changed = in_store(settings_from(config, needs_token=False), change)
    if as_json:
        print_json({"alert_id": name, "mark": LABELS[label], "changed": changed})
    elif LABELS[label] is None:
        note(f"alert {name} is {'no longer' if changed else 'not'} marked")
    else:
        note(f"alert {name} is marked {label}")
    return 0
