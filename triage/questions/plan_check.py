"""What a plan may ask, whoever wrote it: the grammar, a model or a person.

A question names log types and nothing else, can be asked of at least one of them, and there are few enough of them that
a runbook can't use up an alert's budget.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from triage import logtypes
from triage.domain.plan import PlannedStep, RunbookPlan
from triage.domain.question import ALERTS, OWN, SIGN_INS, Question, Window, offset
from triage.questions.compiler import compile_question
from triage.questions.logs import logs_of
from triage.questions.parts import NotAskable

MAX_STEPS = 20
MAX_QUESTIONS = 20
"""Of one plan."""
MAX_STEP_QUESTIONS = 6
MAX_LOGS = 8
"""That one question names."""
MAX_NEEDS = 6
"""Of one step."""
MAX_CHARS = 700
"""Of a step's text, of a need, and of what a person does."""
_GROUPS = (OWN, SIGN_INS, ALERTS)
_LOG_TYPE = re.compile(r"[A-Z][A-Za-z0-9_-]{0,60}(\.[A-Za-z0-9_-]{1,60}){0,3}")
_CUSTOM = "custom."
"""Begins the names of log types that people define in Panther."""


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Something in a plan that does not hold."""

    step: int
    """Its number; 0: the whole plan."""
    why: str
    """In words, for whoever wrote the plan."""
    question: int | None = None
    """Place among the step's questions; `None`: the problem is not one question's."""


def plan_problems(plan: RunbookPlan, log_types: Sequence[str] | None = None) -> tuple[PlanProblem, ...]:
    """Everything in a plan that does not hold.

    Args:
        plan: From a grammar, a model or a file.
        log_types: Of the detection; `None`: not known yet, then questions to `own` and `alerts` are taken as askable.
    """
    return tuple(_problems(plan, log_types))


def fitted(plan: RunbookPlan, log_types: Sequence[str]) -> tuple[RunbookPlan, tuple[PlanProblem, ...]]:
    """The same plan with only what holds, and what was left out of it.

    A step whose question can't be asked says so among its needs, so that it is never taken for answered.
    """
    problems = plan_problems(plan, log_types)
    if not problems:
        return plan, ()
    steps = []
    for step in plan.steps[:MAX_STEPS]:
        wrong = [problem for problem in problems if problem.step == step.step and problem.question is not None]
        places = {problem.question for problem in wrong}
        kept = tuple(question for place, question in enumerate(step.questions) if place not in places)
        needs = dict.fromkeys((*step.needs, *(problem.why for problem in wrong)))
        steps.append(
            step.model_copy(
                update={
                    "text": step.text[:MAX_CHARS],
                    "questions": kept,
                    "needs": tuple(need[:MAX_CHARS] for need in needs)[:MAX_NEEDS],
                    "person": step.person[:MAX_CHARS],
                }
            )
        )
    return plan.model_copy(update={"steps": tuple(steps)}), problems


def question_problem(question: Question, log_types: Sequence[str] | None) -> str:
    """Why a question can't be asked; empty if it can.

    Args:
        question: Of a plan.
        log_types: Of the detection; `None`: not known.
    """
    if _is_backwards(question.window):
        return f"its window from {question.window.start} to {question.window.end} ends before it begins"
    for name in question.logs:
        problem = _log_problem(name, log_types)
        if problem:
            return problem
    if len(question.logs) > MAX_LOGS:
        return f"it names {len(question.logs)} logs; at most {MAX_LOGS} can be asked at once"
    if log_types is None and {OWN, ALERTS} & set(question.logs):
        return ""
    if log_types is None and any(name.casefold().startswith(_CUSTOM) for name in question.logs):
        return ""
    return _unaskable(question, tuple(log_types or ()))


def _unaskable(question: Question, log_types: tuple[str, ...]) -> str:
    """Why none of a question's logs can answer it; empty if one can."""
    reasons: list[str] = []
    for log_type, database in logs_of(question, log_types, None):
        try:
            compile_question(question, log_type, database=database)
        except NotAskable as error:
            reasons.append(error.why)
        else:
            return ""
    return "; ".join(dict.fromkeys(reasons)) or "none of its logs is known"


def _is_backwards(window: Window) -> bool:
    if window.start == "now" or window.end == "history":
        return True
    named = {window.start, window.end} & {"history", "dwell", "now"}
    return not named and offset(window.end) < offset(window.start)


def _log_problem(name: str, log_types: Sequence[str] | None) -> str:
    if name in _GROUPS:
        return ""
    if not _LOG_TYPE.fullmatch(name):
        return (
            f"`logs` takes {', '.join(_GROUPS)} and log types by Panther's name such as AWS.CloudTrail, no table and "
            f"no pattern; not {name[:60]!r}"
        )
    own = {each.casefold() for each in log_types or ()}
    if name.casefold() in own or (log_types is None and name.casefold().startswith(_CUSTOM)):
        return ""
    if logtypes.entity_fields(name) or name.casefold() in {each.casefold() for each in _known()}:
        # Of a file of its own, or of a family such as `CrowdStrike.*`.
        return ""
    close = get_close_matches(name, _known(), n=1)
    return f"no log type {name} is known" + (f"; did you mean {close[0]}?" if close else "")


@cache
def _known() -> tuple[str, ...]:
    """Log types with a file of their own."""
    return tuple(file.log_type for file in logtypes.shipped_log_types() if not file.is_family)


def _problems(plan: RunbookPlan, log_types: Sequence[str] | None) -> Iterator[PlanProblem]:
    if len(plan.steps) > MAX_STEPS:
        yield PlanProblem(0, f"it has {len(plan.steps)} steps; at most {MAX_STEPS} are followed")
    asked = 0
    for step in plan.steps[:MAX_STEPS]:
        yield from _of_step(step)
        for place, question in enumerate(step.questions):
            why = ""
            if place >= MAX_STEP_QUESTIONS:
                why = f"a step may have {MAX_STEP_QUESTIONS} questions; this one has {len(step.questions)}"
            else:
                why = question_problem(question, log_types)
            if not why and asked >= MAX_QUESTIONS:
                why = f"a plan may have {MAX_QUESTIONS} questions, and earlier steps have used them up"
            asked += not why
            if why:
                yield PlanProblem(step.step, why, place)


def _of_step(step: PlannedStep) -> Iterator[PlanProblem]:
    if len(step.needs) > MAX_NEEDS:
        yield PlanProblem(step.step, f"it needs {len(step.needs)} things; name at most {MAX_NEEDS}")
    for text in (step.text, step.person, *step.needs):
        if len(text) > MAX_CHARS:
            yield PlanProblem(step.step, f"a text of {len(text)} characters; write at most {MAX_CHARS}")
