"""`triage queue select`: what the filters take, without investigating."""

from datetime import datetime, timedelta

import click

from triage.app import panther_config
from triage.cli.common import (
    age_of,
    clock_at,
    config_option,
    json_option,
    note,
    now_option,
    print_json,
    run_async,
    settings_from,
)
from triage.domain.alert import Alert
from triage.domain.clean import printable
from triage.domain.selection import Decision, Linked, Selected
from triage.edges.panther import connect
from triage.ingest.preview import Preview, counts, preview
from triage.ports import Clock
from triage.settings import Settings


@click.command("select")
@config_option
@click.option("--explain", is_flag=True, help="One line an alert: taken, linked, or why not.")
@click.option("--since", default=None, metavar="AGE", help="Alerts created in the last 24h, 7d, … (default: lookback).")
@now_option
@json_option
def command(config: str | None, explain: bool, since: str | None, now: str | None, as_json: bool) -> int:
    """Show what the filters would take and why not, without storing or investigating anything."""
    settings = settings_from(config)
    age = age_of(since, "--since") or settings.ingest.lookback
    clock = clock_at(now)
    end = clock.now()
    found = run_async(_preview(settings, clock, end - age, end))

    counted = counts(found.decided)
    if as_json:
        document: dict[str, object] = {"since": (end - age).isoformat(), "until": end.isoformat(), "counts": counted}
        if explain:
            document["alerts"] = [_row(alert, decision) for alert, decision in found.decided]
        print_json(document | {"problems": list(found.problems)})
        return 0
    if explain and found.decided:
        click.echo(_table(found))
        click.echo()
    width = max(map(len, counted))
    for name, number in counted.items():
        click.echo(f"{name:<{width}}  {number:>6}")
    for problem in found.problems:
        note(problem)
    if settings.ingest.min_events:
        note("ingest.min_events is not applied here: the list of alerts has no numbers of events")
    return 0


async def _preview(settings: Settings, clock: Clock, start: datetime, end: datetime) -> Preview:
    async with connect(panther_config(settings), clock=clock) as panther:
        # Panther's clock may be a little ahead.
        return await preview(panther.alerts, settings.ingest, start=start, end=end + timedelta(minutes=5))


def _row(alert: Alert, decision: Decision) -> dict[str, object]:
    """One alert of `--json`."""
    return {
        "alert_id": alert.id,
        "detection_id": alert.detection_id,
        "title": alert.title,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "type": alert.kind.value,
        "created_at": alert.created_at.isoformat(),
        "taken": isinstance(decision, Selected),
        "code": "" if isinstance(decision, Selected | Linked) else decision.code.value,
        "reason": decision.reason,
        "warning": decision.warning if isinstance(decision, Selected) else "",
        "group": decision.leader if isinstance(decision, Linked) else None,
    }


def _table(found: Preview) -> str:
    head = ("alert", "created (UTC)", "severity", "status", "detection", "taken", "why")
    rows = [head, *(_cells(alert, decision) for alert, decision in found.decided)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(alert: Alert, decision: Decision) -> tuple[str, ...]:
    match decision:
        case Selected():
            taken, why = "yes", decision.warning or decision.reason
        case Linked():
            taken, why = "linked", decision.reason
        case _:
            taken, why = "no", decision.reason
    return (
        printable(alert.id, 40),
        f"{alert.created_at:%Y-%m-%d %H:%M}",
        printable(alert.severity.value, 8),
        printable(alert.status.value, 8),
        printable(alert.detection_id or "(none)", 48),
        taken,
        printable(why, 100),
    )
