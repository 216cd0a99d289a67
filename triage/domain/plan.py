"""A runbook as a plan: for each step what answers it, what isn't in the lake, and what a person has to do."""

import hashlib
from enum import StrEnum

from pydantic import Field

from triage.domain.base import Value
from triage.domain.question import PlannedQuestion


class PlanSource(StrEnum):
    """Who turned the text into a plan."""

    GRAMMAR = "grammar"
    MODEL = "model"
    PERSON = "person"
    """Somebody has edited it; it is never replaced without being asked for."""


class PlannedStep(Value):
    """One step. It may have all three: a question, something that is missing, and a decision."""

    step: int = Field(ge=1)
    text: str
    """As the runbook has it."""
    questions: tuple[PlannedQuestion, ...] = ()
    """What answers it; all of them together."""
    needs: tuple[str, ...] = ()
    """What would be needed that isn't in the lake, such as `the reputation of the address`."""
    person: str = ""
    """What a person decides or does, such as `confirm with the owner`."""


class RunbookPlan(Value):
    """The plan of one detection's runbook."""

    detection: str
    digest: str
    """Of the text that was compiled, see `digest_of`."""
    source: PlanSource = PlanSource.GRAMMAR
    steps: tuple[PlannedStep, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader has to know of it, a sentence each; not part of its file."""


def digest_of(text: str) -> str:
    """Name a runbook by its text: hexadecimal SHA-256, without regard to white space."""
    return hashlib.sha256(" ".join(text.split()).encode("utf-8", "surrogatepass")).hexdigest()
