"""Quality and context tags by policy: set once, beside a person's and never over one."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stages.writeback.test_comment_write import ALERT, MemoryJournal
from tests.support.cable import Cable, Cut, cable
from tests.support.clocks import FakeClock
from tests.support.tiny_world import write_world
from triage.domain.alert import Quality, Severity
from triage.domain.verdict import Disposition, Verdict
from triage.edges.panther import PantherConfig, connect
from triage.edges.store import open_store
from triage.errors import PantherError
from triage.ports import Labels, PantherApi, Store
from triage.sandbox.server import Fault, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import WritebackSettings
from triage.stages.writeback import AlertAtStart
from triage.stages.writeback.labels import LabelUpdater

pytestmark = pytest.mark.anyio
PATCH = f"PATCH /alerts/{ALERT}"
M, S, N, B = Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.BENIGN
POLICY = {"quality": {"benign": "NOISE", "malicious": "USEFUL"}}
TAGS = {"tags": {"benign": ["triage-benign"], "malicious": ["triage-malicious", "by-triage"]}}


class Killed(BaseException):
    """In place of SIGKILL: nothing that follows in the process happens."""


@dataclass
class DyingLabels:
    """Labels whose process dies around a write. Implements `ports.Labels`."""

    inner: Labels
    when: str
    """`before` or `after` the request."""

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Awaitable[None]] = getattr(self.inner, name)
        if not name.startswith("set_"):
            return method

        async def dying(*given: Any) -> None:
            if self.when == "after":
                await method(*given)
            raise Killed

        return dying


@dataclass
class Boundaries:
    """Ends the process after the write of that number: to Panther, to the store or to the journal."""

    number: int
    writes: int = 0

    def wrap(self, inner: Any) -> Any:
        """The same, whose writes are counted."""
        return CountedWrites(inner, self)

    def after_write(self) -> None:
        self.writes += 1
        if self.writes == self.number:
            raise Killed


@dataclass
class CountedWrites:
    """A part of the program. Implements whatever `inner` does."""

    inner: Any
    boundaries: Boundaries

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if name not in {"set_quality", "set_tags", "save_receipt", "step"}:
            return method

        async def counted(*given: Any, **named: Any) -> Any:
            answer = await method(*given, **named)
            self.boundaries.after_write()
            return answer

        return counted


@dataclass
class Bench:
    """A Panther behind a cable, and one store."""

    server: SandboxServer
    line: Cable
    store: Store
    client: PantherApi
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def record(self) -> dict[str, Any]:
        """The alert as Panther has it."""
        return self.server.world.alerts[ALERT]

    @property
    def patches(self) -> int:
        return sum(method == "PATCH" for method, _, _ in self.server.requests)

    async def label(
        self,
        policy: dict[str, Any],
        disposition: Disposition = B,
        *,
        confidence: float = 0.99,
        severity: Severity = Severity.LOW,
        journal: MemoryJournal | None = None,
        labels: Labels | None = None,
        values: Any = None,
    ) -> tuple[str, ...]:
        """One run's labels, on an alert that nobody touches while it is investigated."""
        alert = (await self.client.alerts.alert(ALERT)).model_copy(update={"severity": severity})
        settings = WritebackSettings.model_validate(policy)
        updater = LabelUpdater(
            labels or self.client.labels, self.client.alerts, values or self.store.values, settings, self.clock
        )
        verdict = Verdict(disposition=disposition, confidence=confidence, summary="It was looked at.")
        return await updater.update(alert, verdict, at_start=AlertAtStart.of(alert), journal=journal or MemoryJournal())


