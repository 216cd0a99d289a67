"""A model call is estimated, counted, admitted and journalled the same way for every stage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.clocks import FakeClock
from tests.support.notebook import Notebook, ScriptedModel
from triage.domain.verdict import Usage
from triage.edges.prompts import load_prompts
from triage.errors import ModelError
from triage.ports import ChatReply, ChatRequest, Message, Spend
from triage.settings import InvestigationSettings, Price
from triage.stages.model_calls import BYTES_PER_TOKEN, ModelBudget, ModelCall, ModelCaller, ModelContext, ModelFailure

pytestmark = pytest.mark.anyio
REQUEST = ChatRequest(messages=(Message(role="user", content="x" * 3_000),))
PROMPTS = load_prompts()


class Book:
    """A meter that may refuse every call, and notes what is booked."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.booked: list[str] = []
        self.open = 0

    @asynccontextmanager
    async def admit(self, estimate: Spend, *, concluding: bool) -> AsyncIterator[str]:
        self.open += 1
        yield self.refusal
        self.open -= 1

    async def book(self, key: str, reply: ChatReply, estimate: Spend) -> None:
        self.booked.append(key)


def context(*replies: ChatReply | ModelError, **changes: Any) -> ModelContext:
    given: dict[str, Any] = {
        "model": ScriptedModel(*replies),
        "journal": Notebook(),
        "prompts": PROMPTS,
        "clock": FakeClock(),
        "settings": InvestigationSettings(max_tokens=10_000, max_money=1.0),
        "max_output_tokens": 500,
    }
    return ModelContext(**{**given, **changes})


def caller(used: ModelContext, *, keeps_prompts: bool = True) -> ModelCaller:
    return ModelCaller(used, min_seconds=30, keeps_prompts=keeps_prompts)


def test_the_estimate_follows_the_servers_own_count() -> None:
    """Three bytes are a token until the server has counted a prompt; odd counts are not believed without bound."""
    budget = ModelBudget(context(), lambda: 0.0)
    assert budget.estimate(REQUEST).prompt_tokens == 3_000 // BYTES_PER_TOKEN + 1
    budget.count(REQUEST, ChatReply(prompt_tokens=600, completion_tokens=10))
    assert budget.estimate(REQUEST).prompt_tokens == 601
    budget.count(REQUEST, ChatReply(prompt_tokens=1, completion_tokens=10))
    assert budget.estimate(REQUEST).prompt_tokens == 501
    assert budget.spent.tokens == 621


def test_everything_an_alert_spent_counts() -> None:
    """What came before, replies, and requests that were refused, in tokens and money."""
    used = context(price=Price(input=100.0, output=1_000.0))
    budget = ModelBudget(used, lambda: 0.0, before=Usage(prompt_tokens=4_000, completion_tokens=500, money=0.2))
    assert budget.tokens_left == 5_500
    budget.count_failure(REQUEST)
    assert budget.tokens_left == 4_499
    assert budget.money_left == pytest.approx(1.0 - 0.2 - 0.1001)
    assert budget.refusal(REQUEST) == ""
    budget.count_failure(REQUEST)
    assert "1 of money" in budget.refusal(REQUEST)
    late = ModelBudget(context(), lambda: 1e6)
    assert "seconds" in late.refusal(REQUEST)
    assert late.refusal(REQUEST, in_time=False) == ""


async def test_a_refused_call_is_not_sent_and_not_booked() -> None:
    """The refusal is journalled, so that a restart doesn't ask again."""
    book = Book("the day's budget is used up")
    used = context(ChatReply(content="x"), meter=book)
    reply = await caller(used).call(ModelCall("model/1", REQUEST))
    assert reply == ModelFailure(message="the day's budget is used up", unpaid=True)
    assert used.model.requests == []  # type: ignore[attr-defined] # the scripted model's
    assert (book.booked, book.open) == ([], 0)
    assert await caller(used).call(ModelCall("model/1", REQUEST)) == reply


async def test_a_replayed_call_is_booked_again_under_its_key() -> None:
    """A process may have been killed between journal and book; the book takes each key once."""
    book = Book()
    used = context(ChatReply(content="x"), meter=book)
    for _ in range(2):
        await caller(used).call(ModelCall("model/1", REQUEST))
    assert book.booked == ["model/1", "model/1"]
    assert len(used.model.requests) == 1  # type: ignore[attr-defined] # the scripted model's


@pytest.mark.parametrize(
    "error",
    [
        ModelError("down", status=503, retryable=True),
        ModelError("no key", status=401),
        ModelError("flagged", status=400, of_alert=True),
        ModelError("no completion", status=200),
    ],
    ids=str,
)
async def test_what_no_other_form_mends_is_raised_and_not_journalled(error: ModelError) -> None:
    """Nothing is concluded from it, and the same call can be made again later."""
    used = context(error)
    for _ in range(2):
        with pytest.raises(ModelError, match=str(error)):
            await caller(used).call(ModelCall("model/1", REQUEST))
    assert len(used.model.requests) == 2  # type: ignore[attr-defined] # the scripted model's


async def test_what_another_form_mends_is_a_result_until_the_last_form() -> None:
    """Too long a prompt, or a feature that is not there: the caller may ask otherwise, and is told when it can't."""
    error = ModelError("too long", status=400, overflow=True)
    assert await caller(context(error)).call(ModelCall("model/1", REQUEST)) == ModelFailure(
        message="too long", overflow=True
    )
    with pytest.raises(ModelError, match="too long") as caught:
        await caller(context(error)).call(ModelCall("model/1", REQUEST, final=True))
    assert caught.value.of_alert


async def test_a_refusal_is_an_error_and_is_paid_for() -> None:
    """It says that a person has to look; what it cost is booked all the same."""
    book = Book()
    used = context(ChatReply(refusal="I can't help with Bearer abcdefghijklmnop"), meter=book)
    with pytest.raises(ModelError, match="the model refused, so a person has to look") as caught:
        await caller(used).call(ModelCall("model/1", REQUEST))
    assert caught.value.of_alert
    assert "abcdefghijklmnop" not in str(caught.value)
    assert book.booked == ["model/1/refused"]
