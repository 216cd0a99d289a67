"""Exactly one comment, whatever breaks: the write-back's table of faults, over a real cable and a real store."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.support.cable import Cable, Cut, cable
from tests.support.clocks import FakeClock
from tests.support.investigations import CASES
from tests.support.tiny_world import write_world
from triage.domain.alert import Severity
from triage.domain.report import RESERVE, Format, Report
from triage.domain.verdict import Disposition, Verdict
from triage.edges.panther import Panther, PantherConfig, connect
from triage.edges.prompts import load_prompts
from triage.edges.store import SqlStore, open_store
from triage.errors import PantherError, PantherUnreachable
from triage.ports import Clock, Comment, Comments
from triage.sandbox.server import Fault, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import WritebackSettings
from triage.stages.reporting import build_report
from triage.stages.writeback import Mover, Result, Seen, Writer

pytestmark = pytest.mark.anyio
ALERT = f"{1:032x}"
PROMPTS = load_prompts()
SETTINGS = WritebackSettings()
CREATE, LIST, UPDATE = "CreateComment", "GET /alert-comments", "POST /alert-comments/"


def report(case: str = "malicious") -> Report:
    alert, investigation = CASES[case]()
    return build_report(alert.model_copy(update={"id": ALERT}), investigation, prompts=PROMPTS, settings=SETTINGS)


@dataclass
class Place:
    """A Panther behind a cable, and a store."""

    server: SandboxServer
    line: Cable
    folder: Path

    def ours(self) -> list[str]:
        return [str(item["body"]) for item in self.server.comments(ALERT) if "triage-marker" in str(item["body"])]

    async def open(self, stack: AsyncExitStack, *, store: str = "a.db", clock: Clock | None = None) -> "Opened":
        clock = clock or FakeClock()
        kept = await open_store(f"sqlite:///{self.folder / store}")
        stack.push_async_callback(kept.close)
        config = PantherConfig(url=self.line.url, token="sandbox-token", requests_per_second=1000, read_seconds=0.5)
        client = await stack.enter_async_context(connect(config, clock=clock))
        return Opened(Writer(client.comments, kept, SETTINGS, clock), kept, client, clock)


@dataclass
class Opened:
    writer: Writer
    store: SqlStore
    client: Panther
    clock: Clock


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "world"
    folder.mkdir()
    with SandboxServer(load_world(write_world(folder))) as server, cable(server.url) as line:
        yield Place(server, line, tmp_path)


@dataclass(frozen=True)
class Row:
    """A fault, on the first write or on the update that follows."""

    name: str
    cuts: tuple[tuple[str, Cut], ...] = ()
    faults: tuple[tuple[str, Fault, int], ...] = ()


ROWS = (
    Row("no fault"),
    Row("create: reset before it was sent", cuts=((CREATE, "reset before"),)),
    Row("create: reset after the work", cuts=((CREATE, "reset after"),)),
    Row("create: no answer in time after the work", cuts=((CREATE, "silence after"),)),
    Row("create: 429 three times", faults=((CREATE, Fault(status=429, headers=(("retry-after", "1"),)), 3),)),
    Row("create: 500 after the work", faults=((CREATE, Fault(status=500, after_work=True), 1),)),
    Row("create: 500 without the work", faults=((CREATE, Fault(status=500), 1),)),
    Row("create: 502 after the work", faults=((CREATE, Fault(status=502, after_work=True), 1),)),
    Row("create: nonsense after the work", faults=((CREATE, Fault(status=200, body=b"<html>", after_work=True), 1),)),
    Row("list: a page of comments comes doubled", cuts=((LIST, "twice"), (LIST, "twice"))),
    Row("list: reset, then well", cuts=((LIST, "reset after"),)),
    Row("list: 500 twice", faults=((LIST, Fault(status=500), 2),)),
    Row("update: reset after the work", cuts=((UPDATE, "reset after"),)),
    Row("update: no answer in time after the work", cuts=((UPDATE, "silence after"),)),
    Row("update: 429", faults=((UPDATE, Fault(status=429, headers=(("retry-after", "1"),)), 1),)),
    Row("update: not allowed", faults=((UPDATE, Fault(status=403, body=b'{"message":"no"}'), 1),)),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_one_comment_after_every_fault(row: Row, place: Place) -> None:
    """Two results written over a faulty line, tried again until they are known: one comment holds the last result.

    Where an update is not allowed, a second comment says that it replaces the first; nothing else makes a second one.
    """
    place.line.cuts += row.cuts
    for operation, fault, times in row.faults:
        if operation == UPDATE:
            continue
        place.server.fail(operation, fault, times=times)
    async with AsyncExitStack() as stack:
        opened = await place.open(stack)
        await _until_known(opened, report("malicious"), "r1")
        for operation, fault, times in row.faults:
            if operation == UPDATE:
                found = await opened.client.comments.list(ALERT)
                (comment,) = [entry for entry in found if "triage-marker" in entry.body]
                place.server.fail(f"{UPDATE}{comment.id}", fault, times=times)
        await _until_known(opened, report("benign"), "r2")
    bodies = place.ours()
    live = [body for body in bodies if "replaces" in body] or bodies
    assert len(live) == 1
    assert "benign" in live[0]
    assert len(bodies) == (2 if "not allowed" in row.name else 1)


async def _until_known(opened: Opened, wanted: Report, run_id: str) -> None:
    """Write as the service does: again after what may pass, until the outcome is known."""
    for _ in range(8):
        try:
            outcome = await opened.writer.write(ALERT, wanted, run_id=run_id, journal=None)
        except PantherError as error:
            if not error.retryable:
                raise
        else:
            if outcome.result is not Result.UNKNOWN:
                return
        await opened.clock.sleep(300)
    raise AssertionError("the outcome never became known")


async def test_a_lost_store_updates_the_comment(place: Place) -> None:
    """Another database finds the comment by its marker."""
    async with AsyncExitStack() as stack:
        await _until_known(await place.open(stack), report("malicious"), "r1")
        await _until_known(await place.open(stack, store="b.db"), report("benign"), "r2")
    assert len(place.ours()) == 1


async def test_two_writers_with_their_own_stores_leave_one_result(place: Place) -> None:
    """Nothing keeps them apart: where both create, the oldest holds the result and the other one points to it."""
    async with AsyncExitStack() as stack:
        first, second = await place.open(stack), await place.open(stack, store="b.db")
        await asyncio.gather(_until_known(first, report(), "r1"), _until_known(second, report(), "r1"))
        await _until_known(first, report("benign"), "r2")
    bodies = place.ours()
    assert sum("Verdict: benign" in body for body in bodies) == 1
    assert sum("can be ignored" in body for body in bodies) == len(bodies) - 1


class Meanwhile:
    """Comments, and what happens just before the first write is sent. Implements `ports.Comments`."""

    def __init__(self, inner: Comments, event: Callable[[], Awaitable[object]]) -> None:
        self._inner = inner
        self._events = [event]
        self.list = inner.list
        self.set_status = inner.set_status
        self.assign = inner.assign

    async def create(self, alert_id: str, body: str, format: Format) -> Comment:  # noqa: A002 - the port's name
        """Let the event happen, once, then pass it on."""
        while self._events:
            await self._events.pop()()
        return await self._inner.create(alert_id, body, format)

    async def update(self, comment: Comment, body: str, format: Format) -> Comment:  # noqa: A002 - the port's name
        """Let the event happen, once, then pass it on."""
        while self._events:
            await self._events.pop()()
        return await self._inner.update(comment, body, format)


async def test_two_replacements_become_one_that_says_so_once(place: Place) -> None:
    """Two writers may not update a comment and both replace it: the older replacement holds the result, within its size."""
    async with AsyncExitStack() as stack:
        first, second = await place.open(stack), await place.open(stack, store="b.db")
        await _until_known(first, report("malicious"), "r1")
        (comment,) = [each for each in await first.client.comments.list(ALERT) if "triage-marker" in each.body]
        place.server.fail(f"{UPDATE}{comment.id}", Fault(status=403, body=b'{"message":"no"}'), times=2)
        other = Meanwhile(
            first.client.comments, lambda: second.writer.write(ALERT, report("inconclusive"), run_id="r2", journal=None)
        )
        writer = Writer(other, first.store, SETTINGS, first.clock)
        await writer.write(ALERT, report("benign"), run_id="r3", journal=None)
    bodies = place.ours()
    (told,) = [body for body in bodies if "Verdict: benign" in body]
    assert told.count("This comment replaces") == 1
    assert len(told) <= len(report("benign").html) + RESERVE
    assert sum("can be ignored" in body for body in bodies) == 1


async def test_a_write_that_was_never_sent_is_not_waited_for(place: Place) -> None:
    """Where no connection came about and none will (a certificate that is not accepted), the error is raised at once."""

    async def refused() -> None:
        raise PantherUnreachable("its TLS certificate was not accepted", retryable=False)

    async with AsyncExitStack() as stack:
        opened = await place.open(stack)
        writer = Writer(Meanwhile(opened.client.comments, refused), opened.store, SETTINGS, opened.clock)
        with pytest.raises(PantherUnreachable, match="certificate"):
            await writer.write(ALERT, report(), run_id="r1", journal=None)
        assert opened.clock.monotonic() == 0
        assert (await writer.write(ALERT, report(), run_id="r1", journal=None)).result is Result.CREATED
        assert opened.clock.monotonic() == 0


SURE = Verdict(disposition=Disposition.BENIGN, confidence=0.99, summary="It was looked at.")


class Kept:
    """A journal in memory. Implements `ports.Journal`."""

    def __init__(self) -> None:
        self.kept: dict[str, JsonValue] = {}

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Perform once."""
        if key not in self.kept:
            self.kept[key] = await perform()
        return self.kept[key]


