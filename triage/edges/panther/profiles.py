"""The actors of an alert as Panther's own profiles know them."""

import asyncio
import logging

from triage.domain.profile import ActorProfile
from triage.edges.panther.failures import not_found_as, unreadable
from triage.edges.panther.graphql import GraphQL
from triage.edges.panther.lake import PantherLake
from triage.edges.panther.operations import ACTOR_PROFILE, EXECUTE_ACTOR_QUERY
from triage.edges.panther.wire import Id, MaybeTime, Texts, Unreadable, Wire, read
from triage.errors import NotFound, PantherDenied, PantherRefused, QueryFailed, QueryTimeout
from triage.ports import QueryLimits, QueryResult

MAX_PROFILES = 4
"""Profiles that are read for one alert."""
_ID_COLUMNS = ("entityid", "entity_id")
"""The schema does not say how the query's rows look; a profile's own field is called `entityId`."""
_logger = logging.getLogger(__name__)


class ProfileNode(Wire):
    """`ActorProfile` in the GraphQL schema."""

    entity_id: Id
    display_names: Texts = ()
    emails: Texts = ()
    usernames: Texts = ()
    departments: Texts = ()
    job_titles: Texts = ()
    managers: Texts = ()
    organizations: Texts = ()
    employment_status: Texts = ()
    first_observed_at: MaybeTime = None
    last_login_at: MaybeTime = None


class PantherProfiles:
    """Implements `ports.ActorProfiles`. Source: Panther GraphQL schema, `executeAlertActorQuery`, `actorProfileInfo`.

    A Panther that has no profiles refuses; it is asked again after an hour.
    """

    def __init__(self, graphql: GraphQL, lake: PantherLake) -> None:
        self._graphql = graphql
        self._lake = lake

    async def of_alert(self, alert_id: str, *, seconds: float) -> tuple[ActorProfile, ...]:
        """The profiles of an alert's actors; none where Panther has none. Raises QueryTimeout, PantherError."""
        if self._graphql.lacks(EXECUTE_ACTOR_QUERY):
            return ()
        try:
            rows = await self._lake.alert_actors(alert_id, limits=QueryLimits(rows=MAX_PROFILES, seconds=seconds))
        except QueryTimeout:
            # A slow query of one alert says nothing of the next.
            raise
        except (PantherRefused, PantherDenied, QueryFailed) as error:
            self._graphql.lack(EXECUTE_ACTOR_QUERY)
            _logger.warning("Panther gives no actor profiles, which investigation.actor_profiles asks for: %s", error)
            return ()
        found = await asyncio.gather(*map(self._profile, _ids(rows)))
        return tuple(profile for profile in found if profile is not None)

    async def _profile(self, entity_id: str) -> ActorProfile | None:
        try:
            with not_found_as("no such profile"):
                answer = await self._graphql.execute(ACTOR_PROFILE, {"id": entity_id})
        except (NotFound, PantherRefused):
            return None
        value = answer.data.get("actorProfileInfo")
        if value is None:
            return None
        try:
            node, _ = read(ProfileNode, value)
        except Unreadable as error:
            raise unreadable("ActorProfile", f"the profile cannot be read: {error}") from error
        return ActorProfile(
            id=node.entity_id,
            names=node.display_names,
            emails=node.emails,
            usernames=node.usernames,
            departments=node.departments,
            job_titles=node.job_titles,
            managers=node.managers,
            organizations=node.organizations,
            employment=node.employment_status,
            first_observed_at=node.first_observed_at,
            last_login_at=node.last_login_at,
        )


def _ids(result: QueryResult) -> tuple[str, ...]:
    """The profiles that the rows name, each once."""
    found = [
        value
        for row in result.rows
        for name, value in row.items()
        if name.casefold() in _ID_COLUMNS and isinstance(value, str) and value
    ]
    return tuple(dict.fromkeys(found))[:MAX_PROFILES]
