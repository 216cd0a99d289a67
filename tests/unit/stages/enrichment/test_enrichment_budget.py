"""Several alerts ask the same question, each with its own budget."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clocks import START, FakeClock
from tests.support.notebook import Notebook
from triage.domain.sql import QueryTemplate, ReadOnlyQuery
from triage.domain.window import TimeWindow
from triage.edges.panther.rows import RowBuffer
from triage.errors import QueryFailed
from triage.ports import Column, QueryLimits, QueryResult, Table
from triage.settings import InvestigationSettings
from triage.stages.enrichment.asking import Answer, Asker
from triage.stages.enrichment.cache import Allowance, SharedCache
from triage.stages.enrichment.playbook import Playbook, Question
from triage.stages.enrichment.playbooks import PlaybookQuestion
from triage.stages.enrichment.questions import BoundQuery

pytestmark = pytest.mark.anyio
LIMIT = 30
SQL = """SELECT p_event_time FROM panther_logs.public.acme_doors
    WHERE p_event_time BETWEEN :start AND :end ORDER BY p_event_time LIMIT :limit"""
NOT_ASKED = "not asked: the alert's budget of rows or bytes is used up"


@dataclass(slots=True)
class SlowLake:
    """A lake that answers every question with the same rows, after some turns of the loop, within the limits given."""

    rows: int
    turns: int = 3
    failing: bool = False
    sent: list[QueryLimits] = field(default_factory=list)
    given_up: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def run_query(self, query: ReadOnlyQuery, *, limits: QueryLimits) -> QueryResult:
        self.sent.append(limits)
        self.asked.set()
        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.failing:
            raise QueryFailed("the warehouse is suspended")
        buffer = RowBuffer(limits.rows, limits.bytes)
        for number in range(min(self.rows, query.limit)):
            buffer.add({"hour": number})
        return QueryResult(("hour",), tuple(buffer.rows), buffer.seen, buffer.truncated, buffer.bytes)

    async def search(self, indicators: Sequence[str], *, window: TimeWindow, limits: QueryLimits) -> QueryResult:
        raise NotImplementedError

    async def databases(self) -> tuple[str, ...]:
        return ()

    async def tables(self, database: str) -> tuple[Table, ...]:
        return ()

    async def columns(self, database: str, table: str) -> tuple[Column, ...]:
        return ()


def question() -> BoundQuery:
    """A question whose answer alerts share."""
    template = QueryTemplate.parse(SQL)
    definition = Question.model_validate(
        {"id": "doors", "question": "Which doors?", "sql": SQL, "window": {"from": "-1d", "to": "-0s"}, "limit": LIMIT}
    )
    window = TimeWindow(START - timedelta(days=1), START)
    asked = PlaybookQuestion(
        "doors", Playbook(playbook="doors"), definition, "Acme.Doors", "panther_logs", "acme_doors", lambda: template
    )
    return BoundQuery(asked, template.bind({}, window=window, limit=LIMIT, now=START), window)


QUESTION = question()


def asker(lake: SlowLake, cache: SharedCache | None, *, max_rows: int, used: int = 0) -> Asker:
    """One alert that has used some of its rows."""
    made = Asker(
        journal=Notebook(),
        observe=lambda _: None,
        clock=FakeClock(),
        lake=lake,
        cache=cache,
        settings=InvestigationSettings(max_rows=max_rows),
        refused_in_batch=set(),
    )
    made._rows = used
    return made


async def ask(alert: Asker) -> Answer:
    """What the alert is answered."""
    return await alert.query(QUESTION, prefix="coverage", shared="doors")


@dataclass(frozen=True, slots=True)
class Reader:
    """An alert that asks at some turn of the loop, with some budget, and may give up."""

    at: int
    max_rows: int
    used: int
    gives_up_after: int | None

    async def ask(self, lake: SlowLake, cache: SharedCache | None) -> Answer:
        for _ in range(self.at):
            await asyncio.sleep(0)
        return await ask(asker(lake, cache, max_rows=self.max_rows, used=self.used))

    async def ask_and_maybe_give_up(self, lake: SlowLake, cache: SharedCache) -> Answer | None:
        """`None` where it gave up."""
        task = asyncio.create_task(self.ask(lake, cache))
        if self.gives_up_after is not None:
            for _ in range(self.at + self.gives_up_after):
                await asyncio.sleep(0)
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            return None


READERS = st.lists(
    st.builds(
        Reader,
        at=st.integers(0, 12),
        max_rows=st.integers(1, 40),
        used=st.integers(0, 42),
        gives_up_after=st.one_of(st.none(), st.none(), st.integers(0, 8)),
    ),
    min_size=1,
    max_size=6,
)


@given(readers=READERS, rows=st.integers(0, 35), turns=st.integers(0, 4), failing=st.booleans())
def test_every_reader_gets_what_it_would_have_got_alone(
    readers: list[Reader], rows: int, turns: int, failing: bool
) -> None:
    """Whoever asks before, meanwhile or gives up: never a cut, a refusal or a failure that is another alert's own."""

    async def together() -> list[Answer | None]:
        lake, cache = SlowLake(rows, turns, failing), SharedCache(FakeClock())
        return await asyncio.gather(*(reader.ask_and_maybe_give_up(lake, cache) for reader in readers))

    for reader, got in zip(readers, asyncio.run(together()), strict=True):
        if got is None:
            assert reader.gives_up_after is not None
            continue
        alone = asyncio.run(reader.ask(SlowLake(rows, turns, failing), None))
        assert got.error == alone.error
        assert got.row_count == alone.row_count
        assert got.rows[: len(alone.rows)] == alone.rows
        assert not got.truncated or alone.truncated