@pytest.mark.parametrize(
    ("cuts", "fault", "status", "said"),
    [
        ((), None, "RESOLVED", "status set to RESOLVED"),
        ((("UpdateStatus", "reset after"),), None, "RESOLVED", "status set to RESOLVED"),
        ((("UpdateStatus", "silence after"),), None, "RESOLVED", "status set to RESOLVED"),
        ((), Fault(status=502, after_work=True), "RESOLVED", "status set to RESOLVED"),
        ((), Fault(status=500), "OPEN", "perhaps"),
        ((), Fault(status=400, body=b"{}"), "OPEN", "not status set"),
    ],
)
async def test_a_status_is_sent_once(
    cuts: tuple[tuple[str, Cut], ...], fault: Fault | None, status: str, said: str, place: Place
) -> None:
    """A lost answer is resolved by reading; a status is never sent a second time, also by a restarted run."""
    place.line.cuts += cuts
    if fault is not None:
        place.server.fail("UpdateStatus", fault, times=2)
    policy = WritebackSettings.model_validate({"status": {"benign": "RESOLVED"}})
    async with AsyncExitStack() as stack:
        opened = await place.open(stack)
        mover = Mover(opened.client.comments, opened.client.alerts, opened.store, policy, opened.clock)
        alert = await opened.client.alerts.alert(ALERT)
        alert = alert.model_copy(update={"severity": Severity.LOW})
        for _ in range(2):
            told = await mover.move(alert, SURE, seen=Seen.of(alert), run_id="r1", journal=Kept())
    assert place.server.world.alerts[ALERT]["status"] == status
    sent = [name for _, _, name in place.server.requests if name == "UpdateStatus"]
    assert len(sent) == 1 or "not status set" in said
    assert said in told[0] or told[0] == f"status is {status}"


