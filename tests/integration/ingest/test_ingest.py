"""Polling through the program: backlogs, what is reopened, how it is told."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.alert_source import ListedAlerts
from tests.support.cli import run_cli, write_config
from tests.support.make import NOW, alert
from tests.support.tiny_world import ALERTS, write_world
from triage.app import open_app
from triage.domain.alert import Alert
from triage.domain.polling import PollState, Span
from triage.domain.selection import Linked, Selected, SkipCode, Skipped
from triage.edges.clock import SystemClock
from triage.edges.store import open_store
from triage.errors import PantherProtocolError, PantherUnreachable
from triage.ingest.poll import poll, poll_status
from triage.ports import AlertPage, AlertQuery, Progress, State, Store
from triage.sandbox.server import SandboxOptions, SandboxServer
from triage.sandbox.times import iso
from triage.sandbox.world import load_world
from triage.settings import IngestSettings, load_settings

pytestmark = pytest.mark.anyio
CURSOR = "poll/ALERT"


@pytest.fixture
async def store(tmp_path: Path) -> "Any":
    opened = await open_store(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    await opened.close()


def settings(**fields: Any) -> IngestSettings:
    return IngestSettings.model_validate(fields)


def at(hours: float) -> datetime:
    """So many hours before NOW."""
    return NOW - timedelta(hours=hours)


async def polled(
    source: ListedAlerts, store: Store, given: IngestSettings, *, now: datetime = NOW
) -> tuple[list[Progress], set[str]]:
    """Poll; gives what the observer was told and the ids that are stored now."""
    told: list[Progress] = []
    source.asked.clear()
    await poll(source, store, given, now=now, observe=told.append)
    return told, {record.alert.id for record in await store.records.newest()}


def windows(source: ListedAlerts) -> list[tuple[float, float]]:
    """The windows asked for, in hours before NOW, from and to, each once."""
    found: dict[tuple[float, float], None] = {}
    for query in source.asked:
        assert query.created_after is not None
        assert query.created_before is not None
        start = (NOW - query.created_after) / timedelta(hours=1)
        end = (NOW - query.created_before) / timedelta(hours=1)
        found[round(start, 2), round(end, 2)] = None
    return list(found)


# ---- backlogs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("oldest", [(24.0, 18.0), (18.0, 12.0), (12.0, 6.0), (6.0, 0.0)]),
        ("newest", [(6.0, 0.0), (12.0, 6.0), (18.0, 12.0), (24.0, 18.0)]),
    ],
)
async def test_a_long_lookback_is_read_in_windows(
    store: Store, order: str, expected: list[tuple[float, float]]
) -> None:
    """Bounded windows in the order that was asked for, new alerts between them, and progress told."""
    source = ListedAlerts()
    source.add(alert(f"a{hour}", created_at=at(hour), detection=f"D{hour}") for hour in range(24))
    told, found = await polled(source, store, settings(backlog_order=order))
    assert len(found) == 24
    asked = windows(source)
    assert [window for window in asked if window[1] >= 0] == expected
    fresh = [query.created_before > NOW for query in source.asked if query.created_before]
    # The window of new alerts is asked for first, and after each piece.
    assert sum(fresh) == 1 + len(expected)
    assert fresh[0]
    assert fresh[-1]
    progress = [item.text for item in told if item.stage == "backlog"]
    assert len(progress) == 4
    assert "3 of 4 windows left" in progress[0]
    assert "0 of 4 windows left" in progress[-1]
    # The next poll is a short one, and one look back for what was reopened.
    await polled(source, store, settings(backlog_order=order), now=NOW + timedelta(minutes=1))
    assert len(windows(source)) == 2


async def test_a_short_lookback_is_one_window(store: Store) -> None:
    """Nothing is cut where it need not be."""
    source = ListedAlerts()
    await polled(source, store, settings(lookback="6h"))
    assert windows(source) == [(6.0, -24.0)]


async def test_fresh_alerts_do_not_wait_for_the_backlog(store: Store) -> None:
    """An alert that appears while the backlog is read is stored before the backlog's next window."""
    source = ListedAlerts()
    source.add(alert(f"a{hour}", created_at=at(hour), detection=f"D{hour}") for hour in range(1, 24))
    seen: list[set[str]] = []

    async def proceed() -> bool:
        seen.append({record.alert.id for record in await store.records.newest()})
        if "a20" in seen[-1]:
            source.add([alert("fresh", minutes=1, detection="Fresh")])
        return True

    await poll(source, store, settings(), now=NOW, observe=lambda _progress: None, proceed=proceed)
    first = next(number for number, ids in enumerate(seen) if "fresh" in ids)
    assert not {"a17", "a1"} & seen[first]


