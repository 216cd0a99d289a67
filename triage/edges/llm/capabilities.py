"""What an endpoint and its model support: probed once, kept in the store for a week, corrected by what runs see."""

import asyncio
import hashlib
import json
from datetime import datetime, timedelta

from pydantic import ValidationError

from triage.domain.base import Value
from triage.errors import ModelError
from triage.ports import Capabilities, ChatModel, ChatReply, ChatRequest, Clock, Message, ToolSpec, Values
from triage.settings import LlmSettings

MAX_AGE = timedelta(days=7)
"""How long a probe counts; a server may have been updated since."""


_TOOL = ToolSpec(
    name="note",
    description="Note one word.",
    parameters={
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
        "additionalProperties": False,
    },
)
_MAX_TOKENS = 1_000
"""Room for a model that thinks before it answers."""
_BOTH = 2
_FATAL = frozenset({401, 402, 403, 404, 405})


class _Remembered(Value):
    at: datetime
    capabilities: Capabilities


class StoredCapabilities:
    """Implements `ports.KnownCapabilities` for one endpoint and model."""

    def __init__(self, model: ChatModel, settings: LlmSettings, values: Values, clock: Clock) -> None:
        """Remember in `values` what `model` can do."""
        self._model = model
        self._values = values
        self._clock = clock
        self._lock = asyncio.Lock()
        self._latest: _Remembered | None = None
        endpoint = hashlib.sha256(f"{settings.base_url}\n{settings.model}".encode()).hexdigest()
        self.key = f"llm/capabilities/{endpoint[:16]}"
        """Name of the stored value, with a digest of endpoint and model."""

    async def known(self) -> Capabilities:
        """What was probed or learned within a week; else four small calls find out.

        Raises:
            ModelError: Nothing is remembered, and the endpoint can't be asked.
            StoreError: The store can't be read or written.
        """
        async with self._lock:
            found = self._latest or self._remembered(await self._values.get(self.key))
            if found is None or self._clock.now() - found.at > MAX_AGE:
                return await self._keep(await probe(self._model))
            self._latest = found
            return found.capabilities

    async def probe(self) -> Capabilities:
        """Ask again and remember. Raises ModelError, StoreError."""
        return await self._keep(await probe(self._model))

    async def learn(self, capabilities: Capabilities) -> None:
        """Remember what a run has found. Raises StoreError."""
        if self._latest is None or self._latest.capabilities != capabilities:
            await self._keep(capabilities)

    async def _keep(self, capabilities: Capabilities) -> Capabilities:
        now = self._clock.now()
        self._latest = _Remembered(at=now, capabilities=capabilities)
        await self._values.put(self.key, self._latest.model_dump(mode="json"), now=now)
        return capabilities

    @staticmethod
    def _remembered(value: object) -> _Remembered | None:
        """A stored value; one from another version counts as none."""
        try:
            return None if value is None else _Remembered.model_validate(value)
        except ValidationError:
            return None


async def probe(model: ChatModel) -> Capabilities:
    """Ask four small questions.

    Raises:
        ModelError: The endpoint can't be reached, refuses the key, or doesn't know the model.
    """
    problems: list[str] = []
    schema = ChatRequest(
        messages=(Message(role="user", content='Answer in JSON: {"word": "alpha"}'),),
        response_schema=_TOOL.parameters,
        max_tokens=_MAX_TOKENS,
    )
    questions = (
        _request("Call the tool `note` with the word alpha.", (_TOOL,)),
        _request("Call the tool `note` twice in this one reply: with alpha and with beta.", (_TOOL,)),
        _request("Call the tool `note` with the word alpha.", (_TOOL.model_copy(update={"strict": True}),)),
        schema,
    )
    # One after the other: what the first refusal teaches about the endpoint's quirks serves the next question.
    one, two, strict, formed = [await _try(model, question, problems) for question in questions]
    return Capabilities(
        model=next(
            (reply.model for reply in (one, two, strict, formed) if reply is not None and reply.model), model.name
        ),
        tools=_calls(one) > 0,
        parallel_tools=_calls(two) >= _BOTH,
        strict_tools=strict is not None and "strict" not in strict.without and _calls(strict) > 0,
        json_schema=formed is not None and _word(formed.content),
        problems=tuple(dict.fromkeys(problems)),
    )


async def round_trip(model: ChatModel) -> str:
    """Two turns with a tool, each of the model's own messages sent back to it.

    Returns:
        What is wrong; empty if nothing is.

    Raises:
        ModelError: The endpoint refuses the conversation.
    """
    said = "Call the tool `note` with the word alpha. When it has answered, call it with the word beta, alone."
    messages = [Message(role="user", content=said)]
    for turn in ("first", "second"):
        reply = await model.complete(ChatRequest(messages=tuple(messages), tools=(_TOOL,), max_tokens=_MAX_TOKENS))
        if not _calls(reply):
            return f"it called no tool in the {turn} turn"
        calls = reply.tool_calls
        messages.append(Message(role="assistant", content=reply.content, tool_calls=calls, opaque=reply.opaque))
        messages += [Message(role="tool", content="noted", tool_call_id=call.id) for call in calls]
    await model.complete(ChatRequest(messages=tuple(messages), tools=(_TOOL,), max_tokens=_MAX_TOKENS))
    return ""


def _request(text: str, tools: tuple[ToolSpec, ...]) -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", content=text),), tools=tools, max_tokens=_MAX_TOKENS)


async def _try(model: ChatModel, request: ChatRequest, problems: list[str]) -> ChatReply | None:
    try:
        return await model.complete(request)
    except ModelError as error:
        if not error.unsupported and (error.retryable or error.status is None or error.status in _FATAL):
            raise
        problems.append(str(error))
        return None


def _calls(reply: ChatReply | None) -> int:
    """Calls of our tool with a word in them."""
    return 0 if reply is None else sum(call.name == _TOOL.name and _word(call.arguments) for call in reply.tool_calls)


def _word(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and isinstance(value.get("word"), str)
