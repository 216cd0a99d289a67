"""Panther's log sources with their health, and its users."""

import logging
from dataclasses import replace

from pydantic import JsonValue

from triage.edges.panther.alarms import PantherAlarms
from triage.edges.panther.graphql import GraphQL
from triage.edges.panther.operations import SOURCES, USERS
from triage.edges.panther.wire import Connection, Id, MaybeTime, Text, Texts, Wire, pages, read_each
from triage.ports import LogSource, PantherUser

_logger = logging.getLogger(__name__)


class SourceNode(Wire):
    """`LogIntegration` in the GraphQL schema."""

    integration_id: Id
    integration_label: Text = ""
    integration_type: Text = ""
    # A source that does not say that it is healthy counts as unhealthy: absences depend on it.
    is_healthy: bool = False
    last_event_received_at_time: MaybeTime = None
    last_event_processed_at_time: MaybeTime = None
    log_types: Texts = ()


class UserNode(Wire):
    """`User` in the GraphQL schema."""

    id: Id
    email: Text = ""
    given_name: Text = ""
    family_name: Text = ""
    enabled: bool = True
    role: dict[str, JsonValue] | None = None


class PantherSources:
    """Implements `ports.LogSources`. Source: Panther GraphQL schema, `sources`."""

    def __init__(self, graphql: GraphQL, alarms: PantherAlarms | None = None) -> None:
        self._graphql = graphql
        self._alarms = alarms

    async def sources(self) -> tuple[LogSource, ...]:
        """Every log source, to the last page; unreadable ones are left out with a warning. Raises PantherError."""
        listed = await self._listed()
        alarms = {} if self._alarms is None else await self._alarms.of([source.id for source in listed])
        return tuple(
            replace(source, alarms=alarm.active, alarm_minutes=alarm.minutes)
            if (alarm := alarms.get(source.id))
            else source
            for source in listed
        )

    async def _listed(self) -> tuple[LogSource, ...]:
        return tuple(
            [
                LogSource(
                    id=node.integration_id,
                    label=node.integration_label,
                    type=node.integration_type,
                    log_types=node.log_types,
                    healthy=node.is_healthy,
                    last_event_at=node.last_event_received_at_time or node.last_event_processed_at_time,
                )
                async for page in pages("Sources", self._page)
                for node in read_each(SourceNode, page.nodes, "log source")
            ]
        )

    async def _page(self, cursor: str | None) -> Connection:
        answer = await self._graphql.execute(SOURCES, {"input": {"cursor": cursor}})
        page = Connection.of(answer.data.get("sources"), cursor)
        for problem in (*page.skipped, *(f"{problem.field} is missing" for problem in answer.problems)):
            _logger.warning("log sources: %s", problem)
        return page


class PantherUsers:
    """Implements `ports.Users`. Source: Panther GraphQL schema, `users`."""

    def __init__(self, graphql: GraphQL) -> None:
        self._graphql = graphql

    async def users(self) -> tuple[PantherUser, ...]:
        """Every user; unreadable ones are left out with a warning. Raises PantherError."""
        listed = (await self._graphql.execute(USERS)).data.get("users")
        return tuple(
            PantherUser(
                id=node.id,
                email=node.email,
                name=f"{node.given_name} {node.family_name}".strip(),
                enabled=node.enabled,
                role=role if node.role and isinstance(role := node.role.get("name"), str) else "",
            )
            for node in read_each(UserNode, listed if isinstance(listed, list) else [], "user")
        )
