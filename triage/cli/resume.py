"""`triage resume`."""

import click

from triage.cli.common import config_option, note, run_async, settings_from
from triage.cli.pause import set_paused


@click.command("resume")
@config_option
def command(config: str | None) -> int:
    """Continue writing to Panther after `triage pause`."""
    run_async(set_paused(settings_from(config), paused=False))
    note("writing to Panther goes on; comments that waited follow within five minutes")
    return 0
