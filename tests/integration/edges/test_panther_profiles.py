"""Actor profiles, from a Panther that has them and from one that hasn't."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.clocks import FakeClock
from tests.support.loopback import FakePanther, respond
from tests.support.panther import connected
from triage.domain.profile import ActorProfile
from triage.edges.panther.profiles import MAX_PROFILES

pytestmark = pytest.mark.anyio
PROFILE = {
    "entityId": "p-1",
    "displayNames": ["Ada Byron"],
    "emails": ["ada@acme.example"],
    "usernames": None,
    "employmentStatus": ["terminated"],
    "lastLoginAt": "2031-05-05T12:00:00Z",
    "phones": ["not read"],
}


def serving(*rows: dict[str, Any], profile: Any = PROFILE) -> FakePanther:
    """A Panther whose query gives these rows."""
    results = {"edges": [{"node": row} for row in rows], "pageInfo": None, "stats": {"rowCount": len(rows)}}
    return FakePanther(
        graphql={
            "ExecuteActorQuery": {"executeAlertActorQuery": {"id": "query-1"}},
            "QueryResults": {"dataLakeQuery": {"status": "succeeded", "message": "", "results": results}},
            "ActorProfile": {"actorProfileInfo": profile},
        }
    )


async def test_the_profiles_that_the_query_names_are_read() -> None:
    """Each once, whatever case the lake gives the column; other columns are not taken for ids."""
    fake = serving({"ENTITY_ID": "p-1", "name": "x"}, {"entityId": "p-1"}, {"other": "p-2"})
    async with connected(fake) as (panther, _):
        found = await panther.profiles.of_alert("a-1", seconds=5)
    assert found == (
        ActorProfile(
            id="p-1",
            names=("Ada Byron",),
            emails=("ada@acme.example",),
            employment=("terminated",),
            last_login_at=datetime(2031, 5, 5, 12, tzinfo=UTC),
        ),
    )
    assert [name for name, _ in fake.calls] == ["ExecuteActorQuery", "QueryResults", "ActorProfile"]
    assert fake.calls[0][1] == {"input": {"alertId": "a-1", "limit": MAX_PROFILES}}


async def test_a_profile_that_is_gone_is_left_out() -> None:
    """The query and the profiles are two stores."""
    refusal = respond({"data": None, "errors": [{"message": "profile p-1 not found"}]})
    for profile in (None, refusal):
        fake = serving({"entity_id": "p-1"})
        fake.graphql["ActorProfile"] = refusal if profile is refusal else {"actorProfileInfo": None}
        async with connected(fake) as (panther, _):
            assert await panther.profiles.of_alert("a-1", seconds=5) == ()


async def test_a_panther_without_profiles_is_asked_again_an_hour_later() -> None:
    """It refuses the operation, which is noticed once."""
    error = {"message": "Cannot query field executeAlertActorQuery", "errorType": "ValidationError"}
    fake, clock = FakePanther(graphql={"ExecuteActorQuery": respond({"data": None, "errors": [error]})}), FakeClock()
    async with connected(fake, clock) as (panther, _):
        for _ in range(3):
            assert await panther.profiles.of_alert("a-1", seconds=5) == ()
        assert len(fake.calls) == 1
        clock.advance(3601)
        await panther.profiles.of_alert("a-1", seconds=5)
    assert len(fake.calls) == 2
