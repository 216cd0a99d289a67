"""What a model's endpoint supports: one tiny call for each question."""

import json

from triage.domain.base import Value
from triage.errors import ModelError
from triage.ports import ChatModel, ChatReply, ChatRequest, Message, ToolSpec

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


class Capabilities(Value):
    """What an endpoint was seen to do."""

    model: str
    """As the server names it."""
    tools: bool = False
    parallel_tools: bool = False
    """Several calls in one turn."""
    strict_tools: bool = False
    """Takes `strict` and fills the schema."""
    json_schema: bool = False
    """Answers in a given JSON schema."""
    problems: tuple[str, ...] = ()
    """What the endpoint said where it refused, one line each."""

    def describe(self) -> str:
        """One line for a person."""
        seen = {
            "tools": self.tools,
            "parallel tools": self.parallel_tools,
            "strict tools": self.strict_tools,
            "JSON schema": self.json_schema,
        }
        return ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in seen.items())


async def probe(model: ChatModel) -> Capabilities:
    """Ask four small questions.

    Raises:
        ModelError: The endpoint can't be reached, refuses the key, or doesn't know the model.
    """
    problems: list[str] = []
    one = await _try(model, _request("Call the tool `note` with the word alpha.", (_TOOL,)), problems)
    two = await _try(
        model, _request("Call the tool `note` twice in this one reply: with alpha and with beta.", (_TOOL,)), problems
    )
    strict = await _try(
        model,
        _request("Call the tool `note` with the word alpha.", (_TOOL.model_copy(update={"strict": True}),)),
        problems,
    )
    schema = ChatRequest(
        messages=(Message(role="user", content='Answer in JSON: {"word": "alpha"}'),),
        response_schema=_TOOL.parameters,
        max_tokens=_MAX_TOKENS,
    )
    formed = await _try(model, schema, problems)
    return Capabilities(
        model=next(
            (reply.model for reply in (one, two, strict, formed) if reply is not None and reply.model), model.name
        ),
        tools=_calls(one) > 0,
        parallel_tools=_calls(two) >= _BOTH,
        strict_tools=_calls(strict) > 0,
        json_schema=formed is not None and _word(formed.content),
        problems=tuple(dict.fromkeys(problems)),
    )


def _request(text: str, tools: tuple[ToolSpec, ...]) -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", content=text),), tools=tools, max_tokens=_MAX_TOKENS)


async def _try(model: ChatModel, request: ChatRequest, problems: list[str]) -> ChatReply | None:
    try:
        return await model.complete(request)
    except ModelError as error:
        if error.retryable or error.status is None or error.status in _FATAL:
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
