"""Exactly one comment, whatever breaks: the write-back's table of faults, over a real cable and a real store."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.support.cable import Cable, Cut, cable
from tests.support.clocks import FakeClock
from tests.support.investigations import CASES
from tests.support.tiny_world import write_world
from triage.domain.alert import Alert, Severity
from triage.domain.report import RESERVE, Format, Report
from triage.domain.verdict import Disposition, Verdict
from triage.edges.clock import SystemClock
from triage.edges.panther import PantherConfig, connect
from triage.edges.prompts import load_prompts
from triage.edges.store import open_store
from triage.errors import PantherDenied, PantherError, PantherUnreachable
from triage.ports import Clock, Comment, Comments, PantherApi, Receipt, Store
from triage.sandbox.server import ApiToken, Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import WritebackSettings
from triage.stages.reporting.comment import build_report
from triage.stages.writeback import AlertAtStart, Result, Timing, WriteOutcome
from triage.stages.writeback.comment_write import CommentWrite
from triage.stages.writeback.status import StatusUpdater

pytestmark = pytest.mark.anyio
ALERT = f"{1:032x}"
PROMPTS = load_prompts()
SETTINGS = WritebackSettings()
SURE = Verdict(disposition=Disposition.BENIGN, confidence=0.99, summary="It was looked at.")
CREATE, LIST, UPDATE = "CreateComment", "GET /alert-comments", "POST /alert-comments/"


def report(case: str = "malicious") -> Report:
    alert, investigation = CASES[case]()
    return build_report(alert.model_copy(update={"id": ALERT}), investigation, prompts=PROMPTS, settings=SETTINGS)


class MemoryJournal:
    """A journal in memory. Implements `ports.RunJournal`."""

    def __init__(self) -> None:
        self.kept: dict[str, JsonValue] = {}

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Perform once."""
        if key not in self.kept:
            self.kept[key] = await perform()
        return self.kept[key]


@dataclass
class Bench:
    """A Panther behind a cable, and a folder for stores."""

    server: SandboxServer
    line: Cable
    folder: Path

    def ours(self) -> list[str]:
        return [str(item["body"]) for item in self.server.comments(ALERT) if "triage-marker" in str(item["body"])]

    async def open(
        self, stack: AsyncExitStack, *, store: str = "a.db", clock: Clock | None = None, token: str = "sandbox-token"
    ) -> "Opened":
        clock = clock or FakeClock()
        kept = await open_store(f"sqlite:///{self.folder / store}")
        stack.push_async_callback(kept.close)
        config = PantherConfig(url=self.line.url, token=token, requests_per_second=1000, read_seconds=0.5)
        client = await stack.enter_async_context(connect(config, clock=clock))
        return Opened(client.comments, kept, client, clock)


