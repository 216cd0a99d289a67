"""What an alert and a day may spend on the model: money, tokens, the reserve, and the book that is kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.clocks import START, FakeClock
from tests.support.conversations import inquisitive, investigated, run_alert, run_settings, spent
from tests.support.llm import ScriptedLlm, call, calling, completion, concluding, read_tokens
from tests.support.notebook import Notebook
from tests.support.panther import TOKEN
from tests.support.stores import SELECTED, alert
from tests.support.tiny_world import NOW, write_world
from triage.domain.verdict import Analyst, Disposition
from triage.edges.store import open_store
from triage.pipeline.spending import StoreMeter, midnight
from triage.ports import ChatReply, Claim, Spend, Store
from triage.sandbox.server import ApiToken, SandboxOptions, SandboxServer
from triage.sandbox.world import load_world
from triage.settings import Price, Settings
from triage.stages.model_calls import cost_of

pytestmark = pytest.mark.anyio

PRICE = Price(input=1.0, output=10.0, cached_input=0.1)
DAY = datetime.fromisoformat(NOW)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    """The tiny world."""
    world = load_world(write_world(tmp_path_factory.mktemp("doors")), as_recorded=True)
    with SandboxServer(world, SandboxOptions(tokens=(ApiToken(TOKEN),))) as running:
        yield running


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    opened = await open_store(f"sqlite:///{tmp_path}/book.db")
    yield opened
    await opened.close()


async def claimed(store: Store, name: str = "a1") -> Claim:
    await store.queue.save([(alert(name), SELECTED)], now=START)
    claim = await store.queue.claim("w", now=START, lease_seconds=600, alert_id=name)
    assert claim is not None
    return claim


def settings(**investigation: Any) -> Settings:
    return run_settings("http://127.0.0.1:1", "http://127.0.0.1:1/v1", "x", **investigation)


def test_cached_input_has_its_own_price() -> None:
    """Cached tokens are among those of the prompt; without a price of their own they cost what others do."""
    assert PRICE.cost(prompt=1_000_000, completion=100_000, cached=400_000) == pytest.approx(0.6 + 0.04 + 1.0)
    dear = Price(input=1.0, output=10.0)
    assert dear.cost(prompt=1_000_000, completion=0, cached=400_000) == pytest.approx(1.0)
    assert dear.cost(prompt=10, completion=0, cached=9_999) == pytest.approx(0.00001)


def test_what_a_server_does_not_count_is_estimated() -> None:
    """A server that reports nothing is no free server."""
    cost = cost_of(ChatReply(content="x" * 300), Spend(prompt_tokens=5_000), PRICE)
    assert (cost.prompt_tokens, cost.completion_tokens) == (5_000, 100)
    assert cost.money == pytest.approx(0.005 + 0.001)


async def test_an_alerts_money_ends_its_investigation(server: SandboxServer) -> None:
    """With one last turn to conclude; what it has cost stands in the usage."""

    def costly(asked: dict[str, Any]) -> Any:
        if len(asked["tools"]) == 1:
            return concluding()
        reply = calling(call("lookup_alert", {"id": f"{len(asked['messages']):032x}"}))
        reply["usage"] = {
            "prompt_tokens": 8_000,
            "completion_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 1_000},
        }
        return reply

    async with ScriptedLlm(costly) as llm:
        end = await investigated(server, llm, Notebook(), max_money=0.05, more={"price": PRICE})
    assert end.draft.verdict is Disposition.SUSPICIOUS
    assert "0.05 of money" in end.notes[0]
    assert end.usage.cached_tokens == 1_000 * (end.usage.turns - 1)
    assert 0 < end.usage.money <= 0.05
    assert end.usage.turns < 8


async def test_a_call_is_booked_once(store: Store) -> None:
    """Under its run and key, however often it is replayed."""
    clock = FakeClock()
    meter = StoreMeter(store.ledger, await claimed(store), clock, settings())
    reply = ChatReply(prompt_tokens=100, completion_tokens=10, cached_tokens=50)
    for _ in range(3):
        await meter.book("model/1", reply, Spend())
    await meter.book("model/2", reply, Spend())
    total = await store.ledger.spent(since=START - timedelta(days=1))
    assert (total.calls, total.prompt_tokens, total.cached_tokens, total.completion_tokens) == (2, 200, 100, 20)
    assert total.money == pytest.approx(2 * (100 + 20) / 1e6)


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"daily_tokens": 1_000}, "1000 tokens"), ({"daily_money": 0.001}, "0.001 USD")],
)
async def test_the_day_keeps_a_reserve_for_conclusions(store: Store, limits: dict[str, Any], said: str) -> None:
    """Up to 95 % for anything, the rest for turns that conclude, nothing beyond; the next day starts afresh."""
    clock = FakeClock()
    meter = StoreMeter(store.ledger, await claimed(store), clock, settings(**limits))
    await meter.book("model/1", ChatReply(prompt_tokens=940), Spend())
    small = Spend(prompt_tokens=40, money=0.00004)
    assert said in await meter.refusal(small, concluding=False)
    assert await meter.refusal(small, concluding=True) == ""
    assert said in await meter.refusal(Spend(prompt_tokens=100, money=0.0001), concluding=True)
    clock.advance(timedelta(days=1).total_seconds())
    assert await meter.refusal(small, concluding=False) == ""


async def test_calls_under_way_count_as_spent(store: Store) -> None:
    """Many alerts at once can't all see the same room; what they hold is free again afterwards."""
    meter = StoreMeter(store.ledger, await claimed(store), FakeClock(), settings(daily_tokens=1_000))
    estimate = Spend(prompt_tokens=400)
    admitted: list[str] = []

    async def ask() -> None:
        async with meter.admit(estimate, concluding=True) as refusal:
            admitted.append(refusal)
            await asyncio.sleep(0.05)

    await asyncio.gather(*(ask() for _ in range(5)))
    assert admitted.count("") == 2
    assert meter.pending.tokens == 0
    async with meter.admit(estimate, concluding=True) as refusal:
        assert refusal == ""


