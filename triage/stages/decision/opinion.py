"""The second, short model call: what it is asked, and how its reply is read. It sees no text of a log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, cast

import regex
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from triage.domain.base import Value
from triage.domain.canary import canary_of
from triage.domain.clean import printable_sentence
from triage.domain.redaction import redact
from triage.domain.verdict import Disposition, Usage
from triage.errors import ModelError
from triage.ports import ChatReply, Message, ToolSpec
from triage.stages.model_calls import (
    Lowered,
    ModelBudget,
    ModelCall,
    ModelCaller,
    ModelContext,
    ModelFailure,
    ReplyInvalid,
    Share,
    endpoint_fault,
    leaks,
    read_json,
    result_request,
    schema_of,
    validated,
)

TOOL = "weigh"
_CALLS = 4
"""Requests at most: the first, one repair, and each form that the endpoint refuses."""
_MIN_SECONDS = 15.0
_MAX_REPLY_CHARS = 20_000
_MAX_REASON_CHARS = 1_200
_CITED = regex.compile(r"\[([\d\s,;#FfE-]{1,80})\]|\bfindings?\s+#?((?:\d{1,3}(?:\s*(?:,|and|&|to|-)\s*)?){1,20})")
_NUMBER = regex.compile(r"(?<![\dE])\d{1,3}(?!\d)")
_FOREIGN = regex.compile(r"://|www\.|[<>`=@]|\]\(|!\[|(?i:javascript:|data:|arn:)|(?:\d{1,3}\.){3}\d{1,3}")
"""What is never among the facts: a reason that holds it comes from elsewhere."""


class Opinion(Value):
    """The second call's result, checked."""

    disposition: Disposition
    confidence: float = Field(ge=0, le=1)
    reason: str = ""
    """One paragraph that cites verified findings by number; empty if it didn't."""
    answers: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    """By the name of a flag, the findings that answer it in the judge's eyes; what the table makes of that is another
    matter."""
    rejected: frozenset[str] = frozenset()
    """Flags that it calls unanswered; one that measured facts answer is open again."""


@dataclass(frozen=True, slots=True)
class Adjudication:
    """How the second call ended."""

    opinion: Opinion | None = None
    notes: tuple[str, ...] = ()
    """Why there is no opinion, or what was left out of it; in words for the reader."""


class WireAnswer(BaseModel):
    """One flag."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flag: str = Field(max_length=60, description="Name of the flag")
    findings: list[int] = Field(max_length=20, description="Numbers of the findings that answer it; empty: unanswered")


class WireOpinion(BaseModel):
    """The whole result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flags: list[WireAnswer] = Field(
        default_factory=list,
        max_length=40,
        description="Each open flag, once; an answered one only to reject its answer, with no findings",
    )
    disposition: Annotated[Disposition, Lowered] = Field(description="What the facts show")
    confidence: Annotated[float, Share] = Field(ge=0, le=1, description="Between 0 and 1")
    reason: str = Field(
        min_length=1, max_length=4_000, description="One paragraph; cites findings by number in brackets, such as [2]"
    )


async def adjudicate_with_model(
    facts: Mapping[str, JsonValue], context: ModelContext, *, before: Usage
) -> tuple[Adjudication, Usage]:
    """Ask a model what the proven facts show.

    Whatever the model does, there is an end after a few calls: one request, one repair, and one for each form that the
    endpoint turns out not to support.

    Args:
        facts: From `facts_of`.
        context: The model is asked once, or twice if its reply can't be read; its journal keys are `adjudicate/1`, ….
        before: What the investigation has spent.

    Returns:
        The opinion or why there is none, and what the calls cost. A model that writes nonsense is not an error here:
        the rules can decide alone.

    Raises:
        ModelError: The model can't be reached now, its configuration is wrong, or it or its content filter refuses.
        StoreError: The journal can't be written or read.
    """
    caller = ModelCaller(context, min_seconds=_MIN_SECONDS, keeps_prompts=False, seconds=before.seconds)
    budget = ModelBudget(context, lambda: caller.seconds, before)
    adjudication = await _adjudicate(facts, caller, budget)
    spent = budget.spent
    usage = Usage(
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cached_tokens=spent.cached_tokens,
        money=spent.money,
        seconds=round(caller.seconds - before.seconds, 3),
    )
    return adjudication, usage


