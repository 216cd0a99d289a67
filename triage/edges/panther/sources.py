"""Log sources and their health."""

import logging

from triage.edges.panther.graphql import GraphQL
from triage.edges.panther.operations import SOURCES
from triage.edges.panther.wire import Connection, Id, MaybeTime, Text, Texts, Trail, Unreadable, Wire, label, read
from triage.ports import LogSource

_logger = logging.getLogger(__name__)


class _Node(Wire):
    """`LogIntegration` in the GraphQL schema."""

    integration_id: Id
    integration_label: Text = ""
    integration_type: Text = ""
    # A source that does not say that it is healthy is not taken for healthy: absences rest on it.
    is_healthy: bool = False
    last_event_received_at_time: MaybeTime = None
    last_event_processed_at_time: MaybeTime = None
    log_types: Texts = ()


class PantherSources:
    """Implements `ports.LogSources`. Source: Panther GraphQL schema, `sources`."""

    def __init__(self, graphql: GraphQL) -> None:
        self._graphql = graphql

    async def sources(self) -> tuple[LogSource, ...]:
        """Every log source, to the last page; unreadable ones are left out with a warning. Raises PantherError."""
        found: list[LogSource] = []
        trail, cursor = Trail("Sources"), None
        while True:
            answer = await self._graphql.execute(SOURCES, {"input": {"cursor": cursor}})
            page = Connection.of(answer.data.get("sources"), cursor)
            problems = [*page.skipped, *(f"{problem.field} is missing" for problem in answer.problems)]
            for index, value in enumerate(page.nodes):
                try:
                    node, _ = read(_Node, value)
                except Unreadable as error:
                    problems.append(f"source {label(value, index)} cannot be read: {error}")
                    continue
                found.append(
                    LogSource(
                        id=node.integration_id,
                        label=node.integration_label,
                        type=node.integration_type,
                        log_types=node.log_types,
                        healthy=node.is_healthy,
                        last_event_at=node.last_event_received_at_time or node.last_event_processed_at_time,
                    )
                )
            for problem in problems:
                _logger.warning("log sources: %s", problem)
            cursor = page.cursor
            if cursor is None:
                return tuple(found)
            trail.follow(cursor)
