"""Performs what the loop asks for, each effect once: a restart reads finished ones back instead of paying again."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import TypedDict, TypeVar, assert_never

from pydantic import JsonValue

from triage.domain.base import Value
from triage.domain.dossier import Dossier
from triage.errors import ModelError
from triage.ports import Capabilities, ChatModel, ChatReply, Clock, Journal, Message, Meter, Observer, Prompts, ToolCall
from triage.settings import InvestigationSettings, Price
from triage.stages.investigation.effects import AskModel, Conclusion, ModelFailure, RunTools, ToolAnswer
from triage.stages.investigation.entries import AskedEntry, RanEntry, read_entry
from triage.stages.investigation.loop import ASSUMED, Answer, Check, investigate
from triage.stages.investigation.toolbox import Toolbox

T = TypeVar("T")

_OPERATORS = frozenset({401, 402, 403, 404, 405})
"""Statuses that no conversation can help: the key, the account, the model's name, the address."""
_LEAST_SECONDS = 30.0
"""For one turn, retries and all, however little time the alert has left."""


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
        check: What verification holds against a draft.
        observe: Told of each step.
        meter: The day's budget, and where each call is booked; without one neither is looked at.
        capabilities: Of the model's endpoint.
        price: Of the model, where it is known.

    Raises:
        ModelError: The model can't be reached now, or its configuration is wrong; the journal keeps what was done.
        StoreError: The journal can't be written or read.
    """
    run = _Run(model, toolbox, journal, clock, asyncio.Semaphore(settings.query_concurrency), meter, settings)
    loop = investigate(
        dossier,
        prompts=prompts,
        settings=settings,
        max_output_tokens=max_output_tokens,
        nonce=nonce,
        check=check,
        observe=observe,
        elapsed=lambda: run.seconds,
        capabilities=capabilities,
        price=price,
    )
    try:
        effect = next(loop)
        while True:
            answer: Answer
            match effect:
                case AskModel():
                    answer = await run.ask(effect)
                case RunTools():
                    answer = await run.run_tools(effect)
                case _:
                    assert_never(effect)
            effect = loop.send(answer)
    except StopIteration as stop:
        conclusion = stop.value
        assert isinstance(conclusion, Conclusion)
        return conclusion


class _Told(TypedDict):
    messages: tuple[Message, ...]
    rewritten: bool


class _Run:
    def __init__(
        self,
        model: ChatModel,
        toolbox: Toolbox,
        journal: Journal,
        clock: Clock,
        slots: asyncio.Semaphore,
        meter: Meter | None,
        settings: InvestigationSettings,
    ) -> None:
        self.seconds = 0.0
        """Spent on effects, as the journal has it: the same when they are replayed."""
        self._model = model
        self._toolbox = toolbox
        self._journal = journal
        self._clock = clock
        self._slots = slots
        self._meter = meter
        self._settings = settings
        self._told: tuple[Message, ...] = ()
        """The messages of the turn before."""

    async def ask(self, effect: AskModel) -> ChatReply | ModelFailure:
        async with AsyncExitStack() as held:

            async def perform() -> JsonValue:
                if self._meter is not None:
                    refusal = await held.enter_async_context(
                        self._meter.admit(effect.estimate, concluding=effect.concluding)
                    )
                    if refusal:
                        failure = ModelFailure(message=refusal, unpaid=True)
                        return _dumped(AskedEntry(failure=failure, seconds=0.0, at=self._clock.now()))
                return _dumped(await self._complete(effect))

            asked = read_entry(AskedEntry, await self._journal.step(effect.key, "model", perform), effect.key)
            if asked.reply is not None and self._meter is not None:
                # Behind the journal: after a kill between the two a replay books what was paid.
                await self._meter.book(effect.key, asked.reply, effect.estimate)
        self._told = effect.request.messages
        self.seconds += asked.seconds
        outcome = asked.reply or asked.failure
        assert outcome is not None
        return outcome

    async def _complete(self, effect: AskModel) -> AskedEntry:
        """Ask; what only this conversation brings about is an answer, what may pass or needs the operator is raised."""
        start, at = self._clock.monotonic(), self._clock.now()
        left = max(self._settings.max_seconds - self.seconds, _LEAST_SECONDS)
        reply: ChatReply | None = None
        failure: ModelFailure | None = None
        try:
            async with asyncio.timeout(left):
                reply = await self._model.complete(effect.request)
        except TimeoutError as error:
            raise ModelError(
                f"the model gave no answer within {left:.0f} s (investigation.max_seconds), with all its retries",
                retryable=True,
            ) from error
        except ModelError as error:
            final = error.overflow or error.unsupported or (error.status and error.status not in _OPERATORS)
            if error.retryable or not final:
                raise
            failure = ModelFailure(message=str(error), overflow=error.overflow, unsupported=error.unsupported)
        return AskedEntry(
            reply=reply,
            failure=failure,
            seconds=self._clock.monotonic() - start,
            at=at,
            estimate=effect.estimate.prompt_tokens,
            **self._new_messages(effect.request.messages),
        )

    def _new_messages(self, messages: tuple[Message, ...]) -> _Told:
        """What the journal keeps of a prompt; the whole of each turn would be kept over and over."""
        known = len(self._told)
        if messages[:known] == self._told:
            return {"messages": messages[known:], "rewritten": False}
        return {"messages": messages, "rewritten": True}

    async def run_tools(self, effect: RunTools) -> tuple[ToolAnswer, ...]:
        ran = await _together([self._run_tool(effect, place, call) for place, call in enumerate(effect.calls)])
        self.seconds += max((entry.seconds for entry in ran), default=0.0)
        return tuple(entry.answer for entry in ran)

    async def _run_tool(self, effect: RunTools, place: int, call: ToolCall) -> RanEntry:
        async def perform() -> JsonValue:
            start, at = self._clock.monotonic(), self._clock.now()
            answer = await self._toolbox.run(call, effect.limits)
            return _dumped(RanEntry(answer=answer, seconds=self._clock.monotonic() - start, at=at, call=call))

        key = f"{effect.key}/{place}"
        async with self._slots:
            return read_entry(RanEntry, await self._journal.step(key, "tool", perform), key)


async def _together(work: list[Coroutine[None, None, T]]) -> list[T]:
    """Wait for all; where one fails the others are cancelled before its exception goes on."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _dumped(value: Value) -> JsonValue:
    dumped: JsonValue = value.model_dump(mode="json")
    return dumped
