"""Faults of reading, seen from the store: after the fault and one sound poll each eligible alert is there once.

The numbers in the test ids are those of the project's list of HTTP faults; `test_panther_faults.py` has the client's
side of the same list. Every test runs the real client, polling and selection against a server on loopback and a
SQLite file.
"""

import ast
import json
import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.edges import test_panther_faults as client_side
from tests.support.background import scripted_model
from tests.support.cli import Ran, run_cli, write_config
from tests.support.clocks import START, FakeClock
from tests.support.listing import AlertList, Node, Twist, answer, listing, node
from tests.support.llm import cite_first_event
from tests.support.loopback import Answer, respond
from tests.support.panther import TOKEN, connected
from tests.support.shared import shared_path
from tests.support.stores import HOLDS
from tests.support.tiny_world import ALERTS, event, write_world
from triage.edges.panther.wire import stamp
from triage.edges.store import open_store
from triage.errors import PantherError, PantherProtocolError
from triage.ingest.poll import PollResult, poll
from triage.ports import Store
from triage.sandbox.server import Fault, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import IngestSettings

pytestmark = pytest.mark.anyio

SETTINGS = IngestSettings(page_size=2, lookback=timedelta(hours=3), recheck=timedelta())
"""One window, read once, so that a test knows which page comes when."""
NAMES = ("a", "b", "c", "d", "e")
"""The alerts of most tests, three pages of two; `a` is the oldest."""

NOT_TESTED: dict[int, str] = {}
"""Rows that cannot be tested, with the reason. None: every row has at least one test."""


def ours(comment: Any) -> bool:
    return bool(comment["createdBy"]["type"] == "api-token")


def alerts() -> list[Node]:
    return [node(name, minutes=60 - place) for place, name in enumerate(NAMES)]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    await opened.close()


async def polled(
    served: AlertList, store: Store, *, settings: IngestSettings = SETTINGS, minutes: float = 0, **changes: Any
) -> PollResult:
    """One poll `minutes` after START."""
    clock = FakeClock()
    async with connected(served, clock, **changes) as (panther, _):
        now = START + timedelta(minutes=minutes)
        return await poll(panther.alerts, store, settings, now=now, observe=lambda _progress: None)


def began_at(served: AlertList) -> timedelta:
    """How far behind START a poll reached: three hours for one that starts anew, less where the cursor has moved."""
    return START - min(datetime.fromisoformat(asked["createdAtAfter"]) for asked in served.requests)


ANEW = timedelta(hours=3)


async def queued(store: Store) -> list[str]:
    """Every alert that a worker would be given, in the order of the ids."""
    found = []
    while (claim := await store.queue.claim("w", now=START, lease_seconds=HOLDS)) is not None:
        found.append(claim.alert.id)
    return sorted(found)


async def stored(store: Store) -> set[str]:
    return {record.alert.id for record in await store.records.newest()}


# ---- rows 1 to 36 and 47 to 50: one page of a poll goes wrong ------------------------------------------------------

# What the client makes of every fault is tested there. A poll sees only whether a fault passed, or which error came.
READS = [
    case
    for case in client_side.CASES
    if case.row
    in {
        "03-reset-before-headers",
        "06-slow-drip-of-the-body",
        "11-gzip-bomb",
        "14-forbidden",
        "15-wrong-path",
        "22-503",
        "22-for-ever",
        "23-login-page",
        "28-errors-without-data",
        "47-truncated-json",
    }
]


def in_the_middle(script: Sequence[Answer]) -> Twist:
    """Play a script from the second page on; its good answers are the honest pages, its last answer is repeated."""

    def twist(number: int, page: Node) -> Answer | Node:
        if number == 0:
            return page
        chosen = script[min(number, len(script)) - 1]
        return page if chosen is client_side.GOOD else chosen

    return twist


@pytest.mark.parametrize("case", READS, ids=lambda case: case.row)
async def test_a_fault_in_the_middle_of_a_poll(case: client_side.Case, store: Store) -> None:
    """A passing fault changes nothing; a lasting one leaves the cursor, keeps what came, and the next poll has all."""
    served = AlertList(alerts(), in_the_middle(case.script))
    if case.error is None:
        await polled(served, store, **dict(case.changes))
    else:
        with pytest.raises(case.error) as caught:
            await polled(served, store, **dict(case.changes))
        assert TOKEN not in str(caught.value)
        assert await stored(store) == {"a", "b"}
    again = AlertList(alerts())
    await polled(again, store, minutes=1)
    assert (began_at(again) < ANEW - timedelta(minutes=2)) is (case.error is None)
    assert await queued(store) == list(NAMES)


