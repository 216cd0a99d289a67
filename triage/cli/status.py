"""`triage status`."""

from dataclasses import asdict

import click

from triage.cli.common import one_line, print_json, settings_from, table
from triage.cli.options import config_option, json_option, now_option
from triage.cli.state import in_store
from triage.ports import Clock, Spend
from triage.service.status import ServiceStatus, read_status
from triage.service.status_rows import ago, span, status_rows

ERROR_WIDTH = 160
IN_FLIGHT = 20
"""Alerts in flight that are listed."""


@click.command("status")
@config_option
@json_option
@now_option
def command(config: str | None, as_json: bool, clock: Clock) -> int:
    """Show the queue, what is being worked on, polling, spend, and what failed; reads the state database only.

    Example: triage status --json
    """
    now = clock.now()
    settings = settings_from(config, needs_token=False)
    status = in_store(settings, lambda store: read_status(store, now=now))
    if as_json:
        print_json(to_json(status, settings.llm.currency))
    else:
        click.echo(to_text(status, settings.llm.currency))
    return 0


def to_json(status: ServiceStatus, currency: str) -> dict[str, object]:
    """One document; names are only ever added."""
    queue = status.queue
    return {
        "at": status.at.isoformat(),
        "states": dict(queue.by_state),
        "queued": queue.by_state.get("queued", 0),
        "oldest_queued_seconds": round(status.oldest_seconds, 3) if queue.oldest_queued else None,
        "links_waiting": queue.links_waiting,
        "links_due": queue.links_due,
        "second_looks": queue.second_looks,
        "comments_open": queue.comments_open,
        "in_flight": [
            {**asdict(each), "since": each.since.isoformat() if each.since else None} for each in queue.in_flight
        ],
        "in_flight_by_worker": dict(queue.running_by_worker),
        "last_hour": asdict(queue.last_hour),
        "last_day": asdict(queue.last_day),
        "poller": status.poller or None,
        "poll": status.poll.model_dump(mode="json") if status.poll else None,
        "paused": status.paused,
        "routes": {name: asdict(counts) for name, counts in sorted(status.routes.items())},
        "model_out_of_use": status.model.model_dump(mode="json") if status.model else None,
        "spend": {"currency": currency, "today": _spend(status.today), "total": _spend(status.total)},
        "failed": queue.by_state.get("failed", 0),
        "failures": [
            {"alert_id": each.alert_id, "error": each.error, "at": each.at.isoformat() if each.at else None}
            for each in queue.parked
        ],
        "pruned_at": status.pruned_at.isoformat() if status.pruned_at else None,
    }


def _spend(spend: Spend) -> dict[str, object]:
    return {**spend.model_dump(mode="json"), "tokens": spend.tokens}


def to_text(status: ServiceStatus, currency: str) -> str:
    """A page for a terminal."""
    queue = status.queue
    states = queue.by_state
    lines = table((name, one_line(text)) for name, text in status_rows(status, currency))
    if queue.in_flight:
        lines += ["", f"In flight: {len(queue.in_flight)}"]
        lines += table(
            (
                f"  {each.alert_id}",
                one_line(each.worker, 60),
                f"for {span((status.at - each.since).total_seconds())}" if each.since else "",
                f"takes the verdict of {each.leader}" if each.leader else "",
            )
            for each in queue.in_flight[:IN_FLIGHT]
        )
        if len(queue.in_flight) > IN_FLIGHT:
            lines.append(f"  and {len(queue.in_flight) - IN_FLIGHT} more (--json shows all)")
    if queue.parked:
        failed = states.get("failed", 0)
        lines += ["", f"Failed: {failed} (`triage list --failed`; `triage queue retry --all` tries again)"]
        lines += table(
            (f"  {each.alert_id}", ago(status.at, each.at) if each.at else "", one_line(each.error, ERROR_WIDTH))
            for each in queue.parked
        )
    return "\n".join(lines)
