"""Performs what the loop asks for, each effect once: a restart reads finished ones back instead of paying again."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar, assert_never

from pydantic import JsonValue, TypeAdapter, ValidationError

from triage.domain.base import Value
from triage.domain.dossier import Dossier
from triage.errors import ModelError, StoreError
from triage.ports import ChatModel, ChatReply, Clock, Journal, Observer, Prompts, ToolCall
from triage.settings import InvestigationSettings
from triage.stages.investigation.effects import AskModel, Conclusion, ModelFailure, RunTools, ToolAnswer
from triage.stages.investigation.loop import Answer, Check, investigate
from triage.stages.investigation.toolbox import Toolbox

T = TypeVar("T")
V = TypeVar("V", bound=Value)

_OPERATORS = frozenset({401, 402, 403, 404, 405})
"""Statuses that no conversation can help: the key, the account, the model's name, the address."""


class _Asked(Value):
    """A journalled turn."""

    reply: ChatReply | None = None
    failure: ModelFailure | None = None
    seconds: float


class _Ran(Value):
    """A journalled tool call."""

    answer: ToolAnswer
    seconds: float


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

    Raises:
        ModelError: The model can't be reached now, or its configuration is wrong; the journal keeps what was done.
        StoreError: The journal can't be written or read.
    """
    run = _Run(model, toolbox, journal, clock, asyncio.Semaphore(settings.query_concurrency))
    loop = investigate(
        dossier,
        prompts=prompts,
        settings=settings,
        max_output_tokens=max_output_tokens,
        nonce=nonce,
        check=check,
        observe=observe,
        elapsed=lambda: run.seconds,
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


class _Run:
    def __init__(
        self,
        model: ChatModel,
        toolbox: Toolbox,
        journal: Journal,
        clock: Clock,
        slots: asyncio.Semaphore,
    ) -> None:
        self.seconds = 0.0
        """Spent on effects, as the journal has it: the same when they are replayed."""
        self._model = model
        self._toolbox = toolbox
        self._journal = journal
        self._clock = clock
        self._slots = slots

    async def ask(self, effect: AskModel) -> ChatReply | ModelFailure:
        async def perform() -> JsonValue:
            start = self._clock.monotonic()
            reply: ChatReply | None = None
            failure: ModelFailure | None = None
            try:
                reply = await self._model.complete(effect.request)
            except ModelError as error:
                if error.retryable or not (error.overflow or error.status) or error.status in _OPERATORS:
                    raise
                failure = ModelFailure(message=str(error), overflow=error.overflow)
            return _dumped(_Asked(reply=reply, failure=failure, seconds=self._clock.monotonic() - start))

        asked = _read(_Asked, await self._journal.step(effect.key, "model", perform), effect.key)
        self.seconds += asked.seconds
        outcome = asked.reply or asked.failure
        assert outcome is not None
        return outcome

    async def run_tools(self, effect: RunTools) -> tuple[ToolAnswer, ...]:
        ran = await _together([self._run_tool(effect, place, call) for place, call in enumerate(effect.calls)])
        self.seconds += max((entry.seconds for entry in ran), default=0.0)
        return tuple(entry.answer for entry in ran)

    async def _run_tool(self, effect: RunTools, place: int, call: ToolCall) -> _Ran:
        async def perform() -> JsonValue:
            start = self._clock.monotonic()
            answer = await self._toolbox.run(call, effect.limits)
            return _dumped(_Ran(answer=answer, seconds=self._clock.monotonic() - start))

        key = f"{effect.key}/{place}"
        async with self._slots:
            return _read(_Ran, await self._journal.step(key, "tool", perform), key)


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


def _read(model: type[V], value: JsonValue, key: str) -> V:
    try:
        return TypeAdapter(model).validate_python(value)
    except ValidationError as error:
        raise StoreError(f"the journal's entry {key} is of another version; investigate the alert afresh") from error