@dataclass
class Opened:
    comments: Comments
    store: Store
    client: PantherApi
    clock: Clock

    async def write(self, wanted: Report, run_id: str = "r1") -> WriteOutcome:
        """Write one comment, as a separate run."""
        write = CommentWrite(
            comments=self.comments, values=self.store.values, clock=self.clock, format="HTML", alert_id=ALERT, report=wanted,
            run_id=run_id, worker="w/0",
        )  # fmt: skip
        return await write.run(MemoryJournal())

    async def move(self, policy: WritebackSettings, alert: Alert) -> tuple[str, ...]:
        """Set status and assignee of an alert that was like this when its investigation began."""
        updater = StatusUpdater(self.comments, self.client.alerts, self.store.values, policy, self.clock)
        return await updater.update(alert, SURE, at_start=AlertAtStart.of(alert), run_id="r1", journal=MemoryJournal())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "world"
    folder.mkdir()
    tokens = (ApiToken("sandbox-token"), ApiToken("reader", frozenset({"AlertRead"})))
    options = SandboxOptions(tokens=tokens)
    with SandboxServer(load_world(write_world(folder)), options) as server, cable(server.url) as line:
        yield Bench(server, line, tmp_path)


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
    Row("create: 504 after the work", faults=((CREATE, Fault(status=504, after_work=True), 1),)),
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
async def test_one_comment_after_every_fault(row: Row, bench: Bench) -> None:
    """Two results written over a faulty line, tried again until they are known: one comment holds the last result.

    Where an update is not allowed, a second comment says that it replaces the first; nothing else makes a second one.
    """
    bench.line.cuts += row.cuts
    for operation, fault, times in row.faults:
        if operation == UPDATE:
            continue
        bench.server.fail(operation, fault, times=times)
    async with AsyncExitStack() as stack:
        opened = await bench.open(stack)
        await _until_known(opened, report("malicious"), "r1")
        for operation, fault, times in row.faults:
            if operation == UPDATE:
                found = await opened.client.comments.list(ALERT)
                (comment,) = [entry for entry in found if "triage-marker" in entry.body]
                bench.server.fail(f"{UPDATE}{comment.id}", fault, times=times)
        await _until_known(opened, report("benign"), "r2")
    bodies = bench.ours()
    live = [body for body in bodies if "replaces" in body] or bodies
    assert len(live) == 1
    assert "Benign (" in live[0]
    assert len(bodies) == (2 if "not allowed" in row.name else 1)


async def _until_known(opened: Opened, wanted: Report, run_id: str) -> None:
    """Write as the service does: again after what may pass, until the outcome is known."""
    for _ in range(8):
        try:
            outcome = await opened.write(wanted, run_id)
        except PantherError as error:
            if not error.retryable:
                raise
        else:
            if outcome.result is not Result.UNKNOWN:
                return
        await opened.clock.sleep(300)
    raise AssertionError("the outcome never became known")


async def test_created_once_then_unchanged_then_updated(bench: Bench) -> None:
    """The first run creates, the same result changes nothing, a new one takes the same comment's place."""
    async with AsyncExitStack() as stack:
        opened = await bench.open(stack)
        results = [(await opened.write(report(case))).result for case in ("malicious", "malicious", "benign")]
    assert results == [Result.CREATED, Result.UNCHANGED, Result.UPDATED]
    (body,) = bench.ours()
    assert "<strong>Benign (" in body
    assert len(bench.server.comments(ALERT)) == 2, "the person's comment is still there"


async def test_an_unknown_outcome_is_never_repeated_blindly(bench: Bench) -> None:
    """The server failed without doing the work, which the writer cannot know: it reports so and does not write again."""
    bench.server.fail(CREATE, Fault(status=500), times=1)
    async with AsyncExitStack() as stack:
        outcome = await (await bench.open(stack)).write(report())
    assert [name for _, _, name in bench.server.requests].count(CREATE) == 1
    assert outcome.result is Result.UNKNOWN
    assert outcome.reason
    assert bench.ours() == []


async def test_a_process_that_died_before_its_request_left(bench: Bench) -> None:
    """The next one, started at once, holds nothing up: it says when the request can no longer take effect, and writes
    the comment then."""
    async with AsyncExitStack() as stack:
        opened = await bench.open(stack)
        now = opened.clock.now()
        await opened.store.values.save_receipt(Receipt(f"comment:{ALERT}", "sent", at=now), now=now)
        first = await opened.write(report())
        waited = opened.clock.monotonic()
        kept = await opened.store.values.receipt(f"comment:{ALERT}")
        await opened.clock.sleep(Timing().settle)
        assert (await opened.write(report())).result is Result.CREATED
    assert (first.result, first.until, waited) == (Result.UNKNOWN, now + timedelta(seconds=Timing().settle), 0)
    assert kept is not None
    assert (kept.state, kept.at) == ("unknown", now)
    assert len(bench.ours()) == 1


