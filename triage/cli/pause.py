"""`triage pause`."""

import click

from triage.cli.common import config_option, note, run_async, settings_from
from triage.settings import Settings


@click.command("pause")
@config_option
def command(config: str | None) -> int:
    """Stop all writing to Panther, at once and in every process that shares the store; triage goes on."""
    run_async(set_paused(settings_from(config), paused=True))
    note("writing to Panther is paused; `triage resume` continues, and writes what has waited")
    return 0


async def set_paused(settings: Settings, *, paused: bool) -> None:
    from triage.edges.clock import SystemClock  # noqa: PLC0415 - start-up time
    from triage.edges.store import open_store  # noqa: PLC0415
    from triage.stages.writeback import PAUSED  # noqa: PLC0415

    store = await open_store(settings.store.url)
    try:
        await store.put(PAUSED, paused, now=SystemClock().now())
    finally:
        await store.close()
