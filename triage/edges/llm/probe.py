"""What a model's endpoint supports: one tiny call for each question."""

import json

from triage.errors import ModelError
from triage.ports import Capabilities, ChatModel, ChatReply, ChatRequest, Message, ToolSpec

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
    # One after the other: what the first refusal teaches about the endpoint's manners serves the next question.
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
