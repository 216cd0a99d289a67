"""One comment per alert, whatever fails on the way: against the embedded Panther and a real store."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.clocks import FakeClock
from tests.support.investigations import benign, malicious
from tests.support.tiny_world import write_world
from triage.domain.report import Report
from triage.edges.clock import SystemClock
from triage.edges.panther import Panther, PantherConfig, connect
from triage.edges.prompts import load_prompts
from triage.edges.store import SqlStore, open_store
from triage.errors import PantherDenied, PantherError
from triage.ports import Clock, Receipt
from triage.sandbox.server import Fault, SandboxOptions, SandboxServer, Token
from triage.sandbox.world import load_world
from triage.settings import WritebackSettings
from triage.stages.reporting import build_report
from triage.stages.writeback import Result, Writer
from triage.stages.writeback.timing import DEFAULT

pytestmark = pytest.mark.anyio
ALERT = f"{1:032x}"
SETTINGS = WritebackSettings()
PROMPTS = load_prompts()
CREATE, LIST = "CreateComment", "GET /alert-comments"


def report(case: str = "malicious", **changes: object) -> Report:
    alert, investigation = malicious() if case == "malicious" else benign()
    return build_report(
        alert.model_copy(update={"id": ALERT}),
        investigation.model_copy(update=changes),
        prompts=PROMPTS,
        settings=SETTINGS,
    )


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    folder = tmp_path / "world"
    folder.mkdir()
    tokens = (Token("sandbox-token"), Token("reader", frozenset({"AlertRead"})))
    with SandboxServer(load_world(write_world(folder)), SandboxOptions(tokens=tokens)) as server:
        yield server


@asynccontextmanager
async def writing(
    server: SandboxServer,
    folder: Path,
    *,
    store: str = "triage.db",
    token: str = "sandbox-token",
    clock: Clock | None = None,
) -> AsyncIterator[tuple[Writer, SqlStore, Panther]]:
    clock = clock or FakeClock()
    kept = await open_store(f"sqlite:///{folder / store}")
    try:
        async with connect(PantherConfig(url=server.url, token=token, requests_per_second=1000), clock=clock) as client:
            yield Writer(client.comments, kept, SETTINGS, clock), kept, client
    finally:
        await kept.close()


def ours(server: SandboxServer) -> list[str]:
    return [str(item["body"]) for item in server.comments(ALERT) if item["createdBy"]["type"] == "api-token"]


async def test_created_once_then_unchanged_then_updated(panther: SandboxServer, tmp_path: Path) -> None:
    """The first run creates, the same result changes nothing, a new one is put in the same comment's place."""
    async with writing(panther, tmp_path) as (writer, _, _):
        assert (await writer.write(ALERT, report(), run_id="r1", journal=None)).result is Result.CREATED
        assert (await writer.write(ALERT, report(), run_id="r1", journal=None)).result is Result.UNCHANGED
        assert (await writer.write(ALERT, report("benign"), run_id="r2", journal=None)).result is Result.UPDATED
    (body,) = ours(panther)
    assert "benign" in body
    assert len(panther.comments(ALERT)) == 2, "the person's comment is still there"


@pytest.mark.parametrize(
    ("name", "fault", "times"),
    [
        ("answer lost after the work", Fault(status=502, after_work=True), 1),
        ("time-out of the gateway after the work", Fault(status=504, after_work=True), 1),
        ("nonsense after the work", Fault(status=200, body=b"<html>", after_work=True), 1),
        ("too many requests", Fault(status=429, headers=(("retry-after", "1"),)), 2),
    ],
)
async def test_a_fault_on_the_write(
    name: str, fault: Fault, times: int, panther: SandboxServer, tmp_path: Path
) -> None:
    """Whatever the answer to the write looks like, there is exactly one comment, and the writer knows it."""
    panther.fail(CREATE, fault, times=times)
    async with writing(panther, tmp_path) as (writer, _, _):
        outcome = await writer.write(ALERT, report(), run_id="r1", journal=None)
        assert outcome.result in {Result.CREATED, Result.UPDATED, Result.UNCHANGED}, name
        again = await writer.write(ALERT, report(), run_id="r1", journal=None)
        assert again.result is Result.UNCHANGED
    assert len(ours(panther)) == 1


