"""Writes the SQL of a question, from the terms of the log type that is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from triage.domain.identity import IdentityKind
from triage.domain.question import Asked, Outcome, Question, SubjectRole, Window
from triage.domain.sql import ParameterType, QueryTemplate, SqlRefused
from triage.questions.filters import act_filter, proves_absence
from triage.questions.matches import MATCHES, SIGNALS, matches_sql
from triage.questions.parts import Log, NotAskable, OwnTerms, Parameters, ParameterValues
from triage.questions.statement import statement
from triage.questions.subjects import condition
from triage.questions.words import question_text

LOGS = "panther_logs"


@dataclass(frozen=True, slots=True)
class CompiledQuestion:
    """A question to one table. Make it with `compile_question`."""

    question: Question
    log_type: str
    database: str
    table: str
    text: str
    """The question in plain words."""
    sql: str
    parameters: Mapping[str, ParameterType]
    constants: Mapping[str, ParameterValues]
    """Values that the question itself gives."""
    kinds: tuple[IdentityKind, ...]
    """Which kinds of identity the searched columns hold; empty where none is searched for."""
    control: str
    """`actor`, `address` or `any`: what rows of anyone must have in the window for an absence to count."""
    columns: tuple[str, ...]
    fields: Mapping[str, str]
    """Parameters whose values are in a field of the alert's events, with its path."""
    left_out: tuple[str, ...] = ()
    """Subjects that this log can't be searched for, or that the alert doesn't have."""
    terms: OwnTerms = ()
    """The terms of the log type, where they are not those of its file."""

    @property
    def template(self) -> QueryTemplate:
        """The parsed query. Raises NotAskable where it can't be one."""
        return _parsed(self.sql, tuple(self.parameters.items()), self.log_type)

    @property
    def companion(self) -> "CompiledQuestion | None":
        """Whether anyone's acts fit the filter, and how usual they are; `None` where the filter is known to fit some.

        Where it returns no row, no row of the question itself proves nothing: the log may name such acts otherwise.
        """
        if self.database != LOGS or proves_absence(self.question, Log.of(self.log_type, self.database, self.terms)):
            return None
        asked = Question(
            about="anyone",
            logs=self.question.logs,
            window=Window(**{"from": "history", "to": "-1s"}),
            classes=self.question.classes,
            actions=self.question.actions,
            words=self.question.words,
            ask=Asked.FIRST_SEEN,
        )
        return compile_question(asked, self.log_type, database=self.database, terms=self.terms)


def compile_question(
    question: Question, log_type: str, *, database: str = LOGS, terms: OwnTerms = ()
) -> CompiledQuestion:
    """Write a question's SQL for one log type, with parameters for all that an alert may fill.

    Args:
        question: What is asked.
        log_type: Panther's name of the log that is asked.
        database: `panther_logs`, or where questions about matches are asked.
        terms: Of a log type for which a playbook gives its own.

    Raises:
        NotAskable: the log type's file lacks a term, a kind of identity or a class that the question needs.
    """
    compiled = compile_known(question, log_type, database, None, terms)
    if compiled.fields:
        # Terms are proven; a path is anybody's.
        compiled.template  # noqa: B018 - parsed for its refusal
    return compiled


@lru_cache(maxsize=4096)
def _parsed(sql: str, types: tuple[tuple[str, ParameterType], ...], log_type: str) -> QueryTemplate:
    try:
        # Tried with values by whoever binds it.
        return QueryTemplate.parse(sql, parameters=dict(types), tried=False)
    except SqlRefused as error:
        raise NotAskable(f"no query of {log_type} can say it: {error}") from error


@lru_cache(maxsize=4096)
def compile_known(
    question: Question, log_type: str, database: str, known: frozenset[str] | None, terms: OwnTerms = ()
) -> CompiledQuestion:
    """As `compile_question`, with the names of the parameters that have a value; the SQL leaves out what needs others."""
    log = Log.of(log_type, database, terms)
    parameters = Parameters(known)
    if database in (MATCHES, SIGNALS):
        sql, columns = matches_sql(question, log, parameters)
        return replace(_made(question, log, parameters, sql, columns), terms=terms)
    about, left_out = condition(question.about, log, parameters, acting=True)
    on, off = condition(question.on, log, parameters, acting=False) if question.on else ("", ())
    acts = [act_filter(question, log, parameters), _outcome(question.outcome, log)]
    sql, columns = statement(question, log, parameters, picked=[about, on], acts=acts)
    return replace(_made(question, log, parameters, sql, columns), left_out=(*left_out, *off), terms=terms)


def _made(question: Question, log: Log, parameters: Parameters, sql: str, columns: tuple[str, ...]) -> CompiledQuestion:
    return CompiledQuestion(
        question=question,
        log_type=log.log_type,
        database=log.database,
        table=log.table,
        text=question_text(question, log.name),
        sql=sql,
        parameters=parameters.types,
        constants=parameters.constants,
        kinds=tuple(parameters.kinds),
        control=_control(question),
        columns=columns,
        fields=parameters.fields,
    )


def _outcome(outcome: Outcome, log: Log) -> str:
    if outcome is Outcome.ANY:
        return ""
    log.term("refused")
    return "was_refused" if outcome is Outcome.REFUSED else "NOT was_failed"


def _control(question: Question) -> str:
    roles = {subject.role for subject in question.about}
    if roles & {SubjectRole.ACTOR, SubjectRole.OTHERS} or any(subject.identity for subject in question.about):
        return "actor"
    subjects = (*question.about, *question.on)
    if any(subject.role is SubjectRole.ADDRESS or subject.kind == "ip" for subject in subjects):
        return "address"
    return "any"
