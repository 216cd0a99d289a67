"""`triage list`."""

from collections.abc import Mapping
from datetime import timedelta

import click

from triage.cli.common import print_json, settings_from
from triage.cli.options import config_option, json_option, since_option
from triage.cli.state import Cases, in_store, with_leader_verdicts
from triage.cli.text import alert_table
from triage.edges.clock import SystemClock
from triage.ports import AlertRecord, Spend, State, Store
from triage.stages.reporting import list_row


@click.command("list")
@since_option
@click.option("--failed", is_flag=True, help="Only alerts that failed for good.")
@config_option
@json_option
def command(config: str | None, since: timedelta | None, failed: bool, as_json: bool) -> int:
    """List the alerts seen: whether and why selected, state, verdict, confidence, time, cost.

    Example: triage list --since 24h --failed
    """
    settings = settings_from(config)

    async def load(store: Store) -> tuple[tuple[AlertRecord, ...], Mapping[str, Spend], Cases]:
        start = SystemClock().now() - since if since is not None else None
        records = await store.records.newest(since=start, states=(State.FAILED,) if failed else ())
        return (
            await with_leader_verdicts(store.records, records),
            await store.ledger.spent_by_alert(since=start),
            await Cases.load(store.records, start) if as_json else Cases(),
        )

    records, spends, cases = in_store(settings, load)
    if as_json:
        print_json([list_row(record, spends.get(record.alert.id, Spend()), cases.of(record)) for record in records])
    elif records or not (since or failed):
        click.echo(alert_table(records, spends, settings.llm.currency))
    else:
        click.echo("no stored alert matches")
    return 0
