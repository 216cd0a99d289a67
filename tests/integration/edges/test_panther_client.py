"""The open client: its permissions, its log sources and users, its limit on calls at once."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.loopback import FakePanther, respond
from tests.support.panther import connected
from triage.edges.panther import open_probes
from triage.errors import PantherDenied, PantherError, PantherProtocolError, PantherUnreachable
from triage.ports import LogSource, LogSources, PantherUser, Users

pytestmark = pytest.mark.anyio

DENIED = respond({"errors": [{"message": "Unauthorized"}]})


def healthy() -> FakePanther:
    """A Panther that allows everything."""
    results = {"edges": [{"node": {"ONE": 1}}], "pageInfo": None, "stats": {"rowCount": 1}, "tryAgain": False}
    return FakePanther(
        graphql={
            "Alerts": {"alerts": {"edges": [], "pageInfo": {"hasNextPage": False}}},
            "Databases": {"dataLakeDatabases": []},
            "ExecuteQuery": {"executeDataLakeQuery": {"id": "q"}},
            "QueryResults": {"dataLakeQuery": {"status": "succeeded", "message": "", "results": results}},
            "Sources": {"sources": {"edges": [], "pageInfo": {"hasNextPage": False}}},
            "Users": {"users": []},
            "UpdateStatus": {"updateAlertStatusById": {"alerts": []}},
        },
        rest={("GET", "/rules"): {"results": []}},
    )


async def outcomes(fake: FakePanther) -> dict[str, str]:
    """What each probe found."""
    found = {}
    async with connected(fake, opening=open_probes) as (probes, _):
        for probe in (*probes.reading, probes.writing):
            try:
                await probe.run()
                found[probe.permission] = "ok"
            except PantherError as error:
                found[probe.permission] = type(error).__name__
    return found


async def test_each_permission_has_a_harmless_probe() -> None:
    """All succeed with a full token; the one for writing names no alert at all."""
    fake = healthy()
    assert await outcomes(fake) == dict.fromkeys(
        ("AlertRead", "RuleRead", "DataAnalyticsRead", "LogSourceRead", "UserRead", "AlertModify"), "ok"
    )
    writes = [call for call in fake.calls if call[0] in ("CreateComment", "UpdateStatus", "Assign")]
    assert writes == [("UpdateStatus", {"input": {"ids": [], "status": "OPEN"}})]
    assert not [name for name, _ in fake.calls if name.startswith("POST")]
    async with connected([], opening=open_probes) as (probes, _):
        assert "AlertModify" not in {probe.permission for probe in probes.reading}


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("Alerts", "AlertRead"),
        ("Databases", "DataAnalyticsRead"),
        ("ExecuteQuery", "DataAnalyticsRead"),
        ("Sources", "LogSourceRead"),
        ("Users", "UserRead"),
        ("UpdateStatus", "AlertModify"),
    ],
)
async def test_a_missing_permission_fails_its_own_probe_only(operation: str, permission: str) -> None:
    """A token that may list databases but not query them is found out too."""
    fake = healthy()
    fake.graphql[operation] = DENIED
    found = await outcomes(fake)
    assert found.pop(permission) == "PantherDenied"
    assert set(found.values()) == {"ok"}


async def test_a_missing_rest_permission() -> None:
    """Rules come over REST."""
    fake = healthy()
    fake.rest["GET", "/rules"] = respond({"message": "Forbidden"}, 403)
    assert (await outcomes(fake))["RuleRead"] == "PantherDenied"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (respond({"errors": [{"message": "ids must not be empty"}]}), "ok"),
        (respond({"errors": [{"message": "ids must not be empty"}]}, 400), "ok"),
        (respond({}, 404), "PantherRefused"),
        (respond({}, 503), "PantherUnreachable"),
    ],
)
async def test_a_server_that_minds_the_empty_list_has_seen_the_permission(answer: Any, expected: str) -> None:
    """The permission is checked before the list; a wrong address proves nothing."""
    fake = healthy()
    fake.graphql["UpdateStatus"] = answer
    assert (await outcomes(fake))["AlertModify"] == expected


async def test_log_sources_to_the_last_page() -> None:
    """A source that does not say it is healthy is not; an unreadable one does not hide the others."""
    node = {
        "integrationId": "s-1",
        "integrationLabel": "trail",
        "integrationType": "aws-s3",
        "isHealthy": True,
        "lastEventReceivedAtTime": "2031-05-06T11:00:00Z",
        "lastEventProcessedAtTime": "2031-05-06T11:05:00Z",
        "logTypes": ["AWS.CloudTrail"],
    }
    bare = {"integrationId": "s-2", "isHealthy": None, "lastEventProcessedAtTime": "2031-05-06T11:05:00Z"}
    first = {
        "edges": [{"node": node}, {"node": {"isHealthy": True}}],
        "pageInfo": {"hasNextPage": True, "endCursor": "c"},
    }
    last = {"edges": [{"node": bare}, None], "pageInfo": {"hasNextPage": False, "endCursor": "c"}}
    fake = FakePanther(graphql={"Sources": [{"sources": first}, {"sources": last}]})
    async with connected(fake) as (panther, _):
        port: LogSources = panther.sources
        found = await port.sources()
    assert found == (
        LogSource("s-1", "trail", "aws-s3", ("AWS.CloudTrail",), True, datetime(2031, 5, 6, 11, tzinfo=UTC)),
        LogSource("s-2", "", "", (), False, datetime(2031, 5, 6, 11, 5, tzinfo=UTC)),
    )


async def test_log_sources_that_loop_are_an_error() -> None:
    """Half a list of sources would prove absences that are none."""
    pages = [
        {"sources": {"edges": [], "pageInfo": {"hasNextPage": True, "endCursor": cursor}}} for cursor in ("c", "d", "c")
    ]
    async with connected(FakePanther(graphql={"Sources": pages})) as (panther, _):
        with pytest.raises(PantherProtocolError, match="cursors repeat"):
            await panther.sources.sources()


async def test_users() -> None:
    """With their role; broken ones are left out."""
    listed = [
        {
            "id": "u-1",
            "email": "ada@acme.example",
            "givenName": "Ada",
            "familyName": "Byron",
            "role": {"name": "Analyst"},
        },
        {"id": "u-2", "email": "bob@acme.example", "enabled": False, "role": None},
        {"email": "x"},
        None,
    ]
    async with connected(FakePanther(graphql={"Users": {"users": listed}})) as (panther, _):
        port: Users = panther.users
        found = await port.users()
    assert found == (
        PantherUser("u-1", "ada@acme.example", "Ada Byron", True, "Analyst"),
        PantherUser("u-2", "bob@acme.example", "", False, ""),
    )


async def test_errors_say_whether_trying_again_helps() -> None:
    """What `check --wait` and the poll loop go by."""
    for answer, error, again in (
        (respond({}, 503), PantherUnreachable, True),
        (respond({}, 401), PantherDenied, False),
    ):
        async with connected([answer], attempts=1) as (panther, _):
            with pytest.raises(error) as caught:
                await panther.users.users()
            assert caught.value.retryable is again
            assert caught.value.operation == "Users"


async def test_only_so_many_calls_are_under_way_at_once() -> None:
    """The others wait for a slot on our side, not at the server."""
    under_way = most = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        await respond({"results": []})(writer)

    async with connected([answer], concurrency=3) as (panther, _):
        await asyncio.gather(*(panther.comments.list(f"a-{number}") for number in range(12)))
    assert most == 3
