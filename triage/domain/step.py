"""What enrichment made of one step of a runbook."""

import re

from pydantic import Field

from triage.domain.base import EvidenceId, Value
from triage.domain.verdict import AnswerState, RunbookAnswer

RUNBOOK = "runbook"
"""Begins the keys of a runbook's questions: `runbook.<step>.<question>[.<table>]`, after `actor2/` for a second actor."""
_STEP = re.compile(r"(?:actor\d+/)?" + RUNBOOK + r"\.(\d+)\.")


class StepOutcome(Value):
    """How a step ended. Code has written every word of it but the step's text and what a person is to do."""

    step: int = Field(ge=1)
    text: str
    """As the runbook has it."""
    state: AnswerState
    answer: str = ""
    """The answer; or why there is none; or what would be needed."""
    person: str = ""
    """What is left for a person, besides."""
    evidence: tuple[EvidenceId, ...] = ()
    """The answers to the step's own questions, and those without an answer."""

    @property
    def as_answer(self) -> RunbookAnswer:
        """The same as a draft says it."""
        return RunbookAnswer.model_validate(self.model_dump())


def besides(text: str, person: str) -> str:
    """What a person does besides what the step's text says already; empty if that is all."""
    return "" if _words(person) == _words(text) else person.strip()


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def step_of(key: str) -> int | None:
    """The step whose question has this evidence key; `None`: it is no question of a runbook."""
    found = _STEP.match(key)
    return int(found[1]) if found else None
