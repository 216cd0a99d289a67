"""Comments, status and assignee: everything that this program can write to Panther."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, JsonValue

from triage.domain.alert import Actor, Status
from triage.edges.panther.failures import OutcomeUnknown
from triage.edges.panther.graphql import GraphQL, says_not_found
from triage.edges.panther.operations import ASSIGN, CREATE_COMMENT, UPDATE_STATUS, Operation
from triage.edges.panther.rest import Rest
from triage.edges.panther.text import printable
from triage.edges.panther.wire import ActorNode, Id, MaybeTime, Text, Trail, Unreadable, Wire, read
from triage.errors import NotFound, PantherProtocolError, PantherRefused
from triage.ports import Comment

_PAGE = 50
"""REST gives no more at once."""

Format = Literal["HTML", "PLAIN_TEXT"]


def _body(value: object) -> object:
    """REST's definition gives a body no type; one that is no text still holds our marker, if it is ours."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, default=str)


Body = Annotated[str, BeforeValidator(_body)]


class _Node(Wire):
    """`Comment` in the GraphQL schema, `CommentAPI.Comment` in the REST definition."""

    id: Id
    alert_id: Text = ""
    body: Body = ""
    format: Format = "PLAIN_TEXT"
    created_at: MaybeTime = None
    created_by: dict[str, JsonValue] | None = None


class PantherComments:
    """Implements `ports.Comments`.

    Nothing here is retried. Where the answer to a write is lost, the error is `failures.OutcomeUnknown`: the caller
    reads before it writes again.

    Source: Panther REST definition, `/alert-comments`; GraphQL schema, `createAlertComment`,
    `updateAlertStatusById`, `updateAlertsAssigneeByEmail`.
    """

    def __init__(self, graphql: GraphQL, rest: Rest) -> None:
        self._graphql = graphql
        self._rest = rest

    async def list(self, alert_id: str) -> tuple[Comment, ...]:
        """Every comment of an alert, to the last page; half a list is an error, since writers rely on it.

        Raises:
            NotFound: Panther has no such alert.
            PantherError: refused, denied, unreachable, or a comment that cannot be read.
        """
        found: dict[str, Comment] = {}
        trail, cursor = Trail("GET /alert-comments"), ""
        while True:
            params = {"alert-id": alert_id, "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
            try:
                page = await self._rest.get("/alert-comments", params=params)
            except PantherRefused as error:
                if says_not_found(error):
                    raise NotFound(f"Panther has no alert {printable(alert_id, 80)!r}") from error
                raise
            results = page.get("results")
            if not isinstance(results, list):
                raise _unreadable("the answer has no list of results")
            for value in results:
                if value is not None:
                    comment = _read(value, alert_id)
                    found[comment.id] = comment
            following = page.get("next")
            if not isinstance(following, str) or not following:
                return tuple(found.values())
            trail.follow(following)
            cursor = following

    async def get(self, comment_id: str) -> Comment:
        """One comment. Raises NotFound, PantherError."""
        value = await self._rest.get("/alert-comments/{}", comment_id)
        return _read(value, "")

    async def create(self, alert_id: str, body: str, format: Format) -> Comment:  # noqa: A002 - the port's name
        """Write a comment. Raises PantherError; never retried."""
        text = _encodable(body)
        data = await self._write(CREATE_COMMENT, {"alertId": alert_id, "body": text, "format": format}, alert_id)
        made = data.get("createAlertComment")
        value = made.get("comment") if isinstance(made, dict) else None
        if value is None:
            raise _unknown("CreateComment", "the answer has no comment")
        return _written(value, alert_id, "CreateComment")

    async def update(self, comment: Comment, body: str, format: Format) -> Comment:  # noqa: A002 - the port's name
        """Replace a comment's text. Raises NotFound, PantherError; never retried."""
        given: dict[str, JsonValue] = {"alertId": comment.alert_id, "body": _encodable(body), "format": format}
        value = await self._rest.post("/alert-comments/{}", comment.id, body=given)
        return _written(value, comment.alert_id, "POST /alert-comments/{id}")

    async def set_status(self, alert_id: str, status: Status) -> None:
        """Set an alert's status. Raises NotFound, PantherError; never retried."""
        data = await self._write(UPDATE_STATUS, {"ids": [alert_id], "status": status.value}, alert_id)
        _check(data.get("updateAlertStatusById"), alert_id, "UpdateStatus")

    async def assign(self, alert_id: str, email: str) -> None:
        """Assign an alert to a user. Raises NotFound, PantherError; never retried."""
        data = await self._write(ASSIGN, {"ids": [alert_id], "assigneeEmail": email}, alert_id)
        _check(data.get("updateAlertsAssigneeByEmail"), alert_id, "Assign")

    async def _write(
        self, operation: Operation, given: Mapping[str, JsonValue], alert_id: str
    ) -> Mapping[str, JsonValue]:
        try:
            answer = await self._graphql.execute(operation, {"input": dict(given)})
        except PantherRefused as error:
            if says_not_found(error):
                raise NotFound(f"Panther has no alert {printable(alert_id, 80)!r}") from error
            raise
        return answer.data


def _comment(value: JsonValue, alert_id: str) -> Comment:
    """Read a comment. Raises Unreadable."""
    node, _ = read(_Node, value)
    return Comment(
        id=node.id,
        alert_id=node.alert_id or alert_id,
        body=node.body,
        format=node.format,
        created_at=node.created_at,
        created_by=ActorNode.of(node.created_by) or Actor(),
    )


def _read(value: JsonValue, alert_id: str) -> Comment:
    try:
        return _comment(value, alert_id)
    except Unreadable as error:
        raise _unreadable(f"a comment cannot be read: {error}") from error


def _written(value: JsonValue, alert_id: str, operation: str) -> Comment:
    try:
        return _comment(value, alert_id)
    except Unreadable as error:
        raise _unknown(operation, f"the comment in the answer cannot be read: {error}") from error


def _check(answer: JsonValue, alert_id: str, operation: str) -> None:
    """An update names the alerts that it changed. Raises NotFound where ours is not among them."""
    alerts = answer.get("alerts") if isinstance(answer, dict) else None
    if not isinstance(alerts, list):
        raise _unknown(operation, "the answer does not name the changed alerts")
    if not any(isinstance(alert, dict) and str(alert.get("id")) == alert_id for alert in alerts):
        raise NotFound(f"Panther has no alert {printable(alert_id, 80)!r}")


def _unreadable(what: str) -> PantherProtocolError:
    operation = "GET /alert-comments"
    return PantherProtocolError(f"Panther, {operation}: {what}; try again later", operation=operation, retryable=True)


def _unknown(operation: str, what: str) -> OutcomeUnknown:
    message = f"Panther, {operation}: {what}; it may have taken effect: look before writing again"
    return OutcomeUnknown(message, operation=operation)


def _encodable(text: str) -> str:
    """Text without lone surrogates, which no UTF-8 can carry."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
