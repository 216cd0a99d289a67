"""`triage list`."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

import click

from triage.cli.alert_table import alert_table
from triage.cli.common import colour, json_list, note, settings_from
from triage.cli.options import age_option, config_option, json_option, since_option
from triage.cli.state import in_store
from triage.domain.alert import Severity
from triage.domain.verdict import Disposition
from triage.edges.clock import SystemClock
from triage.ports import AlertRecord, Spend, State, Store
from triage.service.stored import Cases, each_page
from triage.stages.reporting.records import list_row

LINES = 500
"""Alerts in a table, unless more are asked for."""
T = TypeVar("T")


def _choice(values: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([each.value for each in values], case_sensitive=False)


@click.command("list")
@since_option
@age_option("--triaged-since", "Only alerts whose triage ended in the last 24h, 7d, …")
@click.option("--verdict", "verdicts", multiple=True, type=_choice(Disposition), help="Only these; may be repeated.")
@click.option("--state", "states", multiple=True, type=_choice(State), help="Only these; may be repeated.")
@click.option("--severity", "severities", multiple=True, type=_choice(Severity), help="Only these; may be repeated.")
@click.option(
    "--detection", "detections", multiple=True, metavar="TEXT", help="Only those with this in the id or name."
)
@click.option("--failed", is_flag=True, help="As --state failed.")
@click.option(
    "--limit",
    type=click.IntRange(0),
    metavar="N",
    help=f"Only the newest N; 0: all.  [default: {LINES}, with --json all]",
)
@config_option
@json_option
def command(
    config: str | None,
    since: timedelta | None,
    triaged_since: timedelta | None,
    verdicts: Sequence[str],
    states: Sequence[str],
    severities: Sequence[str],
    detections: Sequence[str],
    failed: bool,
    limit: int | None,
    as_json: bool,
) -> int:
    """List the alerts seen: whether and why selected, state, verdict, confidence, time, cost.

    Example: triage list --since 24h --verdict malicious --severity high
    """
    settings = settings_from(config, needs_token=False)
    wanted = [*map(State, states), *([State.FAILED] if failed else [])]
    filtered = bool(since or triaged_since or verdicts or wanted or severities or detections)
    most = limit if limit is not None else 0 if as_json else LINES

    def shown(record: AlertRecord) -> bool:
        """Whether the filters that the database doesn't apply let a record pass."""
        detection = f"{record.alert.detection_id} {record.alert.detection_name}".casefold()
        return (not severities or record.alert.severity.value in severities) and (
            not detections or any(text.casefold() in detection for text in detections)
        )

    async def each(store: Store) -> AsyncIterator[tuple[AlertRecord, Spend]]:
        now = SystemClock().now()
        pages = each_page(
            store.records,
            since=now - since if since is not None else None,
            states=wanted,
            verdicts=[*map(Disposition, verdicts)],
            ended_since=now - triaged_since if triaged_since is not None else None,
        )
        async for page in pages:
            found = [record for record in page if shown(record)]
            spends = await store.ledger.spent_by_alert(only=[record.alert.id for record in found])
            for record in found:
                yield record, spends.get(record.alert.id, Spend())

    async def print_rows(store: Store) -> None:
        cases = await Cases.load(store.records, SystemClock().now() - since if since is not None else None)
        with json_list() as write:
            async for number, (record, spend) in numbered(each(store)):
                if most and number == most:
                    break
                write(list_row(record, spend, cases.of(record)))

    async def print_table(store: Store) -> None:
        found: list[tuple[AlertRecord, Spend]] = []
        async for number, row in numbered(each(store)):
            if most and number == most:
                note(f"only the newest {most} are listed; --limit 0 lists all")
                break
            found.append(row)
        records = [record for record, _ in found]
        if records or not filtered:
            spends = {record.alert.id: spend for record, spend in found}
            click.echo(alert_table(records, spends, settings.llm.currency), color=colour())
        else:
            click.echo("no stored alert matches")

    in_store(settings, print_rows if as_json else print_table)
    return 0


async def numbered(rows: AsyncIterator[T]) -> AsyncIterator[tuple[int, T]]:
    """As `enumerate`."""
    number = 0
    async for row in rows:
        yield number, row
        number += 1
