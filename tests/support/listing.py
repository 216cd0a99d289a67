"""A Panther whose alert list answers honestly, page by page, except where a test says otherwise."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.support.clocks import START
from tests.support.loopback import Answer, Request, respond
from triage.edges.panther.wire import stamp

Node = dict[str, Any]
Twist = Callable[[int, Node], Answer | Node]
"""Takes the number of the request (from 0) and the honest page, and gives what is answered: a page, or worse."""


def node(name: str, minutes: float = 60, **changes: Any) -> Node:
    """An open, high alert as GraphQL gives it, created so many minutes before `START`."""
    return {
        "id": name,
        "title": f"Door {name} was left open",
        "severity": "HIGH",
        "status": "OPEN",
        "type": "RULE",
        "createdAt": stamp(START - timedelta(minutes=minutes)),
        "origin": {"__typename": "Detection", "id": f"Door.{name}", "name": "Door", "detectionType": "RULE"},
        **changes,
    }


def listing(nodes: Iterable[Any], cursor: object = None, *, more: bool = False) -> Node:
    """`AlertsOutput`."""
    return {"edges": [{"node": each} for each in nodes], "pageInfo": {"hasNextPage": more, "endCursor": cursor}}


def answer(page: Node) -> Answer:
    """A page as an answer."""
    return respond({"data": {"alerts": page}})


@dataclass
class AlertList:
    """Serves `alerts`: time bounds, status, severity, order, pages; the cursor names the last alert of a page."""

    nodes: list[Node]
    twist: Twist | None = None
    requests: list[Node] = field(default_factory=list)
    """The `input` of each request."""

    def __call__(self, request: Request) -> Answer:
        if not request.path.endswith("/graphql"):
            return respond({"message": "Not Found"}, status=404)
        asked = request.json["variables"]["input"]
        self.requests.append(asked)
        page = self._page(asked)
        if self.twist is None:
            return answer(page)
        found = self.twist(len(self.requests) - 1, page)
        return answer(found) if isinstance(found, dict) else found

    def _page(self, asked: Node) -> Node:
        low, high = (datetime.fromisoformat(asked[name]) for name in ("createdAtAfter", "createdAtBefore"))

        def place(each: Node) -> tuple[str, str]:
            return str(each["createdAt"]), str(each["id"])

        found = sorted(
            (
                each
                for each in self.nodes
                if low <= datetime.fromisoformat(each["createdAt"]) <= high
                and each["status"] in asked.get("statuses", (each["status"],))
                and each["severity"] in asked.get("severities", (each["severity"],))
                and asked.get("type", "ALERT") == "ALERT"
            ),
            key=place,
            reverse=asked.get("sortDir") != "ascending",
        )
        if cursor := asked.get("cursor"):
            behind = tuple(cursor.split("|"))
            ascending = asked.get("sortDir") == "ascending"
            found = [each for each in found if (place(each) > behind if ascending else place(each) < behind)]
        size = asked["pageSize"]
        more = len(found) > size
        return listing(found[:size], "|".join(place(found[size - 1])) if more else None, more=more)
