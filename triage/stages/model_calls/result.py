"""How a model is made to give a result in JSON, whatever its endpoint supports, and how that JSON is read."""

import json
from collections.abc import Sequence
from enum import Enum
from typing import NoReturn, cast

from pydantic import BaseModel, BeforeValidator, JsonValue, ValidationError

from triage.domain.canary import carries
from triage.ports import Capabilities, ChatReply, ChatRequest, Message, ToolSpec

MAX_CHARS = 200_000
"""Characters of a reply that are read at all."""
_MAX_PROBLEMS = 25
_DROPPED = frozenset({"title", "default", "$defs", "discriminator", "minLength", "maxLength"})
_UNENFORCED = _DROPPED | {
    "minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minItems", "maxItems", "uniqueItems",
}  # fmt: skip
"""Keywords that one strict mode or another refuses; the reply is checked against all of them afterwards."""


class ReplyInvalid(ValueError):
    """A model's text is not what was asked for; `problems` lists everything that is wrong with it, a line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems."""
        super().__init__("; ".join(problems)[:2_000])
        self.problems = tuple(problems)


# ---- asking ------------------------------------------------------------------------------------------------------


class ResultMode(Enum):
    """How an endpoint is made to give a result."""

    TOOL = "tool"
    """By calling a tool, strictly if it can."""
    SCHEMA = "schema"
    """By a reply in a JSON schema, in a request without tools."""
    TEXT = "text"
    """By a reply whose text is the JSON."""


def result_mode(capabilities: Capabilities) -> ResultMode:
    """The most reliable mode that an endpoint supports."""
    if capabilities.tools and (capabilities.strict_tools or not capabilities.json_schema):
        return ResultMode.TOOL
    return ResultMode.SCHEMA if capabilities.json_schema else ResultMode.TEXT


def result_request(
    messages: Sequence[Message],
    capabilities: Capabilities,
    *,
    tool: ToolSpec,
    schema: dict[str, JsonValue],
    form: str,
    max_tokens: int,
) -> ChatRequest:
    """A request in which the model may only give its result. Tools and a response format are never in one request.

    Args:
        messages: The conversation.
        capabilities: Of the endpoint.
        tool: What carries the result.
        schema: Of the result, for endpoints that take one in place of a tool.
        form: Asks for the result as JSON, for endpoints without tools.
        max_tokens: Of the reply.
    """
    mode = result_mode(capabilities)
    if mode is ResultMode.TOOL:
        return ChatRequest(messages=tuple(messages), tools=(tool,), tool_choice=tool.name, max_tokens=max_tokens)
    return ChatRequest(
        messages=_merged((*_without_calls(messages), Message(role="user", content=form))),
        response_schema=schema if mode is ResultMode.SCHEMA else None,
        max_tokens=max_tokens,
    )


def _without_calls(messages: Sequence[Message]) -> list[Message]:
    """The same conversation without tool calls: servers refuse those in a request that offers no tools."""
    found = []
    for message in messages:
        if message.role == "tool":
            found.append(Message(role="user", content=message.content))
        elif message.tool_calls:
            calls = (f"{call.name} {call.arguments}" for call in message.tool_calls)
            content = "\n".join(part for part in (message.content, *calls) if part)
            found.append(Message(role="assistant", content=content))
        else:
            found.append(message)
    return found


