"""Global helpers and data models: rarely changed, seldom asked for."""

import pytest

from tests.support.clocks import FakeClock
from tests.support.loopback import FakePanther, respond
from tests.support.panther import connected
from triage.domain.detection import DataModel, FieldMapping
from triage.edges.panther.rule_code import KEEP_SECONDS, MAX_KEPT
from triage.errors import PantherProtocolError

pytestmark = pytest.mark.anyio
MODEL = {"id": "M", "logTypes": ["Door.Log"], "mappings": [{"name": "room", "path": "door"}, {"path": "x"}]}


async def test_an_answer_serves_for_an_hour() -> None:
    """A helper that is there, and one that isn't, are asked for once; after an hour again."""
    fake, clock = FakePanther(rest={("GET", "/globals/a"): {"id": "a", "body": "x = 1"}}), FakeClock()
    async with connected(fake, clock) as (panther, _):
        for _ in range(2):
            assert [await panther.rules.helper(name) for name in ("a", "b")] == ["x = 1", ""]
        assert [name for name, _ in fake.calls] == ["GET /globals/a", "GET /globals/b"]
        clock.advance(KEEP_SECONDS)
        await panther.rules.helper("a")
    assert len(fake.calls) == 3


async def test_no_more_than_so_many_are_kept() -> None:
    """Whoever names ever new helpers makes this program ask, and not remember without end."""
    fake = FakePanther()
    async with connected(fake) as (panther, _):
        for number in range(MAX_KEPT + 1):
            await panther.rules.helper(f"h{number}")
        await panther.rules.helper(f"h{MAX_KEPT}")
        assert len(fake.calls) == MAX_KEPT + 1
        await panther.rules.helper("h0")
    assert len(fake.calls) == MAX_KEPT + 2


async def test_every_page_of_data_models_is_read() -> None:
    """A mapping without a name means nothing; a model that is switched off says so."""
    pages = [{"results": [MODEL], "next": "2"}, {"results": [{**MODEL, "id": "N", "enabled": False}, {"id": None}]}]
    fake = FakePanther(rest={("GET", "/data-models"): pages})
    async with connected(fake) as (panther, _):
        found = await panther.rules.data_models()
    first = DataModel(id="M", log_types=("Door.Log",), mappings=(FieldMapping(name="room", path="door"),))
    assert found == (first, first.model_copy(update={"id": "N", "enabled": False}))


async def test_there_is_an_end_to_data_models(caplog: pytest.LogCaptureFixture) -> None:
    """Ten pages; that there are more is said. A list that goes in circles is no list."""
    pages = [{"results": [{**MODEL, "id": f"M{number}"}], "next": str(number)} for number in range(30)]
    async with connected(FakePanther(rest={("GET", "/data-models"): pages})) as (panther, _):
        assert [each.id for each in await panther.rules.data_models()] == [f"M{number}" for number in range(10)]
    assert "up to page 10" in caplog.text
    circle = FakePanther(rest={("GET", "/data-models"): [{"results": [MODEL], "next": "2"}] * 3})
    async with connected(circle) as (panther, _):
        with pytest.raises(PantherProtocolError):
            await panther.rules.data_models()


async def test_a_token_that_may_not_read_them_finds_none() -> None:
    """A rule can be read without what it imports."""
    denied = respond({"message": "Forbidden"}, 403)
    fake = FakePanther(rest={("GET", "/data-models"): denied, ("GET", "/globals/a"): denied})
    async with connected(fake) as (panther, _):
        assert await panther.rules.data_models() == ()
        assert await panther.rules.helper("a") == ""
