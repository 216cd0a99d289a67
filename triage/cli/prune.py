"""`triage prune`."""

from datetime import timedelta

import click

from triage.cli.common import clock_at, config_option, now_option, run_async, settings_from
from triage.errors import ConfigError
from triage.ports import Clock
from triage.settings import Settings, parse_duration


@click.command("prune")
@config_option
@click.option("--older-than", "older", default=None, metavar="AGE", help="Such as 90d (default: store.keep).")
@click.option("--dry-run", is_flag=True, help="Only say how many alerts would be deleted.")
@now_option
def command(config: str | None, older: str | None, dry_run: bool, now: str | None) -> int:
    """Delete old alerts from the state database, with what was found out about them. Panther is not touched.

    Alerts go that were created before, have not changed since, and are not queued or being worked on.
    """
    settings = settings_from(config)
    try:
        keep = parse_duration(older) if older else settings.store.keep
    except ValueError as error:
        raise ConfigError(f"--older-than: {error}") from error
    if keep <= timedelta(0):
        where = "--older-than" if older else "store.keep is 0s, which keeps everything; --older-than"
        raise ConfigError(f"{where}: give an age above zero, such as 90d")
    count = run_async(_prune(settings, clock_at(now), keep, dry_run=dry_run))
    click.echo(f"{count} alerts {'would be ' if dry_run else ''}deleted")
    return 0


async def _prune(settings: Settings, clock: Clock, keep: timedelta, *, dry_run: bool) -> int:
    from triage.edges.store import open_store  # noqa: PLC0415 - start-up time
    from triage.service.poller import prune  # noqa: PLC0415

    store = await open_store(settings.store.url)
    try:
        now = clock.now()
        if dry_run:
            return await store.prunable(now - keep)
        return await prune(store, now=now, keep=keep)
    finally:
        await store.close()
