"""`triage list`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from triage.cli.common import clock_at, config_option, json_option, print_json, run_async, settings_from
from triage.cli.history import age_of, opened
from triage.domain.selection import Linked
from triage.settings import Settings

if TYPE_CHECKING:
    from triage.ports import AlertRecord, Spend, Store


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
        from triage.ports import Spend  # noqa: PLC0415 - start-up time
        from triage.stages.reporting import list_row  # noqa: PLC0415

        print_json([list_row(record, spends.get(record.alert.id, Spend())) for record in records])
        return 0
    from triage.cli.text import alert_table  # noqa: PLC0415

    table = alert_table(records, spends, settings.llm.currency)
    click.echo(table if records or not (since or failed) else "no alert that was seen matches")
    return 0


async def load(
    settings: Settings, age: timedelta | None, *, failed: bool
) -> "tuple[tuple[AlertRecord, ...], Mapping[str, Spend]]":
    """Records newest first, one that is linked to another with that one's verdict; and what each has cost."""
    from triage.ports import State  # noqa: PLC0415 - start-up time

    async with opened(settings) as store:
        start = clock_at(None).now() - age if age is not None else None
        records = await store.records(since=start, states=(State.FAILED,) if failed else ())
        return await with_pointers(store, records), await store.spent_by_alert(since=start)


async def with_pointers(store: "Store", records: "Sequence[AlertRecord]") -> "tuple[AlertRecord, ...]":
    """The same records, where each that is linked to another shows that one's verdict."""
    known = {record.alert.id: record for record in records}
    shown = []
    for record in records:
        if not isinstance(record.decision, Linked):
            shown.append(record)
            continue
        leader = known.get(record.decision.leader) or await store.record(record.decision.leader)
        pointer = {"verdict": leader.verdict, "confidence": leader.confidence} if leader else {}
        shown.append(record.model_copy(update=pointer))
    return tuple(shown)