async def _adjudicate(facts: Mapping[str, JsonValue], caller: ModelCaller, budget: ModelBudget) -> Adjudication:
    prompts, capabilities = caller.context.prompts, caller.context.capabilities
    verified = frozenset(_finding_number(entry) for entry in cast("list[JsonValue]", facts["findings"]))
    canary = canary_of(prompts.digest)
    schema = schema_of(WireOpinion, strict=True)
    form = prompts.render("adjudication.form.md.j2", {"schema": schema})
    messages = [
        Message(role="system", content=prompts.render("adjudication.system.md.j2", {"canary": canary})),
        Message(role="user", content=prompts.render("adjudication.facts.md.j2", {"facts": dict(facts)})),
    ]
    repaired = False
    for number in range(1, _CALLS + 1):
        strict = capabilities.strict_tools
        tool = ToolSpec(name=TOOL, description="Give the result. Call it once.", parameters=schema, strict=strict)
        limit = caller.context.max_output_tokens
        request = result_request(messages, capabilities, tool=tool, schema=schema, form=form, max_tokens=limit)
        refusal = budget.refusal(request)
        if refusal:
            return _without_opinion(refusal)
        call = ModelCall(f"adjudicate/{number}", request, budget.estimate(request), concluding=True)
        reply = await caller.call(call)
        if isinstance(reply, ModelFailure):
            fewer = capabilities.without(reply.unsupported)
            if fewer == capabilities:
                return _without_opinion(reply.message)
            capabilities = fewer
            continue
        budget.count(request, reply)
        if leaks(canary, reply):
            return _without_opinion("the model wrote out its own instructions")
        text = _result_text(reply)
        try:
            return parse_opinion(text, verified)
        except ReplyInvalid as error:
            if repaired:
                if fault := endpoint_fault(reply):
                    raise ModelError(fault) from error
                return _without_opinion(f"no valid reply: {printable_sentence(str(error), 200)}")
            repaired = True
            # Plain text both ways: a server may refuse a tool call that is broken.
            messages.append(Message(role="assistant", content=text[:_MAX_REASON_CHARS] or "(nothing)"))
            problems = {"problems": list(error.problems)}
            messages.append(Message(role="user", content=prompts.render("adjudication.repair.md.j2", problems)))
    return _without_opinion("the endpoint refuses every form of the request")


def _without_opinion(why: str) -> Adjudication:
    return Adjudication(
        notes=(
            f"There is no second opinion on the findings ({printable_sentence(why, 240)}); the rules decided alone.",
        )
    )


def _result_text(reply: ChatReply) -> str:
    return next((call.arguments for call in reply.tool_calls if call.name == TOOL), reply.content)


def _finding_number(entry: JsonValue) -> int:
    number = entry.get("number") if isinstance(entry, dict) else None
    return number if isinstance(number, int) else 0


def parse_opinion(text: str, verified: frozenset[int]) -> Adjudication:
    """Read a result.

    Args:
        text: JSON as the model wrote it.
        verified: Numbers of the findings that a reason may cite.

    Raises:
        ReplyInvalid: With every problem.
    """
    wire = validated(WireOpinion, read_json(text, limit=_MAX_REPLY_CHARS))
    reason = printable_sentence(redact(wire.reason), _MAX_REASON_CHARS)
    objection = _objection_to(reason, verified)
    answers = {each.flag: tuple(n for n in each.findings if n in verified) for each in wire.flags if each.findings}
    rejected = frozenset(each.flag for each in wire.flags if not each.findings) - answers.keys()
    opinion = Opinion(
        rejected=rejected,
        disposition=wire.disposition,
        confidence=wire.confidence,
        reason="" if objection else reason,
        answers=answers,
    )
    notes = (f"The reason given with the second opinion is left out: {objection}.",) if objection else ()
    return Adjudication(opinion, notes)


def _objection_to(reason: str, verified: frozenset[int]) -> str:
    """Why a reason is not shown; empty if it may be."""
    if _FOREIGN.search(reason):
        return "it holds an address, a link or markup, which were not among the facts"
    cited = {
        int(number)
        for match in _CITED.finditer(reason)
        for number in _NUMBER.findall(match.group(1) or match.group(2) or "")
    }
    if not cited:
        return "it cites no finding"
    unknown = sorted(cited - verified)
    return f"it cites finding {', '.join(map(str, unknown))}, which did not hold or isn't there" if unknown else ""
