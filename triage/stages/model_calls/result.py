"""How a model is made to give a result in JSON, whatever its endpoint supports, and how that JSON is read."""

import json
from collections.abc import Sequence
from enum import Enum
from typing import NoReturn, TypeVar, cast

import regex
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


W = TypeVar("W", bound=BaseModel)
_PACKED = frozenset({"list_type", "dict_type", "model_type", "model_attributes_type", "tuple_type"})
"""Problems of a string where a list or an object belongs."""
_MAX_UNPACKED = 200
_TENS, _PERCENT = 10, 100
_COMMA = regex.compile(r'(?P<keep>"(?:[^"\\]|\\.)*+")|,(?=\s*[}\]])')
"""A comma before a closing bracket; strings are matched first, to be kept."""


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


def _share(value: object) -> object:
    """A percentage as a share, where it can be nothing else: `"85%"`, and numbers above 10."""
    if isinstance(value, str):
        number = value.strip().removesuffix("%").strip()
        try:
            share = float(number) / (100 if number != value.strip() else 1)
        except ValueError:
            return value
        return _share(share) if number == value.strip() else share
    if isinstance(value, int | float) and not isinstance(value, bool) and _TENS < value <= _PERCENT:
        return value / _PERCENT
    return value


Share = BeforeValidator(_share)
"""Accepts a percentage for a number between 0 and 1."""


def validated(model: type[W], value: JsonValue) -> W:
    """Check a value against a model's form; lists and objects that came as JSON in a string are unpacked.

    Raises:
        ReplyInvalid: With every problem.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        places = [entry["loc"] for entry in error.errors(include_url=False) if entry["type"] in _PACKED]
        unpacked = value
        for place in places[:_MAX_UNPACKED]:
            unpacked = _unpacked(unpacked, place)
        if unpacked == value:
            raise ReplyInvalid(explain(error)) from None
    try:
        return model.model_validate(unpacked)
    except ValidationError as error:
        raise ReplyInvalid(explain(error)) from None


def _unpacked(value: JsonValue, place: Sequence[int | str]) -> JsonValue:
    """The value with the string at a place replaced by the JSON that it holds."""
    if not place:
        try:
            inner = json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            return value
        return inner if isinstance(inner, list | dict) else value
    key, rest = place[0], place[1:]
    if isinstance(value, dict) and isinstance(key, str) and key in value:
        return {**value, key: _unpacked(value[key], rest)}
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return [*value[:key], _unpacked(value[key], rest), *value[key + 1 :]]
    return value


def read_json(text: str, *, limit: int = MAX_CHARS, finish_reason: str = "") -> JsonValue:
    """Read JSON, bare, in a code fence or in a string; a comma before a closing bracket is passed over.

    Args:
        text: As the model wrote it.
        limit: Characters that are read.
        finish_reason: As the server gave it; explains JSON that breaks off.

    Raises:
        ReplyInvalid: It is empty, too long, or not JSON.
    """
    bare = _unfenced(text)
    if not bare:
        raise ReplyInvalid(["it is empty"])
    if len(bare) > limit:
        raise ReplyInvalid([f"it has {len(bare)} characters; at most {limit} are read"])
    try:
        value = _loads(bare)
        if isinstance(value, str) and value.lstrip().startswith(("{", "[", "```")):
            value = _loads(_unfenced(value))
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


def _unfenced(text: str) -> str:
    bare = text.strip()
    return bare.removeprefix("```json").removeprefix("```").removesuffix("```").strip() if bare[:3] == "```" else bare


def _loads(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError:
        without = _COMMA.sub(lambda match: match["keep"] or "", text)
        if without == text:
            raise
        value = json.loads(without, parse_constant=_refuse)
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


def endpoint_fault(reply: ChatReply) -> str:
    """What the operator has to change, where a reply that can't be used is none of the model's own: it is empty, or was
    cut. Empty if the model has said what it wanted to."""
    if reply.finish_reason == "length":
        return (
            "the model's result was cut at the limit of output tokens; raise llm.max_output_tokens, then "
            "`triage queue retry --fresh`"
        )
    if reply.content.strip() or reply.tool_calls:
        return ""
    return "the model's replies are empty; `triage check --model` shows what its endpoint can do"


def leaks(canary: str, reply: ChatReply) -> bool:
    """Whether a reply carries the canary, the word that only the instructions hold."""
    calls = (text for call in reply.tool_calls for text in (call.name, call.arguments))
    return carries(canary, (reply.content, reply.refusal, *calls))
