"""What to make of a model's reply: does it conclude, what does it ask, and how may it stand in the conversation."""

import json

import regex

from triage.ports import ChatReply, ToolCall
from triage.stages.investigation.draft import DraftInvalid, read_json, result_in
from triage.stages.investigation.tools import CONCLUDE

HISTORY_CHARS = 20_000
"""Characters of one thing the model wrote that stay in the conversation."""
_LONGEST_NAME = 64
_LINE = 160
_NAME = regex.compile(r"[^A-Za-z0-9_-]")


def concluding(reply: ChatReply) -> ToolCall | None:
    """The call that ends the investigation; one that is written as plain JSON counts too."""
    for call in reply.tool_calls:
        if call.name == CONCLUDE:
            return call
    if reply.tool_calls or '"verdict"' not in reply.content:
        return None
    found = result_in(reply.content)
    return None if found is None else ToolCall(id="content", name=CONCLUDE, arguments=found)


def described(call: ToolCall) -> str:
    """A call as a person likes to read it: the question, then the tool with what it was given."""
    try:
        value = read_json(call.arguments or "{}")
    except DraftInvalid:
        return f"{call.name} {one_line(call.arguments)}"
    given = dict(value) if isinstance(value, dict) else {"arguments": value}
    reason = given.pop("reason", "")
    shown = ", ".join(f"{name}={text if isinstance(text, str) else json.dumps(text)}" for name, text in given.items())
    return f"{one_line(str(reason))} [{call.name} {one_line(shown)}]" if reason else f"{call.name} {one_line(shown)}"


def canonical(call: ToolCall) -> str:
    """The same for calls that ask the same."""
    try:
        value = read_json(call.arguments or "{}")
    except DraftInvalid:
        return f"{call.name} {call.arguments}"
    return f"{call.name} {json.dumps(value, sort_keys=True)}"


def kept(call: ToolCall) -> ToolCall:
    """A call as it may stand in the conversation: servers refuse one whose name or arguments are broken."""
    arguments = call.arguments
    try:
        sound = len(arguments) <= HISTORY_CHARS and isinstance(read_json(arguments), dict)
    except DraftInvalid:
        sound = False
    name = _NAME.sub("_", call.name)[:_LONGEST_NAME] or "unknown"
    return ToolCall(id=call.id, name=name, arguments=arguments if sound else "{}")


def nothing(reply: ChatReply) -> str:
    """What is wrong with a reply that called nothing."""
    if reply.finish_reason == "length":
        return "the reply was cut at the limit of output tokens"
    return "the reply called no tool" if reply.content.strip() else "the reply was empty"


def no_result(reply: ChatReply) -> str:
    """Why a reply in which the model may only conclude holds no result."""
    if reply.refusal:
        return f"the model refused: {one_line(reply.refusal)}"
    return "tools were called where only `conclude` may be" if reply.tool_calls else nothing(reply)


def one_line(text: str | tuple[str, ...]) -> str:
    """One short line of what somebody wrote, for a message."""
    shown = "; ".join(text) if isinstance(text, tuple) else str(text)
    return " ".join(shown.split())[:_LINE]
