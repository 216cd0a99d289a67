"""The second, short model call: what it is asked, how its reply is read. Pure; the pipeline performs the call."""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Annotated, cast

import regex
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from triage.domain.base import Value
from triage.domain.canary import canary_of, carries
from triage.domain.clean import prose
from triage.domain.redaction import redact
from triage.domain.verdict import Disposition
from triage.ports import Capabilities, ChatReply, ChatRequest, Message, Prompts, Spend, ToolSpec
from triage.settings import Price

TOOL = "weigh"
_CALLS = 4
"""Requests at most: the first, one repair, and each form that the endpoint refuses."""
_LONGEST_REPLY = 20_000
_LONGEST_REASON = 1_200
_PROBLEMS = 12
_BYTES_PER_TOKEN = 3.0
_NUMBERS = regex.compile(r"\[([\d\s,;#FfE-]{1,80})\]|\bfindings?\s+#?((?:\d{1,3}(?:\s*(?:,|and|&|to|-)\s*)?){1,20})")
_NUMBER = regex.compile(r"(?<![\dE])\d{1,3}(?!\d)")
_FOREIGN = regex.compile(r"://|www\.|[<>`=@]|\]\(|!\[|(?i:javascript:|data:|arn:)|(?:\d{1,3}\.){3}\d{1,3}")
"""What the adjudicator never saw, so that a reason which holds it comes from elsewhere."""


class Opinion(Value):
    """What the second call gave, checked."""

    disposition: Disposition
    confidence: float = Field(ge=0, le=1)
    reason: str = ""
    """One paragraph that cites verified findings by number; empty where it did not."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the model once."""

    key: str
    """Journal key, such as `adjudicate/1`."""
    request: ChatRequest
    estimate: Spend
    """What it may cost, by its bytes and by what the reply may have."""


class Refused(Value):
    """The model gave no reply."""

    message: str
    unsupported: str = ""
    """`tools` or `response_format`, where the endpoint has no such thing."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """The end of the second call."""

    opinion: Opinion | None = None
    notes: tuple[str, ...] = ()
    """Why there is no opinion, or what of it was left out; in words for the reader."""


Weighing = Generator[Ask, ChatReply | Refused, Weighed]


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class WireOpinion(BaseModel):
    """The whole reply."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    disposition: Annotated[Disposition, BeforeValidator(_lower)] = Field(description="What the facts show")
    confidence: float = Field(ge=0, le=1, description="Between 0 and 1")
    reason: str = Field(
        min_length=1, max_length=4_000, description="One paragraph; cites findings by number in brackets, such as [2]"
    )


def schema() -> dict[str, JsonValue]:
    """The JSON schema of the reply, every property required."""
    words: list[JsonValue] = [disposition.value for disposition in Disposition]
    fields = WireOpinion.model_fields
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["disposition", "confidence", "reason"],
        "properties": {
            "disposition": {"type": "string", "enum": words, "description": fields["disposition"].description},
            "confidence": {"type": "number", "description": fields["confidence"].description},
            "reason": {"type": "string", "description": fields["reason"].description},
        },
    }


def weigh(
    facts: Mapping[str, JsonValue],
    *,
    prompts: Prompts,
    max_output_tokens: int,
    affordable: Callable[[Ask], str],
    capabilities: Capabilities,
    price: Price | None = None,
) -> Weighing:
    """Have the proven facts weighed.

    Args:
        facts: As `facts_of` gives them.
        prompts: The templates.
        max_output_tokens: Tokens of one reply.
        affordable: Why a request doesn't fit the budgets; empty where it does.
        capabilities: Of the endpoint.
        price: Of the model, where it is known.

    Yields:
        `Ask`; send back the reply, or why there is none.

    Returns:
        The opinion, or the reason why the rules decide alone. Whatever the model does, there is an end after a few
        calls: one request, one repair, and one for each form that the endpoint turns out not to have.
    """
    verified = frozenset(_number(entry) for entry in cast("list[JsonValue]", facts["findings"]))
    canary = canary_of(prompts.digest)
    messages = [
        Message(role="system", content=prompts.render("adjudication.system.md.j2", {"canary": canary})),
        Message(role="user", content=prompts.render("adjudication.facts.md.j2", {"facts": dict(facts)})),
    ]
    can = capabilities
    repaired = False
    for number in range(1, _CALLS + 1):
        request = _request(messages, can, prompts, max_output_tokens)
        ask = Ask(f"adjudicate/{number}", request, _estimate(request, price))
        too_much = affordable(ask)
        if too_much:
            return _alone(too_much)
        reply = yield ask
        if isinstance(reply, Refused):
            less = can.without(reply.unsupported)
            if less == can:
                return _alone(reply.message)
            can = less
            continue
        said = _said(reply)
        if carries(canary, (reply.content, reply.refusal, *(call.arguments for call in reply.tool_calls))):
            return _alone("the model wrote out its own instructions")
        opinion = _read(said, verified)
        if isinstance(opinion, Weighed):
            return opinion
        if repaired:
            return _alone(f"no valid reply: {prose('; '.join(opinion), 200)}")
        repaired = True
        # Plain text both ways: a server may refuse a tool call that is broken.
        messages.append(Message(role="assistant", content=said[:_LONGEST_REASON] or "(nothing)"))
        problems = {"problems": list(opinion)}
        messages.append(Message(role="user", content=prompts.render("adjudication.repair.md.j2", problems)))
    return _alone("the endpoint refuses every form of the request")


