"""The status in words, for `triage status` and the page of the same name. Texts are as they came."""

from datetime import datetime

from triage.ports import Ended, Spend
from triage.service.status import ServiceStatus


def status_rows(status: ServiceStatus, currency: str) -> list[tuple[str, str]]:
    """A name and a text for each line; a line that goes on has no name."""
    states = status.queue.by_state
    queue = status.queue
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
        *_routes(status),
        *_model(status),
        ("spend", f"{_money(status.today, currency)} today, {_money(status.total, currency)} in total"),
    ]
    if status.pruned_at:
        rows.append(("retention", f"last applied {ago(status.at, status.pruned_at)}"))
    return rows


def _comments(number: int) -> list[tuple[str, str]]:
    text = f"{number} without a known answer; each is looked for, and written where it is missing"
    return [("comments", text)] if number else []


def _routes(status: ServiceStatus) -> list[tuple[str, str]]:
    waiting = sum(each.waiting for each in status.routes.values())
    failed = sum(each.failed for each in status.routes.values())
    if not waiting and not failed:
        return []
    return [("routes", f"{waiting} waiting, {failed} given up (`triage routes failed`)")]


def _model(status: ServiceStatus) -> list[tuple[str, str]]:
    pause = status.model
    if pause is None:
        return []
    left = span((pause.until - status.at).total_seconds())
    return [("model", f"out of use for {left} after {pause.failures} failures in a row: {pause.reason}")]


def _queue(status: ServiceStatus) -> str:
    waiting = status.queue.by_state.get("queued", 0)
    oldest = f", the oldest for {span(status.oldest_seconds)}" if waiting and status.queue.oldest_queued else ""
    return f"{waiting} waiting{oldest}; {len(status.queue.in_flight)} in flight"


def _poll(status: ServiceStatus) -> list[tuple[str, str]]:
    rows = [("poller", status.poller or "none (no process polls)")]
    poll = status.poll
    if poll is None:
        return [*rows, ("poll", "never")]
    last = f"last complete {ago(status.at, poll.succeeded_at)}" if poll.succeeded_at else "none has completed"
    text = f"{last}; {poll.seen} alerts seen, {poll.new} new"
    if poll.error:
        text = f"{poll.failures} failed in a row ({ago(status.at, poll.attempted_at)}): {poll.error}; {last}"
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


def ago(now: datetime, then: datetime | None) -> str:
    """How long before `now` something was."""
    return f"{span((now - then).total_seconds())} ago" if then else "never"


def span(seconds: float) -> str:
    """A length of time in its two largest units."""
    left = max(round(seconds), 0)
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