def test_14_a_wrong_token_ends_the_run_at_once(tmp_path: Path) -> None:
    """One request, one line that names the key, no token in it; with the right token nothing is missing."""
    (tmp_path / "world").mkdir()
    with SandboxServer(load_world(write_world(tmp_path / "world"))) as panther:

        def run(token: str, *more: str) -> Ran:
            panther.requests.clear()
            write_config(tmp_path, panther.url, token=token)
            config = tmp_path / "config.yaml"
            config.write_text(config.read_text().replace("ingest:\n", "ingest:\n  token_grace: 0s\n"))
            return run_cli("run", *more, directory=tmp_path)

        # A single run ends at once; so does one without an end, where it is to wait for no token.
        first = run(TOKEN, "--once")
        assert len(panther.requests) == 1
        assert run("sandbox-token", "--once").status == 0
        later = run(TOKEN)
        assert len(panther.requests) == 1
        for ran in (first, later):
            assert ran.status != 0
            assert "panther.token" in ran.err
            assert TOKEN not in ran.err
        assert {row["state"] for row in run_cli("list", "--json", directory=tmp_path).json} == {"done"}


# ---- rows 29 to 45: what the pages say -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Odd:
    """One oddity of the list: what is answered, and what the store holds afterwards."""

    row: str
    twist: Twist
    held: Sequence[str] = NAMES
    """After the odd poll; the sound one that follows always completes it."""
    says: str = ""
    """In the poll's problems."""
    moved: bool | None = None
    """Whether the cursor moved; None: either would be right."""
    error: type[PantherError] | None = None


def second(change: Callable[[Node], Answer | Node]) -> Twist:
    """Change the second page only."""
    return lambda number, page: change(page) if number == 1 else page


def every(change: Callable[[Node], Node]) -> Twist:
    """Change every node of every page."""
    return lambda _number, page: page | {"edges": [{"node": change(edge["node"])} for edge in page["edges"]]}


def without_first(replacement: Any) -> Callable[[Node], Node]:
    """A page whose first node is replaced."""
    return lambda page: page | {"edges": [{"node": replacement}, *page["edges"][1:]]}


def only(name: str, **changes: Any) -> Callable[[Node], Node]:
    return lambda found: found | changes if found["id"] == name else found


def partial(page: Node) -> Answer:
    page["edges"][0]["node"] |= {"title": None, "origin": None}
    lost = [
        {"message": "verdict is benign", "path": ["alerts", "edges", 0, "node", name]} for name in ("title", "origin")
    ]
    return respond({"data": {"alerts": page}, "errors": lost})


ODDITIES = [
    Odd("29-data-and-errors", second(partial), says="alerts.edges.node.origin is missing", moved=True),
    Odd("31-no-edges", second(lambda page: page | {"edges": None, "pageInfo": None}), ("a", "b"), moved=False),
    Odd("31-null-node", second(without_first(None)), ("a", "b", "d", "e"), "1 of 2 nodes are null"),
    Odd(
        "33-missing-title", second(without_first({"id": "c"})), ("a", "b", "d", "e"), "alert c cannot be read: `title`"
    ),
    Odd(
        "39-the-same-cursor-for-ever",
        lambda _number, page: page | {"pageInfo": {"hasNextPage": True, "endCursor": "x"}},
        ("a", "b"),
        "cursor",
        moved=False,
    ),
    Odd(
        "39-cursors-in-a-circle",
        lambda number, page: listing([node(NAMES[number % 2], 60 - number % 2)], "xy"[number % 2], more=True),
        ("a", "b"),
        "cursor",
        moved=False,
    ),
    Odd(
        "40-more-follows-without-a-cursor",
        second(lambda page: page | {"pageInfo": {"hasNextPage": True}}),
        ("a", "b", "c", "d"),
        "gives no cursor",
        moved=False,
    ),
    Odd(
        "41-the-same-alert-on-two-pages",
        second(lambda page: page | {"edges": [{"node": alerts()[1]}, *page["edges"]]}),
        moved=True,
    ),
    Odd("41-the-same-alert-twice-on-a-page", second(lambda page: page | {"edges": page["edges"] * 2}), moved=True),
    Odd("43-out-of-order", lambda _number, page: page | {"edges": page["edges"][::-1]}, moved=True),
    Odd(
        "45-an-empty-page",
        lambda number, page: page if number != 1 else listing([], f"{alerts_cursor('b')}~", more=True),
        moved=True,
    ),
]


