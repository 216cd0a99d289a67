"""`triage risks`."""

import click

from triage.cli.common import clock_at, config_option, now_option, run_async, settings_from
from triage.cli.history import age_of, json_line, opened, walk
from triage.domain.alert import Severity
from triage.ports import Clock
from triage.settings import Settings


@click.command("risks")
@click.option("--since", default=None, metavar="AGE", help="Only alerts created in the last 24h, 7d, …")
@click.option(
    "--min-severity",
    type=click.Choice(["INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"], case_sensitive=False),
    default="INFO",
    show_default=True,
)
@config_option
@now_option
def command(since: str | None, min_severity: str, config: str | None, now: str | None) -> int:
    """List every stored alert as a risk, the most severe first, as JSON lines.

    Policy violations and correlation alerts are among them, investigated or not. Only the state database is read:
    alerts that no poll has listed are not here.
    """
    settings = settings_from(config)
    run_async(_risks(settings, clock_at(now), since, Severity(min_severity.upper()).rank))
    return 0


async def _risks(settings: Settings, clock: Clock, since: str | None, least: int) -> None:
    from triage.stages.reporting.exposure import risk_row  # noqa: PLC0415 - start-up time

    age = age_of(since)
    rows = []
    async with opened(settings) as store:
        async for record, investigation in walk(store, since=clock.now() - age if age else None):
            if record.alert.severity.rank >= least:
                row = risk_row(record, investigation, console_url=settings.writeback.console_url)
                rows.append((-record.alert.severity.rank, record.alert.created_at, record.alert.id, row))
    for *_, row in sorted(rows, key=lambda item: item[:3]):
        json_line(row)
