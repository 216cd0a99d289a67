"""What Panther's two APIs say about an alert, read into one value."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Annotated, cast

from pydantic import BeforeValidator, Field, JsonValue

from triage.domain.alert import (
    Actor,
    Alert,
    DeletedOrigin,
    DetectionOrigin,
    Kind,
    Origin,
    Quality,
    Severity,
    Status,
    SystemOrigin,
)
from triage.edges.panther.body import finite
from triage.edges.panther.graphql import OperationResult, PartialError
from triage.edges.panther.wire import ActorNode, Id, MaybeTime, Text, Texts, Time, Wire, read, row_of, time_of

_UNKNOWN = "UNKNOWN"


class AlertNode(Wire):
    """`Alert` in the GraphQL schema."""

    id: Id
    title: str
    severity: Severity
    status: Status
    type: Kind
    created_at: Time
    updated_at: MaybeTime = None
    first_event_occurred_at: MaybeTime = None
    last_received_event_at: MaybeTime = None
    description: Text = ""
    runbook: Text = ""
    reference: Text = ""
    origin: dict[str, JsonValue] = Field(default_factory=dict)
    assignee: dict[str, JsonValue] | None = None
    updated_by: dict[str, JsonValue] | None = None


class AlertDetail(Wire):
    """`AlertAPI.Alert` in the REST definition."""

    type: Text = ""
    event_count: int | None = None
    context: JsonValue = None
    first_event_occurred_at: MaybeTime = None
    quality: Annotated[Quality | None, BeforeValidator(lambda value: value or None)] = None
    context_tags: Texts = ()

    def object_context(self) -> dict[str, JsonValue]:
        """The context as an object, whether it came as one or as JSON text."""
        found = finite(row_of(self.context) or {})
        return found if isinstance(found, dict) else {}


_TIMES = (
    ("updated_at", "updatedAt"),
    ("first_event_at", "firstEventOccurredAt"),
    ("last_event_at", "lastReceivedEventAt"),
)
_TEXTS = ("description", "runbook", "reference")


def read_alert(node: JsonValue, notes: Iterable[str], *, partial: bool) -> Alert:
    """Read an alert; in a partial answer all but its id and time may be missing. Raises Unreadable."""
    remarks = list(notes)
    if not remarks and not partial and isinstance(node, dict) and (alert := read_flawless(node)) is not None:
        return alert
    return read_tolerant(node, remarks, partial=partial)


def read_flawless(node: dict[str, JsonValue]) -> Alert | None:
    """Read an alert with nothing wrong in it, in half the time of `read_tolerant`; `None` if there may be.

    A backlog has 100,000 of these, and each is validated once this way and not twice.
    """
    origin, type_ = node.get("origin"), node.get("type")
    if not isinstance(origin, dict) or not isinstance(type_, str) or not node.get("id"):
        return None
    try:
        kind = Kind(type_)
        found = _same_origin(kind, *(cast("Hashable", origin.get(name)) for name in _ORIGIN))
        if found is None:
            return None
        values: dict[str, object] = {
            "id": node["id"],
            "title": node["title"],
            "severity": node["severity"],
            "status": node["status"],
            "kind": _kind(kind, found),
            "created_at": time_of(node["createdAt"]),
            "origin": found,
        }
        for name, key in _TIMES:
            if (given := node.get(key)) not in (None, ""):
                values[name] = time_of(given)
        for key in _TEXTS:
            if (text := node.get(key)) is not None:
                values[key] = text
        for name, key, read_actor in _ACTORS:
            if (actor := node.get(key)) is not None:
                if not isinstance(actor, dict):
                    return None
                values[name] = read_actor(actor)
        return Alert.model_validate(values)
    except (KeyError, ValueError, TypeError):
        return None


def read_tolerant(node: JsonValue, notes: Iterable[str], *, partial: bool) -> Alert:
    """Read what can be read of an alert, and note the rest. Raises Unreadable."""
    remarks = list(notes)
    if partial and isinstance(node, dict):
        missing = [name for name in ("title", "severity", "status", "type") if node.get(name) is None]
        node = {**node, **dict.fromkeys(missing, _UNKNOWN)}
        remarks += [f"`{name}` is missing" for name in missing]
    fields, dropped = read(AlertNode, node)
    remarks += [f"`{name}` could not be read" for name in dropped]
    origin = _origin(fields.origin, fields.type)
    if origin is None:
        remarks.append("`origin` is missing or of an unknown kind")
        origin = DetectionOrigin(id="", type=fields.type.value)
    return Alert(
        id=fields.id,
        title=fields.title,
        severity=fields.severity,
        status=fields.status,
        kind=_kind(fields.type, origin),
        created_at=fields.created_at,
        updated_at=fields.updated_at,
        first_event_at=fields.first_event_occurred_at,
        last_event_at=fields.last_received_event_at,
        description=fields.description,
        runbook=fields.runbook,
        reference=fields.reference,
        origin=origin,
        assignee=_assignee(fields.assignee),
        updated_by=ActorNode.of(fields.updated_by),
        notes=tuple(dict.fromkeys(remarks)),
    )


def _assignee(node: JsonValue) -> Actor | None:
    """Only users can be assignees, so the query does not ask for the type."""
    return ActorNode.of({"__typename": "User", **node}) if isinstance(node, dict) and node else None


_ACTORS: tuple[tuple[str, str, Callable[[JsonValue], Actor | None]], ...] = (
    ("assignee", "assignee", _assignee),
    ("updated_by", "updatedBy", ActorNode.of),
)


def _kind(kind: Kind, origin: Origin) -> Kind:
    """The GraphQL type of an alert has no correlation kinds; its origin has."""
    if isinstance(origin, DetectionOrigin) and origin.type == "CORRELATION_RULE":
        return {Kind.RULE: Kind.CORRELATION_RULE, Kind.RULE_ERROR: Kind.CORRELATION_RULE_ERROR}.get(kind, kind)
    return kind


_ORIGIN = ("__typename", "id", "name", "detectionType", "relatedComponent", "errorType")


@lru_cache(maxsize=4_096)
def _same_origin(kind: Kind, *texts: JsonValue) -> Origin | None:
    """The same value for all alerts of a detection. Raises TypeError where an answer holds an object for a text."""
    return _origin(dict(zip(_ORIGIN, texts, strict=True)), kind)


def _origin(node: Mapping[str, JsonValue], kind: Kind) -> Origin | None:
    """What raised the alert; `None` where the answer does not say."""

    def text(name: str) -> str:
        value = node.get(name)
        return value if isinstance(value, str) else ""

    match text("__typename"):
        case "Detection" if text("id"):
            return DetectionOrigin(id=text("id"), name=text("name"), type=text("detectionType") or kind.value)
        case "DeletedDetection" if text("id"):
            return DeletedOrigin(id=text("id"))
        case "SystemError":
            return SystemOrigin(component=text("relatedComponent"), type=text("errorType"))
        case _:
            return None


def is_partial(answer: OperationResult) -> bool:
    """Whether an alert may lack what it should have."""
    return bool(answer.problems or answer.left_out)


def notes_on(answer: OperationResult, index: int | None) -> list[str]:
    """What a partial answer means for one alert: only the field is named, without Panther's own words."""
    return [
        *(f"this Panther has no `{name}`" for name in answer.left_out),
        *(
            f"partial answer: `{problem.field}` is missing"
            for problem in answer.problems
            if index is None or _place(problem) in (None, index)
        ),
    ]


def _place(problem: PartialError) -> int | None:
    """The number of the edge that a problem belongs to; None where it concerns all."""
    return next((step for step in problem.path if isinstance(step, int)), None)
