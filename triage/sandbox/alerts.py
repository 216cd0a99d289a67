"""The alerts of a world and the comments on them: filters, pages, and the changes that users make."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from triage.sandbox.backend import ApiToken, Page, decode, encode, page_of
from triage.sandbox.errors import RequestError
from triage.sandbox.times import iso, parse_time
from triage.sandbox.world import Record, World

FORMATS = ("PLAIN_TEXT", "HTML")
STATUSES = ("OPEN", "TRIAGED", "RESOLVED", "CLOSED")
_ERRORS = ("RULE_ERROR", "SCHEDULED_RULE_ERROR", "CORRELATION_RULE_ERROR")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which alerts to list, as the GraphQL input `AlertsInput` says it; an empty list filters nothing."""

    listing: str = "ALERT"
    subtypes: Sequence[str] = ()
    statuses: Sequence[str] = ()
    severities: Sequence[str] = ()
    detection_id: str | None = None
    created_after: datetime | None = None
    """Included, as is `created_before`."""
    created_before: datetime | None = None
    assignees: Sequence[str] = ()
    log_types: Sequence[str] = ()
    log_sources: Sequence[str] = ()
    resource_types: Sequence[str] = ()
    name_contains: str = ""
    event_count_min: int | None = None
    event_count_max: int | None = None
    qualities: Sequence[str] = ()
    descending: bool = True


def graphql_type(alert: Record) -> str:
    """The alert's type as the GraphQL enum `AlertType` can say it.

    REST knows alerts of correlation rules; the official GraphQL enum does not, while its `DetectionType` does. So they
    are rules here, and the origin tells what kind of rule.
    """
    return str(alert["type"]).replace("CORRELATION_RULE", "RULE")


class Alerts:
    """Alerts in order of creation."""

    def __init__(self, world: World, events: Callable[[str], list[Record]]) -> None:
        """Sort the world's alerts.

        Args:
            world: The world whose alerts are listed and changed.
            events: Gives the events of an alert by its id.
        """
        self._world = world
        self.events = events
        self._order = sorted((parse_time(str(alert["createdAt"])), key) for key, alert in world.alerts.items())

    def get(self, alert_id: str) -> Record:
        """One alert. Raises RequestError (404)."""
        alert = self._world.alerts.get(alert_id)
        if alert is None:
            raise RequestError(404, f"alert {alert_id} not found", kind="NotFound")
        return alert

    def page(self, filters: Filters, cursor: str | None, size: int) -> Page[Record]:
        """One page. The cursor names the last alert of the page before, so that new alerts shift nothing.

        Raises:
            RequestError: 400 for a page size below one or a cursor that this server did not make.
        """
        if size < 1:
            raise RequestError(400, "the page size must be positive")
        found: list[tuple[datetime, str]] = []
        for position in self._positions(filters, cursor):
            if self._matches(self._world.alerts[position[1]], filters):
                found.append(position)
                if len(found) > size:
                    break
        items = [self._world.alerts[key] for _, key in found[:size]]
        more = len(found) > size
        end = encode([found[size - 1][0].isoformat(), found[size - 1][1]]) if more else None
        return Page(items, cursor or None, end)

    def set_status(self, ids: Iterable[str], status: str, token: ApiToken) -> list[Record]:
        """Give alerts a status. Raises RequestError (404) where one does not exist; then none is changed."""
        alerts = [self.get(alert_id) for alert_id in ids]
        for alert in alerts:
            alert.update(status=status, **_updated(self._world, token))
        return alerts

    def set_assignee(self, ids: Iterable[str], user_id: str | None, token: ApiToken) -> list[Record]:
        """Assign alerts to a user, or unassign them. Raises RequestError (404)."""
        alerts = [self.get(alert_id) for alert_id in ids]
        if user_id and user_id not in self._world.users:
            raise RequestError(404, f"user {user_id} not found", kind="NotFound")
        for alert in alerts:
            alert.update(assignee=user_id or None, **_updated(self._world, token))
        return alerts

    def label(self, alert_id: str, labels: Record, token: ApiToken) -> None:
        """Set quality or context tags. Raises RequestError (404)."""
        self.get(alert_id).update(**labels, **_updated(self._world, token))

    def detection(self, alert: Record) -> Record | None:
        """The detection behind an alert, unless it is deleted or there is none."""
        return self._world.rules.get(str(alert.get("detectionId")))

    def _positions(self, filters: Filters, cursor: str | None) -> Iterator[tuple[datetime, str]]:
        """Where the listing goes, from the cursor on, within the time bounds."""
        # What has not been raised yet, by the world's clock, is not there.
        before = min(filters.created_before or self._world.clock(), self._world.clock())
        low, high = 0, bisect_right(self._order, (before, "\U0010ffff"))
        if filters.created_after:
            low = bisect_left(self._order, (filters.created_after, ""))
        if cursor:
            position = _position(cursor)
            if filters.descending:
                high = min(high, bisect_left(self._order, position))
            else:
                low = max(low, bisect_right(self._order, position))
        numbers = range(high - 1, low - 1, -1) if filters.descending else range(low, high)
        return (self._order[number] for number in numbers)

    def _matches(self, alert: Record, filters: Filters) -> bool:
        type_ = str(alert["type"])
        listing = "SYSTEM_ERROR" if type_ == "SYSTEM_ERROR" else "DETECTION_ERROR" if type_ in _ERRORS else "ALERT"
        count = cast("int", alert.get("eventCount") or 0)
        rule = self.detection(alert) or {}
        return (
            listing == filters.listing
            and (not filters.subtypes or graphql_type(alert) in filters.subtypes)
            and (not filters.statuses or alert["status"] in filters.statuses)
            and (not filters.severities or alert["severity"] in filters.severities)
            and (filters.detection_id is None or alert.get("detectionId") == filters.detection_id)
            and (not filters.qualities or alert.get("quality") in filters.qualities)
            and (not filters.assignees or alert.get("assignee") in filters.assignees)
            and filters.name_contains.lower() in str(alert["title"]).lower()
            and (filters.event_count_min is None or count >= filters.event_count_min)
            and (filters.event_count_max is None or count <= filters.event_count_max)
            and _meets(filters.log_types, lambda: [*_texts(rule.get("logTypes")), *self._values(alert, "p_log_type")])
            and _meets(filters.log_sources, lambda: self._values(alert, "p_source_id"))
            and _meets(filters.resource_types, lambda: _texts(rule.get("resourceTypes")))
        )

    def _values(self, alert: Record, field: str) -> list[str]:
        return [str(event.get(field)) for event in self.events(str(alert["id"]))]


