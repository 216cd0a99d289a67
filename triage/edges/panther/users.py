"""Panther's own users."""

import logging

from pydantic import JsonValue

from triage.edges.panther.graphql import GraphQL
from triage.edges.panther.operations import USERS
from triage.edges.panther.wire import Id, Text, Unreadable, Wire, label, read
from triage.ports import PantherUser

_logger = logging.getLogger(__name__)


class _Node(Wire):
    """`User` in the GraphQL schema."""

    id: Id
    email: Text = ""
    given_name: Text = ""
    family_name: Text = ""
    enabled: bool = True
    role: dict[str, JsonValue] | None = None


class PantherUsers:
    """Implements `ports.Users`. Source: Panther GraphQL schema, `users`."""

    def __init__(self, graphql: GraphQL) -> None:
        self._graphql = graphql

    async def users(self) -> tuple[PantherUser, ...]:
        """Every user; unreadable ones are left out with a warning. Raises PantherError."""
        answer = await self._graphql.execute(USERS)
        listed = answer.data.get("users")
        found: list[PantherUser] = []
        for index, value in enumerate(listed if isinstance(listed, list) else []):
            try:
                node, _ = read(_Node, value)
            except Unreadable as error:
                _logger.warning("user %s cannot be read: %s", label(value, index), error)
                continue
            role = node.role.get("name") if node.role else None
            found.append(
                PantherUser(
                    id=node.id,
                    email=node.email,
                    name=f"{node.given_name} {node.family_name}".strip(),
                    enabled=node.enabled,
                    role=role if isinstance(role, str) else "",
                )
            )
        return tuple(found)
