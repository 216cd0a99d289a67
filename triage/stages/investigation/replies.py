"""How a model's reply is read: whether it concludes, what it asks, and what of it is kept in the conversation."""

import json

import regex
from pydantic import JsonValue

from triage.ports import ChatReply, ToolCall
from triage.stages.investigation.ask_form import MAX_QUESTIONS
from triage.stages.investigation.tools import ASK, CONCLUDE
from triage.stages.model_calls import MAX_CHARS, ReplyInvalid, read_json

HISTORY_CHARS = 20_000
"""Characters of one reply, or of one call's arguments, that stay in the conversation."""
_MAX_NAME = 64
_MAX_OBJECTS = 50
"""Opening braces in a reply's prose that are tried."""
_LINE = 160
_NAME = regex.compile(r"[^A-Za-z0-9_-]")


def conclude_call(reply: ChatReply) -> ToolCall | None:
    """The call that ends the investigation; one that is written as plain JSON counts too."""
    for call in reply.tool_calls:
        if call.name == CONCLUDE:
            return call
    if reply.tool_calls or '"verdict"' not in reply.content:
        return None
    found = _result_in(reply.content)
    return None if found is None else ToolCall(id="content", name=CONCLUDE, arguments=found)


def _result_in(text: str) -> str | None:
    """The one result in a reply, bare, fenced or among prose; `None` if there is none.

    If there are several different ones none is taken: the model may be quoting one that it found in a log.
    """
    try:
        return text if isinstance(read_json(text), dict) else None
    except ReplyInvalid:
        pass
    found: dict[str, str] = {}
    decoder = json.JSONDecoder()
    place, tries = text.find("{"), 0
    while 0 <= place < MAX_CHARS and tries < _MAX_OBJECTS:
        tries += 1
        end = place + 1
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            pass
        else:
            if isinstance(value, dict) and {"verdict", "summary"} <= set(value):
                found[json.dumps(value, sort_keys=True)] = text[place:end]
        place = text.find("{", end)
    return next(iter(found.values())) if len(found) == 1 else None


def describe_call(call: ToolCall) -> str:
    """A call in words for a person: the question, then the tool with its arguments."""
    try:
        value = read_json(call.arguments or "{}")
    except ReplyInvalid:
        return f"{call.name} {one_line(call.arguments)}"
    if asked := [each["reason"] for each in _asked(call) if isinstance(each, dict) and each.get("reason")]:
        return f"{one_line(tuple(map(str, asked)))} [{ASK}]"
    given = dict(value) if isinstance(value, dict) else {"arguments": value}
    reason = given.pop("reason", "")
    shown = ", ".join(f"{name}={text if isinstance(text, str) else json.dumps(text)}" for name, text in given.items())
    return f"{one_line(str(reason))} [{call.name} {one_line(shown)}]" if reason else f"{call.name} {one_line(shown)}"


def questions_in(call: ToolCall) -> int:
    """How many questions a call asks: the answer to each is as long as that to a call of its own."""
    return max(len(_asked(call)), 1)


def _asked(call: ToolCall) -> list[JsonValue]:
    """The questions of a call of `ask`, as they came, as many as are read."""
    try:
        value = read_json(call.arguments) if call.name == ASK else None
    except ReplyInvalid:
        return []
    listed = value.get("questions") if isinstance(value, dict) else None
    return listed[:MAX_QUESTIONS] if isinstance(listed, list) else []


def canonical_call(call: ToolCall) -> str:
    """A text that is the same for calls that ask the same."""
    try:
        value = read_json(call.arguments or "{}")
    except ReplyInvalid:
        return f"{call.name} {call.arguments}"
    return f"{call.name} {json.dumps(value, sort_keys=True)}"


def sound_call(call: ToolCall) -> ToolCall:
    """A call with a valid name and arguments: servers refuse a conversation with a broken one."""
    arguments = call.arguments
    try:
        sound = len(arguments) <= HISTORY_CHARS and isinstance(read_json(arguments), dict)
    except ReplyInvalid:
        sound = False
    name = _NAME.sub("_", call.name)[:_MAX_NAME] or "unknown"
    return call.model_copy(update={"name": name, "arguments": arguments if sound else "{}"})


def why_no_call(reply: ChatReply) -> str:
    """What is wrong with a reply that called nothing."""
    if reply.finish_reason == "length":
        return "the reply was cut at the limit of output tokens"
    return "the reply called no tool" if reply.content.strip() else "the reply was empty"


def why_no_result(reply: ChatReply) -> str:
    """Why a reply holds no result, in a turn in which the model may only conclude."""
    return "tools were called, but only `conclude` may be called now" if reply.tool_calls else why_no_call(reply)


def one_line(text: str | tuple[str, ...]) -> str:
    """A text as one short line, for a message."""
    shown = "; ".join(text) if isinstance(text, tuple) else str(text)
    return " ".join(shown.split())[:_LINE]