def alerts_cursor(name: str) -> str:
    found = next(each for each in alerts() if each["id"] == name)
    return f"{found['createdAt']}|{name}"


@pytest.mark.parametrize("odd", ODDITIES, ids=lambda odd: odd.row)
async def test_an_odd_page_loses_and_doubles_nothing(odd: Odd, store: Store) -> None:
    """What can be read is stored, the rest is said, and a sound poll inside the overlap completes it."""
    problems: tuple[str, ...] = ()
    try:
        problems = (await polled(AlertList(alerts(), odd.twist), store)).problems
    except PantherProtocolError as error:
        assert odd.moved is False
        problems = (str(error),)
    assert await stored(store) == set(odd.held)
    assert any(odd.says in problem for problem in problems) or not odd.says
    assert not any("benign" in problem for problem in problems) or odd.row.startswith("29")
    overlap = SETTINGS.model_copy(update={"overlap": timedelta(hours=2)}) if odd.moved is None else SETTINGS
    again = AlertList(alerts())
    await polled(again, store, minutes=1, settings=overlap)
    if odd.moved is not None:
        assert (began_at(again) < ANEW - timedelta(minutes=2)) is odd.moved
    assert await queued(store) == list(NAMES)


async def test_32_an_unknown_severity_goes_first(store: Store) -> None:
    """What this program cannot rank counts as the most severe."""
    await polled(AlertList(alerts(), every(only("d", severity="APOCALYPTIC"))), store)
    claim = await store.queue.claim("w", now=START, lease_seconds=HOLDS)
    assert claim is not None
    assert claim.alert.id == "d"


def served_pages(served: AlertList) -> Callable[[Any], Answer]:
    """Answer from the twist alone: a cursor of its making means nothing to the honest list."""

    def serve(request: Any) -> Answer:
        served.requests.append(request.json["variables"]["input"])
        assert served.twist is not None
        found = served.twist(len(served.requests) - 1, {})
        return answer(found) if isinstance(found, dict) else found

    return serve


# ---- rows 41 to 46: identity, order and number ---------------------------------------------------------------------


@pytest.mark.parametrize("newest_first", [False, True], ids=["newest-last", "newest-first"])
@pytest.mark.parametrize("same_page", [False, True], ids=["two-pages", "one-page"])
async def test_42_of_two_contents_the_newest_is_kept(
    newest_first: bool, same_page: bool, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """One alert with two contents is stored once, with what Panther wrote last, and the conflict is logged."""
    old = node("b", 59, title="Old", severity="MEDIUM", updatedAt=stamp(START - timedelta(minutes=50)))
    new = node("b", 59, title="New", severity="CRITICAL", updatedAt=stamp(START - timedelta(minutes=40)))
    pair = [new, old] if newest_first else [old, new]
    first, last = alerts()[0], alerts()[2]
    pages = [[first, *pair, last]] if same_page else [[first, pair[0]], [pair[1], last]]

    def twist(number: int, _page: Node) -> Node:
        more = number + 1 < len(pages)
        return listing(pages[number], f"page {number}" if more else None, more=more)

    # The command line's own logging, once set up in this process, keeps records from the root.
    logger = logging.getLogger("triage.ingest.poll")
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING, logger=logger.name):
        async with connected(served_pages(AlertList([], twist))) as (panther, _):
            await poll(panther.alerts, store, SETTINGS, now=START, observe=lambda _progress: None)
    logger.removeHandler(caplog.handler)
    record = await store.records.find("b")
    assert record is not None
    assert (record.alert.title, record.alert.severity) == ("New", "CRITICAL")
    assert any(re.search(r"conflict.*\bb\b", str(line.__dict__)) for line in caplog.records)
    assert await queued(store) == ["a", "b", "c"]


