"""What the model writes into a call of `ask`: questions in the one language, each read by itself.

One question that can't be read costs only that question. What was left out has its default; a role or a class in another
letter case, a list of one without its brackets, and a window written as an object are read as they are meant.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator

from triage.domain.identity import IdentityKind
from triage.domain.question import OWN, ActionClass, Asked, Outcome, Question, Subject, SubjectRole
from triage.stages.model_calls import Lowered, explain

MAX_QUESTIONS = 6
MAX_LOGS = 8
"""That one question names."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Names = Annotated[list[str], BeforeValidator(_as_list)]
"""Bounds are `Question`'s to check: every one of them in the schema costs tokens in every request."""


class AskedQuestion(BaseModel):
    """One question."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(description="The question in one plain sentence")
    about: _Names = Field(default=["actor"], description="Whose acts; default actor")
    on: _Names = Field(default=[], description="Only acts that also have one of these")
    logs: _Names = Field(default=["own"], description="Default own")
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    classes: Annotated[list[Annotated[ActionClass, Lowered]], BeforeValidator(_as_list)] = []
    actions: _Names = Field(default=[], description="Globs")
    words: _Names = []
    outcome: Annotated[Outcome, Lowered] = Outcome.ANY
    ask: Annotated[Asked, Lowered] = Asked.LIST
    actor: int = Field(default=1, description="Number, if there are several")

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: object) -> object:
        """Without nulls, and with the window's edges beside the rest."""
        if not isinstance(given, dict):
            return given
        found = {name: value for name, value in given.items() if value is not None}
        window = found.get("window")
        if isinstance(window, dict) and set(window) <= {"from", "to"}:
            del found["window"]
            found = {**window, **found}
        return found

    @property
    def question(self) -> Question:
        """The same as a question of the one language. Raises ValidationError."""
        given = self.model_dump(mode="json", by_alias=True, exclude={"reason", "actor"})
        # Without anybody or any log there is no question: what is empty has its default.
        given |= {"about": given["about"] or ["actor"], "logs": given["logs"] or [OWN]}
        window = {"from": given.pop("from"), "to": given.pop("to")}
        question = Question.model_validate({**given, "window": window})
        return question.model_copy(update={"window": question.window.without_own_event})


class AskForm(BaseModel):
    """Ask the data lake up to six questions at once, without SQL. Prefer it to query_lake."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: list[AskedQuestion] = Field(min_length=1, max_length=MAX_QUESTIONS)


class Ask(BaseModel):
    """The arguments as they are taken: which of the questions can be read is found out one by one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: Annotated[
        list[JsonValue], BeforeValidator(lambda given: [given] if isinstance(given, dict) else given)
    ] = Field(min_length=1, max_length=MAX_QUESTIONS)


def read_question(given: JsonValue) -> tuple[AskedQuestion, Question] | str:
    """One question, or what is wrong with it."""
    try:
        wire = AskedQuestion.model_validate(given)
        question = wire.question
    except ValidationError as error:
        return "; ".join(explain(error))[:600]
    for subject in (*question.about, *question.on):
        if subject.kind == IdentityKind.EMAIL and "@" not in subject.value:
            # No log holds it under this kind, so that its absence would be proven everywhere.
            return f"{subject.value[:80]!r} is no e-mail address; write `any:{subject.value[:80]}`"
    everybody = [name for name in ("about", "on") if _names_more_than_anyone(getattr(question, name))]
    if everybody:
        return f"{everybody[0]}: `anyone` takes in whoever else is named; leave it out, or name the others under `on`"
    if len(question.logs) > MAX_LOGS:
        return f"logs: it names {len(question.logs)}; at most {MAX_LOGS} can be asked at once"
    return wire, question


def _names_more_than_anyone(subjects: Sequence[Subject]) -> bool:
    return len(subjects) > 1 and any(subject.role is SubjectRole.ANYONE for subject in subjects)