async def test_a_backlog_survives_a_kill(store: Store, tmp_path: Path) -> None:
    """What was read is not read again, what was not is; the lookback does not move with the clock."""
    source = ListedAlerts()
    source.add(alert(f"a{hour}", created_at=at(hour - 0.5), detection=f"D{hour}") for hour in range(1, 25))
    source.fails_at = 4
    with pytest.raises(PantherUnreachable):
        await polled(source, store, settings())
    source.fails_at = None
    other = await open_store(f"sqlite:///{tmp_path / 'state.db'}")
    _, found = await polled(source, other, settings(), now=NOW + timedelta(hours=2))
    await other.close()
    assert len(found) == 24
    assert (24.0, 18.0) not in windows(source)


async def test_a_long_outage_becomes_a_backlog(store: Store) -> None:
    """After three days without a poll the gap is read in windows too."""
    source = ListedAlerts()
    await polled(source, store, settings(lookback="1h"))
    source.add(alert(f"a{hour}", created_at=NOW + timedelta(hours=hour), detection=f"D{hour}") for hour in range(72))
    told, found = await polled(source, store, settings(), now=NOW + timedelta(hours=72))
    assert len(found) == 72
    assert len([item for item in told if item.stage == "backlog"]) == 13


async def test_a_cursor_of_the_first_version_is_understood(store: Store) -> None:
    """It was a bare time; polling goes on from it."""
    await store.values.put(CURSOR, at(1).isoformat(), now=NOW)
    source = ListedAlerts()
    source.add([alert("old", created_at=at(5)), alert("new", created_at=at(0.5))])
    _, found = await polled(source, store, settings())
    assert found == {"new"}


async def test_a_cursor_that_cannot_be_read_begins_anew(store: Store) -> None:
    """The lookback is read again rather than nothing."""
    await store.values.put(CURSOR, {"reached": "yesterday"}, now=NOW)
    source = ListedAlerts()
    source.add([alert("old", created_at=at(5))])
    _, found = await polled(source, store, settings())
    assert found == {"old"}


async def test_a_poller_without_its_lease_stops_quietly(store: Store) -> None:
    """Its cursor stays, nothing is raised, and the status is left to the new poller."""
    source = ListedAlerts()
    source.add(alert(f"a{number}", created_at=at(number / 10), detection=f"D{number}") for number in range(5))

    async def proceed() -> bool:
        return len(source.asked) < 2

    given = settings(lookback="6h", page_size=1)
    found = await poll(source, store, given, now=NOW, observe=lambda _progress: None, proceed=proceed)
    assert found.seen == 2
    assert len(source.asked) == 2
    assert await store.values.get(CURSOR) is None
    assert await poll_status(store.values) is None


# ---- the status ------------------------------------------------------------------------------------------------------


async def test_the_status_tells_of_success_and_failure(store: Store) -> None:
    """When, how often, why, how far, and what is left; kept also where the poll broke off."""
    source = ListedAlerts()
    source.add([alert("a1", created_at=at(2))])
    assert await poll_status(store.values) is None
    await polled(source, store, settings())
    good = await poll_status(store.values)
    assert good is not None
    assert (good.error, good.failures, good.seen, good.new) == ("", 0, 1, 1)
    assert good.succeeded_at == good.attempted_at == good.reached == NOW
    source.fails_at = 0
    for minutes in (1, 2):
        with pytest.raises(PantherUnreachable):
            await polled(source, store, settings(), now=NOW + timedelta(minutes=minutes))
    bad = await poll_status(store.values)
    assert bad is not None
    assert (bad.error, bad.failures) == ("no answer", 2)
    assert (bad.succeeded_at, bad.reached) == (NOW, NOW)
    assert bad.attempted_at == NOW + timedelta(minutes=2)


async def test_the_status_tells_what_is_left_of_a_backlog(store: Store) -> None:
    """From when to when, and how many windows."""
    source = ListedAlerts()
    source.fails_at = 3
    with pytest.raises(PantherUnreachable):
        await polled(source, store, settings())
    status = await poll_status(store.values)
    assert status is not None
    assert (status.backlog_from, status.backlog_to, status.backlog_windows) == (at(18), NOW, 3)
    state = PollState.model_validate(await store.values.get(CURSOR))
    assert state.unread == (Span(start=at(18), end=NOW),)


# ---- what is reopened ------------------------------------------------------------------------------------------------


def changed(item: Alert, minutes: float, **fields: Any) -> Alert:
    """The same alert, changed so many minutes after NOW."""
    return Alert.model_validate(item.model_dump() | {"updated_at": NOW + timedelta(minutes=minutes)} | fields)