async def test_42_an_older_content_of_a_later_poll_changes_nothing(store: Store) -> None:
    """A list that falls back to an older state does not take the newer one away."""
    new = node("a", 5, title="New", updatedAt=stamp(START - timedelta(minutes=1)))
    old = node("a", 5, title="Old", updatedAt=stamp(START - timedelta(minutes=2)))
    await polled(AlertList([new]), store)
    await polled(AlertList([old]), store, minutes=1)
    record = await store.records.find("a")
    assert record is not None
    assert record.alert.title == "New"
    assert await queued(store) == ["a"]


@pytest.mark.parametrize("late", [0.5, 5, 14], ids=lambda minutes: f"{minutes}-minutes")
async def test_43_an_alert_that_appears_late_is_found_in_the_overlap(late: float, store: Store) -> None:
    """Created before the last poll, listed only after it: the next window reaches back far enough."""
    await polled(AlertList(alerts()), store)
    await polled(AlertList([*alerts(), node("late", late)]), store, minutes=0.9)
    assert await queued(store) == [*NAMES, "late"]


@pytest.mark.parametrize("ahead", [0.5, 90, 20 * 60], ids=lambda minutes: f"{minutes:g}-minutes")
async def test_43_an_alert_from_the_future_is_read_once(ahead: float, store: Store) -> None:
    """Panther's clock may run ahead of ours: the alert is taken at once, and again polled it is no second one."""
    served = [*alerts(), node("ahead", -ahead)]
    first = await polled(AlertList(served), store)
    again = await polled(AlertList(served), store, minutes=1)
    later = await polled(AlertList(served), store, minutes=ahead + 1)
    assert (first.new, again.new, later.new) == (6, 0, 0)
    assert await queued(store) == sorted([*NAMES, "ahead"])


async def test_43_a_clock_that_was_set_back_leaves_no_gap(store: Store) -> None:
    """Our own clock ran two hours ahead for a while; what came meanwhile is not skipped."""
    await polled(AlertList(alerts()), store, minutes=120)
    await polled(AlertList([*alerts(), node("meanwhile", 5)]), store, minutes=1)
    assert await queued(store) == [*NAMES, "meanwhile"]


async def test_43_a_first_poll_reads_each_page_once(store: Store) -> None:
    """What it has just read needs no second look for alerts that were reopened; the next poll takes that."""
    settings = SETTINGS.model_copy(update={"recheck": timedelta(days=1)})
    first, second_ = AlertList(alerts()), AlertList(alerts())
    await polled(first, store, settings=settings)
    assert [asked.get("cursor") for asked in first.requests] == [None, alerts_cursor("b"), alerts_cursor("d")]
    await polled(second_, store, minutes=1, settings=settings)
    assert began_at(second_) >= ANEW
    assert await queued(store) == list(NAMES)


def test_44_an_alert_that_is_gone_when_its_turn_comes(tmp_path: Path) -> None:
    """Listed, then deleted: it is skipped with the reason, and the others are done."""
    (tmp_path / "world").mkdir()
    gone = ALERTS[0]["id"]
    nothing = {"errors": [{"message": f"alert {gone} not found", "path": ["alert"]}], "data": None}
    with SandboxServer(load_world(write_world(tmp_path / "world"))) as panther:
        write_config(tmp_path, panther.url, more="investigation:\n  concurrency: 1\n")
        for operation in ("Alert", "AlertEvents"):
            panther.fail(operation, Fault(status=200, body=json.dumps(nothing).encode()), times=1)
        ran = run_cli("run", "--once", "--write", directory=tmp_path)
        rows = run_cli("list", "--json", directory=tmp_path).json
        states = sorted(row["state"] for row in rows)
        assert states == ["done", "done", "skipped"], ran.err
        (skipped,) = (row for row in rows if row["state"] == "skipped")
        assert re.search(r"gone|no alert|no longer|deleted", skipped["reason"])
        assert not [item for item in panther.comments(skipped["alert_id"]) if ours(item)]