async def test_the_lease_of_a_dead_writer_is_known_by_its_process(bench: Bench) -> None:
    """A process killed amid its request leaves the comment's lease behind: it carries the worker's name, by which the
    next process frees it at once."""
    async with AsyncExitStack() as stack:
        opened = await bench.open(stack)
        names: list[str] = []

        async def killed() -> None:
            names.append(await opened.store.values.lease_holder(f"comment:{ALERT}", now=opened.clock.now()))

        opened.comments = Meanwhile(opened.comments, killed)
        await opened.write(report())
    (name,) = names
    assert name.startswith("w/0/")


async def test_a_list_that_cannot_be_read_stops_the_write(bench: Bench) -> None:
    """Without a look at the comments nothing is written."""
    bench.server.fail(LIST, Fault(status=400, body=b'{"message":"no"}'), times=1)
    async with AsyncExitStack() as stack:
        with pytest.raises(PantherError):
            await (await bench.open(stack)).write(report())
    assert bench.ours() == []


async def test_a_token_without_the_permission(bench: Bench) -> None:
    """A refusal is raised, and nothing is written."""
    async with AsyncExitStack() as stack:
        with pytest.raises(PantherDenied):
            await (await bench.open(stack, token="reader")).write(report())
    assert bench.ours() == []


async def test_a_person_who_quotes_the_marker_is_left_alone(bench: Bench) -> None:
    """Only an API token's comment is ours, whatever a person pastes."""
    async with AsyncExitStack() as stack:
        opened = await bench.open(stack)
        pasted = await opened.comments.create(ALERT, report().html, "HTML")
        bench.server.world.comments[pasted.id]["createdBy"] = {"id": "user-1", "type": "user"}
        assert (await opened.write(report("benign"))).result is Result.CREATED
    assert bench.server.world.comments[pasted.id]["body"] == report().html
    assert len(bench.ours()) == 2


async def test_two_writers_at_once_share_one_comment(bench: Bench) -> None:
    """Two processes that share a store write one comment between them."""
    async with AsyncExitStack() as stack:
        writers = [await bench.open(stack, clock=SystemClock()) for _ in range(2)]
        await asyncio.gather(*(each.write(report()) for each in writers))
    assert len(bench.ours()) == 1


async def test_a_lost_store_updates_the_comment(bench: Bench) -> None:
    """Another database finds the comment by its marker."""
    async with AsyncExitStack() as stack:
        await _until_known(await bench.open(stack), report("malicious"), "r1")
        await _until_known(await bench.open(stack, store="b.db"), report("benign"), "r2")
    assert len(bench.ours()) == 1


async def test_two_writers_with_their_own_stores_leave_one_result(bench: Bench) -> None:
    """Nothing keeps them apart: where both create, the oldest holds the result and the other one points to it."""
    async with AsyncExitStack() as stack:
        first, second = await bench.open(stack), await bench.open(stack, store="b.db")
        await asyncio.gather(_until_known(first, report(), "r1"), _until_known(second, report(), "r1"))
        await _until_known(first, report("benign"), "r2")
    bodies = bench.ours()
    assert sum("<strong>Benign (" in body for body in bodies) == 1
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


async def test_two_replacements_become_one_that_says_so_once(bench: Bench) -> None:
    """Two writers may not update a comment and both replace it: the older replacement holds the result, within its size."""
    async with AsyncExitStack() as stack:
        first, second = await bench.open(stack), await bench.open(stack, store="b.db")
        await _until_known(first, report("malicious"), "r1")
        (comment,) = [each for each in await first.client.comments.list(ALERT) if "triage-marker" in each.body]
        bench.server.fail(f"{UPDATE}{comment.id}", Fault(status=403, body=b'{"message":"no"}'), times=2)
        first.comments = Meanwhile(first.comments, lambda: second.write(report("inconclusive"), "r2"))
        await first.write(report("benign"), "r3")
    bodies = bench.ours()
    (result,) = [body for body in bodies if "<strong>Benign (" in body]
    assert result.count("This comment replaces") == 1
    assert len(result) <= len(report("benign").html) + RESERVE
    assert sum("can be ignored" in body for body in bodies) == 1