@pytest.fixture(params=[SandboxOptions()], ids=[""])
async def bench(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    folder = tmp_path / "world"
    folder.mkdir()
    with SandboxServer(load_world(write_world(folder)), request.param) as server, cable(server.url) as line:
        async with AsyncExitStack() as stack:
            store = await open_store(f"sqlite:///{tmp_path / 'a.db'}")
            stack.push_async_callback(store.close)
            config = PantherConfig(url=line.url, token="sandbox-token", requests_per_second=1000, read_seconds=0.5)
            client = await stack.enter_async_context(connect(config, clock=FakeClock()))
            yield Bench(server, line, store, client)


@pytest.mark.parametrize(
    ("disposition", "quality", "line"),
    [(B, "NOISE", "quality set to NOISE"), (M, "USEFUL", "quality set to USEFUL"), (S, None, None), (N, None, None)],
)
async def test_a_quality_by_verdict(
    disposition: Disposition, quality: str | None, line: str | None, bench: Bench
) -> None:
    """Each verdict gets the quality of the policy; one without, and `inconclusive`, gets none."""
    lines = await bench.label(POLICY, disposition)
    assert bench.record.get("quality") == quality
    assert list(lines) == ([line] if line else [])


async def test_without_a_policy_nothing_is_asked_or_sent(bench: Bench) -> None:
    """Labels are off by default, and cost no request then."""
    before = len(bench.server.requests)
    assert await bench.label({}) == ()
    assert [path for _, path, _ in list(bench.server.requests)[before:]] == [
        "/public/graphql",
        f"/alerts/{ALERT}",
    ]


@pytest.mark.parametrize("bench", [SandboxOptions(generation="2025")], ids=["2025"], indirect=True)
async def test_a_panther_of_2025_is_asked_once_and_said_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """It would ignore an unknown field without a word: nothing is sent, one warning says why, for an hour."""
    # The command line's own logging, once set up in this process, keeps records from the root.
    logger = logging.getLogger("triage.edges.panther.labels")
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING, logger=logger.name):
        for _ in range(3):
            assert await bench.label({**POLICY, **TAGS}) == ()
    logger.removeHandler(caplog.handler)
    asked = [path for _, path, _ in bench.server.requests if "alert-context-tags" in path]
    assert (len(asked), bench.patches) == (1, 0)
    said = {record.getMessage() for record in caplog.records}
    assert len(said) == 1
    assert "does not serve the quality and the context tags" in said.pop()


@pytest.mark.parametrize(
    ("policy", "given", "reason"),
    [
        ({"status_min_confidence": 0.995}, {}, "confidence 0.99 is below"),
        ({"status_needs_judge": True}, {}, "the judge has not given the same verdict"),
        ({}, {"severity": Severity.HIGH}, "only a person may call a HIGH alert noise"),
        ({}, {"severity": Severity("DIRE")}, "only a person may call a DIRE alert noise"),
    ],
)
async def test_the_rules_of_a_status_hold_for_labels(
    policy: dict[str, Any], given: dict[str, Any], reason: str, bench: Bench
) -> None:
    """What is not sure enough for a status labels nothing, and only a person calls a grave alert noise."""
    (line,) = await bench.label({**POLICY, **policy}, **given)
    assert reason in line
    assert "quality" not in bench.record


@pytest.mark.parametrize("theirs", ["USEFUL", "SOMETHING_NEW"])
async def test_a_quality_by_a_person_stays(theirs: str, bench: Bench) -> None:
    """Whatever someone has given the alert is not overwritten, also a value that this program does not know."""
    bench.record["quality"] = theirs
    assert await bench.label(POLICY) == (f"quality unchanged: it is {theirs}",)
    assert bench.record["quality"] == theirs
    assert bench.patches == 0


async def test_what_a_person_changed_afterwards_stays(bench: Bench) -> None:
    """A quality that was taken away, or turned, after this program had set it, is not set again by any later run."""
    await bench.label(POLICY)
    bench.record["quality"] = ""
    assert await bench.label(POLICY) == ("quality unchanged: it has been changed since it was set to NOISE",)
    assert await bench.label(POLICY, M) == ("quality unchanged: it has been taken away",)
    bench.record["quality"] = "USEFUL"
    assert await bench.label(POLICY) == ("quality unchanged: it has been changed since it was set to NOISE",)
    assert (bench.record["quality"], bench.patches) == ("USEFUL", 1)


async def test_a_second_look_corrects_what_the_first_said(bench: Bench) -> None:
    """A verdict that turns takes its quality along, forth and back; one without a quality takes it back."""
    for disposition, quality in ((B, "NOISE"), (M, "USEFUL"), (B, "NOISE"), (S, ""), (M, "USEFUL")):
        await bench.label(POLICY, disposition)
        assert bench.record["quality"] == quality
    assert await bench.label(POLICY, M) == ("quality was already USEFUL",)


async def test_noise_is_taken_back_also_where_the_new_verdict_is_unsure(bench: Bench) -> None:
    """What is no longer called benign must not stay noise, however low the confidence."""
    await bench.label(POLICY)
    lines = await bench.label(POLICY, M, confidence=0.5)
    assert lines == (
        "labels not given: confidence 0.50 is below writeback.status_min_confidence",
        "quality NOISE taken back",
    )
    assert bench.record["quality"] == ""


