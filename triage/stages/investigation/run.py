"""Runs one investigation: gives the loop its budget, its model and its tools, each call journalled."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import JsonValue

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.domain.dossier import Dossier
from triage.domain.runbook import runbook_steps
from triage.domain.step import StepOutcome
from triage.domain.untrusted import Fence
from triage.domain.verdict import AnswerState
from triage.ports import Observer, Progress, QueryLimits, ToolCall
from triage.stages.investigation.briefing import Briefing
from triage.stages.investigation.budget import Budget, spent_on
from triage.stages.investigation.conversation import Conversation
from triage.stages.investigation.ledger import EvidenceLedger
from triage.stages.investigation.loop import Check, TurnLoop
from triage.stages.investigation.values import Conclusion, ToolAnswer
from triage.stages.model_calls import ModelCaller, ModelContext, read_entry

T = TypeVar("T")

_MIN_SECONDS = 30.0
"""For one turn, retries included, however little time the alert has left."""


class Tools(Protocol):
    """What the model's tools do; see `Toolbox`."""

    async def run(self, call: ToolCall, limits: QueryLimits) -> ToolAnswer:
        """Perform one call. Every failure that the model can act on is an answer."""


class ToolCallEntry(Value):
    """What the journal keeps of a tool call, under a key such as `tools/3/0`."""

    answer: ToolAnswer
    seconds: float
    at: Moment | None = None
    call: ToolCall | None = None
    """As the model made it; entries of older versions lack it."""


async def run_investigation(
    dossier: Dossier, context: ModelContext, *, toolbox: Tools, nonce: str, check: Check, observe: Observer
) -> Conclusion:
    """Investigate one alert with a model.

    Args:
        dossier: What is known; its evidence is the start of the ledger.
        context: The model is asked once per turn. The journal keeps every turn (`model/1`) and every tool call
            (`tools/1/0`). Without tools among its capabilities the investigation concludes from the dossier.
        toolbox: Runs the model's tool calls.
        nonce: Random, and the same again when the run is resumed; marks the data in the prompt.
        check: What verification objects to in a draft, in words for the model.
        observe: Called with each question and answer.

    Returns:
        The conclusion. Whatever the model does, there is one: at most `max_turns` turns, then one to conclude, one to
        repair its form and one to correct its citations, each only if the budgets allow it.

    Raises:
        ModelError: The model can't be reached now, its configuration is wrong, it or its content filter refuses, or
            its replies are empty; the journal keeps what was done.
        StoreError: The journal can't be written or read.
    """

    def narrate(text: str, ok: bool = True) -> None:
        observe(Progress("investigate", text, ok))

    caller = ModelCaller(context, min_seconds=_MIN_SECONDS, keeps_prompts=True)
    briefing = Briefing(context.prompts, Fence(nonce), _steps(dossier), dossier.alert.moment, dossier.now)
    budget = Budget(context, lambda: caller.seconds, spent_on(dossier.evidence))
    loop = TurnLoop(
        briefing=briefing,
        budget=budget,
        conversation=Conversation(dossier, briefing, budget, context.capabilities),
        ledger=EvidenceLedger(budget, briefing, list(dossier.evidence), narrate),
        ask=caller.call,
        run_tools=_ToolRunner(toolbox, caller, asyncio.Semaphore(context.settings.query_concurrency)).run,
        check=check,
        narrate=narrate,
    )
    return await loop.run()


def _steps(dossier: Dossier) -> tuple[StepOutcome, ...]:
    """What code made of the runbook's steps; a step that it has not read waits for an answer."""
    texts = runbook_steps(dossier.detection.runbook or dossier.alert.runbook)
    return dossier.runbook or tuple(
        StepOutcome(step=number, text=text, state=AnswerState.NO_ANSWER) for number, text in enumerate(texts, 1)
    )


@dataclass(frozen=True, slots=True)
class _ToolRunner:
    toolbox: Tools
    caller: ModelCaller
    """Counts the seconds."""
    slots: asyncio.Semaphore

    async def run(self, key: str, calls: Sequence[ToolCall], limits: QueryLimits) -> tuple[ToolAnswer, ...]:
        """Run the calls of one turn, all at once; call number 0 of `tools/3` is journalled as `tools/3/0`."""
        entries = await _all([self._run_one(f"{key}/{place}", call, limits) for place, call in enumerate(calls)])
        self.caller.seconds += max((entry.seconds for entry in entries), default=0.0)
        return tuple(entry.answer for entry in entries)

    async def _run_one(self, key: str, call: ToolCall, limits: QueryLimits) -> ToolCallEntry:
        clock, journal = self.caller.context.clock, self.caller.context.journal

        async def perform() -> JsonValue:
            start, at = clock.monotonic(), clock.now()
            answer = await self.toolbox.run(call, limits)
            entry = ToolCallEntry(answer=answer, seconds=clock.monotonic() - start, at=at, call=call)
            return entry.model_dump(mode="json")

        async with self.slots:
            return read_entry(ToolCallEntry, await journal.step(key, "tool", perform), key)


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