async def test_a_used_up_budget_is_the_alerts_own() -> None:
    """The alert without a budget isn't answered; the next one is, and at once."""
    lake, cache = SlowLake(20), SharedCache(FakeClock())

    first, second = await asyncio.gather(
        ask(asker(lake, cache, max_rows=50, used=50)), ask(asker(lake, cache, max_rows=50))
    )

    assert (first.error, second.error, len(second.rows)) == (NOT_ASKED, "", 20)


async def test_a_cut_answer_serves_only_who_can_afford_no_more() -> None:
    """Three of twenty rows are kept for an alert that can take three, and asked anew for one that can take all."""
    lake, cache = SlowLake(20), SharedCache(FakeClock())

    counts = [
        len((await ask(asker(lake, cache, max_rows=50, used=used))).rows)
        for used in (47, 48, 47, 0, 48)  # of three, two, three, fifty and two rows left
    ]

    assert counts == [3, 3, 3, 20, 20]
    assert [limits.rows for limits in lake.sent] == [3, 30]


async def test_a_whole_answer_is_not_replaced_by_a_cut_one() -> None:
    """A question with little budget that ends last takes nothing from what is kept."""
    cache = SharedCache(FakeClock())
    slow, fast = asyncio.Event(), asyncio.Event()

    async def rows(count: int, go: asyncio.Event) -> list[int]:
        await go.wait()
        return list(range(count))

    small = asyncio.create_task(
        cache.get("k", lambda: rows(3, slow), allowance=Allowance(rows=3), cut=lambda found: len(found) < 20)
    )
    await asyncio.sleep(0)
    large = asyncio.create_task(
        cache.get("k", lambda: rows(20, fast), allowance=Allowance(rows=50), cut=lambda found: len(found) < 20)
    )
    await asyncio.sleep(0)
    fast.set()
    await large
    slow.set()

    assert len(await small) == 3
    assert len(await cache.get("k", lambda: rows(0, fast), allowance=Allowance(rows=50))) == 20


async def test_a_question_that_nobody_waits_for_is_given_up() -> None:
    """The lake stops working on it, and the next alert asks anew instead of joining it."""
    lake, cache = SlowLake(20, turns=1_000), SharedCache(FakeClock())
    tasks = [asyncio.create_task(ask(asker(lake, cache, max_rows=50))) for _ in range(2)]
    await lake.asked.wait()
    for task in tasks:
        task.cancel()
    await asyncio.sleep(0)
    lake.turns = 1
    third = await ask(asker(lake, cache, max_rows=50))
    await asyncio.gather(*tasks, return_exceptions=True)

    assert (lake.given_up, len(lake.sent), len(third.rows)) == (1, 2, 20)


async def test_what_an_alert_is_given_counts_against_its_budget() -> None:
    """Rows that another alert asked for are this alert's too, so an answer never depends on who asked first."""
    lake, cache = SlowLake(20), SharedCache(FakeClock())
    await ask(asker(lake, cache, max_rows=50))
    second = asker(lake, cache, max_rows=20)
    await ask(second)

    assert (await second.query(QUESTION, prefix="again")).error == NOT_ASKED
    assert len(lake.sent) == 1
