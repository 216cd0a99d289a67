"""The conversation in which a model turns a runbook into questions: one request, one repair, the grammar for the rest."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from triage import logtypes
from triage.domain.canary import canary_of
from triage.domain.clean import printable_sentence
from triage.domain.plan import PlanSource, RunbookPlan
from triage.domain.question import ActionClass, Asked, Outcome, Reads
from triage.domain.redaction import redact
from triage.domain.untrusted import Fence, shorten, visible_json
from triage.domain.verdict import Usage
from triage.errors import ModelError
from triage.ports import ChatReply, Message, ToolSpec
from triage.questions.plan_check import PlanProblem, fitted
from triage.stages.model_calls import (
    ModelBudget,
    ModelCall,
    ModelCaller,
    ModelContext,
    ModelFailure,
    leaks,
    result_request,
    schema_of,
)
from triage.stages.runbooks.wire import ReadSteps, WirePlan, read_steps

TOOL = "plan"
_CALLS = 4
"""Requests at most: the first, one repair, and each form that the endpoint refuses."""
_MIN_SECONDS = 30.0
_MAX_FIELDS = 60
_MAX_DESCRIPTION = 600
_PARTS: Mapping[str, frozenset[str]] = {
    "actor": frozenset({"actor"}),
    "action": frozenset({"action"}),
    "target": frozenset({"target"}),
    "outcome": frozenset({"refused", "failed"}),
    "address": frozenset({"address"}),
    "session": frozenset({"session"}),
    "recipient": frozenset({"recipient"}),
    "host": frozenset({"host"}),
}
"""What a question may use of a log, and the terms of its log type that say where it is."""
_MAX_QUOTED = 8_000
"""Characters of a reply that are shown to the model again."""


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """A plan by the model, and what it rests on."""

    plan: RunbookPlan
    notes: tuple[str, ...] = ()
    """Which steps are the grammar's after all, and why."""
    problems: tuple[PlanProblem, ...] = ()
    """What was left out of the plan."""
    usage: Usage = field(default_factory=Usage)


class PassingJournal:
    """A journal that keeps nothing: a plan's own file is the record of its compilation. Implements `ports.RunJournal`."""

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:  # noqa: ARG002 - the port's names
        return await perform()


@dataclass(frozen=True, slots=True)
class ModelCompiler:
    """Compiles runbooks with a language model; the same checks as for every plan decide what holds."""

    context: ModelContext

    async def compile(
        self, base: RunbookPlan, log_types: Sequence[str], *, title: str = "", description: str = ""
    ) -> ModelPlan:
        """Compile a runbook.

        Args:
            base: The grammar's plan: its steps and their texts are kept, and it stands in for what the model can't do.
            log_types: Of the detection.
            title: The detection's, to understand the steps by.
            description: The same.

        Raises:
            ModelError: The model can't be reached now, or its configuration is wrong.
        """
        if not base.steps:
            return ModelPlan(base)
        caller = ModelCaller(self.context, min_seconds=_MIN_SECONDS, keeps_prompts=False)
        budget = ModelBudget(self.context, lambda: caller.seconds)
        found, why = await _Conversation(caller, budget, base, tuple(log_types), title, description).run()
        spent = budget.spent
        usage = Usage(
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            cached_tokens=spent.cached_tokens,
            money=spent.money,
            seconds=round(caller.seconds, 3),
        )
        steps = tuple(found.good.get(step.step, step) for step in base.steps)
        source = PlanSource.MODEL if found.good else base.source
        plan, problems = fitted(base.model_copy(update={"steps": steps, "source": source}), log_types)
        return ModelPlan(plan, _notes(base, found, why), problems, usage)


def _notes(base: RunbookPlan, found: ReadSteps, why: str) -> tuple[str, ...]:
    missing = [step.step for step in base.steps if step.step not in found.good]
    if why or len(missing) == len(base.steps):
        reason = why or "; ".join(found.lines()) or "it gave no step"
        return (f"The model gave no usable plan ({printable_sentence(reason, 300)}); the grammar's is used.",)
    return tuple(
        f"Step {number}: the model's questions do not hold "
        f"({printable_sentence('; '.join(found.problems.get(number, ['none were given'])), 240)}); the grammar's are used."
        for number in missing
    )


