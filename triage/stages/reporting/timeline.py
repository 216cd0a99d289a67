"""The events of an alert as a short timeline."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from triage.domain.clean import shown
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


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the timeline, every text cleaned."""

    time: str
    action: str
    actor: str
    address: str
    source: str
    """Evidence and row that it comes from, such as `E1 row 0`."""


def timeline(evidence: Iterable[Evidence], verdict: Verdict, limit: int) -> tuple[tuple[Happening, ...], int]:
    """The decisive events in order of time, and how many more there are.

    Those that a verified finding cites come first where there are too many, then the others in the server's order.
    """
    events = next((entry for entry in evidence if entry.source is Source.EVENTS and entry.answered), None)
    if events is None:
        return (), 0
    cited = {
        citation.row
        for checked in verdict.verified
        for citation in checked.finding.citations
        if isinstance(citation, ValueCitation) and citation.evidence == events.id
    }
    order = sorted(range(len(events.rows)), key=lambda row: (row not in cited, row))
    chosen = order[:limit]
    # Times of one log type have one format, so that they can be compared as they are.
    chosen.sort(key=lambda row: (_first(events.rows[row], _TIMES, 40), row))
    found = tuple(_happening(events.id, row, events.rows[row]) for row in chosen)
    return found, max(events.row_count, len(events.rows)) - len(found)


def _happening(evidence: str, number: int, row: Mapping[str, JsonValue]) -> Happening:
    return Happening(
        time=_time(_first(row, _TIMES, 40)),
        action=_first(row, _ACTIONS, _CELL) or "event",
        actor=_first(row, _ACTORS, _CELL) or "actor unknown",
        address=_first(row, _ADDRESSES, 50) or "address unknown",
        source=f"{evidence} row {number}",
    )


def _first(row: Mapping[str, JsonValue], paths: Iterable[str], limit: int) -> str:
    for path in paths:
        value = lookup(row, path)
        if value is not MISSING and isinstance(value, str | int | float) and value not in ("", "null"):
            return shown(str(value), limit)
    return ""


def _time(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
        return moment(at.astimezone(UTC) if at.tzinfo else at)
    except (ValueError, OverflowError):
        return text or "time unknown"