async def test_46_a_flood_is_stored_as_it_comes_and_worked_by_severity(store: Store, tmp_path: Path) -> None:
    """Of 1,000 alerts never more than four pages are held unstored, whatever the server could send; the worst go first.

    The benchmark `tests/bench/ingest.py` does it with 100,000 and measures the memory.
    """
    ranks = ("INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL")
    flood = [node(f"{number:04}", 600 - number / 4, severity=ranks[number * 7 % 5]) for number in range(1_000)]
    ahead = []

    def twist(_number: int, page: Node) -> Node:
        with closing(sqlite3.connect(tmp_path / "state.db")) as database:
            (count,) = database.execute("SELECT count(*) FROM alerts").fetchone()
        ahead.append(int(page["edges"][0]["node"]["id"]) - count if page["edges"] else 0)
        return page

    settings = SETTINGS.model_copy(update={"severities": ranks, "page_size": 50, "lookback": timedelta(days=1)})
    found = await polled(AlertList(flood, twist), store, settings=settings)
    assert found.new == 1_000
    assert max(ahead) <= 200
    claimed = [await store.queue.claim("w", now=START, lease_seconds=HOLDS) for _ in range(201)]
    assert [claim.alert.severity.rank for claim in claimed if claim] == [4] * 200 + [3]
    assert sum((await store.queue.status(now=START)).by_state.values()) == 1_000
    assert await stored(store) == {each["id"] for each in flood}


# ---- row 51: more than fits ----------------------------------------------------------------------------------------

HUGE = {
    "one-event-of-10-MB": [event(1, p_alert_id=ALERTS[0]["id"], parts=["x" * 1000] * 10_000)],
    "one-field-of-5-MB": [event(1, p_alert_id=ALERTS[0]["id"], blob="y" * 5_000_000)],
    "10,000-events": [event(1, p_alert_id=ALERTS[0]["id"], serial=serial) for serial in range(10_000)],
}


@pytest.mark.parametrize("events", HUGE.values(), ids=HUGE.keys())
def test_51_what_is_too_much_is_cut_and_said(events: list[Node], tmp_path: Path) -> None:
    """The prompt stays small and says that it was cut, and so does the comment; one to three seconds each."""
    (tmp_path / "world").mkdir()
    world = write_world(tmp_path / "world")
    lines = "".join(json.dumps(each | {"p_rule_id": "Door.Open"}) + "\n" for each in events)
    (world / "lake/panther_rule_matches/custom_door.ndjson").write_text(lines, encoding="utf-8")
    with SandboxServer(load_world(world)) as panther, scripted_model(cite_first_event()) as model:
        write_config(tmp_path, panther.url, more=f"llm:\n  base_url: {model.url}\n  model: scripted-1\n")
        ran = run_cli("investigate", ALERTS[0]["id"], "--write", directory=tmp_path)
        assert ran.status == 0, ran.err
        sizes = [len(json.dumps(asked)) for asked in model.requests]
        prompts = "\n".join(str(message["content"]) for asked in model.requests for message in asked["messages"])
        (comment,) = (each for each in panther.comments(ALERTS[0]["id"]) if ours(each))
    assert sizes
    assert max(sizes) < 200_000
    assert re.search(r"source events;.* rows?(?:, a choice of \d+ stored)? \(cut\)", prompts)
    assert re.search(r"Only [\d,]+ of the alert(&#39;|')s events were read\.", str(comment["body"]))
    assert len(str(comment["body"])) < 25_000


# ---- the list itself -----------------------------------------------------------------------------------------------


def rows_of(module: Path) -> set[int]:
    """The rows that a module's test functions name: `test_18_to_20_...`, `test_26_27_...`."""
    found: set[int] = set()
    for item in ast.parse(module.read_text(encoding="utf-8")).body:
        name = getattr(item, "name", "") if isinstance(item, ast.AsyncFunctionDef | ast.FunctionDef) else ""
        numbers = re.match(r"test((?:_\d\d|_to(?=_\d\d))+)_", name)
        parts = numbers[1].strip("_").split("_") if numbers else []
        for place, part in enumerate(parts):
            if part == "to":
                found.update(range(int(parts[place - 1]), int(parts[place + 1]) + 1))
            else:
                found.add(int(part))
    return found


def test_every_row_of_the_list_has_a_test_or_a_reason() -> None:
    """Tests and documented exclusions together are the whole list, and nothing is in both."""
    text = shared_path("security/http_faults.md").read_text(encoding="utf-8")
    rows = {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert rows == set(range(1, 53))
    here = rows_of(Path(__file__)) | rows_of(Path(str(client_side.__file__)))
    tables = {int(row[:2]) for row in (*(case.row for case in client_side.CASES), *(odd.row for odd in ODDITIES))}
    assert not (here | tables) & NOT_TESTED.keys()
    assert (here | tables) | NOT_TESTED.keys() == rows
