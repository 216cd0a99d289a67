"""What to make of a model's reply: does it conclude, what does it ask, and how may it stand in the conversation."""

import json

import regex

from triage.ports import ChatReply, ToolCall
from triage.stages.investigation.draft import DraftInvalid, read_json
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
    try:
        value = read_json(reply.content)
    except DraftInvalid:
        return None
    return None if not isinstance(value, dict) else ToolCall(id="content", name=CONCLUDE, arguments=reply.content)


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


def one_line(text: str | tuple[str, ...]) -> str:
    """One short line of what somebody wrote, for a message."""
    shown = "; ".join(text) if isinstance(text, tuple) else str(text)
    return " ".join(shown.split())[:_LINE]
