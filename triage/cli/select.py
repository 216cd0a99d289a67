"""`triage queue select`: what the filters take, without investigating."""

from datetime import timedelta

import click

from triage.cli.common import colour, note, print_json, run_async, settings_from, table
from triage.cli.logs import log_to_stderr
from triage.cli.options import age_option, config_option, json_option, now_option
from triage.domain.alert import Alert
from triage.domain.clean import printable
from triage.domain.selection import Decision, Linked, Selected
from triage.edges.panther import connect, panther_config
from triage.errors import PantherError, QueryFailed
from triage.ingest.preview import Preview, counts, preview
from triage.ingest.reach import SPAN, unmatched
from triage.ports import Clock


@click.command("select")
@config_option
@click.option("--explain", is_flag=True, help="One line per alert: taken, linked, or why not.")
@age_option("--since", "Alerts created in the last 24h, 7d, … (default: ingest.lookback).")
@now_option
@json_option
def command(config: str | None, explain: bool, since: timedelta | None, clock: Clock, as_json: bool) -> int:
    """Show which alerts the filters take, and why not the others; nothing is stored or investigated.

    Example: triage queue select --explain --since 7d
    """
    settings = settings_from(config)
    log_to_stderr()
    end = clock.now()
    start = end - (since or settings.ingest.lookback)

    async def look() -> tuple[Preview, tuple[str, ...]]:
        async with connect(panther_config(settings), clock=clock) as panther:
            # Panther's clock may be a little ahead.
            seen = await preview(panther.alerts, settings.ingest, start=start, end=end + timedelta(minutes=5))
            ids = {alert.detection_id for alert, _ in seen.decided if alert.detection_id}
            try:
                return seen, await unmatched(
                    panther, settings.ingest, now=end, listed=ids if end - start >= SPAN else None
                )
            except (PantherError, QueryFailed) as error:
                return seen, (f"the names in the filters could not be compared with Panther's: {error}",)

    found, warnings = run_async(look())
    counted = counts(found.decided)
    if as_json:
        document: dict[str, object] = {"since": start.isoformat(), "until": end.isoformat(), "counts": counted}
        if explain:
            document["alerts"] = [_row(alert, decision) for alert, decision in found.decided]
        print_json(document | {"problems": list(found.problems), "warnings": list(warnings)})
        return 0
    if explain and found.decided:
        rows = [_cells(alert, decision) for alert, decision in found.decided]
        head = ("alert", "created (UTC)", "severity", "status", "detection", "taken", "why")
        click.echo("\n".join([*table(rows, head, shrink=(6, 4)), ""]), color=colour())
    click.echo("\n".join(table([(name, f"{number:>6}") for name, number in counted.items()])))
    for problem in (*found.problems, *(f"warning: {warning}" for warning in warnings)):
        note(problem)
    if settings.ingest.min_events:
        note("ingest.min_events is not applied here: Panther's alert list has no event counts")
    return 0


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
