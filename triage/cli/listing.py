"""`triage list`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

import click

from triage.cli.common import colour, print_json, settings_from
from triage.cli.options import age_option, config_option, json_option, since_option
from triage.cli.state import in_store
from triage.cli.text import alert_table
from triage.domain.alert import Severity
from triage.domain.verdict import Disposition
from triage.edges.clock import SystemClock
from triage.ports import AlertRecord, Spend, State, Store
from triage.service.stored import Cases, with_leader_verdicts
from triage.stages.reporting import list_row


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
    as_json: bool,
) -> int:
    """List the alerts seen: whether and why selected, state, verdict, confidence, time, cost.

    Example: triage list --since 24h --verdict malicious --severity high
    """
    settings = settings_from(config, needs_token=False)
    wanted = [*map(State, states), *([State.FAILED] if failed else [])]
    filtered = bool(since or triaged_since or verdicts or wanted or severities or detections)

    def shown(record: AlertRecord) -> bool:
        """Whether the filters that the database doesn't apply let a record pass."""
        detection = f"{record.alert.detection_id} {record.alert.detection_name}".casefold()
        return (
            (not verdicts or (record.verdict is not None and record.verdict.value in verdicts))
            and (not severities or record.alert.severity.value in severities)
            and (not detections or any(text.casefold() in detection for text in detections))
        )

    async def load(store: Store) -> tuple[Sequence[AlertRecord], Mapping[str, Spend], Cases]:
        now = SystemClock().now()
        start = now - since if since is not None else None
        ended = now - triaged_since if triaged_since is not None else None
        found = await store.records.newest(since=start, states=wanted, ended_since=ended)
        return (
            [record for record in await with_leader_verdicts(store.records, found) if shown(record)],
            await store.ledger.spent_by_alert(since=start),
            await Cases.load(store.records, start) if as_json else Cases(),
        )

    records, spends, cases = in_store(settings, load)
    if as_json:
        print_json([list_row(record, spends.get(record.alert.id, Spend()), cases.of(record)) for record in records])
    elif records or not filtered:
        click.echo(alert_table(records, spends, settings.llm.currency), color=colour())
    else:
        click.echo("no stored alert matches")
    return 0