def _merged(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Neighbours of one role as one message: some chat templates want user and assistant to take turns."""
    found: list[Message] = []
    for message in messages:
        if found and found[-1].role == message.role and not message.tool_calls:
            found[-1] = message.model_copy(update={"content": f"{found[-1].content}\n\n{message.content}"})
        else:
            found.append(message)
    return tuple(found)


def schema_of(model: type[BaseModel], *, strict: bool = False) -> dict[str, JsonValue]:
    """A model's JSON schema as model servers take it: references resolved in place, no titles, no defaults.

    Args:
        model: Flat and without recursion.
        strict: As strict modes want it: every property is required (optional ones allow null), bounds are left out.
    """
    whole = cast("dict[str, JsonValue]", model.model_json_schema())
    definitions = whole.get("$defs", {})
    assert isinstance(definitions, dict)
    return cast("dict[str, JsonValue]", _resolved(whole, definitions, strict))


def _resolved(node: JsonValue, definitions: dict[str, JsonValue], strict: bool) -> JsonValue:
    if isinstance(node, list):
        return [_resolved(item, definitions, strict) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        target = definitions[reference.removeprefix("#/$defs/")]
        assert isinstance(target, dict)
        beside = {key: value for key, value in node.items() if key != "$ref"}
        if "enum" in target:
            # What a class of ours is for is no news to a model.
            target = {key: value for key, value in target.items() if key != "description"}
        return _resolved({**target, **beside}, definitions, strict)
    found: dict[str, JsonValue] = {}
    for key, value in node.items():
        if key == "properties" and isinstance(value, dict):
            found[key] = {name: _resolved(item, definitions, strict) for name, item in value.items()}
        elif key not in (_UNENFORCED if strict else _DROPPED):
            found[key] = _resolved(value, definitions, strict)
    either = found.get("anyOf")
    if not strict and isinstance(either, list) and {"type": "null"} in either and len(either) == 2:  # noqa: PLR2004
        # What may be left out need not be null.
        only = next(each for each in either if each != {"type": "null"})
        assert isinstance(only, dict)
        found = {**only, **{key: value for key, value in found.items() if key != "anyOf"}}
    properties = found.get("properties")
    if isinstance(properties, dict) and strict:
        found["required"] = list(properties)
    return found


# ---- reading -----------------------------------------------------------------------------------------------------


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Lowered = BeforeValidator(_lower)
"""Accepts an enumerated word in any letter case."""


def read_json(text: str, *, limit: int = MAX_CHARS, finish_reason: str = "") -> JsonValue:
    """Read strict JSON, bare or in a code fence.

    Args:
        text: As the model wrote it.
        limit: Characters that are read.
        finish_reason: As the server gave it; explains JSON that breaks off.

    Raises:
        ReplyInvalid: It is empty, too long, or not JSON.
    """
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    if not bare:
        raise ReplyInvalid(["it is empty"])
    if len(bare) > limit:
        raise ReplyInvalid([f"it has {len(bare)} characters; at most {limit} are read"])
    try:
        value: JsonValue = json.loads(bare, parse_constant=_refuse)
        # Numbers and lone surrogates that JSON proper can't hold would break the journal later.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        cut = "; it was cut at the limit of output tokens: write less" if finish_reason == "length" else ""
        raise ReplyInvalid([f"it is not JSON ({error.msg}, character {error.pos}){cut}"]) from error
    except RecursionError as error:
        raise ReplyInvalid(["it is nested too deeply"]) from error
    except ValueError as error:
        raise ReplyInvalid([f"it is not JSON ({type(error).__name__})"]) from error
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def explain(error: ValidationError) -> list[str]:
    """Every problem that validation found, one line each: where, what, and what is allowed."""
    found = []
    for entry in error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_PROBLEMS]:
        place = ".".join(str(part) for part in entry["loc"]) or "the result"
        words = {"extra_forbidden": "is not a field of the schema; leave it out", "missing": "is missing"}
        found.append(f"{place}: {words.get(entry['type'], entry['msg'])}"[:300])
    if error.error_count() > _MAX_PROBLEMS:
        found.append(f"and {error.error_count() - _MAX_PROBLEMS} more")
    return found


def leaks(canary: str, reply: ChatReply) -> bool:
    """Whether a reply carries the canary, the word that only the instructions hold."""
    calls = (text for call in reply.tool_calls for text in (call.name, call.arguments))
    return carries(canary, (reply.content, reply.refusal, *calls))
