"""`triage list`."""

from collections.abc import Mapping
from datetime import timedelta

import click

from triage.cli.common import age_of, clock_at, config_option, json_option, print_json, run_async, settings_from
from triage.cli.state import opened_store, with_leader_verdicts
from triage.cli.text import alert_table
from triage.ports import AlertRecord, Spend, State
from triage.settings import Settings
from triage.stages.reporting import list_row


@click.command("list")
@config_option
@click.option("--since", default=None, metavar="AGE", help="Only alerts created in the last 24h, 7d, …")
@click.option("--failed", is_flag=True, help="Only those that were given up.")
@json_option
def command(config: str | None, since: str | None, failed: bool, as_json: bool) -> int:
    """List the alerts seen: selected or why not, state, verdict, confidence, time, cost."""
    settings = settings_from(config)
    records, spends = run_async(load(settings, age_of(since), failed=failed))
    if as_json:
        print_json([list_row(record, spends.get(record.alert.id, Spend())) for record in records])
        return 0

    table = alert_table(records, spends, settings.llm.currency)
    click.echo(table if records or not (since or failed) else "no alert that was seen matches")
    return 0


async def load(
    settings: Settings, age: timedelta | None, *, failed: bool
) -> tuple[tuple[AlertRecord, ...], Mapping[str, Spend]]:
    """Records newest first, one that is linked to another with that one's verdict; and what each has cost."""
    async with opened_store(settings) as store:
        start = clock_at(None).now() - age if age is not None else None
        records = await store.records.newest(since=start, states=(State.FAILED,) if failed else ())
        return await with_leader_verdicts(store.records, records), await store.ledger.spent_by_alert(since=start)
