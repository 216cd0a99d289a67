"""`triage retry`."""

import click

from triage.cli.common import UNFINISHED, clock_at, config_option, note, now_option, run_async, settings_from
from triage.cli.investigate import alert_id_of
from triage.errors import ConfigError, NotFound
from triage.ports import Clock
from triage.settings import Settings


@click.command("retry")
@click.argument("alerts", nargs=-1, metavar="[ALERT]...")
@config_option
@click.option("--all", "everything", is_flag=True, help="All alerts that were given up.")
@click.option("--fresh", is_flag=True, help="Start over; without it, finished steps are not repeated.")
@now_option
def command(alerts: tuple[str, ...], config: str | None, everything: bool, fresh: bool, now: str | None) -> int:
    """Queue alerts again, by id or console URL; a running `triage run` takes them up."""
    if bool(alerts) == everything:
        raise ConfigError("name the alerts to retry, or give --all for all that were given up")
    settings = settings_from(config)
    names = [alert_id_of(each) for each in alerts]
    return run_async(_retry(settings, clock_at(now), names, fresh=fresh))


async def _retry(settings: Settings, clock: Clock, names: list[str], *, fresh: bool) -> int:
    from triage.edges.store import open_store  # noqa: PLC0415 - start-up time
    from triage.ports import State  # noqa: PLC0415

    store = await open_store(settings.store.url)
    try:
        if not names:
            names = [record.alert.id for record in await store.records(states=(State.FAILED,))]
        busy: list[str] = []
        unknown: list[NotFound] = []
        for name in names:
            try:
                await store.enqueue(name, now=clock.now(), fresh=fresh)
            except NotFound as error:
                unknown.append(error)
                continue
            record = await store.record(name)
            if record is not None and record.state is State.RUNNING:
                busy.append(name)
    finally:
        await store.close()
    if unknown and len(unknown) == len(names):
        raise unknown[0]
    for missing in unknown:
        note(str(missing))
    for name in busy:
        note(f"{name} is being worked on, and was left alone")
    click.echo(f"{len(names) - len(busy) - len(unknown)} queued again")
    return UNFINISHED if busy or unknown else 0