@pytest.mark.parametrize("updated", [True, False], ids=["with-updatedAt", "without"])
async def test_an_alert_that_was_never_listed_is_found_when_it_is_reopened(store: Store, updated: bool) -> None:
    """Closed when it was new, reopened hours later: the re-check lists it, however old the cursor's window is."""
    source = ListedAlerts()
    closed = alert("a1", created_at=at(5), status="RESOLVED")
    source.add([closed])
    _, found = await polled(source, store, settings())
    assert found == set()
    source.add([changed(closed, 1, status="OPEN") if updated else alert("a1", created_at=at(5))])
    _, found = await polled(source, store, settings(), now=NOW + timedelta(minutes=2))
    assert found == {"a1"}


async def test_the_recheck_goes_back_as_far_as_configured(store: Store) -> None:
    """Not further, never before the first lookback, and not at all with 0s."""
    source = ListedAlerts()
    await polled(source, store, settings())
    for recheck, expected in (("3h", 3.02), ("48h", 24.0), ("0s", None)):
        await polled(source, store, settings(recheck=recheck), now=NOW + timedelta(minutes=-1))
        oldest = max(start for start, _ in windows(source))
        assert oldest == (expected if expected is not None else pytest.approx(0.27, abs=0.01))


async def test_a_long_recheck_is_not_part_of_every_poll(store: Store) -> None:
    """Where it takes many pages, it keeps to a pace; new alerts are asked for all the same."""
    source = ListedAlerts()
    source.add(alert(f"a{number}", created_at=at(1 + number / 100), detection=f"D{number}") for number in range(60))
    given = settings(page_size=5)
    await polled(source, store, given)
    pages = []
    for seconds in (60, 90, 120, 200):
        await polled(source, store, given, now=NOW + timedelta(seconds=seconds))
        pages.append(len(source.asked))
    # Twelve pages, so every two minutes.
    assert pages == [13, 1, 1, 13]


@pytest.mark.parametrize("code", [SkipCode.TOO_FEW_EVENTS, SkipCode.GONE])
async def test_what_a_worker_found_out_stands_until_the_alert_changes(store: Store, code: SkipCode) -> None:
    """The list knows nothing of it, and would queue the alert again with every poll."""
    source = ListedAlerts()
    source.add([alert("a1", created_at=at(0.1))])
    await polled(source, store, settings())
    skipped = Skipped(code=code, reason="as a worker saw")
    await store.queue.decide("a1", skipped, now=NOW)
    await polled(source, store, settings(), now=NOW + timedelta(minutes=1))
    record = await store.records.find("a1")
    assert record is not None
    assert record.decision == skipped
    source.add([changed(alert("a1", created_at=at(0.1)), 2, last_event_at=NOW)])
    await polled(source, store, settings(), now=NOW + timedelta(minutes=3))
    record = await store.records.find("a1")
    assert record is not None
    assert record.state is State.QUEUED


@pytest.fixture
def panther(tmp_path: Path) -> Iterator[SandboxServer]:
    folder = tmp_path / "world"
    folder.mkdir()
    with SandboxServer(load_world(write_world(folder)), SandboxOptions(query_latency=0.0)) as server:
        yield server


def rows(directory: Path) -> dict[str, dict[str, Any]]:
    return {row["alert_id"]: row for row in run_cli("list", "--json", directory=directory).json}


def test_closed_before_its_turn_and_reopened(panther: SandboxServer, tmp_path: Path) -> None:
    """Skipped with its reason, investigated when a person opens it again; so is one that was closed from the start."""
    first, closed = ALERTS[0]["id"], ALERTS[1]["id"]

    def become(name: str, status: str) -> None:
        panther.world.alerts[name] |= {"status": status, "updatedAt": iso(panther.world.stamp())}

    async def only_poll() -> None:
        clock = SystemClock()
        loaded = load_settings(tmp_path / "config.yaml", environment={})
        async with open_app(loaded, clock=clock, write=False) as app:
            await poll(app.panther.alerts, app.store, loaded.ingest, now=clock.now(), observe=lambda _progress: None)

    write_config(tmp_path, panther.url)
    become(closed, "CLOSED")
    asyncio.run(only_poll())
    become(first, "RESOLVED")
    assert run_cli("run", "--once", "--write", directory=tmp_path).status == 0
    skipped = rows(tmp_path)[first]
    assert (skipped["state"], skipped["selected"], closed in rows(tmp_path)) == ("skipped", False, False)
    assert "RESOLVED before its turn" in skipped["reason"]
    written = [
        name
        for name in panther.world.alerts
        if any(comment["createdBy"]["type"] == "api-token" for comment in panther.comments(name))
    ]
    assert written == [ALERTS[2]["id"]]
    become(first, "OPEN")
    become(closed, "OPEN")
    assert run_cli("run", "--once", directory=tmp_path).status == 0
    assert [rows(tmp_path)[name]["state"] for name in (first, closed)] == ["done", "done"]


# ---- selecting without investigating --------------------------------------------------------------------------------


