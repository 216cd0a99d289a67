"""The open Panther client: one token, every part."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from triage.edges.panther.alerts import PantherAlerts
from triage.edges.panther.comments import PantherComments
from triage.edges.panther.config import PantherConfig
from triage.edges.panther.graphql import REFUSAL_STATUSES, GraphQL
from triage.edges.panther.http import PantherHttp
from triage.edges.panther.lake import PantherLake
from triage.edges.panther.operations import UPDATE_STATUS
from triage.edges.panther.rest import Rest
from triage.edges.panther.rules import PantherRules
from triage.edges.panther.sources import PantherSources
from triage.edges.panther.users import PantherUsers
from triage.errors import PantherRefused
from triage.ports import AlertQuery, Clock, QueryLimits

_UPDATE_NOTHING = replace(UPDATE_STATUS, write=False)
"""Sent without any id it is no write, and may be retried like a read."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A harmless call that succeeds only with one permission."""

    permission: str
    """Panther's own name of the permission in its API, such as `AlertRead`."""
    label: str
    """What Panther's console calls it."""
    api: str
    """`GraphQL` or `REST`."""
    run: Callable[[], Awaitable[None]]
    """Raises PantherDenied without the permission, another PantherError or QueryFailed for other trouble."""


@dataclass(frozen=True, slots=True)
class Panther:
    """The parts of the client; each implements one port."""

    alerts: PantherAlerts
    lake: PantherLake
    rules: PantherRules
    sources: PantherSources
    users: PantherUsers
    comments: PantherComments
    graphql: GraphQL
    rest: Rest
    clock: Clock

    def probes(self, *, write: bool = False) -> tuple[Probe, ...]:
        """What `triage check` runs.

        Args:
            write: Prove the permission to write too. Nothing is written.
        """
        reading = (
            Probe("AlertRead", "Read Alerts", "GraphQL", self._probe_alerts),
            Probe("RuleRead", "View Rules", "REST", self._probe_rules),
            Probe("DataAnalyticsRead", "Query Data Lake", "GraphQL", self._probe_lake),
            Probe("LogSourceRead", "View Log Sources", "GraphQL", self._probe_sources),
            Probe("UserRead", "Read User Info", "GraphQL", self._probe_users),
        )
        return (*reading, Probe("AlertModify", "Manage Alerts", "GraphQL", self._probe_write)) if write else reading

    async def _probe_alerts(self) -> None:
        hour_ago = self.clock.now() - timedelta(hours=1)
        await self.alerts.page(AlertQuery(created_after=hour_ago, page_size=1))

    async def _probe_rules(self) -> None:
        await self.rest.get("/rules", params={"limit": "1"})

    async def _probe_lake(self) -> None:
        # Some tokens can list databases but not query them.
        await self.lake.databases()
        await self.lake.run_sql("SELECT 1 AS one", limits=QueryLimits(rows=1, bytes=1_000, seconds=30))

    async def _probe_sources(self) -> None:
        await self.sources.sources()

    async def _probe_users(self) -> None:
        await self.users.users()

    async def _probe_write(self) -> None:
        # The status of no alert at all: with an empty list of ids there is nothing that this could change, whatever
        # the server does. A server that checks the list after the permission refuses the empty list, which proves
        # the permission as well; one that lacks the permission says so first.
        try:
            await self.graphql.execute(_UPDATE_NOTHING, {"input": {"ids": [], "status": "OPEN"}})
        except PantherRefused as error:
            if error.status not in REFUSAL_STATUSES:
                raise


@asynccontextmanager
async def connect(config: PantherConfig, *, clock: Clock) -> AsyncIterator[Panther]:
    """Open the client of one token; nothing is sent yet.

    Args:
        config: Where Panther is and how hard it may be asked.
        clock: Waits, tells the time and gives the jitter.

    Raises:
        ConfigError: The environment's proxy or certificate settings cannot be used.
    """
    async with PantherHttp(config, clock) as http:
        graphql, rest = GraphQL(http), Rest(http)
        lake = PantherLake(graphql, clock)
        try:
            yield Panther(
                alerts=PantherAlerts(graphql, rest, clock),
                lake=lake,
                rules=PantherRules(rest),
                sources=PantherSources(graphql),
                users=PantherUsers(graphql),
                comments=PantherComments(graphql, rest),
                graphql=graphql,
                rest=rest,
                clock=clock,
            )
        finally:
            await lake.close()