def test_a_day_begins_at_midnight_utc() -> None:
    """Whatever the hour."""
    assert midnight(datetime(2031, 5, 6, 23, 59, 59, tzinfo=UTC)) == datetime(2031, 5, 6, tzinfo=UTC)


async def test_at_the_days_limit_the_offline_analyst_judges(server: SandboxServer, tmp_path: Path) -> None:
    """No request is sent, the alert has its verdict, and the result says who gave it and why."""
    async with ScriptedLlm(inquisitive) as llm:
        found = await run_alert(run_settings(server.url, llm.url, tmp_path, daily_tokens=1_000), DAY)
        assert llm.requests == []
    assert found.analyst is Analyst.OFFLINE
    assert found.model == ""
    assert any("day's budget of 1000 tokens is used up" in note for note in found.notes)


async def test_a_day_that_ends_in_the_middle_of_an_alert(server: SandboxServer, tmp_path: Path) -> None:
    """The model gets its last turn within the reserve, and concludes from what it has."""

    def curious(asked: dict[str, Any]) -> Any:
        if len(asked.get("tools", ())) == 1:
            return concluding()
        if "tools" not in asked:
            return completion("{}")
        reply = calling(call("lookup_alert", {"id": f"{len(asked['messages']):032x}"}))
        reply["usage"]["prompt_tokens"] = 182_000
        return reply

    limits: dict[str, Any] = {"daily_tokens": 200_000, "max_tokens": 1_000_000, "adjudicate": False}
    async with ScriptedLlm(lambda asked: {**curious(asked), "model": "m"}) as llm:
        settings = run_settings(server.url, llm.url, tmp_path, **limits)
        found = await run_alert(settings, DAY)
        booked = await spent(settings)
    assert [len(asked["tools"]) for asked in llm.requests] == [11, 1]
    assert found.analyst is Analyst.LLM
    assert any("200000 tokens is used up" in note for note in found.notes)
    assert booked.calls == 2


async def test_what_was_spent_stands_in_the_result(server: SandboxServer, tmp_path: Path) -> None:
    """Tokens, cached ones and money, and the book agrees."""
    async with ScriptedLlm(inquisitive) as llm:
        settings = run_settings(server.url, llm.url, tmp_path)
        found = await run_alert(settings, DAY)
        booked = await spent(settings)
    assert found.usage.money == pytest.approx(booked.money)
    assert found.usage.prompt_tokens == booked.prompt_tokens == sum(map(read_tokens, llm.requests))
    assert json.loads(found.model_dump_json())["usage"]["cached_tokens"] == 0
