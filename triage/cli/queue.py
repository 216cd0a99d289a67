"""`triage queue retry|prune`; `triage queue select` is in `select`, since it asks Panther."""

from datetime import timedelta

import click

from triage.cli.common import UNFINISHED, note, print_json, settings_from
from triage.cli.options import age_option, alert_id_of, config_option, json_option, now_option
from triage.cli.state import in_store
from triage.errors import ConfigError, NotFound
from triage.ports import Clock, State, Store
from triage.service.poller import prune as prune_store
from triage.service.stored import full_id
from triage.settings import Settings


@click.command("retry")
@click.argument("alerts", nargs=-1, metavar="[ALERT]...")
@config_option
@click.option("--all", "everything", is_flag=True, help="All alerts that failed.")
@click.option("--fresh", is_flag=True, help="Start over; without it, finished steps are not repeated.")
@click.option("--routes", is_flag=True, help="Instead, send the messages again that were given up (`routes failed`).")
@json_option
@now_option
def retry(
    alerts: tuple[str, ...],
    config: str | None,
    everything: bool,
    fresh: bool,
    routes: bool,
    as_json: bool,
    clock: Clock,
) -> int:
    """Queue alerts again, by ID or console URL; a running `triage run` picks them up.

    Example: triage queue retry --all
    """
    if routes:
        if alerts or everything or fresh:
            raise ConfigError("--routes takes no alerts and no other option: it is about messages")
        return _retry_routes(settings_from(config, needs_token=False), clock, as_json=as_json)
    if bool(alerts) == everything:
        raise ConfigError("name the alerts to retry, or give --all for all that failed")
    settings = settings_from(config, needs_token=False)
    names = [alert_id_of(each) for each in alerts]
    return in_store(settings, lambda store: _retry(store, clock, names, fresh=fresh, as_json=as_json))


@click.command("prune")
@config_option
@age_option("--older-than", "Such as 90d (default: store.keep).")
@click.option("--dry-run", is_flag=True, help="Only say how many alerts would be deleted.")
@json_option
@now_option
def prune(config: str | None, older_than: timedelta | None, dry_run: bool, as_json: bool, clock: Clock) -> int:
    """Delete old alerts from the state database, with their investigations. Panther is not touched.

    An alert is deleted if it was created before that, has not changed since, and is not queued or being worked on.

    Example: triage queue prune --older-than 90d --dry-run
    """
    settings = settings_from(config, needs_token=False)
    keep = older_than or settings.store.keep
    if keep <= timedelta(0):
        raise ConfigError("store.keep is 0s, which keeps everything; give --older-than an age above zero, such as 90d")

    async def delete(store: Store) -> int:
        now = clock.now()
        return await (store.records.prunable(now - keep) if dry_run else prune_store(store, now=now, keep=keep))

    deleted = in_store(settings, delete)
    if as_json:
        print_json({"alerts": deleted, "dry_run": dry_run})
    else:
        click.echo(f"{deleted} alerts {'would be ' if dry_run else ''}deleted")
    return 0


def _retry_routes(settings: Settings, clock: Clock, *, as_json: bool) -> int:
    names = [route.name for route in settings.routes.to]
    if not names:
        raise ConfigError("routes.to is empty: there is no route to send anything to")
    again = in_store(settings, lambda store: store.outbox.retry_messages(names, now=clock.now()))
    if as_json:
        print_json({"messages": again})
    else:
        click.echo(f"{again} messages wait again; a running `triage run` sends them")
    return 0


async def _retry(store: Store, clock: Clock, names: list[str], *, fresh: bool, as_json: bool) -> int:
    queued: list[str] = []
    busy: list[str] = []
    unknown: list[NotFound] = []
    if not names:
        names = [record.alert.id for record in await store.records.newest(states=(State.FAILED,))]
    for given in names:
        try:
            name = await full_id(store.records, given)
            await store.queue.enqueue(name, now=clock.now(), fresh=fresh)
        except NotFound as error:
            unknown.append(error)
            continue
        record = await store.records.find(name)
        (busy if record is not None and record.state is State.RUNNING else queued).append(name)
    if unknown and len(unknown) == len(names):
        raise unknown[0]
    for missing in unknown:
        note(str(missing))
    for name in busy:
        note(f"{name} is being worked on and was left alone")
    if as_json:
        print_json({"queued": queued, "busy": busy, "unknown": len(unknown)})
    else:
        click.echo(f"{len(queued)} queued again")
    return UNFINISHED if busy or unknown else 0
