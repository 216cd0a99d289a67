"""What a model may answer for a runbook, and how that is read: questions in the one language, never SQL.

Each step is read by itself, so that one bad step costs only that step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from triage.domain.clean import printable_sentence
from triage.domain.plan import PlannedStep
from triage.domain.question import (
    MAX_NAMES,
    MAX_SUBJECTS,
    ActionClass,
    Asked,
    Outcome,
    PlannedQuestion,
    Reads,
)
from triage.domain.redaction import redact
from triage.questions.plan_check import MAX_NEEDS, MAX_STEP_QUESTIONS, question_problem
from triage.stages.model_calls import Lowered, ReplyInvalid, explain, read_json

MAX_REPLY_CHARS = 60_000
_MAX_TEXT = 300
_MAX_PROBLEMS = 25


def _none_as_empty(value: object) -> object:
    return [] if value is None else value


def _none_as_text(value: object) -> object:
    return "" if value is None else value


Names = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]],
    BeforeValidator(_none_as_empty),
    Field(max_length=MAX_NAMES),
]
Texts = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=_MAX_TEXT)]],
    BeforeValidator(_none_as_empty),
    Field(max_length=MAX_NEEDS),
]


class WireModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class WireWindow(WireModel):
    start: str = Field(alias="from", max_length=20, description="`history`, `dwell`, or an offset such as -24h or +0s")
    end: str = Field(alias="to", max_length=20, description="`now`, or an offset such as -1s or +6h")


class WireQuestion(WireModel):
    """One question."""

    about: Annotated[Names, Field(max_length=MAX_SUBJECTS)] = Field(
        description="Whose acts: roles, `field:path`, `kind:value`"
    )
    on: Annotated[Names, Field(max_length=MAX_SUBJECTS)] = Field(
        description="Only acts that also have one of these; often []"
    )
    logs: Names = Field(description="`own`, `sign-ins`, `alerts`, or log types")
    window: WireWindow
    classes: Annotated[list[Annotated[ActionClass, Lowered]], BeforeValidator(_none_as_empty)] = Field(
        description="Kinds of act; [] for all"
    )
    actions: Names = Field(description="Globs of the log's own action names; [] for all")
    words: Names = Field(description="Words that the action or service holds; [] for all")
    outcome: Annotated[Outcome, Lowered]
    ask: Annotated[Asked, Lowered]
    reads: Annotated[Reads, Lowered]
    at_least: int = Field(ge=1, le=1_000_000, description="For `yes if at least`; else 1")


class WireStep(WireModel):
    """What becomes of one step."""

    step: int = Field(ge=1, le=99)
    questions: Annotated[list[WireQuestion], BeforeValidator(_none_as_empty), Field(max_length=MAX_STEP_QUESTIONS)]
    needs: Texts = Field(description="What is needed that no log has; [] if nothing")
    person: Annotated[str, BeforeValidator(_none_as_text), Field(max_length=_MAX_TEXT)] = Field(
        description="What a person decides or does; empty if nothing"
    )


class WirePlan(WireModel):
    """The plan, with every step once."""

    steps: list[WireStep]


@dataclass(slots=True)
class ReadSteps:
    """A reply as far as it holds."""

    good: dict[int, PlannedStep] = field(default_factory=dict)
    """By number."""
    problems: dict[int, list[str]] = field(default_factory=dict)
    """What is wrong, by number of the step; 0: with the reply as a whole."""

    def lines(self) -> list[str]:
        """The problems, for the model."""
        found = [
            f"step {number}: {problem}" if number else problem
            for number, problems in sorted(self.problems.items())
            for problem in problems
        ]
        more = len(found) - _MAX_PROBLEMS
        return found[:_MAX_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])

    def fail(self, number: int, problem: str) -> None:
        self.problems.setdefault(number, []).append(problem)
        self.good.pop(number, None)


def read_steps(
    text: str, steps: Sequence[PlannedStep], log_types: Sequence[str], *, finish_reason: str = ""
) -> ReadSteps:
    """Read a reply.

    Args:
        text: JSON as the model wrote it.
        steps: The runbook's own, whose texts the plan keeps.
        log_types: Of the detection.
        finish_reason: As the server gave it.
    """
    found = ReadSteps()
    try:
        value = read_json(text, limit=MAX_REPLY_CHARS, finish_reason=finish_reason)
    except ReplyInvalid as error:
        found.problems[0] = list(error.problems)
        return found
    listed = value.get("steps") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        found.problems[0] = ["the result has no list `steps`"]
        return found
    texts = {step.step: step.text for step in steps}
    whole = " ".join(texts.values()).casefold()
    for entry in listed[: 2 * len(texts)]:
        _read_step(entry, texts, whole, log_types, found)
    if len(listed) > 2 * len(texts):
        found.fail(0, f"`steps` has {len(listed)} entries; the runbook has {len(texts)} steps")
    for number in texts:
        if number not in found.good and number not in found.problems:
            found.fail(number, "is missing")
    return found


def _read_step(
    entry: JsonValue, texts: Mapping[int, str], whole: str, log_types: Sequence[str], found: ReadSteps
) -> None:
    number = entry.get("step") if isinstance(entry, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number not in texts:
        found.fail(0, f"there is no step {printable_sentence(str(number), 40)}; the runbook has {len(texts)}")
        return
    if number in found.good or number in found.problems:
        found.fail(number, "is given twice")
        return
    try:
        wire = WireStep.model_validate(entry)
    except ValidationError as error:
        for problem in explain(error):
            found.fail(number, problem)
        return
    if not (wire.questions or wire.needs or wire.person.strip()):
        found.fail(number, "has no questions, no needs and no person; every step is one of these")
        return
    questions = []
    for place, given in enumerate(wire.questions):
        question, problem = _question(given, whole, log_types)
        if problem:
            found.fail(number, f"questions.{place}: {problem}")
        elif question is not None:
            questions.append(question)
    if number not in found.problems:
        found.good[number] = PlannedStep(
            step=number,
            text=texts[number],
            questions=tuple(dict.fromkeys(questions)),
            needs=tuple(dict.fromkeys(map(_sentence, wire.needs))),
            person=_sentence(wire.person),
        )


def _question(given: WireQuestion, whole: str, log_types: Sequence[str]) -> tuple[PlannedQuestion | None, str]:
    """A question as the language has it, or why it isn't one."""
    try:
        question = PlannedQuestion.model_validate(given.model_dump(mode="json", by_alias=True))
    except ValidationError as error:
        return None, "; ".join(explain(error))[:400]
    if not question.about:
        return None, "`about` names nobody; write `anyone` for everybody's acts"
    for subject in (*question.about, *question.on):
        # The runbook may name a value; a model may not make one up.
        if subject.value and subject.value.casefold() not in whole:
            return None, f"{subject.kind}:… is a value that the runbook does not name; use a role or `field:path`"
    return question, question_problem(question, log_types)


def _sentence(text: str) -> str:
    return printable_sentence(redact(text), _MAX_TEXT)
