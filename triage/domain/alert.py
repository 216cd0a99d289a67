"""What Panther raised."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from triage.domain.base import OpenEnum, Value


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


AHEAD = timedelta(days=1)
"""How far after an alert's creation an event may say that it happened: as long as Panther adds events to an alert."""
BEHIND = timedelta(days=7)
"""How long before Panther sees it an event may have happened: deliveries are late by hours, rarely by days."""
BEHIND_SCHEDULED = timedelta(days=60)
"""The same for an alert of a scheduled query."""
Moment = Annotated[datetime, AfterValidator(_utc)]
"""An aware time in UTC; Panther's naive times are UTC."""


class Severity(OpenEnum):
    INFO = "INFO"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 (INFO) to 4 (CRITICAL); an unknown severity ranks with the most severe."""
        known = tuple(type(self).__members__)
        return known.index(self.value) if self.value in known else len(known) - 1


class Status(OpenEnum):
    """Panther's console shows CLOSED as "Invalid"."""

    OPEN = "OPEN"
    TRIAGED = "TRIAGED"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class Quality(OpenEnum):
    """What an alert was good for. Source: Panther REST definition of July 2026, `AlertAPI.Alert.quality`."""

    NOISE = "NOISE"
    USEFUL = "USEFUL"


class Kind(OpenEnum):
    """GraphQL lacks the correlation kinds that REST has; the client fills them in from the origin."""

    RULE = "RULE"
    RULE_ERROR = "RULE_ERROR"
    SCHEDULED_RULE = "SCHEDULED_RULE"
    SCHEDULED_RULE_ERROR = "SCHEDULED_RULE_ERROR"
    CORRELATION_RULE = "CORRELATION_RULE"
    CORRELATION_RULE_ERROR = "CORRELATION_RULE_ERROR"
    POLICY = "POLICY"
    SYSTEM_ERROR = "SYSTEM_ERROR"


class DetectionOrigin(Value):
    """The alert came from a detection that exists."""

    kind: Literal["detection"] = "detection"
    id: str
    name: str = ""
    type: str = "RULE"


class DeletedOrigin(Value):
    """The detection has been deleted since."""

    kind: Literal["deleted"] = "deleted"
    id: str


class SystemOrigin(Value):
    """Panther itself had trouble: a log source, a destination, a query."""

    kind: Literal["system"] = "system"
    component: str = ""
    type: str = ""


Origin = Annotated[DetectionOrigin | DeletedOrigin | SystemOrigin, Field(discriminator="kind")]


class Actor(Value):
    """Who changed an alert or wrote a comment."""

    id: str = ""
    kind: Literal["user", "api-token", "system", "unknown"] = "unknown"
    email: str = ""
    name: str = ""


class Alert(Value):
    """An alert as Panther's list and detail queries give it.

    Source: Panther GraphQL schema, `Alert`; REST definition, `AlertAPI.Alert` for `context` and `event_count`.
    """

    id: str
    title: str
    severity: Severity
    status: Status
    kind: Kind
    created_at: Moment
    updated_at: Moment | None = None
    first_event_at: Moment | None = None
    last_event_at: Moment | None = None
    description: str = ""
    runbook: str = ""
    reference: str = ""
    origin: Origin
    assignee: Actor | None = None
    updated_by: Actor | None = None
    event_count: int | None = None
    """Events that matched, where REST was asked; the alert list doesn't have it."""
    context: dict[str, JsonValue] = Field(default_factory=dict)
    """What the rule's `alert_context` returned, where REST was asked."""
    quality: Quality | None = None
    """`None` too where Panther doesn't serve it, or REST was not asked."""
    context_tags: tuple[str, ...] | None = None
    """`None`: REST was not asked; a Panther that doesn't serve tags gives none."""
    notes: tuple[str, ...] = ()
    """What the answer lacked or got wrong; a verdict on a partial alert says so."""

    @property
    def detection_id(self) -> str:
        """The id of the detection behind the alert; empty for a system error."""
        return "" if isinstance(self.origin, SystemOrigin) else self.origin.id

    @property
    def detection_name(self) -> str:
        """What people call that detection; empty where Panther gives no name."""
        return self.origin.name if isinstance(self.origin, DetectionOrigin) else ""

    @property
    def moment(self) -> datetime:
        """When it happened: the first event, or the alert's creation where that isn't known or cannot be.

        Panther takes the first event's time from the event, which may claim any. Rules run on an event as it arrives,
        so the two times are hours apart at most; a scheduled query may look far back.
        """
        first = self.first_event_at
        behind = BEHIND_SCHEDULED if self.kind is Kind.SCHEDULED_RULE else BEHIND
        if first is None or not self.created_at - behind <= first <= self.created_at + AHEAD:
            return self.created_at
        return first


def alert_row(alert: Alert) -> dict[str, JsonValue]:
    """The alert's own record as a row of evidence, so that it can be cited."""
    return {
        "id": alert.id,
        "title": alert.title,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "type": alert.kind.value,
        "created_at": alert.created_at.isoformat(),
        "first_event_at": alert.first_event_at.isoformat() if alert.first_event_at is not None else None,
        "last_event_at": alert.last_event_at.isoformat() if alert.last_event_at is not None else None,
        "event_count": alert.event_count,
    }
