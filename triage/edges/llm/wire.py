"""Converts our requests and replies to and from the JSON of the Chat Completions API.

Source: OpenAI API reference, "Create chat completion"; servers differ in the details that are handled here.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

import regex
from pydantic import JsonValue

from triage.edges.llm.quirks import EndpointQuirks
from triage.errors import ModelError
from triage.ports import ChatReply, ChatRequest, Message, Opaque, ToolCall, ToolSpec

_FILTERED = frozenset({"content_filter", "safety", "SAFETY", "PROHIBITED_CONTENT", "prohibited_content", "blocklist"})
"""Reasons for which a reply ends at a content filter."""
_MESSAGE_FIELDS = frozenset({"role", "content", "tool_calls", "function_call", "refusal"})
_CALL_FIELDS = frozenset({"id", "type", "function"})
_FUNCTION_FIELDS = frozenset({"name", "arguments"})
_MAX_OPAQUE = 400_000
"""Characters of one message's own fields that are kept."""
_OPENED = regex.compile(r"(?i)<(?:think|thinking|thought|reasoning)>")
_CLOSED = regex.compile(r"(?i)</(?:think|thinking|thought|reasoning)>")
_MARKS = regex.compile(r"<\|")
_WRITTEN = regex.compile(r"<tool_call>|</tool_call>|\[TOOL_CALLS\]|<\|python_tag\|>|<\|eom_id\|>")
_WRITTEN_START = ("<tool_call>", "[TOOL_CALLS]", "<|python_tag|>")


def left_out(request: ChatRequest, quirks: EndpointQuirks) -> tuple[str, ...]:
    """The features of a request that are left out for this endpoint."""
    return ("strict",) if not quirks.strict and any(tool.strict for tool in request.tools) else ()


def request_body(request: ChatRequest, quirks: EndpointQuirks, *, reasoning_effort: str = "") -> dict[str, JsonValue]:
    """The body of a request without its model and messages.

    Args:
        request: What is asked.
        quirks: Of the endpoint.
        reasoning_effort: As configured; empty: not sent.
    """
    body: dict[str, JsonValue] = {quirks.output_key: request.max_tokens}
    if request.temperature is not None and quirks.temperature:
        body["temperature"] = request.temperature
    if reasoning_effort and quirks.reasoning_effort:
        body["reasoning_effort"] = reasoning_effort
    if request.tools:
        body["tools"] = [_tool(tool, quirks) for tool in request.tools]
        choice = _tool_choice(request, quirks)
        if choice is not None:
            body["tool_choice"] = choice
    elif request.response_schema is not None:
        form: dict[str, JsonValue] = {"name": "result", "schema": _shaped(request.response_schema, quirks)}
        if quirks.strict:
            form["strict"] = True
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return body


def _tool_choice(request: ChatRequest, quirks: EndpointQuirks) -> JsonValue:
    choice = request.tool_choice
    if quirks.tool_choice == "none":
        return None
    if choice == "auto" or quirks.tool_choice == "auto":
        return "auto"
    if choice in ("none", "required"):
        return choice
    if quirks.tool_choice == "named":
        return {"type": "function", "function": {"name": choice}}
    # With one tool on offer the word means the same.
    return "required" if len(request.tools) == 1 else "auto"


def _tool(tool: ToolSpec, quirks: EndpointQuirks) -> JsonValue:
    function: dict[str, JsonValue] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": _shaped(tool.parameters, quirks),
    }
    if tool.strict and quirks.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _shaped(schema: JsonValue, quirks: EndpointQuirks) -> JsonValue:
    """A schema without what the endpoint refuses; replies are checked against all of it anyway."""
    if quirks.closed_schemas and quirks.unions:
        return schema
    if isinstance(schema, list):
        return [_shaped(item, quirks) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _shaped(value, quirks) for key, value in schema.items()}
    # A property may have any name; only as a keyword, whose value is no schema, is it one.
    if not quirks.closed_schemas and isinstance(found.get("additionalProperties"), bool):
        del found["additionalProperties"]
    either = found.get("anyOf")
    if not quirks.unions and isinstance(either, list):
        del found["anyOf"]
        kinds = [each for each in either if isinstance(each, dict) and each.get("type") != "null"]
        if len(kinds) == 1:
            found = {**kinds[0], **found}
    return found


# ---- messages ----------------------------------------------------------------------------------------------------