async def test_a_write_that_was_never_sent_is_not_waited_for(bench: Bench) -> None:
    """Where no connection came about and none will (a certificate that is not accepted), the error is raised at once."""

    async def refused() -> None:
        raise PantherUnreachable("its TLS certificate was not accepted", retryable=False)

    async with AsyncExitStack() as stack:
        opened = await bench.open(stack)
        opened.comments = Meanwhile(opened.comments, refused)
        with pytest.raises(PantherUnreachable, match="certificate"):
            await opened.write(report())
        assert opened.clock.monotonic() == 0
        assert (await opened.write(report())).result is Result.CREATED
        assert opened.clock.monotonic() == 0


@pytest.mark.parametrize(
    ("cuts", "fault", "status", "expected"),
    [
        ((), None, "RESOLVED", "status set to RESOLVED"),
        ((("UpdateStatus", "reset after"),), None, "RESOLVED", "status set to RESOLVED"),
        ((("UpdateStatus", "silence after"),), None, "RESOLVED", "status set to RESOLVED"),
        ((), Fault(status=502, after_work=True), "RESOLVED", "status set to RESOLVED"),
        ((), Fault(status=500), "OPEN", "(unconfirmed)"),
        ((), Fault(status=400, body=b"{}"), "OPEN", "could not set the status"),
    ],
)
async def test_a_status_is_sent_once(
    cuts: tuple[tuple[str, Cut], ...], fault: Fault | None, status: str, expected: str, bench: Bench
) -> None:
    """A lost answer is resolved by reading; a status is never sent a second time, also by a restarted run."""
    bench.line.cuts += cuts
    if fault is not None:
        bench.server.fail("UpdateStatus", fault, times=2)
    policy = WritebackSettings.model_validate({"status": {"benign": "RESOLVED"}})
    async with AsyncExitStack() as stack:
        opened = await bench.open(stack)
        alert = await opened.client.alerts.alert(ALERT)
        alert = alert.model_copy(update={"severity": Severity.LOW})
        for _ in range(2):
            lines = await opened.move(policy, alert)
    assert bench.server.world.alerts[ALERT]["status"] == status
    sent = [name for _, _, name in bench.server.requests if name == "UpdateStatus"]
    assert len(sent) == 1 or "could not set the status" in expected
    assert expected in lines[0] or lines[0] == f"status was already {status}"


async def test_a_person_comes_first(bench: Bench) -> None:
    """What someone changed since the investigation began is left alone."""
    policy = WritebackSettings.model_validate(
        {"status": {"benign": "RESOLVED"}, "assign": {"benign": "someone@acme.example"}}
    )
    async with AsyncExitStack() as stack:
        opened = await bench.open(stack)
        alert = await opened.client.alerts.alert(ALERT)
        bench.server.world.alerts[ALERT]["status"] = "TRIAGED"
        lines = await opened.move(policy, alert)
    assert bench.server.world.alerts[ALERT]["status"] == "TRIAGED"
    assert "changed to TRIAGED during the investigation" in lines[0]


async def test_what_a_person_undid_stays_undone(bench: Bench) -> None:
    """A run that was killed before its journal had the assignment does not repeat it."""
    policy = WritebackSettings.model_validate({"assign": {"benign": "ada@acme.example"}})
    async with AsyncExitStack() as stack:
        opened = await bench.open(stack)
        alert = await opened.client.alerts.alert(ALERT)
        bench.server.world.alerts[ALERT]["assignee"] = None
        await opened.move(policy, alert)
        assert bench.server.world.alerts[ALERT]["assignee"]
        bench.server.world.alerts[ALERT]["assignee"] = None
        await opened.move(policy, alert)
    assert not bench.server.world.alerts[ALERT]["assignee"]
