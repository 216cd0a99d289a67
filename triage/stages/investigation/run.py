"""Runs one investigation: performs what the loop asks for, each effect once, and journals it."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar, assert_never

from pydantic import JsonValue

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.domain.dossier import Dossier
from triage.ports import Capabilities, ChatModel, Clock, Journal, Meter, Observer, Prompts, ToolCall
from triage.settings import InvestigationSettings, Price
from triage.stages.investigation.effects import Conclusion, RunTools, ToolAnswer
from triage.stages.investigation.loop import ASSUMED, Check, EffectResult, investigate
from triage.stages.investigation.toolbox import Toolbox
from triage.stages.model_calls import ModelCall, ModelCaller, read_entry

T = TypeVar("T")

_LEAST_SECONDS = 30.0
"""For one turn, retries included, however little time the alert has left."""


class ToolCallEntry(Value):
    """What the journal keeps of a tool call, under a key such as `tools/3/0`."""

    answer: ToolAnswer
    seconds: float
    at: Moment | None = None
    call: ToolCall | None = None
    """As the model made it; entries of older versions lack it."""


async def run_investigation(
    dossier: Dossier,
    *,
    model: ChatModel,
    toolbox: Toolbox,
    journal: Journal,
    prompts: Prompts,
    settings: InvestigationSettings,
    max_output_tokens: int,
    nonce: str,
    clock: Clock,
    check: Check,
    observe: Observer,
    meter: Meter | None = None,
    capabilities: Capabilities = ASSUMED,
    price: Price | None = None,
) -> Conclusion:
    """Investigate one alert with a model.

    Args:
        dossier: What is known.
        model: Asked once per turn.
        toolbox: Runs the model's tool calls.
        journal: Keeps every turn (`model/1`) and tool call (`tools/1/0`).
        prompts: The templates.
        settings: Budgets.
        max_output_tokens: Tokens of one reply.
        nonce: Random; the same again when a run is resumed.
        clock: Measures the seconds of each effect.
        check: What verification objects to in a draft.
        observe: Called with each step.
        meter: The day's budget, and where each call is booked; without one there is neither.
        capabilities: Of the model's endpoint.
        price: Of the model, if known.

    Raises:
        ModelError: The model can't be reached now, or its configuration is wrong; the journal keeps what was done.
        StoreError: The journal can't be written or read.
    """
    caller = ModelCaller(
        model=model,
        journal=journal,
        clock=clock,
        meter=meter,
        max_seconds=settings.max_seconds,
        least_seconds=_LEAST_SECONDS,
        required=True,
        keeps_prompts=True,
    )
    slots = asyncio.Semaphore(settings.query_concurrency)
    loop = investigate(
        dossier,
        prompts=prompts,
        settings=settings,
        max_output_tokens=max_output_tokens,
        nonce=nonce,
        check=check,
        observe=observe,
        elapsed=lambda: caller.seconds,
        capabilities=capabilities,
        price=price,
    )

    async def run_tool(key: str, call: ToolCall, turn: RunTools) -> ToolCallEntry:
        async def perform() -> JsonValue:
            start, at = clock.monotonic(), clock.now()
            answer = await toolbox.run(call, turn.limits)
            entry = ToolCallEntry(answer=answer, seconds=clock.monotonic() - start, at=at, call=call)
            return entry.model_dump(mode="json")

        async with slots:
            return read_entry(ToolCallEntry, await journal.step(key, "tool", perform), key)

    try:
        effect = next(loop)
        while True:
            result: EffectResult
            match effect:
                case ModelCall():
                    result = await caller.call(effect)
                case RunTools():
                    entries = await _all(
                        [run_tool(f"{effect.key}/{place}", call, effect) for place, call in enumerate(effect.calls)]
                    )
                    caller.seconds += max((entry.seconds for entry in entries), default=0.0)
                    result = tuple(entry.answer for entry in entries)
                case _:
                    assert_never(effect)
            effect = loop.send(result)
    except StopIteration as stop:
        conclusion = stop.value
        assert isinstance(conclusion, Conclusion)
        return conclusion


async def _all(work: list[Coroutine[None, None, T]]) -> list[T]:
    """Wait for all; if one fails the others are cancelled before its exception is raised."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
