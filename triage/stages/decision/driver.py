"""Performs the second call, once: a restart reads it back from the journal instead of paying again."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.domain.verdict import Usage
from triage.errors import ModelError, StoreError
from triage.ports import Capabilities, ChatModel, ChatReply, Clock, Journal, Meter, Prompts, Spend
from triage.settings import InvestigationSettings, Price
from triage.stages.decision.weighing import Ask, Refused, Weighed, weigh

_LEAST_SECONDS = 15.0


class WeighedEntry(Value):
    """What the journal keeps of a call, under a key such as `adjudicate/1`."""

    reply: ChatReply | None = None
    failure: Refused | None = None
    seconds: float
    at: Moment | None = None
    estimate: int = 0
    """Tokens that the prompt was expected to have."""


@dataclass(slots=True)
class _Run:
    model: ChatModel
    journal: Journal
    clock: Clock
    meter: Meter | None
    settings: InvestigationSettings
    before: Usage
    own: Spend = field(default_factory=Spend)
    seconds: float = 0.0

    def too_much(self, ask: Ask) -> str:
        """Why a call doesn't fit what the alert may spend; empty where it does."""
        limits = self.settings
        tokens = self.before.prompt_tokens + self.before.completion_tokens + self.own.tokens
        if tokens + ask.estimate.tokens > limits.max_tokens:
            return f"the budget of {limits.max_tokens} tokens is used up"
        if self.before.seconds + self.seconds >= limits.max_seconds:
            return f"the budget of {limits.max_seconds:g} seconds is used up"
        if limits.max_money and self.before.money + self.own.money + ask.estimate.money > limits.max_money:
            return f"the budget of {limits.max_money:g} is used up"
        return ""

    async def perform(self, ask: Ask) -> ChatReply | Refused:
        async with AsyncExitStack() as held:

            async def step() -> JsonValue:
                if self.meter is not None:
                    refusal = await held.enter_async_context(self.meter.admit(ask.estimate, concluding=True))
                    if refusal:
                        return _dumped(WeighedEntry(failure=Refused(message=refusal), seconds=0.0, at=self.clock.now()))
                return _dumped(await self._complete(ask))

            entry = _read(await self.journal.step(ask.key, "model", step), ask.key)
            if entry.reply is not None:
                spent = _counted(entry.reply, ask)
                if self.meter is not None:
                    # Behind the journal: after a kill between the two a replay books what was paid.
                    spent = await self.meter.book(ask.key, entry.reply, ask.estimate)
                self.own = _sum(self.own, spent)
        self.seconds += entry.seconds
        outcome = entry.reply or entry.failure
        assert outcome is not None
        return outcome

    async def _complete(self, ask: Ask) -> WeighedEntry:
        start, at = self.clock.monotonic(), self.clock.now()
        left = max(self.settings.max_seconds - self.before.seconds - self.seconds, _LEAST_SECONDS)
        reply: ChatReply | None = None
        failure: Refused | None = None
        try:
            async with asyncio.timeout(left):
                reply = await self.model.complete(ask.request)
        except TimeoutError:
            failure = Refused(message=f"no answer within {left:.0f} s")
        except ModelError as error:
            # The rules can decide alone, so that nothing here is worth failing the alert for.
            failure = Refused(message=str(error), unsupported=error.unsupported)
        seconds = self.clock.monotonic() - start
        return WeighedEntry(reply=reply, failure=failure, seconds=seconds, at=at, estimate=ask.estimate.prompt_tokens)


async def run_weighing(
    facts: Mapping[str, JsonValue],
    *,
    model: ChatModel,
    journal: Journal,
    prompts: Prompts,
    settings: InvestigationSettings,
    max_output_tokens: int,
    clock: Clock,
    capabilities: Capabilities,
    before: Usage,
    meter: Meter | None = None,
    price: Price | None = None,
) -> tuple[Weighed, Usage]:
    """Have a model weigh the proven facts.

    Args:
        facts: As `facts_of` gives them.
        model: Asked once, or twice where its reply can't be read.
        journal: Keeps each call (`adjudicate/1`).
        prompts: The templates.
        settings: Budgets of the alert.
        max_output_tokens: Tokens of one reply.
        clock: Measures the seconds of a call.
        capabilities: Of the model's endpoint.
        before: What the investigation has spent already.
        meter: The day's budget, and where each call is booked.
        price: Of the model, where it is known.

    Returns:
        The opinion or why there is none, and what the calls have cost. A model that fails is no error here.

    Raises:
        StoreError: The journal can't be written or read.
    """
    run = _Run(model, journal, clock, meter, settings, before)
    steps = weigh(
        facts,
        prompts=prompts,
        max_output_tokens=max_output_tokens,
        affordable=run.too_much,
        capabilities=capabilities,
        price=price,
    )
    try:
        ask = next(steps)
        while True:
            ask = steps.send(await run.perform(ask))
    except StopIteration as stop:
        weighed = stop.value
        assert isinstance(weighed, Weighed)
    own = run.own
    usage = Usage(
        prompt_tokens=own.prompt_tokens,
        completion_tokens=own.completion_tokens,
        cached_tokens=own.cached_tokens,
        money=own.money,
        seconds=round(run.seconds, 3),
    )
    return weighed, usage


def _counted(reply: ChatReply, ask: Ask) -> Spend:
    """What a reply has cost in tokens, where nobody books it."""
    prompt = reply.prompt_tokens or ask.estimate.prompt_tokens
    return Spend(calls=1, prompt_tokens=prompt, completion_tokens=reply.completion_tokens or len(reply.content) // 3)


def _sum(one: Spend, other: Spend) -> Spend:
    return Spend.model_validate({name: getattr(one, name) + getattr(other, name) for name in Spend.model_fields})


def _dumped(value: Value) -> JsonValue:
    dumped: JsonValue = value.model_dump(mode="json")
    return dumped


def _read(value: JsonValue, key: str) -> WeighedEntry:
    try:
        return WeighedEntry.model_validate(value)
    except ValidationError as error:
        raise StoreError(f"the journal's entry {key} is of another version; investigate the alert afresh") from error
