"""A detection's runbook on one alert: the questions of its plan, bound to the alert's actors.

What a runbook asks decides, so its questions are sent with the playbooks', from the same budget, of which they may use a
third. A plan only ever names questions: what may be read is the compiler's to say, and a question that can't be asked
says what it would need.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from triage.domain.actor_values import ActorValues
from triage.domain.base import Row
from triage.domain.plan import PlannedStep
from triage.domain.question import PlannedQuestion, SubjectRole
from triage.domain.step import RUNBOOK
from triage.logtypes import table_of
from triage.questions import (
    BoundQuestion,
    CompiledQuestion,
    NotAskable,
    bind_question,
    compile_question,
    logs_of,
    own_logs,
)
from triage.questions.compiler import LOGS
from triage.stages.enrichment.playbook import Playbook, Question
from triage.stages.enrichment.playbooks import PlaybookQuestion
from triage.stages.enrichment.questions import BoundQuery, QueryPlan

SHARE = 3
"""One query in so many may be a runbook's."""
CONTROL = "runbook_control"
"""Begins the keys of questions that show whether anyone's acts fit what a step asks for."""
_PLAYBOOK = Playbook(playbook=RUNBOOK)
_ANYBODYS = {SubjectRole.OTHERS, SubjectRole.ANYONE}
NO_LOG = "this Panther has none of the logs that it names"
NO_BUDGET = "the budget of queries for runbooks was used up"


@dataclass(frozen=True, slots=True)
class StepQuestion:
    """One question of a step, to one log, about one actor."""

    step: int
    number: int
    """Place among the step's questions, from 1."""
    planned: PlannedQuestion
    log_type: str
    database: str
    key: str = ""
    """Of the evidence that answers it; empty: it is not asked."""
    why: str = ""
    """Why it is not asked."""
    missing: bool = False
    """This Panther has no such log."""
    control: str = ""
    """Key of the question whether anyone's acts fit; empty: that is known."""
    left_out: tuple[str, ...] = ()
    """Subjects that this log can't be searched for."""


@dataclass(frozen=True, slots=True)
class RunbookQueries:
    """What a runbook asks about one alert."""

    steps: tuple[PlannedStep, ...] = ()
    questions: tuple[StepQuestion, ...] = ()
    queries: tuple[BoundQuery, ...] = ()
    """To be sent: without those that a playbook sends already."""
    notes: tuple[str, ...] = ()

    @property
    def controls(self) -> Mapping[str, str]:
        """By key of a question: that of its control."""
        return {question.key: question.control for question in self.questions if question.key and question.control}


@dataclass(frozen=True, slots=True)
class AlertFrame:
    """What of an alert every question is bound with."""

    actors: Sequence[ActorValues]
    """The busiest first."""
    log_types: Sequence[str]
    events: Sequence[Row]
    tables: Mapping[str, frozenset[str]] | None
    """Table names by database, lower case; `None` if unknown."""
    history: timedelta
    dwell: timedelta
    now: datetime


def plan_runbook(
    steps: Sequence[PlannedStep], frame: AlertFrame, *, playbooks: Sequence[BoundQuery] = (), budget: int
) -> RunbookQueries:
    """Bind the questions of a runbook.

    The first log of every question comes before the second of any, and the busiest actor before the others, so that what
    the budget leaves out is the least telling.

    Args:
        steps: From `runbook_plan.planned_steps`.
        frame: The alert.
        playbooks: What is sent anyway; a question in the same words is not sent twice.
        budget: The most queries.
    """
    binder = _Binder(frame, budget, {bound.query.sql: bound.key for bound in playbooks})
    for candidate in sorted(_candidates(steps, frame), key=lambda each: (each.actor, each.place)):
        binder.add(candidate)
    questions = tuple(sorted(binder.questions, key=lambda each: (each.step, each.number)))
    left = sum(question.why == NO_BUDGET for question in questions)
    note = f"{left} questions of the runbook were not asked: {NO_BUDGET}"
    return RunbookQueries(tuple(steps), questions, tuple(binder.queries), (note,) if left else ())


def without_least_telling(plan: QueryPlan, runbook: RunbookQueries, *, budget: int) -> QueryPlan:
    """The playbooks' queries that the budget allows beside those of a runbook.

    First go those that no measured fact reads, the last ones before the others; none goes whose answer a step shares.
    """
    over = len(plan.queries) + len(runbook.queries) - budget
    shared = {question.key for question in runbook.questions}
    places = sorted(
        (place for place, bound in enumerate(plan.queries) if bound.key not in shared),
        key=lambda place: (bool(plan.queries[place].question.definition.signals), -place),
    )
    over = min(over, len(places))
    if over <= 0:
        return plan
    dropped = set(places[:over])
    gone = [bound for place, bound in enumerate(plan.queries) if place in dropped]
    telling = [bound for bound in gone if bound.question.definition.signals and bound.question.definition.when is None]
    unexamined = [bound.subject for bound in telling if bound.number > 1]
    note = f"{over} playbook questions were not asked: the runbook's own questions came first"
    return QueryPlan(
        tuple(bound for place, bound in enumerate(plan.queries) if place not in dropped),
        (*plan.notes, note),
        plan.not_asked,
        tuple(dict.fromkeys((*plan.unexamined, *unexamined))),
    )