def _alone(why: str) -> Weighed:
    return Weighed(
        notes=(f"The findings were not weighed a second time ({prose(why, 240)}); the rules decided alone.",)
    )


def _request(messages: list[Message], can: Capabilities, prompts: Prompts, max_tokens: int) -> ChatRequest:
    """Tools and a response format never stand in one request."""
    if can.tools and (can.strict_tools or not can.json_schema):
        description = "Give the result. Call it once."
        tool = ToolSpec(name=TOOL, description=description, parameters=schema(), strict=can.strict_tools)
        return ChatRequest(messages=tuple(messages), tools=(tool,), tool_choice=TOOL, max_tokens=max_tokens)
    form = prompts.render("adjudication.form.md.j2", {"schema": schema()})
    last = messages[-1].model_copy(update={"content": f"{messages[-1].content}\n\n{form}"})
    return ChatRequest(
        messages=(*messages[:-1], last),
        response_schema=schema() if can.json_schema else None,
        max_tokens=max_tokens,
    )


def _estimate(request: ChatRequest, price: Price | None) -> Spend:
    said = sum(len(message.content.encode("utf-8", "replace")) for message in request.messages)
    tokens = int((said + sum(len(tool.model_dump_json()) for tool in request.tools)) / _BYTES_PER_TOKEN) + 1
    money = price.cost(prompt=tokens, completion=request.max_tokens) if price is not None else 0.0
    return Spend(calls=1, prompt_tokens=tokens, completion_tokens=request.max_tokens, money=money)


def _said(reply: ChatReply) -> str:
    for call in reply.tool_calls:
        if call.name == TOOL:
            return call.arguments
    return reply.content


def _number(entry: JsonValue) -> int:
    number = entry.get("number") if isinstance(entry, dict) else None
    return number if isinstance(number, int) else 0


def _read(text: str, verified: frozenset[int]) -> Weighed | list[str]:
    """The opinion of a reply, or everything that is wrong with it."""
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    if not bare:
        return ["it is empty"]
    if len(bare) > _LONGEST_REPLY:
        return [f"it has {len(bare)} characters; at most {_LONGEST_REPLY} are read"]
    try:
        wire = WireOpinion.model_validate(json.loads(bare))
    except ValidationError as error:
        return [
            f"{'.'.join(map(str, entry['loc'])) or 'the result'}: {entry['msg']}"[:200]
            for entry in error.errors(include_url=False, include_context=False, include_input=False)[:_PROBLEMS]
        ]
    except (ValueError, RecursionError) as error:
        return [f"it is not one JSON object ({type(error).__name__})"]
    reason = prose(redact(wire.reason), _LONGEST_REASON)
    objection = objection_to(reason, verified)
    opinion = Opinion(disposition=wire.disposition, confidence=wire.confidence, reason="" if objection else reason)
    notes = (f"The reason given with the second weighing is left out: {objection}.",) if objection else ()
    return Weighed(opinion, notes)


def objection_to(reason: str, verified: frozenset[int]) -> str:
    """Why a reason is not shown; empty where it may be."""
    if _FOREIGN.search(reason):
        return "it holds an address, a link or markup, which were not among the facts"
    cited = {
        int(number)
        for match in _NUMBERS.finditer(reason)
        for number in _NUMBER.findall(match.group(1) or match.group(2) or "")
    }
    if not cited:
        return "it cites no finding"
    unknown = sorted(cited - verified)
    return f"it cites finding {', '.join(map(str, unknown))}, which did not hold or isn't there" if unknown else ""
