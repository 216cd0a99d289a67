"""`triage status`."""

from dataclasses import asdict
from datetime import datetime

import click

from triage.cli.common import one_line, print_json, settings_from, table
from triage.cli.options import config_option, json_option, now_option
from triage.cli.state import in_store
from triage.ports import Clock, Ended, Spend
from triage.service.status import ServiceStatus, read_status

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
    rows = [
        ("queue", _queue(status)),
        ("linked", f"{queue.links_due} ready to take a verdict, {queue.links_waiting} waiting for one"),
        ("looks", f"{queue.second_looks} with a verdict will be looked at again"),
        *_comments(queue.comments_open),
        ("last hour", _ended(queue.last_hour)),
        ("last 24 h", _ended(queue.last_day)),
        ("in total", ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no alerts"),
        *_poll(status),
        ("writing", "paused; `triage writeback resume` continues" if status.paused else "not paused"),
        *_model(status),
        ("spend", f"{_money(status.today, currency)} today, {_money(status.total, currency)} in total"),
    ]
    if status.pruned_at:
        rows.append(("retention", f"last applied {_ago(status.at, status.pruned_at)}"))
    lines = table((name, one_line(text)) for name, text in rows)
    if queue.in_flight:
        lines += ["", f"In flight: {len(queue.in_flight)}"]
        lines += table(
            (
                f"  {each.alert_id}",
                one_line(each.worker, 60),
                f"for {_span((status.at - each.since).total_seconds())}" if each.since else "",
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
            (f"  {each.alert_id}", _ago(status.at, each.at) if each.at else "", one_line(each.error, ERROR_WIDTH))
            for each in queue.parked
        )
    return "\n".join(lines)


def _comments(number: int) -> list[tuple[str, str]]:
    text = f"{number} without a known answer; each is looked for, and written where it is missing"
    return [("comments", text)] if number else []


def _model(status: ServiceStatus) -> list[tuple[str, str]]:
    pause = status.model
    if pause is None:
        return []
    left = _span((pause.until - status.at).total_seconds())
    return [("model", f"out of use for {left} after {pause.failures} failures in a row: {pause.reason}")]


def _queue(status: ServiceStatus) -> str:
    waiting = status.queue.by_state.get("queued", 0)
    oldest = f", the oldest for {_span(status.oldest_seconds)}" if waiting and status.queue.oldest_queued else ""
    return f"{waiting} waiting{oldest}; {len(status.queue.in_flight)} in flight"


def _poll(status: ServiceStatus) -> list[tuple[str, str]]:
    rows = [("poller", status.poller or "none (no process polls)")]
    poll = status.poll
    if poll is None:
        return [*rows, ("poll", "never")]
    last = f"last complete {_ago(status.at, poll.succeeded_at)}" if poll.succeeded_at else "none has completed"
    text = f"{last}; {poll.seen} alerts seen, {poll.new} new"
    if poll.error:
        text = f"{poll.failures} failed in a row ({_ago(status.at, poll.attempted_at)}): {poll.error}; {last}"
    rows.append(("poll", text))
    if poll.backlog_windows:
        span = ""
        if poll.backlog_from and poll.backlog_to:
            span = f", {poll.backlog_from:%Y-%m-%d %H:%M} to {poll.backlog_to:%Y-%m-%d %H:%M}"
        rows.append(("backlog", f"{poll.backlog_windows} windows to read{span}"))
    return rows + [("", f"not read: {problem}") for problem in poll.problems[:3]]


def _ended(ended: Ended) -> str:
    return f"{ended.done} investigated, {ended.linked} linked, {ended.skipped} skipped, {ended.failed} failed"


def _money(spend: Spend, currency: str) -> str:
    return f"{spend.money:.2f} {currency} ({spend.tokens:,} tokens, {spend.calls:,} calls)"


def _ago(now: datetime, then: datetime | None) -> str:
    return f"{_span((now - then).total_seconds())} ago" if then else "never"


def _span(seconds: float) -> str:
    """A length of time in its two largest units."""
    left = max(round(seconds), 0)
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
