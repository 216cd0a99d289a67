"""Which alerts are new."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import NOW, alert
from triage.domain.alert import Alert
from triage.domain.polling import PollState, Span
from triage.errors import PantherProtocolError, PantherUnreachable
from triage.ingest.listing import REMEMBERED, TOGETHER, listings, new_alerts
from triage.ingest.windows import begin, next_piece, pieces_left, window_start, without
from triage.ports import AlertPage, AlertQuery, Events, Listing
from triage.settings import IngestSettings

pytestmark = pytest.mark.anyio
SETTINGS = IngestSettings()


class Scripted:
    """Panther's alert list as a script of pages; stands at the port, where the network begins."""

    def __init__(self, *pages: AlertPage | Exception) -> None:
        self.pages = list(pages)
        self.asked: list[tuple[AlertQuery, str | None]] = []

    async def page(self, query: AlertQuery, cursor: str | None = None) -> AlertPage:
        self.asked.append((query, cursor))
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        if isinstance(page, Exception):
            raise page
        return page

    async def alert(self, alert_id: str) -> Alert:
        raise AssertionError(alert_id)

    listed = alert

    async def events(self, alert_id: str, *, limit: int, max_bytes: int) -> Events:
        raise AssertionError(alert_id)


async def read(source: Scripted) -> tuple[list[str], list[str]]:
    found: list[str] = []
    problems: list[str] = []
    async for batch in new_alerts(source, Listing.ALERT, start=NOW, end=NOW, settings=SETTINGS):
        found += [item.id for item in batch.alerts]
        problems += batch.problems
    return found, problems


def page(ids: Sequence[str], cursor: str | None, *problems: str) -> AlertPage:
    return AlertPage(tuple(alert(name) for name in ids), cursor, tuple(problems))


async def test_reads_to_the_last_page() -> None:
    """Every page is read, an empty one in the middle too, and each alert is given once."""
    source = Scripted(page(["a", "b"], "1"), page([], "2"), page(["b", "c"], None, "a node was null"))
    assert await read(source) == (["a", "b", "c"], ["a node was null"])
    assert [cursor for _, cursor in source.asked] == [None, "1", "2"]


async def test_asks_for_what_is_enabled_in_ascending_order() -> None:
    """Status and severity go to the server, and the order lets the cursor move forward."""
    source = Scripted(page([], None))
    await read(source)
    query = source.asked[0][0]
    assert query.ascending
    assert query.statuses == ("OPEN",)
    assert query.severities == ("CRITICAL", "HIGH", "MEDIUM")
    assert query.created_before == NOW
    assert query.created_after is not None
    assert query.created_after < NOW


async def test_a_cursor_that_loops_ends_with_an_error() -> None:
    """A server that repeats its cursor for ever is left; what came is given, and the caller's cursor must not move."""
    source = Scripted(page(["a"], "same"))
    batches = new_alerts(source, Listing.ALERT, start=NOW, end=NOW, settings=SETTINGS)
    batch = await anext(batches)
    with pytest.raises(PantherProtocolError, match="repeats a page cursor") as caught:
        await anext(batches)
    assert caught.value.retryable
    assert [item.id for item in batch.alerts] == ["a"]
    assert "repeats a page cursor" in batch.problems[0]
    assert len(source.asked) == 2