def _updated(world: World, token: ApiToken) -> Record:
    return {"updatedAt": iso(world.stamp()), "updatedBy": {"id": token.id, "type": "api-token"}}


def _meets(wanted: Sequence[str], values: Callable[[], Sequence[str]]) -> bool:
    return not wanted or not set(wanted).isdisjoint(values())


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _position(cursor: str) -> tuple[datetime, str]:
    position = decode(cursor)
    try:
        created, alert_id = cast("tuple[str, str]", position)
        return parse_time(created), str(alert_id)
    except (TypeError, ValueError) as error:
        raise RequestError(400, "invalid cursor") from error


class AlertComments:
    """Comments in the order they were made. They are records of the shape that REST gives."""

    def __init__(self, world: World) -> None:
        """Take over the world's comments."""
        self._world = world
        self._by_alert: dict[str, list[Record]] = {}
        for comment in sorted(world.comments.values(), key=lambda comment: str(comment["createdAt"])):
            self._by_alert.setdefault(str(comment["alertId"]), []).append(comment)

    def of(self, alert_id: str) -> list[Record]:
        """All comments of an alert, oldest first."""
        return list(self._by_alert.get(alert_id, ()))

    def page(self, alert_id: str, cursor: str | None, size: int) -> Page[Record]:
        """One page of an alert's comments, oldest first. Raises RequestError (400)."""
        return page_of(self._by_alert.get(alert_id, []), cursor, size)

    def get(self, comment_id: str) -> Record:
        """One comment. Raises RequestError (404)."""
        comment = self._world.comments.get(comment_id)
        if comment is None:
            raise RequestError(404, f"comment {comment_id} not found", kind="NotFound")
        return comment

    def create(self, alert_id: str, body: str, format_: str, token: ApiToken) -> Record:
        """Comment on an alert in the name of a token. Raises RequestError: 404 without the alert, 400 without text."""
        if alert_id not in self._world.alerts:
            raise RequestError(404, f"alert {alert_id} not found", kind="NotFound")
        if not body:
            raise RequestError(400, "body must not be empty")
        there = self._by_alert.setdefault(alert_id, [])
        # Ids depend on the alert and its comments only, so that two equal runs give equal ids.
        comment_id = hashlib.sha256(f"{alert_id}/{len(there)}".encode()).hexdigest()[:24]
        comment: Record = {
            "id": comment_id,
            "alertId": alert_id,
            "body": body,
            "format": format_,
            "createdAt": iso(self._world.stamp()),
            "createdBy": {"id": token.id, "type": "api-token"},
        }
        there.append(comment)
        self._world.comments[comment_id] = comment
        return comment

    def say(self, alert_id: str, body: str, user_id: str, format_: str = "PLAIN_TEXT") -> Record:
        """Comment on an alert in the console, as a user does."""
        comment = self.create(alert_id, body, format_, ApiToken(""))
        comment["createdBy"] = {"id": user_id, "type": "user"}
        return comment

    def edit(self, comment_id: str, body: str, user_id: str) -> None:
        """Edit a comment in the console, as a user does. Raises RequestError (404)."""
        by: Record = {"updatedAt": iso(self._world.stamp()), "updatedBy": {"id": user_id, "type": "user"}}
        self.get(comment_id).update(body=body, **by)

    def update(self, comment_id: str, alert_id: str, body: str, format_: str, token: ApiToken) -> Record:
        """Give a comment a new body. Raises RequestError: 404 where that alert has no such comment, 400 without text."""
        comment = self.get(comment_id)
        if comment["alertId"] != alert_id:
            raise RequestError(404, f"comment {comment_id} not found on alert {alert_id}", kind="NotFound")
        if not body:
            raise RequestError(400, "body must not be empty")
        comment.update(body=body, format=format_, **_updated(self._world, token))
        return comment
