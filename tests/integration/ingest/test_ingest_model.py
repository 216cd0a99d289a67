"""Cursor and dedup against a reference model: whatever happens, each eligible alert has exactly one place.

About six seconds: each example polls into a SQLite file of its own.
"""

import asyncio
import functools
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.alert_source import ListedAlerts
from tests.support.make import NOW, alert
from triage.domain.alert import Alert
from triage.domain.selection import Linked, Selected, SkipCode, Skipped
from triage.edges.store import open_store
from triage.errors import PantherUnreachable
from triage.ingest.poll import poll, poll_status
from triage.ports import AlertRecord, State, Store
from triage.settings import IngestSettings

FAST = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
LOOKBACK = timedelta(hours=12)
OVERLAP = timedelta(minutes=15)
WINDOW = timedelta(minutes=15)
DETECTIONS = ("Corp.One", "Corp.Two")
TITLES = ("x", "y")
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
"""The last one is not enabled."""


@dataclass(frozen=True)
class Arrival:
    """An alert that appears `late` minutes after it was created."""

    late: float
    detection: str
    title: str
    severity: str


@dataclass(frozen=True)
class Pause:
    minutes: float


@dataclass(frozen=True)
class Poll:
    fails_at: int | None
    """The request of this poll that has no answer."""
    disturbed: int
    """How pages are disturbed: not at all, repeated alerts, reversed."""
    stops_at: int | None
    """Pages before which the poller is told to stop."""


arrivals = st.builds(
    Arrival,
    st.sampled_from([0, 0, 1, 5, 14]),
    st.sampled_from(DETECTIONS),
    st.sampled_from(TITLES),
    st.sampled_from(SEVERITIES),
)
pauses = st.builds(Pause, st.sampled_from([0.5, 3, 10, 20, 300, 900]))
polls = st.builds(
    Poll, st.none() | st.integers(0, 6), st.integers(0, 2), st.none() | st.none() | st.none() | st.integers(0, 4)
)
backlogs = st.lists(st.tuples(st.integers(1, 14 * 60), arrivals), max_size=10)
DISTURB: tuple[Callable[[tuple[Alert, ...]], tuple[Alert, ...]], ...] = (
    lambda page: page,
    lambda page: (*page, *page[:1]),
    lambda page: page[::-1],
)


@dataclass
class World:
    """A run of polls over a list that grows."""

    order: str
    window: timedelta = timedelta(hours=5)
    """Of the backlog."""
    now: datetime = NOW
    source: ListedAlerts = field(default_factory=ListedAlerts)
    first: datetime | None = None
    """When the first poll began."""

    @property
    def settings(self) -> IngestSettings:
        return IngestSettings.model_validate(
            {
                "lookback": LOOKBACK,
                "backlog_window": self.window,
                "backlog_order": self.order,
                "page_size": 2,
                "recheck": timedelta(hours=1),
            }
        )

    def arrive(self, found: Arrival, created: datetime | None = None) -> None:
        moment = created or self.now - timedelta(minutes=found.late)
        name = f"a{len(self.source.alerts)}"
        self.source.add(
            [alert(name, detection=found.detection, title=found.title, severity=found.severity, created_at=moment)]
        )

    async def poll(self, store: Store, how: Poll) -> None:
        self.first = self.first or self.now
        self.source.asked.clear()
        self.source.fails_at, self.source.disturb = how.fails_at, DISTURB[how.disturbed]
        asked = 0

        async def proceed() -> bool:
            nonlocal asked
            asked += 1
            return how.stops_at is None or asked <= how.stops_at

        try:
            await poll(self.source, store, self.settings, now=self.now, observe=lambda _progress: None, proceed=proceed)
        except PantherUnreachable:
            assert how.fails_at is not None

    @property
    def eligible(self) -> set[str]:
        """What has been created since the lookback of the first poll; Panther does not list what isn't enabled."""
        assert self.first is not None
        return {
            item.id
            for item in self.source.alerts.values()
            if item.created_at >= self.first - LOOKBACK and item.severity.value != "LOW"
        }


def fits(item: Alert, leader: Alert) -> bool:
    """Whether the reference links an alert to another."""
    return (
        (item.detection_id, item.title) == (leader.detection_id, leader.title)
        and timedelta(0) <= item.created_at - leader.created_at <= WINDOW
        and item.severity.rank <= leader.severity.rank
    )


def check(world: World, records: tuple[AlertRecord, ...]) -> None:
    """Each eligible alert has one place, and the place is right."""
    places = {record.alert.id: record for record in records}
    assert len(places) == len(records)
    assert set(places) == world.eligible
    for record in records:
        decision = record.decision
        if isinstance(decision, Linked):
            assert record.state is State.LINKED
            leader = places[decision.leader]
            assert isinstance(leader.decision, Selected)
            assert fits(record.alert, leader.alert)
        else:
            assert isinstance(decision, Selected)
            assert record.state is State.QUEUED


@functools.cache
def migrated() -> bytes:
    """A SQLite file with the schema in it: copying it is much faster than making one."""

    async def migrate(path: Path) -> None:
        await (await open_store(f"sqlite:///{path}")).close()

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "state.db"
        asyncio.run(migrate(path))
        return path.read_bytes()