async def test_a_person_comes_first(place: Place) -> None:
    """What somebody changed since the investigation began is left alone."""
    policy = WritebackSettings.model_validate(
        {"status": {"benign": "RESOLVED"}, "assign": {"benign": "someone@acme.example"}}
    )
    async with AsyncExitStack() as stack:
        opened = await place.open(stack)
        mover = Mover(opened.client.comments, opened.client.alerts, opened.store, policy, opened.clock)
        alert = await opened.client.alerts.alert(ALERT)
        place.server.world.alerts[ALERT]["status"] = "TRIAGED"
        told = await mover.move(alert, SURE, seen=Seen.of(alert), run_id="r1", journal=Kept())
    assert place.server.world.alerts[ALERT]["status"] == "TRIAGED"
    assert "became TRIAGED meanwhile" in told[0]


async def test_what_a_person_undid_stays_undone(place: Place) -> None:
    """A run that was killed before its journal had the assignment does not repeat it."""
    policy = WritebackSettings.model_validate({"assign": {"benign": "ada@acme.example"}})
    async with AsyncExitStack() as stack:
        opened = await place.open(stack)
        mover = Mover(opened.client.comments, opened.client.alerts, opened.store, policy, opened.clock)
        alert = await opened.client.alerts.alert(ALERT)
        place.server.world.alerts[ALERT]["assignee"] = None
        await mover.move(alert, SURE, seen=Seen.of(alert), run_id="r1", journal=Kept())
        assert place.server.world.alerts[ALERT]["assignee"]
        place.server.world.alerts[ALERT]["assignee"] = None
        await mover.move(alert, SURE, seen=Seen.of(alert), run_id="r1", journal=Kept())
    assert not place.server.world.alerts[ALERT]["assignee"]