async def test_an_unknown_outcome_is_never_repeated_blindly(panther: SandboxServer, tmp_path: Path) -> None:
    """The server failed without doing the work, which the writer cannot know: it says so and writes no second time."""
    panther.fail(CREATE, Fault(status=500), times=1)
    async with writing(panther, tmp_path) as (writer, _, _):
        outcome = await writer.write(ALERT, report(), run_id="r1", journal=None)
    created = [entry for entry in panther.requests if entry[2] == CREATE]
    assert len(created) == 1
    assert outcome.result is Result.UNKNOWN
    assert outcome.reason
    assert ours(panther) == []


async def test_a_process_that_died_before_its_request_left(panther: SandboxServer, tmp_path: Path) -> None:
    """The next one, started at once, waits until the request can no longer take effect, then writes the comment."""
    clock = FakeClock()
    async with writing(panther, tmp_path, clock=clock) as (writer, store, _):
        sent = Receipt(f"comment:{ALERT}", "sent", at=clock.now())
        await store.save_receipt(sent, now=clock.now())
        outcome = await writer.write(ALERT, report(), run_id="r1", journal=None)
    assert outcome.result is Result.CREATED
    assert clock.monotonic() >= DEFAULT.settle
    assert len(ours(panther)) == 1


async def test_a_list_that_cannot_be_read_stops_the_write(panther: SandboxServer, tmp_path: Path) -> None:
    """Without a look at the comments nothing is written."""
    panther.fail(LIST, Fault(status=400, body=b'{"message":"no"}'), times=1)
    async with writing(panther, tmp_path) as (writer, _, _):
        with pytest.raises(PantherError):
            await writer.write(ALERT, report(), run_id="r1", journal=None)
    assert ours(panther) == []


async def test_a_lost_store_finds_the_comment_by_its_marker(panther: SandboxServer, tmp_path: Path) -> None:
    """Another database knows nothing of the comment, and updates it all the same."""
    async with writing(panther, tmp_path) as (writer, _, _):
        await writer.write(ALERT, report(), run_id="r1", journal=None)
    async with writing(panther, tmp_path, store="other.db") as (writer, _, _):
        assert (await writer.write(ALERT, report("benign"), run_id="r2", journal=None)).result is Result.UPDATED
    assert len(ours(panther)) == 1


async def test_a_person_who_quotes_the_marker_is_left_alone(panther: SandboxServer, tmp_path: Path) -> None:
    """Only an API token's comment is ours, whatever a person pastes."""
    pasted = report().text
    record = {
        "id": "pasted", "alertId": ALERT, "body": pasted, "format": "PLAIN_TEXT",
        "createdAt": "2031-05-06T10:31:00.000Z", "createdBy": {"id": "user-1", "type": "user"},
    }  # fmt: skip
    panther.world.comments["pasted"] = record
    async with writing(panther, tmp_path) as (writer, _, _):
        assert (await writer.write(ALERT, report("benign"), run_id="r2", journal=None)).result is Result.CREATED
    assert panther.world.comments["pasted"]["body"] == pasted
    assert len(ours(panther)) == 1


async def test_two_writers_at_once(panther: SandboxServer, tmp_path: Path) -> None:
    """Two processes that share a store write one comment between them."""
    clock = SystemClock()
    async with (
        writing(panther, tmp_path, clock=clock) as (first, _, _),
        writing(panther, tmp_path, clock=clock) as (second, _, _),
    ):
        await asyncio.gather(
            first.write(ALERT, report(), run_id="r1", journal=None),
            second.write(ALERT, report(), run_id="r1", journal=None),
        )
    assert len(ours(panther)) == 1


async def test_a_token_without_the_permission(panther: SandboxServer, tmp_path: Path) -> None:
    """A refusal is told, and nothing is written."""
    async with writing(panther, tmp_path, token="reader") as (writer, _, _):
        with pytest.raises(PantherDenied):
            await writer.write(ALERT, report(), run_id="r1", journal=None)
    assert ours(panther) == []