def in_a_store(test: Callable[[Store], Awaitable[None]]) -> None:
    """Run with a store of its own; in memory if the machine has such a directory."""

    async def run(path: Path) -> None:
        store = await open_store(f"sqlite:///{path}")
        try:
            await test(store)
        finally:
            await store.close()

    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        path = Path(directory) / "state.db"
        path.write_bytes(migrated())
        asyncio.run(run(path))


@given(st.sampled_from(["oldest", "newest"]), backlogs, st.lists(arrivals | pauses | polls, max_size=14))
@FAST
def test_every_alert_has_exactly_one_place(
    order: str, backlog: list[tuple[int, Arrival]], script: list[Arrival | Pause | Poll]
) -> None:
    """Late, repeated and reordered alerts, polls that break off or are stopped at any page: one place each."""

    async def play(store: Store) -> None:
        world = World(order)
        for minutes, found in backlog:
            world.arrive(found, NOW - timedelta(minutes=minutes))
        for event in script:
            match event:
                case Arrival():
                    world.arrive(event)
                case Pause():
                    world.now += timedelta(minutes=event.minutes)
                case Poll():
                    await world.poll(store, event)
        await world.poll(store, Poll(None, 0, None))
        check(world, await store.records.newest())
        status = await poll_status(store.values)
        assert status is not None
        assert (status.error, status.failures, status.backlog_windows) == ("", 0, 0)
        assert status.succeeded_at == status.reached == world.now

    in_a_store(play)


def reference(items: list[Alert]) -> dict[str, str]:
    """The leader of each alert, itself where it leads, by the rule as it is written."""
    led: dict[str, str] = {}
    leaders: list[Alert] = []
    for item in items:
        leader = next((known for known in leaders if fits(item, known)), None)
        led[item.id] = leader.id if leader else item.id
        if leader is None:
            leaders.append(item)
    return led


@given(st.lists(st.tuples(st.sampled_from([0.5, 3, 8, 14, 16, 200, 700]), arrivals), max_size=14), st.data())
@FAST
def test_in_order_the_groups_are_those_of_the_model(steps: list[tuple[float, Arrival]], data: st.DataObject) -> None:
    """Where alerts come in order, the groups don't depend on when polls happen, where they fail, or on page bounds.

    Without a backlog, that is: what is new is read before it, and then leads its group, though a backlog may hold an
    alert of the same group that is older; that one leads too.
    """

    async def play(store: Store) -> None:
        world = World("oldest", window=timedelta(days=30))
        await world.poll(store, Poll(None, 0, None))
        for minutes, found in steps:
            world.now += timedelta(minutes=minutes)
            world.arrive(found, world.now)
            if data.draw(st.booleans()):
                await world.poll(
                    store, Poll(data.draw(st.none() | st.integers(0, 4)), data.draw(st.integers(0, 1)), None)
                )
        await world.poll(store, Poll(None, 0, None))
        wanted = reference([item for item in world.source.alerts.values() if item.id in world.eligible])
        got = {
            record.alert.id: record.decision.leader if isinstance(record.decision, Linked) else record.alert.id
            for record in await store.records.newest()
        }
        assert got == wanted

    in_a_store(play)


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_a_backlog_that_breaks_off_goes_on_where_it_was(order: str) -> None:
    """Broken off at any request, the next poll reads the rest: no gap, and no window twice but the broken one."""

    async def play(fails_at: int, store: Store) -> None:
        world = World(order)
        for number in range(24):
            world.arrive(Arrival(0, DETECTIONS[0], f"{number}", "HIGH"), NOW - timedelta(minutes=30 * number))
        await world.poll(store, Poll(fails_at, 0, None))
        *done, _broken = dict.fromkeys((query.created_after, query.created_before) for query in world.source.asked)
        world.now += timedelta(minutes=1)
        await world.poll(store, Poll(None, 0, None))
        again = {(query.created_after, query.created_before) for query in world.source.asked}
        assert not again & {(start, end) for start, end in done if end is not None and end <= NOW}, fails_at
        check(world, await store.records.newest())

    for fails_at in range(12):
        in_a_store(functools.partial(play, fails_at))


def test_what_a_filter_refuses_is_skipped_with_its_reason() -> None:
    """A server that ignores the filters costs nothing: they are checked here too, and the reason is stored."""

    async def play(store: Store) -> None:
        source = ListedAlerts()
        source.add([alert("a1"), alert("a2", minutes=1), alert("a3", minutes=2)])

        def changed(page: tuple[Alert, ...]) -> tuple[Alert, ...]:
            odd = {"a2": {"status": "RESOLVED"}, "a3": {"severity": "LOW"}}
            return tuple(Alert.model_validate(item.model_dump() | odd.get(item.id, {})) for item in page)

        source.disturb = changed
        await poll(source, store, IngestSettings(), now=NOW, observe=lambda _progress: None)
        codes = {
            record.alert.id: record.decision.code if isinstance(record.decision, Skipped) else None
            for record in await store.records.newest()
        }
        assert codes == {"a1": None, "a2": SkipCode.STATUS, "a3": SkipCode.SEVERITY}

    in_a_store(play)
