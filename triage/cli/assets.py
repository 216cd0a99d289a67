"""`triage assets`."""

import click

from triage.cli.common import clock_at, config_option, now_option, run_async, settings_from
from triage.cli.history import age_of, json_line, opened, walk
from triage.ports import Clock
from triage.settings import Settings


@click.command("assets")
@click.option("--since", default=None, metavar="AGE", help="Only of alerts created in the last 24h, 7d, …")
@config_option
@now_option
def command(since: str | None, config: str | None, now: str | None) -> int:
    """List the addresses, hosts, cloud resources and users of the investigated alerts as JSON lines.

    Each has a stable id, first and last seen, and the ids of its alerts, detections and risks. Only the state database
    is read: alerts that were not investigated have no assets here.
    """
    settings = settings_from(config)
    run_async(_assets(settings, clock_at(now), since))
    return 0


async def _assets(settings: Settings, clock: Clock, since: str | None) -> None:
    from triage.stages.reporting.exposure import Assets  # noqa: PLC0415 - start-up time

    age = age_of(since)
    assets = Assets()
    async with opened(settings) as store:
        async for record, investigation in walk(store, since=clock.now() - age if age else None):
            assets.add(record, investigation)
    for row in assets.rows():
        json_line(row)
