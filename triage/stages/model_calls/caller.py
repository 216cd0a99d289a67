"""One call of the language model: admitted by the day's budget, made once, journalled and booked."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.domain.clean import printable_sentence
from triage.domain.redaction import redact
from triage.errors import ModelError, StoreError
from triage.ports import (
    Capabilities,
    ChatModel,
    ChatReply,
    ChatRequest,
    Clock,
    Message,
    Meter,
    Prompts,
    RunJournal,
    Spend,
)
from triage.settings import InvestigationSettings, Price

V = TypeVar("V", bound=Value)

_MAX_REFUSAL = 160
"""Characters quoted of a model's refusal."""

ASSUMED = Capabilities(tools=True, parallel_tools=True)
"""For an endpoint of which nothing is known."""


@dataclass(frozen=True, slots=True)
class ModelContext:
    """What the model calls of one run need, whichever stage makes them."""

    model: ChatModel
    journal: RunJournal
    """Keeps every call."""
    prompts: Prompts
    clock: Clock
    """Measures the seconds of each call."""
    settings: InvestigationSettings
    """Budgets of the alert."""
    max_output_tokens: int
    """Of one reply."""
    capabilities: Capabilities = ASSUMED
    """Of the model's endpoint."""
    meter: Meter | None = None
    """The day's budget, and where each call is booked; without one there is neither."""
    price: Price | None = None
    """Of the model, if known."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A request to the model, to be made once."""

    key: str
    """Journal key, such as `model/3` or `adjudicate/1`."""
    request: ChatRequest
    estimate: Spend = field(default_factory=Spend)
    """The most that it may cost."""
    concluding: bool = False
    """The model may only conclude; a reserve of the day's budget is kept for such calls."""
    final: bool = False
    """The caller has no other form of the request: a refusal for its length or for a feature is raised, not journalled,
    so that the same call can be made again once the endpoint has changed."""


class ModelFailure(Value):
    """There is no reply, but another form of the request may get one."""

    message: str
    overflow: bool = False
    """The conversation is too long for the model."""
    unsupported: str = ""
    """`tools` or `response_format`: the endpoint lacks it; the request may work without."""
    unpaid: bool = False
    """The day's budget refused the call; nothing was sent."""

    def error(self) -> ModelError:
        """The same as an error, where there is no other form either."""
        return ModelError(self.message, overflow=self.overflow, unsupported=self.unsupported, of_alert=self.overflow)


class ModelCallEntry(Value):
    """What the journal keeps of a call; `triage show --transcript` prints it."""

    reply: ChatReply | None = None
    failure: ModelFailure | None = None
    seconds: float
    at: Moment | None = None
    """When the call was made; entries of older versions lack it."""
    estimate: int = 0
    """Expected tokens of the prompt."""
    messages: tuple[Message, ...] = ()
    """The prompt, if it is kept: what was added since the call before, or all of it if that was rewritten."""
    rewritten: bool = False
    """The messages replace the earlier ones."""


def read_entry(model: type[V], value: JsonValue, key: str) -> V:
    """Read a journal entry. Raises StoreError for one of another version."""
    try:
        return TypeAdapter(model).validate_python(value)
    except ValidationError as error:
        raise StoreError(f"the journal's entry {key} is of another version; investigate the alert afresh") from error


@dataclass(slots=True)
class ModelCaller:
    """Makes the model calls of one stage of one run. A restart reads finished calls back instead of paying again."""

    context: ModelContext
    min_seconds: float
    """What one call may take, retries included, however little time the alert has left."""
    keeps_prompts: bool
    seconds: float = 0.0
    """Time that the alert has taken so far, as the journal has it: the same when a run is replayed."""
    _sent: tuple[Message, ...] = ()
    """Messages of the call before."""

    async def call(self, call: ModelCall) -> ChatReply | ModelFailure:
        """Make a call, or read it back.

        Only what another form of the request may mend is a result; whatever else keeps the model from answering is
        raised and not journalled, so that nothing is ever concluded from it.

        Raises:
            ModelError: The model can't be reached now, its configuration is wrong, or it or its content filter refuses.
            StoreError: The journal can't be written or read.
        """
        context = self.context
        async with AsyncExitStack() as admission:

            async def perform() -> JsonValue:
                if context.meter is not None:
                    refusal = await admission.enter_async_context(
                        context.meter.admit(call.estimate, concluding=call.concluding)
                    )
                    if refusal:
                        failure = ModelFailure(message=refusal, unpaid=True)
                        entry = ModelCallEntry(failure=failure, seconds=0.0, at=context.clock.now())
                        return entry.model_dump(mode="json")
                made = await self._complete(call)
                if made.reply is not None and made.reply.refusal:
                    if context.meter is not None:
                        await context.meter.book(f"{call.key}/refused", made.reply, call.estimate)
                    said = printable_sentence(redact(made.reply.refusal), _MAX_REFUSAL)
                    raise ModelError(f"the model refused, so a person has to look at this alert: {said}", of_alert=True)
                return made.model_dump(mode="json")

            entry = read_entry(ModelCallEntry, await context.journal.step(call.key, "model", perform), call.key)
            if entry.reply is not None and context.meter is not None:
                # After the journal: if the process is killed between the two, the replay books what was paid.
                await context.meter.book(call.key, entry.reply, call.estimate)
        self._sent = call.request.messages
        self.seconds += entry.seconds
        outcome = entry.reply or entry.failure
        assert outcome is not None
        return outcome

    async def _complete(self, call: ModelCall) -> ModelCallEntry:
        clock = self.context.clock
        start, at = clock.monotonic(), clock.now()
        reply: ChatReply | None = None
        failure: ModelFailure | None = None
        try:
            reply = await self._reply(call.request)
        except ModelError as error:
            if error.retryable or call.final or not (error.overflow or error.unsupported):
                error.of_alert |= error.overflow
                raise
            failure = ModelFailure(message=str(error), overflow=error.overflow, unsupported=error.unsupported)
        messages, rewritten = self._prompt(call.request.messages)
        return ModelCallEntry(
            reply=reply,
            failure=failure,
            seconds=clock.monotonic() - start,
            at=at,
            estimate=call.estimate.prompt_tokens,
            messages=messages,
            rewritten=rewritten,
        )

    async def _reply(self, request: ChatRequest) -> ChatReply:
        left = max(self.context.settings.max_seconds - self.seconds, self.min_seconds)
        try:
            async with asyncio.timeout(left):
                return await self.context.model.complete(request)
        except TimeoutError as error:
            raise ModelError(
                f"the model gave no answer within {left:.0f} s (investigation.max_seconds), with all its retries",
                retryable=True,
            ) from error

    def _prompt(self, messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], bool]:
        """What the journal keeps of a prompt, without repeating what it has already, and whether that was rewritten."""
        if not self.keeps_prompts:
            return (), False
        known = len(self._sent)
        return (messages[known:], False) if messages[:known] == self._sent else (messages, True)
