"""Opens the client of one token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from triage.edges.panther.alarms import PantherAlarms
from triage.edges.panther.alerts import PantherAlerts
from triage.edges.panther.comments import PantherComments
from triage.edges.panther.config import PantherConfig
from triage.edges.panther.graphql import GraphQL
from triage.edges.panther.http import PantherHttp
from triage.edges.panther.inventory import PantherSources, PantherUsers
from triage.edges.panther.labels import PantherLabels
from triage.edges.panther.lake import PantherLake
from triage.edges.panther.probes import Probes
from triage.edges.panther.profiles import PantherProfiles
from triage.edges.panther.rest import Rest
from triage.edges.panther.rules import PantherRules
from triage.edges.panther.s3_sources import PantherS3Sources
from triage.edges.panther.saved_queries import PantherQueries
from triage.ports import Clock, LogSources, PantherApi, SavedQueries


@asynccontextmanager
async def connect(config: PantherConfig, *, clock: Clock) -> AsyncIterator[PantherApi]:
    """Open the client of one token; nothing is sent yet.

    Args:
        config: Where Panther is and how hard it may be asked.
        clock: For waiting, the time and the jitter.

    Raises:
        ConfigError: The environment's proxy or certificate settings cannot be used.
    """
    async with PantherHttp(config, clock) as http:
        graphql, rest = GraphQL(http), Rest(http)
        lake = PantherLake(graphql, clock)
        try:
            yield PantherApi(
                alerts=PantherAlerts(graphql, rest, clock),
                lake=lake,
                rules=PantherRules(rest, clock),
                sources=PantherSources(graphql, PantherAlarms(rest)),
                users=PantherUsers(graphql),
                comments=PantherComments(graphql, rest),
                labels=PantherLabels(rest),
                profiles=PantherProfiles(graphql, lake),
            )
        finally:
            await lake.close()


@asynccontextmanager
async def open_queries(config: PantherConfig, *, clock: Clock) -> AsyncIterator[SavedQueries]:
    """Open what lists the saved queries; arguments and errors as for `connect`."""
    async with PantherHttp(config, clock) as http:
        yield PantherQueries(Rest(http))


@asynccontextmanager
async def open_s3_sources(config: PantherConfig, *, clock: Clock) -> AsyncIterator[tuple[PantherS3Sources, LogSources]]:
    """Open what creates, changes and deletes S3 sources, and what lists all sources; arguments and errors as for `connect`.

    No part of `PantherApi`: the agent has no way to it.
    """
    async with PantherHttp(config, clock) as http:
        yield PantherS3Sources(Rest(http)), PantherSources(GraphQL(http))


@asynccontextmanager
async def open_probes(config: PantherConfig, *, clock: Clock) -> AsyncIterator[Probes]:
    """Open the probes of a token's permissions; arguments and errors as for `connect`."""
    async with PantherHttp(config, clock) as http:
        probes = Probes(GraphQL(http), Rest(http), clock)
        try:
            yield probes
        finally:
            await probes.lake.close()
