"""`triage queue retry|prune`; `triage queue select` is in `select`, since it asks Panther."""

from datetime import timedelta

import click

from triage.cli.common import (
    UNFINISHED,
    age_of,
    alert_id_of,
    clock_at,
    config_option,
    note,
    now_option,
    run_async,
    settings_from,
)
from triage.cli.state import opened_store
from triage.errors import ConfigError, NotFound
from triage.ports import Clock, State
from triage.service.poller import prune as prune_store
from triage.settings import Settings


@click.command("retry")
@click.argument("alerts", nargs=-1, metavar="[ALERT]...")
@config_option
@click.option("--all", "everything", is_flag=True, help="All alerts that failed.")
@click.option("--fresh", is_flag=True, help="Start over; without it, finished steps are not repeated.")
@now_option
def retry(alerts: tuple[str, ...], config: str | None, everything: bool, fresh: bool, now: str | None) -> int:
    """Queue alerts again, by id or console URL; a running `triage run` takes them up."""
    if bool(alerts) == everything:
        raise ConfigError("name the alerts to retry, or give --all for all that failed")
    settings = settings_from(config)
    names = [alert_id_of(each) for each in alerts]
    return run_async(_retry(settings, clock_at(now), names, fresh=fresh))


@click.command("prune")
@config_option
@click.option("--older-than", "older", default=None, metavar="AGE", help="Such as 90d (default: store.keep).")
@click.option("--dry-run", is_flag=True, help="Only say how many alerts would be deleted.")
@now_option
def prune(config: str | None, older: str | None, dry_run: bool, now: str | None) -> int:
    """Delete old alerts from the state database, with what was found out about them. Panther is not touched.

    An alert is deleted if it was created before that, has not changed since, and is not queued or being worked on.
    """
    settings = settings_from(config)
    keep = age_of(older, "--older-than") or settings.store.keep
    if keep <= timedelta(0):
        raise ConfigError("store.keep is 0s, which keeps everything; give --older-than an age above zero, such as 90d")
    count = run_async(_prune(settings, clock_at(now), keep, dry_run=dry_run))
    click.echo(f"{count} alerts {'would be ' if dry_run else ''}deleted")
    return 0


async def _retry(settings: Settings, clock: Clock, names: list[str], *, fresh: bool) -> int:
    busy: list[str] = []
    unknown: list[NotFound] = []
    async with opened_store(settings) as store:
        if not names:
            names = [record.alert.id for record in await store.records.newest(states=(State.FAILED,))]
        for name in names:
            try:
                await store.queue.enqueue(name, now=clock.now(), fresh=fresh)
            except NotFound as error:
                unknown.append(error)
                continue
            record = await store.records.find(name)
            if record is not None and record.state is State.RUNNING:
                busy.append(name)
    if unknown and len(unknown) == len(names):
        raise unknown[0]
    for missing in unknown:
        note(str(missing))
    for name in busy:
        note(f"{name} is being worked on, and was left alone")
    click.echo(f"{len(names) - len(busy) - len(unknown)} queued again")
    return UNFINISHED if busy or unknown else 0


async def _prune(settings: Settings, clock: Clock, keep: timedelta, *, dry_run: bool) -> int:
    async with opened_store(settings) as store:
        now = clock.now()
        if dry_run:
            return await store.records.prunable(now - keep)
        return await prune_store(store, now=now, keep=keep)
