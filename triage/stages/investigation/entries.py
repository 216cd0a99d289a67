"""What the journal keeps of a turn and of a tool call: a restart reads it back, and `show --transcript` prints it."""

from typing import TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.errors import StoreError
from triage.ports import ChatReply, Message, ToolCall
from triage.stages.investigation.effects import ModelFailure, ToolAnswer

V = TypeVar("V", bound=Value)


class AskedEntry(Value):
    """A turn, under a key such as `model/3`."""

    reply: ChatReply | None = None
    failure: ModelFailure | None = None
    seconds: float
    at: Moment | None = None
    """When it was asked; entries of older versions don't say."""
    estimate: int = 0
    """Tokens that the prompt was expected to have."""
    messages: tuple[Message, ...] = ()
    """The prompt: what was added since the turn before, or all of it where that was rewritten."""
    rewritten: bool = False
    """The messages take the place of the earlier ones."""


class RanEntry(Value):
    """A tool call, under a key such as `tools/3/0`."""

    answer: ToolAnswer
    seconds: float
    at: Moment | None = None
    call: ToolCall | None = None
    """As the model made it; entries of older versions don't say."""


def read_entry(model: type[V], value: JsonValue, key: str) -> V:
    """Read an entry. Raises StoreError for one of another version."""
    try:
        return TypeAdapter(model).validate_python(value)
    except ValidationError as error:
        raise StoreError(f"the journal's entry {key} is of another version; investigate the alert afresh") from error