@dataclass(frozen=True, slots=True)
class _Candidate:
    question: StepQuestion
    actor: int
    place: int
    """Of the log among those of the question."""
    of_one: bool
    """It is about this actor, as opposed to anybody."""


def _candidates(steps: Sequence[PlannedStep], frame: AlertFrame) -> Iterator[_Candidate]:
    for step in steps:
        for number, planned in enumerate(step.questions, 1):
            question = planned.model_copy(update={"window": planned.window.without_own_event})
            roles = {subject.role for subject in (*question.about, *question.on)}
            # What is no role of one actor is asked about once, with the busiest.
            of_one = bool(roles - {None} - _ANYBODYS)
            for place, actor in enumerate(frame.actors if of_one else frame.actors[:1]):
                logs = logs_of(question, own_logs(actor, frame.actors, frame.log_types), frame.tables)
                for at, (log_type, database) in enumerate(logs):
                    asked = StepQuestion(step.step, number, question, log_type, database)
                    yield _Candidate(asked, place, at, of_one)
                if not logs:
                    asked = StepQuestion(step.step, number, question, "", LOGS, why=NO_LOG, missing=True)
                    yield _Candidate(asked, place, 0, of_one)


@dataclass(slots=True)
class _Binder:
    frame: AlertFrame
    budget: int
    keys: dict[str, str]
    """By SQL: the evidence key of what is asked already."""
    questions: list[StepQuestion] = field(default_factory=list)
    queries: list[BoundQuery] = field(default_factory=list)

    def add(self, candidate: _Candidate) -> None:
        """Bind one question, and the one that shows whether anyone's acts fit it."""
        question, frame = candidate.question, self.frame
        if question.missing:
            self.questions.append(question)
            return
        known = None if frame.tables is None else frame.tables.get(question.database)
        if known is not None and table_of(question.log_type) not in known:
            self.questions.append(replace(question, why=f"there is no log {question.log_type}", missing=True))
            return
        actor = frame.actors[candidate.actor]
        try:
            compiled = compile_question(question.planned, question.log_type, database=question.database)
            bound = self._bind(compiled, actor)
        except NotAskable as error:
            self.questions.append(replace(question, why=error.why))
            return
        name = f"{question.step}.{question.number}.{_table(compiled)}"
        key = self._send(f"{RUNBOOK}.{name}", bound, candidate.actor, actor.name if candidate.of_one else "")
        if not key:
            self.questions.append(replace(question, why=NO_BUDGET))
            return
        control = self._control(f"{CONTROL}.{name}", compiled, candidate.actor)
        self.questions.append(replace(question, key=key, control=control, left_out=bound.compiled.left_out))

    def _control(self, key: str, compiled: CompiledQuestion, place: int) -> str:
        companion = compiled.companion
        if companion is None:
            return ""
        try:
            bound = self._bind(companion, self.frame.actors[place])
        except NotAskable:
            return ""
        return self._send(key, bound, place, "")

    def _bind(self, compiled: CompiledQuestion, actor: ActorValues) -> BoundQuestion:
        frame = self.frame
        return bind_question(
            compiled, actor, events=frame.events, history=frame.history, dwell=frame.dwell, now=frame.now
        )

    def _send(self, key: str, bound: BoundQuestion, place: int, subject: str) -> str:
        """The evidence key of the answer; empty if the budget doesn't allow the query."""
        same = self.keys.get(bound.query.sql)
        if same is not None:
            return same
        if len(self.queries) >= self.budget:
            return ""
        query = BoundQuery(
            question=_as_playbook_question(key, bound.compiled),
            query=bound.query,
            window=bound.window,
            subject=subject if len(self.frame.actors) > 1 else "",
            number=place + 1,
            value_fits=bound.value_fits,
            value_found=bound.value_found,
            wanted_end=bound.wanted_end,
            asked=bound.compiled.question.plain,
        )
        self.queries.append(query)
        self.keys[bound.query.sql] = query.key
        return query.key


def _table(compiled: CompiledQuestion) -> str:
    return (
        compiled.table
        if compiled.database == LOGS
        else f"{compiled.table}_{compiled.database.removeprefix('panther_')}"
    )


def _as_playbook_question(key: str, compiled: CompiledQuestion) -> PlaybookQuestion:
    """A compiled question in the form in which all are sent and numbered."""
    definition = Question(
        id=RUNBOOK,
        question=compiled.text,
        sql=compiled.sql,
        window=compiled.question.window,
        measured=True,
        control=compiled.control,
    )
    return PlaybookQuestion(
        key, _PLAYBOOK, definition, compiled.log_type, compiled.database, compiled.table, lambda: compiled.template
    )