async def test_tags_come_beside_those_of_people(bench: Bench) -> None:
    """A person's tags keep their place; another verdict takes this program's own along, and no one else's."""
    bench.record["contextTags"] = ["vip", "by-triage"]
    assert await bench.label(TAGS) == ("tagged triage-benign",)
    assert bench.record["contextTags"] == ["vip", "by-triage", "triage-benign"]
    assert await bench.label(TAGS) == ()
    assert await bench.label(TAGS, M) == ("tagged triage-malicious, tag triage-benign taken back",)
    assert bench.record["contextTags"] == ["vip", "by-triage", "triage-malicious"]
    await bench.label(TAGS, N)
    assert bench.record["contextTags"] == ["vip", "by-triage"]


async def test_a_tag_that_a_person_took_away_stays_away(bench: Bench) -> None:
    """This program gives a tag once."""
    await bench.label(TAGS)
    bench.record["contextTags"] = []
    assert await bench.label(TAGS) == ("tags unchanged: triage-benign has been taken away",)
    assert bench.record["contextTags"] == []


async def test_panthers_limit_of_tags_is_kept(bench: Bench) -> None:
    """Where the alert is full of tags, nothing is sent and a person's tag is not pushed out."""
    bench.record["contextTags"] = [f"tag-{number}" for number in range(10)]
    assert await bench.label(TAGS) == ("tags unchanged: the alert has 10, and Panther allows 10",)
    assert bench.patches == 0


async def test_labels_that_cannot_be_read_are_not_written(bench: Bench) -> None:
    """A detail that Panther does not give may hold a person's word."""
    await bench.client.labels.served()
    bench.server.fail(f"GET /alerts/{ALERT}", Fault(status=400, body=b"{}"), times=9)
    lines = await bench.label({**POLICY, **TAGS})
    assert lines == (
        "quality unchanged: Panther did not say what it is",
        "tags unchanged: Panther did not say what they are",
    )
    assert bench.patches == 0


@pytest.mark.parametrize(
    ("cuts", "fault", "there", "expected"),
    [
        ((), None, True, "set to NOISE"),
        ((("PATCH", "reset after"),), None, True, "set to NOISE"),
        ((("PATCH", "silence after"),), None, True, "set to NOISE"),
        ((), Fault(status=502, after_work=True), True, "set to NOISE"),
        ((), Fault(status=500), False, "(unconfirmed)"),
        ((), Fault(status=400, body=b'{"message":"no"}'), False, "could not set the quality"),
    ],
)
async def test_a_label_is_sent_once(
    cuts: Sequence[tuple[str, Cut]], fault: Fault | None, there: bool, expected: str, bench: Bench
) -> None:
    """A lost answer is resolved by reading; also a restarted run sends nothing a second time."""
    bench.line.cuts += tuple((f"{name} /alerts/{ALERT}" if name == "PATCH" else name, cut) for name, cut in cuts)
    if fault is not None:
        bench.server.fail(PATCH, fault, times=2)
    (first,) = await bench.label(POLICY)
    (second,) = await bench.label(POLICY)
    assert expected in first
    assert bench.record.get("quality") == ("NOISE" if there else None)
    assert bench.patches == (2 if "could not" in first else 1)
    assert second == ("quality was already NOISE" if there else first if "could not" in first else second)
    assert there or "could not" in second or "not sent again" in second


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("policy", "field_", "given"), [(POLICY, "quality", "NOISE"), (TAGS, "contextTags", ["triage-benign"])]
)
async def test_a_kill_around_the_request_never_sends_it_twice(
    when: str, policy: dict[str, Any], field_: str, given: object, bench: Bench
) -> None:
    """A process that dies before or after its request leaves a receipt: the next one looks, and does not guess."""
    journal = MemoryJournal()
    with pytest.raises(Killed):
        await bench.label(policy, journal=journal, labels=DyingLabels(bench.client.labels, when))
    lines = await bench.label(policy, journal=journal)
    assert bench.patches == (when == "after")
    assert bench.record.get(field_) == (given if when == "after" else None)
    assert when == "after" or "not sent again" in lines[0]