def message_bodies(messages: Sequence[Message], quirks: EndpointQuirks) -> list[dict[str, JsonValue]]:
    """The messages of a request as the endpoint takes them."""
    shaped = list(messages)
    if quirks.system_role == "user":
        shaped = _without_system(shaped)
    if not quirks.user_after_tool:
        shaped = _answered_tools(shaped)
    if quirks.alternating:
        shaped = _taking_turns(shaped)
    bodies = [_message_body(message, quirks) for message in shaped]
    if quirks.system_role == "developer":
        bodies = [{**body, "role": "developer"} if body["role"] == "system" else body for body in bodies]
    return bodies


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The instructions as the beginning of the user's first message."""
    rules = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    place = next((number for number, message in enumerate(rest) if message.role == "user"), None)
    if not rules:
        return rest
    if place is None:
        return [Message(role="user", content=rules), *rest]
    rest[place] = rest[place].model_copy(update={"content": f"{rules}\n\n{rest[place].content}"})
    return rest


def _answered_tools(messages: Sequence[Message]) -> list[Message]:
    """An assistant's word between a tool's result and the user, for templates that want one there."""
    found: list[Message] = []
    for message in messages:
        if message.role == "user" and found and found[-1].role == "tool":
            found.append(Message(role="assistant", content="Noted."))
        found.append(message)
    return found


def _taking_turns(messages: Sequence[Message]) -> list[Message]:
    """Neighbours of one role as one message."""
    found: list[Message] = []
    for message in messages:
        last = found[-1] if found else None
        plain = not message.tool_calls and message.role in ("user", "assistant")
        if last is not None and plain and last.role == message.role and not last.tool_calls:
            content = f"{last.content}\n\n{message.content}"
            found[-1] = last.model_copy(update={"content": content, "opaque": {**last.opaque, **message.opaque}})
        else:
            found.append(message)
    return found


def _message_body(message: Message, quirks: EndpointQuirks) -> dict[str, JsonValue]:
    """One message as the API takes it."""
    # A lone surrogate can't be sent as UTF-8.
    content = message.content.encode("utf-8", "replace").decode("utf-8")
    own = dict(message.opaque) if quirks.opaque else {}
    match message.role:
        case "tool":
            return {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}
        case "assistant" if message.tool_calls:
            calls: list[JsonValue] = [_call_body(call, quirks) for call in message.tool_calls]
            return {"role": "assistant", "content": content or None, **own, "tool_calls": calls}
        case "assistant":
            return {"role": "assistant", "content": content, **own}
        case _:
            return {"role": message.role, "content": content}


def _call_body(call: ToolCall, quirks: EndpointQuirks) -> dict[str, JsonValue]:
    own = dict(call.opaque) if quirks.opaque else {}
    function = own.pop("function", {})
    more = function if isinstance(function, dict) else {}
    return {
        "type": "function",
        **own,
        "id": call.id,
        "function": {**more, "name": call.name, "arguments": call.arguments},
    }


# ---- replies -----------------------------------------------------------------------------------------------------


def reply_of(value: JsonValue) -> ChatReply:
    """Read a completion.

    What is missing reads as empty: no choices, null content, no usage. Tool arguments that come as an object are
    written out, ids that are missing or repeated are made up.

    Raises:
        ModelError: It is no completion, or it reports an error in place of one.
    """
    if not isinstance(value, Mapping):
        raise ModelError("the model's endpoint answered with JSON that is not a completion", status=200)
    usage = _object(value.get("usage"))
    details = _object(usage.get("prompt_tokens_details"))
    common = {
        "prompt_tokens": _count(usage.get("prompt_tokens")),
        "completion_tokens": _count(usage.get("completion_tokens")),
        "cached_tokens": _count(details.get("cached_tokens")),
    }
    model = _text(value.get("model"))
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, Mapping):
        if "choices" not in value:
            raise ModelError("the model's endpoint answered with JSON that is not a completion", status=200)
        return ChatReply(finish_reason="no_choices", model=model, **common)
    message = _object(first.get("message"))
    reason = _text(first.get("finish_reason"))
    refusal = _text(message.get("refusal"))
    if not refusal and reason in _FILTERED:
        refusal = "the endpoint's content filter stopped the reply"
    thought = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    content = without_thinking(_content(message.get("content")))
    seed = _text(value.get("id"))
    calls = _calls(message, seed)
    if not calls:
        calls, content = _written_calls(content, seed)
    if not content.strip() and not calls and reason != "length":
        # Some servers file the answer with the thinking.
        content = without_thinking(thought)
    return ChatReply(
        content=content,
        tool_calls=calls,
        finish_reason=reason,
        refusal=refusal,
        opaque=_opaque(message, _MESSAGE_FIELDS, content=message.get("content")),
        model=model,
        **common,
    )


