"""The decisive events of an alert as a short timeline, and where the marks of its drawing are.

The template writes the SVG and escapes every text. The drawing has no `viewBox`: a unit is a CSS pixel, so that text
keeps its size on a phone. Each text comes in a long and a short form; the style sheet shows the one that fits.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from pydantic import JsonValue

from triage.domain.clean import printable, safe_value
from triage.domain.evidence import MISSING, Evidence, Source, lookup
from triage.domain.finding import ValueCitation
from triage.domain.verdict import Verdict
from triage.stages.reporting.wording import moment, shorten_middle

_TIMES = ("p_event_time", "eventTime", "published", "created_at", "id.time", "start", "timestamp", "time")
_ACTIONS = ("eventName", "eventType", "event_type", "name", "operation", "action", "displayMessage", "event", "type")
_ACTORS = (
    "userIdentity.userName",
    "userIdentity.arn",
    "userIdentity.invokedBy",
    "actor.alternateId",
    "actor.email",
    "actor.displayName",
    "actor.id",
    "actor",
    "userPrincipalName",
    "user.email",
    "user.name",
    "user",
    "username",
    "user_name",
    "email",
    "instanceId",
)
_ADDRESSES = (
    "sourceIPAddress",
    "client.ipAddress",
    "actor_ip",
    "ipAddress",
    "srcAddr",
    "source_ip",
    "src_ip",
    "client_ip",
    "ip_address",
    "ip",
    "p_any_ip_addresses.0",
)
"""Field names of CloudTrail, Okta, GitHub, Google Workspace and VPC flow logs, then common ones."""

_TOP = 14
_LINE = 44
_GAP_AT_LEAST = 60.0
"""Seconds; shorter gaps are not drawn."""
_GAP_PER_DOUBLING = 4
_GAP_AT_MOST = 60
_GAP_LABELLED = 20
"""Pixels, which a word needs."""
_LONG, _SHORT, _SHORT_ACTION = 110, 45, 24

_CELL = 90
_RECORDS = frozenset({Source.QUERY, Source.TOOL, Source.SEARCH})


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One event of the timeline, or several similar ones in a row; every text cleaned."""

    time: str
    action: str
    actor: str
    address: str
    source: str
    """Evidence and row that it comes from, such as `E1 row 0` or `E1 rows 4 to 10`."""
    anchor: str = ""
    """The first row as `E1-0`."""
    findings: tuple[int, ...] = ()
    """Numbers of the verified findings that cite it."""
    times: int = 1
    until: str = ""
    """Time of the last, where there are several."""
    at: datetime | None = None
    """The time, where it could be read; in UTC."""
    until_at: datetime | None = None


def timeline(evidence: Iterable[Evidence], verdict: Verdict, limit: int) -> tuple[tuple[TimelineEvent, ...], int]:
    """The decisive events in order of time, and how many other events there are.

    These are the alert's own events, and records of other answers that a verified finding cites. What happens several
    times in a row, by the same actor from the same address, is one line. Where there are too many lines, those that a
    finding cites are kept first, then the earliest.
    """
    known = {entry.id: entry for entry in evidence}
    cited = _cited(verdict, known)
    events = next((entry for entry in known.values() if entry.source is Source.EVENTS and entry.answered), None)
    own = [_event(events, number, cited) for number in range(len(events.rows))] if events is not None else []
    others = [
        _event(known[name], number, cited)
        for name, number in cited
        if (events is None or name != events.id) and _is_record(known[name], number)
    ]
    # An answer often repeats the alert's own events.
    repeated = {(event.time, *_what(event)) for event in own}
    found = [*own, *(event for event in others if (event.time, *_what(event)) not in repeated)]
    total = len(found) + (max(events.row_count - len(events.rows), 0) if events is not None else 0)
    lines = [tuple(group) for _, group in groupby(sorted(found, key=_when), key=_alike)]
    chosen = sorted(range(len(lines)), key=lambda place: (not lines[place][0].findings, place))[:limit]
    kept = [lines[place] for place in sorted(chosen)]
    return tuple(map(_joined, kept)), total - sum(map(len, kept))


def _cited(verdict: Verdict, known: Mapping[str, Evidence]) -> dict[tuple[str, int], tuple[int, ...]]:
    """The rows that verified findings cite, with the findings' numbers."""
    cited: dict[tuple[str, int], tuple[int, ...]] = {}
    for checked in verdict.verified:
        for citation in checked.finding.citations:
            if isinstance(citation, ValueCitation) and citation.evidence in known:
                place = (citation.evidence, citation.row)
                cited[place] = tuple(dict.fromkeys((*cited.get(place, ()), checked.number)))
    return cited


def _is_record(entry: Evidence, number: int) -> bool:
    """Whether a row is a log record with a time and an action rather than a count."""
    if entry.source not in _RECORDS or entry.measured or not entry.answered or number >= len(entry.rows):
        return False
    row = entry.rows[number]
    return _time(_first(row, _TIMES, 40)) is not None and bool(_first(row, _ACTIONS, _CELL))