@dataclass(frozen=True, slots=True)
class _Conversation:
    caller: ModelCaller
    budget: ModelBudget
    base: RunbookPlan
    log_types: tuple[str, ...]
    title: str
    description: str

    async def run(self) -> tuple[ReadSteps, str]:
        """The steps that hold, and why there are none; that is empty if there are some."""
        context = self.caller.context
        prompts, capabilities = context.prompts, context.capabilities
        canary = canary_of(prompts.digest)
        schema = schema_of(WirePlan, strict=True)
        form = prompts.render("adjudication.form.md.j2", {"schema": schema})
        messages = self._messages(canary)
        best, repaired = ReadSteps(), False
        for number in range(1, _CALLS + 1):
            strict = capabilities.strict_tools
            tool = ToolSpec(name=TOOL, description="Give the plan. Call it once.", parameters=schema, strict=strict)
            limit = context.max_output_tokens
            request = result_request(messages, capabilities, tool=tool, schema=schema, form=form, max_tokens=limit)
            refusal = self.budget.refusal(request)
            if refusal:
                return best, "" if best.good else refusal
            try:
                reply = await self.caller.call(ModelCall(f"runbook/{number}", request, self.budget.estimate(request)))
            except ModelError as error:
                if not error.of_alert:
                    raise
                # A text that the model or its filter refuses has the grammar's plan.
                return best, "" if best.good else str(error)
            if isinstance(reply, ModelFailure):
                fewer = capabilities.without(reply.unsupported)
                if fewer == capabilities:
                    return best, "" if best.good else reply.message
                capabilities = fewer
                continue
            self.budget.count(request, reply)
            if leaks(canary, reply):
                return ReadSteps(), "the model wrote out its own instructions"
            text = _result_text(reply)
            best = _better(best, read_steps(text, self.base.steps, self.log_types, finish_reason=reply.finish_reason))
            if repaired or not best.problems:
                return best, ""
            repaired = True
            # Plain text both ways: a server may refuse a tool call that is broken.
            messages.append(Message(role="assistant", content=text[:_MAX_QUOTED] or "(nothing)"))
            problems = {"problems": best.lines()}
            messages.append(Message(role="user", content=prompts.render("adjudication.repair.md.j2", problems)))
        return best, "" if best.good else "the endpoint refuses every form of the request"

    def _messages(self, canary: str) -> list[Message]:
        prompts = self.caller.context.prompts
        fence = Fence(self.caller.context.clock.token(8))
        words = {
            "canary": canary,
            "classes": [each.value for each in ActionClass],
            "outcomes": [each.value for each in Outcome],
            "asks": [each.value for each in Asked],
            "reads": [each.value for each in Reads],
        }
        steps: list[JsonValue] = [{"step": step.step, "text": redact(step.text)} for step in self.base.steps]
        given = {
            "log_types": list(self.log_types),
            "known": {log_type: _known_of(log_type) for log_type in self.log_types},
            "fields": {log_type: _field_paths(log_type) for log_type in self.log_types},
            "others": [file.log_type for file in logtypes.shipped_log_types() if file.terms and not file.is_family],
            "detection": fence.wrap("detection", visible_json(_detection(self.base, self.title, self.description))),
            "nonce": fence.nonce,
            "steps": fence.wrap("runbook", "\n".join(map(visible_json, steps))),
        }
        return [
            Message(role="system", content=prompts.render("runbook.system.md.j2", words)),
            Message(role="user", content=prompts.render("runbook.md.j2", given)),
        ]


def _better(before: ReadSteps, after: ReadSteps) -> ReadSteps:
    """The steps of the later reply where they hold, else those of the earlier one."""
    good = {**before.good, **after.good}
    problems = {number: texts for number, texts in after.problems.items() if number not in good}
    return ReadSteps(good, problems)


def _known_of(log_type: str) -> str:
    """Which roles and which of an act's parts a log type is known to have, and which it lacks, in words."""
    terms = logtypes.terms_of(log_type)
    if not terms:
        return (
            "which fields hold the action, the target and the outcome is not known: ask about `field:path`, without "
            "`classes`, `actions`, `words` and `outcome`"
        )
    have = [name for name, needed in _PARTS.items() if needed & terms.keys()]
    lack = [name for name in _PARTS if name not in have]
    return f"has {', '.join(have)}" + (f"; has no {', '.join(lack)}" if lack else "")


def _detection(base: RunbookPlan, title: str, description: str) -> JsonValue:
    found = {"id": base.detection, "title": redact(title), "description": redact(description)}
    return shorten({name: text for name, text in found.items() if text.strip()}, _MAX_DESCRIPTION)


def _field_paths(log_type: str) -> list[str]:
    """Where the events of a log type name identities and entities: what `field:` may point at."""
    paths = (each.path for each in logtypes.entity_fields(log_type))
    plain = (".".join(part.name for part in path) for path in paths if not any(part.where for part in path))
    return list(dict.fromkeys(path for path in plain if path and "*" not in path))[:_MAX_FIELDS]


def _result_text(reply: ChatReply) -> str:
    return next((call.arguments for call in reply.tool_calls if call.name == TOOL), reply.content)
