"""REST paths that only a newer Panther serves: asked for once an hour where they are missing; lists and empty answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.clocks import FakeClock
from tests.support.loopback import Answer, FakePanther, Loopback, respond
from tests.support.panther import config
from triage.edges.panther.failures import OutcomeUnknown
from triage.edges.panther.http import PantherHttp
from triage.edges.panther.missing import SECONDS, Missing
from triage.edges.panther.rest import Rest
from triage.errors import NotFound, PantherDenied, PantherError, PantherProtocolError

pytestmark = pytest.mark.anyio

FORBIDDEN = respond({"message": "Missing Authentication Token"}, 403)
UNKNOWN = respond({"message": "Not Found"}, 404)


@asynccontextmanager
async def opened(fake: FakePanther, clock: FakeClock) -> AsyncIterator[Rest]:
    async with Loopback(fake) as server, PantherHttp(config(server.url), clock) as http:
        yield Rest(http)


@pytest.mark.parametrize("answer", [FORBIDDEN, UNKNOWN, respond({"message": "Method Not Allowed"}, 405)])
async def test_a_missing_collection_is_asked_for_once_an_hour(answer: Answer) -> None:
    """Until then nothing is sent; an upgraded server is noticed."""
    clock = FakeClock()
    fake = FakePanther(rest={("GET", "/correlation-rules"): [answer, {"results": []}]})
    async with opened(fake, clock) as rest:
        assert [await rest.get_later("/correlation-rules", params={"limit": "5"}) for _ in range(3)] == [None] * 3
        assert fake.calls == [("GET /correlation-rules", {"limit": "5"})]
        assert rest.missing_paths() == ("GET /correlation-rules",)
        clock.advance(SECONDS)
        assert rest.missing_paths() == ()
        assert await rest.get_later("/correlation-rules") == {"results": []}


async def test_an_unknown_id_says_nothing_of_the_path() -> None:
    """It is NotFound; the next id is asked for."""
    fake = FakePanther(rest={("GET", "/correlation-rules/b"): {"id": "b"}})
    async with opened(fake, FakeClock()) as rest:
        with pytest.raises(NotFound):
            await rest.get_later("/correlation-rules/{}", "a")
        assert await rest.get_later("/correlation-rules/{}", "b") == {"id": "b"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (respond({"message": "Unauthorized"}, 401), PantherDenied),
        (respond({"message": "limit is wrong"}, 400), PantherError),
        (respond(status=503), PantherError),
    ],
)
async def test_other_trouble_is_no_lack(answer: Answer, error: type[PantherError]) -> None:
    """A wrong token, a wrong request and a server in trouble are raised, and remembered by nobody."""
    fake = FakePanther(rest={("GET", "/correlation-rules"): answer})
    async with opened(fake, FakeClock()) as rest:
        with pytest.raises(error):
            await rest.get_later("/correlation-rules")
        assert rest.missing_paths() == ()


async def test_an_empty_answer_is_an_answer_to_a_delete_alone() -> None:
    """204 is what a DELETE gets; where an object was promised, nothing is taken for one."""
    empty = respond(b"", 204)
    paths = {(method, "/log-sources/s3/a"): empty for method in ("GET", "PUT", "DELETE")}
    async with opened(FakePanther(rest=paths), FakeClock()) as rest:
        await rest.delete("/log-sources/s3/{}", "a")
        with pytest.raises(PantherProtocolError, match="empty"):
            await rest.get("/log-sources/s3/{}", "a")
        with pytest.raises(OutcomeUnknown):
            await rest.put("/log-sources/s3/{}", "a", body={})


async def test_a_list_is_read_to_its_end_or_not_at_all() -> None:
    """Every page in its order; an answer without a list and a cursor that repeats are errors; a lacking list has no page."""
    whole = [{"results": [1], "next": "b"}, {"results": [2], "next": ""}]
    paths: dict[tuple[str, str], Any] = {
        ("GET", "/queries"): whole,
        ("GET", "/rules"): [{"results": [], "next": "b"}] * 3,
        ("GET", "/alerts"): {"results": None},
    }
    async with opened(FakePanther(rest=paths), FakeClock()) as rest:
        assert [page async for page in rest.pages("/queries", params={"name": "x"})] == [[1], [2]]
        assert [page async for page in rest.pages("/correlation-rules", later=True)] == []
        for path, words in (("/rules", "does not end"), ("/alerts", "no list of results")):
            with pytest.raises(PantherProtocolError, match=words):
                [page async for page in rest.pages(path)]


def test_a_lack_is_news_once() -> None:
    """The log has one line of it in the life of a process, however often it is found again."""
    clock = FakeClock()
    missing = Missing(clock)
    assert [missing.add("Alert.runbook"), missing.add("Alert.runbook")] == [True, False]
    assert "Alert.runbook" in missing
    clock.advance(SECONDS)
    assert "Alert.runbook" not in missing
    assert missing.names() == frozenset()
    assert missing.add("Alert.runbook") is False
    assert missing.names() == {"Alert.runbook"}