def test_select_explains_what_would_be_taken(panther: SandboxServer, tmp_path: Path) -> None:
    """Every alert of the window has its reason, whatever the server would have filtered; nothing is stored."""
    write_config(tmp_path, panther.url)
    config = tmp_path / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace("ingest:\n", "ingest:\n  detection_id_regex: '^Door'\n  detections_deny: [Door.Gone]\n")
    )
    found = run_cli("queue", "select", "--explain", "--json", directory=tmp_path).json
    assert {int(row["alert_id"], 16): row["code"] or row["taken"] for row in found["alerts"]} == {
        1: True, 2: "denied", 3: True, 4: "status",
    }  # fmt: skip
    assert found["counts"] == {"taken": 2, "linked": 0, "denied": 1, "status": 1}
    shown = run_cli("queue", "select", "--explain", directory=tmp_path)
    assert "status CLOSED is not among ingest.statuses" in shown.out
    counts = run_cli("queue", "select", "--since", "7d", directory=tmp_path).out
    assert "CLOSED" not in counts
    assert [line.split() for line in counts.splitlines()] == [
        ["taken", "2"], ["linked", "0"], ["denied", "1"], ["status", "1"],
    ]  # fmt: skip
    assert not list(tmp_path.glob("triage.db*"))
    # The names in the filters are compared with those of Panther's detections, which come over REST.
    assert {(method, name) for method, _, name in panther.requests} == {("POST", "Alerts"), ("GET", "")}


def test_select_explains_log_types_and_groups(panther: SandboxServer, tmp_path: Path) -> None:
    """The list does not say an alert's log type: Panther is asked for those that have one."""
    for alert_ in panther.world.alerts.values():
        alert_ |= {"title": "The door", "detectionId": "Door.Open"}
    write_config(tmp_path, panther.url)
    config = tmp_path / "config.yaml"
    text = config.read_text(encoding="utf-8")
    grouped = run_cli("queue", "select", "--json", directory=tmp_path).json["counts"]
    assert grouped == {"taken": 1, "linked": 2, "status": 1}
    config.write_text(text.replace("ingest:\n", "ingest:\n  log_types: [AWS.CloudTrail]\n"))
    assert run_cli("queue", "select", "--json", directory=tmp_path).json["counts"]["log_type"] == 3
    assert run_cli("run", "--once", directory=tmp_path).status == 0
    assert rows(tmp_path) == {}


async def test_log_types_go_to_the_server(store: Store) -> None:
    """Save for system errors, which have none."""
    source = ListedAlerts()
    given = settings(log_types=["AWS.CloudTrail"], types=["RULE", "SYSTEM_ERROR"], lookback="1h")
    await polled(source, store, given)
    assert {(query.listing.value, query.log_types) for query in source.asked} == {
        ("ALERT", ("AWS.CloudTrail",)),
        ("SYSTEM_ERROR", ()),
    }


# ---- dead ends -------------------------------------------------------------------------------------------------------


async def test_a_list_that_breaks_off_without_an_error_does_not_move_the_cursor(store: Store) -> None:
    """What is there is stored; the window is read again."""

    class Cut(ListedAlerts):
        async def page(self, query: AlertQuery, cursor: str | None = None) -> AlertPage:
            found = await super().page(query, cursor)
            return AlertPage(found.alerts[:1], None, complete=False)

    source = Cut()
    source.add([alert("a1", created_at=at(1)), alert("a2", created_at=at(0.5))])
    with pytest.raises(PantherProtocolError, match="gives no cursor"):
        await polled(source, store, settings(lookback="6h"))
    assert await store.values.get(CURSOR) is None
    assert [record.alert.id for record in await store.records.newest()] == ["a1"]
    honest = ListedAlerts(source.alerts)
    _, found = await polled(honest, store, settings(lookback="6h"), now=NOW + timedelta(minutes=1))
    assert found == {"a1", "a2"}


async def test_window_zero_turns_grouping_off(store: Store) -> None:
    """Each alert is investigated itself."""
    source = ListedAlerts()
    source.add([alert("a1", created_at=at(0.2)), alert("a2", created_at=at(0.1))])
    await polled(source, store, settings(dedup_window_minutes=0))
    assert {record.state for record in await store.records.newest()} == {State.QUEUED}


async def test_reordered_pages_still_let_the_first_lead(store: Store) -> None:
    """Within a page the order of creation decides who leads, not the order on the page."""
    source = ListedAlerts(disturb=lambda page: page[::-1])
    source.add([alert("a1", created_at=at(0.2)), alert("a2", created_at=at(0.1))])
    await polled(source, store, settings())
    first, second = await store.records.find("a1"), await store.records.find("a2")
    assert first is not None
    assert second is not None
    assert isinstance(first.decision, Selected)
    assert second.decision == Linked(leader="a1", reason="same detection and title as a1 within 15 minutes")
    assert json.loads(second.decision.model_dump_json())["tried"] == []