def _joined(events: Sequence[TimelineEvent]) -> TimelineEvent:
    """Similar events in a row as one."""
    event, last = events[0], events[-1]
    findings = tuple(sorted({number for each in events for number in each.findings}))
    if len(events) == 1:
        return replace(event, findings=findings)
    evidence = event.anchor.rpartition("-")[0]
    rows = [int(each.anchor.rpartition("-")[2]) for each in events]
    low, high = min(rows), max(rows)
    gapless = high - low + 1 == len(rows)
    return replace(
        event,
        findings=findings,
        times=len(rows),
        until=last.time if last.time != event.time else "",
        until_at=last.at,
        source=f"{evidence} rows {low} to {high}" if gapless else f"{event.source} and {len(rows) - 1} others",
    )


def _alike(event: TimelineEvent) -> tuple[str, tuple[str, str, str], bool]:
    return event.anchor.rpartition("-")[0], _what(event), bool(event.findings)


def _what(event: TimelineEvent) -> tuple[str, str, str]:
    return event.action, event.actor, event.address


def _when(event: TimelineEvent) -> tuple[bool, float, str]:
    # What has no readable time comes last, in the order of its text.
    return (event.at is None, event.at.timestamp() if event.at else 0.0, event.time)


def _event(entry: Evidence, number: int, cited: Mapping[tuple[str, int], tuple[int, ...]]) -> TimelineEvent:
    row = entry.rows[number]
    text = _first(row, _TIMES, 40)
    at = _time(text)
    return TimelineEvent(
        time=moment(at) if at else text or "time unknown",
        action=_first(row, _ACTIONS, _CELL) or "event",
        actor=_first(row, _ACTORS, _CELL) or "actor unknown",
        address=_first(row, _ADDRESSES, 50) or "address unknown",
        source=f"{entry.id} row {number}",
        anchor=f"{entry.id}-{number}",
        findings=cited.get((entry.id, number), ()),
        at=at,
    )


def _first(row: Mapping[str, JsonValue], paths: Iterable[str], limit: int) -> str:
    for path in paths:
        value = lookup(row, path)
        if value is not MISSING and isinstance(value, str | int | float) and value not in ("", "null"):
            return safe_value(str(value), limit)
    return ""


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


# ---- drawing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TimelineMark:
    """One event of the drawing."""

    y: int
    kind: str
    """`cited`, `event` or `alert`."""
    head: str
    head_short: str
    body: str
    body_short: str
    anchor: str
    """Id of the element that shows it; empty: none."""
    gap: str
    """Time since the mark above, where it is worth mentioning."""
    gap_y: int


@dataclass(frozen=True, slots=True)
class TimelineDrawing:
    height: int
    bottom: int
    """Where the axis ends."""
    marks: tuple[TimelineMark, ...]


def draw_timeline(events: Sequence[TimelineEvent], anchors: frozenset[str]) -> TimelineDrawing:
    """Put events below each other; the longer the time between two, the wider the gap (by its logarithm).

    Args:
        events: In order of time.
        anchors: Ids of the page's elements that a mark may link to.
    """
    marks: list[TimelineMark] = []
    y = _TOP
    before: TimelineEvent | None = None
    for event in events:
        gap, gap_y = "", 0
        if before is not None:
            extra, gap = _gap(before, event)
            gap_y = y + _LINE
            y += _LINE + extra
        head = f"{event.action}, {event.times} times" if event.times > 1 else event.action
        cited = f"finding {', '.join(map(str, event.findings))}" if event.findings else ""
        body = " · ".join(part for part in (event.actor, event.address, event.source, cited) if part)
        marks.append(
            TimelineMark(
                y=y,
                kind="alert" if not event.source else "cited" if event.findings else "event",
                head=f"{event.time}  {printable(head, _LONG)}",
                head_short=f"{event.time}  {printable(head, _SHORT_ACTION)}",
                body=printable(body, _LONG),
                body_short=_short_body(event),
                anchor=_anchor(event, anchors),
                gap=gap,
                gap_y=gap_y,
            )
        )
        before = event
    return TimelineDrawing(height=y + _LINE - 10, bottom=y, marks=tuple(marks))


def _short_body(event: TimelineEvent) -> str:
    address = shorten_middle(event.address, _SHORT - 10)
    actor = shorten_middle(event.actor, _SHORT - 3 - len(address))
    return " · ".join(part for part in (actor, address) if part)


def _anchor(event: TimelineEvent, anchors: frozenset[str]) -> str:
    whole = event.anchor.partition("-")[0]
    return next((name for name in (event.anchor, whole) if name in anchors), "")


def _gap(before: TimelineEvent, event: TimelineEvent) -> tuple[int, str]:
    last = before.until_at or before.at
    if last is None or event.at is None:
        return 0, ""
    seconds = (event.at - last).total_seconds()
    if seconds < _GAP_AT_LEAST:
        return 0, ""
    extra = min(round(_GAP_PER_DOUBLING * math.log2(seconds / 30)), _GAP_AT_MOST)
    return extra, _span(seconds) if extra >= _GAP_LABELLED else ""


def _span(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * length or unit == "min":
            return f"{round(seconds / length)} {unit} later"
    return ""