@pytest.mark.parametrize("number", range(1, 10))
@pytest.mark.parametrize("turned", [False, True], ids=["first look", "turned verdict"])
async def test_a_kill_after_any_write_repeats_none(number: int, turned: bool, bench: Bench) -> None:
    """Wherever the process dies, the next one ends with the labels of the verdict or says that it does not know; each
    label is sent once at most, and a person's tag is there all along.
    """
    bench.record["contextTags"] = ["vip"]
    if turned:
        await bench.label({**POLICY, **TAGS})
    before, wanted = bench.patches, M if turned else B
    journal, boundaries = MemoryJournal(), Boundaries(number)
    given: dict[str, Any] = {
        "journal": boundaries.wrap(journal),
        "labels": boundaries.wrap(bench.client.labels),
        "values": boundaries.wrap(bench.store.values),
    }
    try:
        await bench.label({**POLICY, **TAGS}, wanted, **given)
    except Killed:
        lines = await bench.label({**POLICY, **TAGS}, wanted, journal=journal)
    else:
        assert boundaries.writes < number
        lines = ()
    assert bench.patches - before <= 2
    assert "vip" in bench.record["contextTags"]
    assert bench.record.get("quality") == ("USEFUL" if turned else "NOISE") or "not sent again" in lines[0]
    tags = {"vip", *(TAGS["tags"]["malicious"] if turned else TAGS["tags"]["benign"])}
    assert set(bench.record["contextTags"]) == tags or "not sent again" in lines[-1]
    assert "triage-benign" not in bench.record["contextTags"] or not turned


async def test_a_kill_before_a_tag_is_taken_back(bench: Bench) -> None:
    """What should go is this program's own until it is gone: the next run takes it back."""
    await bench.label(TAGS)
    with pytest.raises(Killed):
        await bench.label(TAGS, M, labels=DyingLabels(bench.client.labels, "before"))
    assert bench.record["contextTags"] == ["triage-benign"]
    await bench.label(TAGS, M)
    assert bench.record["contextTags"] == []


async def test_a_change_during_the_investigation_comes_first(bench: Bench) -> None:
    """An alert whose status someone changed meanwhile is not labelled."""
    alert = await bench.client.alerts.alert(ALERT)
    bench.record["status"] = "TRIAGED"
    settings = WritebackSettings.model_validate({**POLICY, **TAGS})
    updater = LabelUpdater(bench.client.labels, bench.client.alerts, bench.store.values, settings, bench.clock)
    verdict = Verdict(disposition=M, confidence=0.99, summary="It was looked at.")
    lines = await updater.update(alert, verdict, at_start=AlertAtStart.of(alert), journal=MemoryJournal())
    assert all("changed to TRIAGED during the investigation" in line for line in lines)
    assert len(lines) == 2
    assert bench.patches == 0


async def test_a_list_of_qualities_is_read_to_its_end(bench: Bench) -> None:
    """Every page of each quality, only of the span that was asked for."""
    world = bench.server.world
    for number, record in enumerate(world.alerts.values()):
        record["quality"] = ("NOISE", "USEFUL", "")[number % 3]
    moments = [(await bench.client.alerts.alert(name)).created_at for name in world.alerts]
    found = await bench.client.labels.qualities(start=min(moments), end=max(moments))
    assert found == {name: Quality(record["quality"]) for name, record in world.alerts.items() if record["quality"]}
    assert await bench.client.labels.qualities(start=max(moments), end=max(moments)) == {
        name: quality for name, quality in found.items() if name == list(world.alerts)[-1]
    }


async def test_a_server_in_trouble_is_no_older_panther(bench: Bench) -> None:
    """Where Panther cannot be asked, the run fails and is tried again; nothing is remembered as missing."""
    bench.server.fail("GET /alert-context-tags", Fault(status=500), times=9)
    with pytest.raises(PantherError):
        await bench.client.labels.served()
    bench.server.fail("GET /alert-context-tags", Fault(status=500), times=0)


def test_a_policy_that_contradicts_the_verdict_is_refused() -> None:
    """NOISE for what is malicious, a word that Panther does not know, a tag that it would refuse."""
    for wrong in (
        {"quality": {"malicious": "NOISE"}},
        {"quality": {"benign": "GOOD"}},
        {"tags": {"benign": ["No Spaces"]}},
        {"tags": {"benign": [f"t{number}" for number in range(11)]}},
    ):
        with pytest.raises(ValueError, match=r"quality|tags"):
            WritebackSettings.model_validate(wrong)
    assert json.loads(WritebackSettings.model_validate({"quality": {"benign": "noise"}}).model_dump_json())[
        "quality"
    ] == {"benign": "NOISE"}
