"""The decisive events of an alert as a short timeline."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pydantic import JsonValue

from triage.domain.clean import safe_value
from triage.domain.evidence import MISSING, Evidence, Source, lookup
from triage.domain.finding import ValueCitation
from triage.domain.verdict import Verdict
from triage.stages.reporting.wording import moment

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

_CELL = 90
_RECORDS = frozenset({Source.QUERY, Source.TOOL, Source.SEARCH})


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the timeline, or several alike in a row; every text cleaned."""

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


@dataclass(slots=True)
class _Line:
    """What is gathered for one line."""

    evidence: str
    rows: list[int]
    first: Happening
    last: Happening
    findings: set[int] = field(default_factory=set)


def timeline(evidence: Iterable[Evidence], verdict: Verdict, limit: int) -> tuple[tuple[Happening, ...], int]:
    """The decisive events in order of time, and how many events there are beside them.

    The alert's own events, and records of other answers that a verified finding cites. What happens several times in a
    row, by the same actor from the same address, is one line. Lines that a finding cites come first where there are
    too many, then the others in order of time.
    """
    known = {entry.id: entry for entry in evidence}
    cited = _cited(verdict, known)
    events = next((entry for entry in known.values() if entry.source is Source.EVENTS and entry.answered), None)
    rows = [(events, number) for number in range(len(events.rows))] if events is not None else []
    rows += [
        (known[name], number)
        for name, number in cited
        if (events is None or name != events.id) and _is_record(known[name], number)
    ]
    total = len(rows) + (max(events.row_count - len(events.rows), 0) if events is not None else 0)
    found = [
        _happening(entry.id, number, entry.rows[number], cited.get((entry.id, number), ())) for entry, number in rows
    ]
    own = {(event.time, *_what(event)) for (entry, _), event in zip(rows, found, strict=True) if entry is events}
    order = [
        place
        for place, (entry, _) in enumerate(rows)
        # A question often gives the alert's own events once more.
        if entry is events or (found[place].time, *_what(found[place])) not in own
    ]
    total -= len(rows) - len(order)
    order.sort(key=lambda place: _when(found[place]))
    lines = _lines([(rows[place][0].id, rows[place][1], found[place]) for place in order])
    chosen = sorted(range(len(lines)), key=lambda place: (not lines[place].findings, place))[:limit]
    kept = [lines[place] for place in sorted(chosen)]
    return tuple(map(_told, kept)), total - sum(len(line.rows) for line in kept)


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
    """Whether a row is a log record with a time and an action rather than a count of some."""
    if entry.source not in _RECORDS or entry.measured or not entry.answered or number >= len(entry.rows):
        return False
    row = entry.rows[number]
    return _read(_first(row, _TIMES, 40)) is not None and bool(_first(row, _ACTIONS, _CELL))


def _lines(events: Sequence[tuple[str, int, Happening]]) -> list[_Line]:
    lines: list[_Line] = []
    for evidence, number, event in events:
        last = lines[-1] if lines else None
        alike = last is not None and (last.evidence, *_what(last.first)) == (evidence, *_what(event))
        if last is not None and alike and bool(last.findings) == bool(event.findings):
            last.rows.append(number)
            last.last = event
            last.findings.update(event.findings)
        else:
            lines.append(_Line(evidence, [number], event, event, set(event.findings)))
    return lines


def _told(line: _Line) -> Happening:
    event = replace(line.first, findings=tuple(sorted(line.findings)))
    if len(line.rows) == 1:
        return event
    low, high = min(line.rows), max(line.rows)
    whole = high - low + 1 == len(line.rows)
    return replace(
        event,
        times=len(line.rows),
        until=line.last.time if line.last.time != event.time else "",
        until_at=line.last.at,
        source=f"{line.evidence} rows {low} to {high}" if whole else f"{event.source} and {len(line.rows) - 1} others",
    )


def _what(event: Happening) -> tuple[str, str, str]:
    return event.action, event.actor, event.address


def _when(event: Happening) -> tuple[bool, float, str]:
    # What has no readable time stands last, in the order of its text.
    return (event.at is None, event.at.timestamp() if event.at else 0.0, event.time)


def _happening(evidence: str, number: int, row: Mapping[str, JsonValue], findings: tuple[int, ...]) -> Happening:
    text = _first(row, _TIMES, 40)
    at = _read(text)
    return Happening(
        time=moment(at) if at else text or "time unknown",
        action=_first(row, _ACTIONS, _CELL) or "event",
        actor=_first(row, _ACTORS, _CELL) or "actor unknown",
        address=_first(row, _ADDRESSES, 50) or "address unknown",
        source=f"{evidence} row {number}",
        anchor=f"{evidence}-{number}",
        findings=findings,
        at=at,
    )


def _first(row: Mapping[str, JsonValue], paths: Iterable[str], limit: int) -> str:
    for path in paths:
        value = lookup(row, path)
        if value is not MISSING and isinstance(value, str | int | float) and value not in ("", "null"):
            return safe_value(str(value), limit)
    return ""


def _read(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