async def test_small_pages_are_given_together() -> None:
    """As many as make a transaction worth its while; what has come before a page breaks off is given first."""
    source = Scripted(
        *(page([f"{number}{half}" for half in "ab"], f"{number}") for number in range(60)), PantherUnreachable("gone")
    )
    batches = new_alerts(source, Listing.ALERT, start=NOW, end=NOW, settings=SETTINGS)
    first, second = await anext(batches), await anext(batches)
    with pytest.raises(PantherUnreachable):
        await anext(batches)
    assert (len(first.alerts), first.pages) == (TOGETHER, TOGETHER // 2)
    assert (len(second.alerts), second.pages) == (20, 10)


async def test_the_next_page_is_fetched_while_one_is_stored() -> None:
    """One page ahead, and no more; leaving early leaves no request behind."""
    full = [f"{number}" for number in range(TOGETHER)]
    source = Scripted(page(full, "1"), page(["b"], "2"), page(["c"], None))
    batches = new_alerts(source, Listing.ALERT, start=NOW, end=NOW, settings=SETTINGS)
    async with aclosing(batches):
        await anext(batches)
        await asyncio.sleep(0)
        assert len(source.asked) == 2
    assert len(source.asked) == 2


async def test_what_a_reading_remembers_does_not_grow() -> None:
    """Ids of the last pages only: an alert that comes again much later is given again, and the store knows it."""
    pages = [page([f"a{number}-{index}" for index in range(50)], f"{number}") for number in range(60)]
    found, _ = await read(Scripted(*pages, page(["a59-0", "a0-0"], None)))
    assert found[-1] == "a0-0"
    assert len(found) == 60 * 50 + 1
    assert REMEMBERED < 60 * 50


@pytest.mark.parametrize("newest_first", [False, True])
async def test_of_two_contents_the_newest_is_given(newest_first: bool) -> None:
    """An alert that changes between pages is given again if it is newer, and the conflict is told."""
    old = alert("a", title="Old")
    new = alert("a", title="New", minutes=0, updated_at=NOW + timedelta(minutes=1))
    first, second = (new, old) if newest_first else (old, new)
    source = Scripted(AlertPage((first,), "1"), AlertPage((second,), None))
    titles = []
    problems: list[str] = []
    async for batch in new_alerts(source, Listing.ALERT, start=NOW, end=NOW, settings=SETTINGS):
        titles += [item.title for item in batch.alerts]
        problems += batch.problems
    assert titles[-1] == "New"
    assert problems == ["conflict: alert a is listed twice with different content; the newer is kept"]


async def test_a_window_that_breaks_off_is_an_error() -> None:
    """What was read stays with the caller, who must not move the cursor."""
    source = Scripted(page(["a"], "1"), PantherUnreachable("gone"))
    with pytest.raises(PantherUnreachable):
        await read(source)


def starts(state: PollState | None, given: IngestSettings = SETTINGS) -> timedelta:
    """How far behind NOW a poll's window of new alerts starts."""
    return NOW - window_start(begin(state, now=NOW, settings=given), now=NOW, settings=given)


def test_windows_overlap() -> None:
    """A poll reaches behind the last one; the first one reaches back by the lookback; a clock set back leaves no gap."""
    short = IngestSettings.model_validate({"lookback": "3h"})
    assert starts(None, short) == timedelta(hours=3)
    assert starts(PollState(reached=NOW)) == timedelta(minutes=15)
    assert starts(PollState(reached=NOW - timedelta(minutes=1))) == timedelta(minutes=16)
    assert starts(PollState(reached=NOW + timedelta(hours=1))) == timedelta(minutes=15)


def test_an_overlap_reaches_no_further_than_the_lookback() -> None:
    """Who asked for ten minutes does not get the quarter of an hour before."""
    assert starts(None, IngestSettings.model_validate({"lookback": "10m"})) == timedelta(minutes=10)


def test_a_first_poll_under_a_clock_that_ran_ahead_is_repeated() -> None:
    """A lookback that lies in the future was none."""
    ahead = PollState(reached=NOW + timedelta(days=3), origin=NOW + timedelta(days=2))
    assert begin(ahead, now=NOW, settings=SETTINGS).unread == (Span(start=NOW - timedelta(hours=24), end=NOW),)


@given(
    st.integers(1, 100), st.integers(1, 40), st.sampled_from(["oldest", "newest"]), st.lists(st.booleans(), max_size=8)
)
def test_pieces_cover_the_backlog_once(lookback: int, window: int, order: str, outages: list[bool]) -> None:
    """Whatever the order and however often the program was away: the pieces tile the gap, without overlap or hole."""
    chosen = IngestSettings.model_validate(
        {"lookback": f"{lookback}h", "backlog_window": f"{window}h", "backlog_order": order}
    )
    now = NOW
    state = begin(None, now=now, settings=chosen)
    pieces: list[Span] = []
    for outage in outages:
        piece = next_piece(state, chosen)
        if piece is not None:
            pieces.append(piece)
            state = without(state, piece)
        if outage:
            now += timedelta(hours=2 * window + 1)
            state = begin(state, now=now, settings=chosen)
    expected_end = now if state.unread or pieces else None
    left = pieces_left(state, chosen)
    taken = 0
    while (piece := next_piece(state, chosen)) is not None:
        pieces.append(piece)
        state = without(state, piece)
        taken += 1
    assert taken == left
    assert all(piece.end - piece.start <= timedelta(hours=window) for piece in pieces)
    if expected_end is not None:
        covered = sorted(pieces, key=lambda piece: piece.start)
        # A gap after an outage begins where the last window did, behind the cursor by the overlap.
        assert all(after.start <= before.end for before, after in pairwise(covered))
        assert all(before.end - after.start <= timedelta(minutes=15) for before, after in pairwise(covered))
        assert covered[0].start == NOW - timedelta(hours=lookback) or lookback <= window


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["RULE"], ["ALERT"]),
        (["RULE", "RULE_ERROR"], ["ALERT", "DETECTION_ERROR"]),
        (["SYSTEM_ERROR"], ["SYSTEM_ERROR"]),
    ],
)
def test_only_the_needed_listings_are_asked(types: list[str], expected: list[str]) -> None:
    """Errors are listed apart by Panther and asked for only when wanted."""
    assert [item.value for item in listings(IngestSettings.model_validate({"types": types}))] == expected