def without_thinking(text: str) -> str:
    """A reply without the thinking before it. Thinking that never ends leaves nothing."""
    start = text.lstrip()
    opened = _OPENED.match(start)
    if opened is None and start.startswith(("{", "[", "`")):
        return text
    end = _CLOSED.search(start)
    if end is None:
        return "" if opened is not None else text
    return start[end.end() :]


def _calls(message: Mapping[str, JsonValue], seed: str) -> tuple[ToolCall, ...]:
    given = message.get("tool_calls")
    entries: list[JsonValue] = given if isinstance(given, list) else []
    if not entries and isinstance(message.get("function_call"), Mapping):
        entries = [{"function": message.get("function_call")}]
    found: dict[str, ToolCall] = {}
    for place, entry in enumerate(entries):
        call = _object(entry)
        function = _object(call.get("function"))
        name = tool_name(_text(function.get("name")))
        if not name:
            continue
        arguments = function.get("arguments")
        written = arguments if isinstance(arguments, str) else json.dumps(arguments if arguments is not None else {})
        identity = _text(call.get("id"))
        if not identity or identity in found:
            identity = _identity(seed, place, name, written)
        opaque = _opaque(call, _CALL_FIELDS)
        if more := _opaque(function, _FUNCTION_FIELDS):
            opaque["function"] = more
        found[identity] = ToolCall(id=identity, name=name, arguments=_encodable(written), opaque=opaque)
    return tuple(found.values())


def _written_calls(content: str, seed: str) -> tuple[tuple[ToolCall, ...], str]:
    """The calls in a reply that is nothing but calls, written as text; and what is left of it.

    Among prose none is taken: the model may be quoting one that it found in a log.
    """
    bare = content.strip()
    if not bare.startswith(_WRITTEN_START):
        return (), content
    found: list[ToolCall] = []
    for place, part in enumerate(_WRITTEN.split(bare)):
        if not part.strip():
            continue
        try:
            value = json.loads(part)
        except (ValueError, RecursionError):
            return (), content
        for entry in value if isinstance(value, list) else [value]:
            call = _object(entry)
            name = tool_name(_text(call.get("name")))
            arguments = call.get("arguments", call.get("parameters"))
            if not name or arguments is None:
                return (), content
            written = arguments if isinstance(arguments, str) else json.dumps(arguments)
            number = place + len(found)
            found.append(ToolCall(id=_identity(seed, number, name, written), name=name, arguments=_encodable(written)))
    return tuple(found), ""


def tool_name(text: str) -> str:
    """A tool's name without the namespace and the marks that some models write around it."""
    return _MARKS.split(text.strip(), maxsplit=1)[0].removeprefix("functions.").strip()


def _identity(seed: str, place: int, name: str, arguments: str) -> str:
    """An id in the strictest form that a server wants: nine letters and digits, another one for each call."""
    return hashlib.sha256(f"{seed}\n{place}\n{name}\n{arguments}".encode("utf-8", "replace")).hexdigest()[:9]


def _opaque(given: Mapping[str, JsonValue], known: frozenset[str], *, content: JsonValue = None) -> Opaque:
    """The fields that are the server's own, as they came; too large ones are left out."""
    found = {name: value for name, value in given.items() if name not in known and value not in (None, "", [], {})}
    if isinstance(content, list) and any(_object(part).get("type", "text") != "text" for part in content):
        found["content"] = content
    try:
        if len(json.dumps(found)) > _MAX_OPAQUE:
            return {}
        return {_encodable(name): _cleaned(value) for name, value in found.items()}
    except RecursionError:
        return {}


def _cleaned(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return {_encodable(name): _cleaned(item) for name, item in value.items()} if isinstance(value, dict) else value


def _content(value: JsonValue) -> str:
    if isinstance(value, list):
        # Some servers give a list of parts.
        return _encodable("".join(_text(_object(part).get("text")) for part in value))
    return _text(value)


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, Mapping) else {}


def _text(value: JsonValue) -> str:
    return _encodable(value) if isinstance(value, str) else ""


def _encodable(text: str) -> str:
    """A lone surrogate could not be journalled."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _count(value: JsonValue) -> int:
    return max(int(value), 0) if isinstance(value, int | float) and abs(value) < 1e12 else 0  # noqa: PLR2004 - nonsense
