"""Which permissions a token has: one harmless call for each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from graphql import print_schema

from triage.edges.panther.alerts import PantherAlerts
from triage.edges.panther.drift import Drift, find_drift, read_schema
from triage.edges.panther.graphql import REFUSAL_STATUSES, GraphQL
from triage.edges.panther.inventory import PantherSources, PantherUsers
from triage.edges.panther.lake import PantherLake
from triage.edges.panther.operations import UPDATE_STATUS
from triage.edges.panther.rest import Rest
from triage.edges.panther.s3_sources import PantherS3Sources
from triage.errors import PantherRefused
from triage.ports import AlertQuery, Clock, QueryLimits

_UPDATE_NOTHING = replace(UPDATE_STATUS, write=False)
"""Without any id it changes nothing, so it may be retried like a read."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A harmless call that succeeds only with one permission."""

    permission: str
    """The permission's name in Panther's API, such as `AlertRead`."""
    label: str
    """What Panther's console calls it."""
    api: str
    """`GraphQL` or `REST`."""
    run: Callable[[], Awaitable[None]]
    """Raises PantherDenied without the permission, another PantherError or QueryFailed for other trouble."""


class Probes:
    """The probes of one token. Open them with `open_probes`."""

    def __init__(self, graphql: GraphQL, rest: Rest, clock: Clock) -> None:
        self._graphql = graphql
        self._rest = rest
        self._clock = clock
        self.lake = PantherLake(graphql, clock)
        self.reading = (
            Probe("AlertRead", "Read Alerts", "GraphQL", self._list_alerts),
            Probe("RuleRead", "View Rules", "REST", self._list_rules),
            Probe("DataAnalyticsRead", "Query Data Lake", "GraphQL", self._query_lake),
            Probe("LogSourceRead", "View Log Sources", "GraphQL", self._list_sources),
            Probe("UserRead", "Read User Info", "GraphQL", self._list_users),
        )
        self.writing = Probe("AlertModify", "Manage Alerts", "GraphQL", self._update_nothing)
        """Proves the permission to write; nothing is written."""
        self.log_sources = Probe("LogSourceModify", "Manage Log Sources", "REST", PantherS3Sources(rest).prove_modify)
        """Proves the permission to change log sources, which only `triage panther source` needs; nothing is changed."""

    async def drift(self) -> Drift:
        """How this Panther's API differs from what the program sends. Raises PantherError: it can't be reached."""
        return await find_drift(self._graphql, self._rest)

    async def schema_text(self) -> str:
        """Panther's GraphQL schema without descriptions. Raises PantherError: also where it may not be read."""
        return print_schema(await read_schema(self._graphql))

    async def _list_alerts(self) -> None:
        hour_ago = self._clock.now() - timedelta(hours=1)
        alerts = PantherAlerts(self._graphql, self._rest, self._clock)
        await alerts.page(AlertQuery(created_after=hour_ago, page_size=1))

    async def _list_rules(self) -> None:
        await self._rest.get("/rules", params={"limit": "1"})

    async def _query_lake(self) -> None:
        # Some tokens can list databases but not query them.
        await self.lake.databases()
        await self.lake.run_sql("SELECT 1 AS one", limits=QueryLimits(rows=1, bytes=1_000, seconds=30))

    async def _list_sources(self) -> None:
        await PantherSources(self._graphql).sources()

    async def _list_users(self) -> None:
        await PantherUsers(self._graphql).users()

    async def _update_nothing(self) -> None:
        # This sets the status of no alert at all: with an empty list of ids there is nothing to change, whatever the
        # server does. A server that checks the list after the permission refuses the empty list, which proves
        # the permission as well; one that lacks the permission says so first.
        try:
            await self._graphql.execute(_UPDATE_NOTHING, {"input": {"ids": [], "status": "OPEN"}})
        except PantherRefused as error:
            if error.status not in REFUSAL_STATUSES:
                raise
