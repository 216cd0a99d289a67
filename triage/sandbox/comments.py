"""Comments on alerts."""

import hashlib

from triage.sandbox.errors import RequestError
from triage.sandbox.paging import Page, page_of
from triage.sandbox.permissions import Token
from triage.sandbox.times import iso
from triage.sandbox.world import Record, World

FORMATS = ("PLAIN_TEXT", "HTML")


class Comments:
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

    def create(self, alert_id: str, body: str, format_: str, token: Token) -> Record:
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

    def update(self, comment_id: str, alert_id: str, body: str, format_: str, token: Token) -> Record:
        """Give a comment a new body. Raises RequestError: 404 where that alert has no such comment, 400 without text."""
        comment = self.get(comment_id)
        if comment["alertId"] != alert_id:
            raise RequestError(404, f"comment {comment_id} not found on alert {alert_id}", kind="NotFound")
        if not body:
            raise RequestError(400, "body must not be empty")
        comment["body"] = body
        comment["format"] = format_
        comment["updatedAt"] = iso(self._world.stamp())
        comment["updatedBy"] = {"id": token.id, "type": "api-token"}
        return comment
