"""Converts our requests and replies to and from the JSON of the Chat Completions API.

Source: OpenAI API reference, "Create chat completion"; servers differ in the details that are handled here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue

from triage.errors import ModelError
from triage.ports import ChatReply, ChatRequest, Message, ToolCall, ToolSpec


@dataclass(frozen=True, slots=True)
class EndpointQuirks:
    """How a server differs from OpenAI's API; learned from its refusals."""

    output_key: str = "max_tokens"
    """`max_completion_tokens` for OpenAI's newer models, which refuse the old name."""
    temperature: bool = True
    """Reasoning models refuse any temperature but their default."""
    named_choice: bool = True
    """Some servers accept only `auto`, others no named tool."""
    strict: bool = True
    """Some servers don't know `strict`."""

    def adapted(self, said: str, parameter: str) -> "EndpointQuirks | None":
        """What to try after a refusal; `None` if it names nothing that can be changed.

        Args:
            said: The server's message, in any case.
            parameter: The parameter that it names in a separate field, if it does.
        """
        text = f"{parameter} {said}".lower()
        other = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}[self.output_key]
        if parameter == self.output_key or f"'{self.output_key}'" in text or (parameter == "" and other in text):
            return replace(self, output_key=other)
        if self.output_key in text.split() or f"`{self.output_key}`" in text or f'"{self.output_key}"' in text:
            return replace(self, output_key=other)
        if self.temperature and "temperature" in text:
            return replace(self, temperature=False)
        if self.named_choice and "tool_choice" in text:
            return replace(self, named_choice=False)
        if self.strict and "strict" in text:
            return replace(self, strict=False)
        return None

    def left_out(self, request: ChatRequest) -> tuple[str, ...]:
        """The features of a request that are left out for this server."""
        return ("strict",) if not self.strict and any(tool.strict for tool in request.tools) else ()


def request_body(request: ChatRequest, quirks: EndpointQuirks) -> dict[str, JsonValue]:
    """The body of a request without its model and messages."""
    body: dict[str, JsonValue] = {quirks.output_key: request.max_tokens}
    if request.temperature is not None and quirks.temperature:
        body["temperature"] = request.temperature
    if request.tools:
        body["tools"] = [_tool(tool, quirks) for tool in request.tools]
        choice = request.tool_choice
        if choice in ("auto", "none", "required"):
            body["tool_choice"] = choice if quirks.named_choice else "auto"
        elif quirks.named_choice:
            body["tool_choice"] = {"type": "function", "function": {"name": choice}}
        else:
            body["tool_choice"] = "auto"
    elif request.response_schema is not None:
        schema: dict[str, JsonValue] = {"name": "result", "schema": request.response_schema, "strict": quirks.strict}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def _tool(tool: ToolSpec, quirks: EndpointQuirks) -> JsonValue:
    function: dict[str, JsonValue] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    if tool.strict and quirks.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def message_body(message: Message) -> dict[str, JsonValue]:
    """One message as the API takes it."""
    # A lone surrogate can't be sent as UTF-8.
    content = message.content.encode("utf-8", "replace").decode("utf-8")
    match message.role:
        case "tool":
            return {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}
        case "assistant" if message.tool_calls:
            calls: list[JsonValue] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in message.tool_calls
            ]
            return {"role": "assistant", "content": content or None, "tool_calls": calls}
        case _:
            return {"role": message.role, "content": content}


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
    if not refusal and reason == "content_filter":
        refusal = "the endpoint's content filter stopped the reply"
    return ChatReply(
        content=_content(message.get("content")),
        tool_calls=_calls(message),
        finish_reason=reason,
        refusal=refusal,
        model=model,
        **common,
    )


def _calls(message: Mapping[str, JsonValue]) -> tuple[ToolCall, ...]:
    given = message.get("tool_calls")
    found: dict[str, ToolCall] = {}
    for place, entry in enumerate(given if isinstance(given, list) else []):
        call = _object(entry)
        function = _object(call.get("function"))
        name = _text(function.get("name"))
        if not name:
            continue
        arguments = function.get("arguments")
        written = arguments if isinstance(arguments, str) else json.dumps(arguments if arguments is not None else {})
        identity = _text(call.get("id")) or f"call_{place}"
        if identity in found:
            identity = f"{identity}_{place}"
        found[identity] = ToolCall(id=identity, name=name, arguments=_encodable(written))
    return tuple(found.values())


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
