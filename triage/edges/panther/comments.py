"""Comments, status and assignee. Quality and tags, the rest of what this program can write, are in `labels`."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, JsonValue

from triage.domain.alert import Actor, Status
from triage.edges.panther.failures import no_alert, not_found_as, unreadable
from triage.edges.panther.graphql import GraphQL
from triage.edges.panther.operations import ASSIGN, CREATE_COMMENT, UPDATE_STATUS, Operation
from triage.edges.panther.rest import Rest
from triage.edges.panther.wire import ActorNode, Id, MaybeTime, Text, Unreadable, Wire, read
from triage.errors import NotFound
from triage.ports import Comment

_LIST = "GET /alert-comments"

Format = Literal["HTML", "PLAIN_TEXT"]


def _body(value: object) -> object:
    """REST's definition gives the body no type; one that is not text still holds our marker if it is ours."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, default=str)


Body = Annotated[str, BeforeValidator(_body)]


class CommentNode(Wire):
    """`Comment` in the GraphQL schema, `CommentAPI.Comment` in the REST definition."""

    id: Id
    alert_id: Text = ""
    body: Body = ""
    format: Format = "PLAIN_TEXT"
    created_at: MaybeTime = None
    created_by: dict[str, JsonValue] | None = None
    updated_at: MaybeTime = None
    updated_by: dict[str, JsonValue] | None = None


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
        """Every comment of an alert, to the last page; half a list is an error, since writers rely on a whole one.

        Raises:
            NotFound: Panther has no such alert.
            PantherError: refused, denied, unreachable, or a comment that cannot be read.
        """
        found: dict[str, Comment] = {}
        with not_found_as(no_alert(alert_id)):
            async for results in self._rest.pages("/alert-comments", params={"alert-id": alert_id}):
                for value in results:
                    if value is not None:
                        comment = _comment(value, alert_id, _LIST)
                        found[comment.id] = comment
        return tuple(found.values())

    async def create(self, alert_id: str, body: str, format: Format) -> Comment:  # noqa: A002 - the port's name
        """Write a comment. Raises PantherError; never retried."""
        text = _encodable(body)
        data = await self._write(CREATE_COMMENT, {"alertId": alert_id, "body": text, "format": format}, alert_id)
        made = data.get("createAlertComment")
        value = made.get("comment") if isinstance(made, dict) else None
        if value is None:
            raise unreadable("CreateComment", "the answer has no comment", write=True)
        return _comment(value, alert_id, "CreateComment", write=True)

    async def update(self, comment: Comment, body: str, format: Format) -> Comment:  # noqa: A002 - the port's name
        """Replace a comment's text. Raises NotFound, PantherError; never retried."""
        given: dict[str, JsonValue] = {"alertId": comment.alert_id, "body": _encodable(body), "format": format}
        value = await self._rest.post("/alert-comments/{}", comment.id, body=given)
        return _comment(value, comment.alert_id, "POST /alert-comments/{id}", write=True)

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
        with not_found_as(no_alert(alert_id)):
            answer = await self._graphql.execute(operation, {"input": dict(given)})
        return answer.data


def _comment(value: JsonValue, alert_id: str, operation: str, *, write: bool = False) -> Comment:
    """Read a comment. Raises PantherError; OutcomeUnknown if it is the answer to a write."""
    try:
        node, _ = read(CommentNode, value)
    except Unreadable as error:
        what = "the comment in the answer" if write else "a comment"
        raise unreadable(operation, f"{what} cannot be read: {error}", write=write) from error
    return Comment(
        id=node.id,
        alert_id=node.alert_id or alert_id,
        body=node.body,
        format=node.format,
        created_at=node.created_at,
        created_by=ActorNode.of(node.created_by) or Actor(),
        updated_at=node.updated_at,
        # What cannot be read is somebody all the same.
        updated_by=None if not node.updated_by else ActorNode.of(node.updated_by) or Actor(),
    )


def _check(answer: JsonValue, alert_id: str, operation: str) -> None:
    """An update names the alerts that it changed. Raises NotFound where ours is not among them."""
    alerts = answer.get("alerts") if isinstance(answer, dict) else None
    if not isinstance(alerts, list):
        raise unreadable(operation, "the answer does not name the changed alerts", write=True)
    if not any(isinstance(alert, dict) and str(alert.get("id")) == alert_id for alert in alerts):
        raise NotFound(no_alert(alert_id))


def _encodable(text: str) -> str:
    """Text without lone surrogates, which no UTF-8 can carry."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
