"""The language model, its prompts and what it costs."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

from pydantic import Field, JsonValue

from triage.domain.base import Value

Opaque = dict[str, JsonValue]
"""Fields of an endpoint's own, such as thought signatures: never read, and sent back as they came."""


class ToolCall(Value):
    id: str
    name: str
    arguments: str
    """As the model wrote it: JSON by promise only."""
    opaque: Opaque = Field(default_factory=dict)


class Message(Value):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    opaque: Opaque = Field(default_factory=dict)
    """Of an assistant's message."""


class ToolSpec(Value):
    name: str
    description: str
    parameters: dict[str, JsonValue]
    """JSON schema of the arguments."""
    strict: bool = False


class ChatRequest(Value):
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of one tool."""
    response_schema: dict[str, JsonValue] | None = None
    """JSON schema of the answer; never together with tools."""
    max_tokens: int = 4_000
    temperature: float | None = None


class ChatReply(Value):
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = ""
    refusal: str = ""
    opaque: Opaque = Field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    model: str = ""
    """As the server names it."""
    without: tuple[str, ...] = ()
    """Parts of the request that had to be left out for this endpoint, such as `strict`."""


class ChatModel(Protocol):
    @property
    def name(self) -> str: ...

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Ask once; retries on 429 and 5xx happen inside. Raises ModelError."""


class Capabilities(Value):
    """What an endpoint has been observed to support."""

    model: str = ""
    """As the server names it."""
    tools: bool = False
    parallel_tools: bool = False
    """Several calls in one turn."""
    strict_tools: bool = False
    """Takes `strict` and fills the schema."""
    json_schema: bool = False
    """Answers in a given JSON schema."""
    problems: tuple[str, ...] = ()
    """What the endpoint said when it refused, one line each."""

    def describe(self) -> str:
        """One line for a person."""
        seen = {
            "tools": self.tools,
            "parallel tools": self.parallel_tools,
            "strict tools": self.strict_tools,
            "JSON schema": self.json_schema,
        }
        return ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in seen.items())

    def without(self, feature: str) -> "Capabilities":
        """The same without what the endpoint has refused: `tools` or `response_format`."""
        changes = {
            "tools": {"tools": False, "parallel_tools": False, "strict_tools": False},
            "response_format": {"json_schema": False},
        }
        return self.model_copy(update=changes.get(feature, {}))


class KnownCapabilities(Protocol):
    """What is known about the configured endpoint and model, across runs and processes."""

    async def known(self) -> Capabilities:
        """As remembered; probed if nothing is remembered or it is too old. Raises ModelError, StoreError."""

    async def learn(self, capabilities: Capabilities) -> None:
        """Remember what a run has found to be different. Raises StoreError."""


class Spend(Value):
    """What model calls have cost."""

    calls: int = 0
    prompt_tokens: int = 0
    """Including the cached ones."""
    cached_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    """In `llm.currency`, by `llm.prices`; 0 where the model has no price."""

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def plus(self, other: "Spend") -> "Spend":
        return Spend.model_validate({name: getattr(self, name) + getattr(other, name) for name in Spend.model_fields})


class Meter(Protocol):
    """The day's budget for all alerts, and a record of what one alert's model calls have cost."""

    def admit(self, estimate: Spend, *, concluding: bool) -> AbstractAsyncContextManager[str]:
        """Yield why the day's budget refuses a call; empty where it doesn't. Raises StoreError.

        Args:
            estimate: What the call may cost; it counts as spent by this process until the block ends.
            concluding: The call concludes from what is there, for which a reserve is kept.
        """

    async def book(self, key: str, reply: ChatReply, estimate: Spend) -> None:
        """Record what a call cost, once per journal key; a count that the server leaves out is estimated.

        Raises StoreError.
        """


class Prompts(Protocol):
    """The templates of `prompts/`."""

    def render(self, name: str, variables: Mapping[str, object]) -> str:
        """Fill one template; a missing variable or template raises PromptError."""

    @property
    def digest(self) -> str:
        """SHA-256 over all templates, in hexadecimal."""
