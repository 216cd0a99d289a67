"""Writes the SQL of a question, from the terms of the log type that is asked.

The statement has two steps. The inner one picks the events: the window, about whom, on what. The outer one picks the acts
by class, action, word and outcome, and groups them. Each term of the log type is written once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from triage.domain.identity import IdentityKind
from triage.domain.question import Asked, Outcome, Question, SubjectRole, Window
from triage.domain.sql import ParameterType, QueryTemplate, SqlRefused
from triage.logtypes import knows_harmful_actions
from triage.questions.classes import NAME_WORDS_SQL
from triage.questions.filters import act_filter, proves_absence, reads_words
from triage.questions.matches import MATCHES, SIGNALS, matches_sql
from triage.questions.parts import Log, NotAskable, Parameters, ParameterValues
from triage.questions.subjects import condition
from triage.questions.words import question_text

LOGS = "panther_logs"
LIMITS = {
    Asked.LIST: 200,
    Asked.COUNT: 200,
    Asked.FIRST_SEEN: 1,
    Asked.DAYS: 120,
    Asked.ADDRESSES: 100,
    Asked.ACTORS: 100,
    Asked.TARGETS: 100,
}
"""Rows of an answer, unless the caller says otherwise."""

_KEYS = {
    Asked.LIST: ("action", "actor", "target", "address"),
    Asked.COUNT: ("action",),
    Asked.FIRST_SEEN: (),
    Asked.DAYS: ("day",),
    Asked.ADDRESSES: ("address",),
    Asked.ACTORS: ("actor",),
    Asked.TARGETS: ("target",),
}
_DISTINCT = {
    Asked.LIST: (),
    Asked.COUNT: ("actor", "address", "target"),
    Asked.FIRST_SEEN: ("actor", "address", "target"),
    Asked.DAYS: ("actor", "address"),
    Asked.ADDRESSES: ("actor",),
    Asked.ACTORS: ("address", "target"),
    Asked.TARGETS: ("actor", "address"),
}
"""Of which other things an answer says how many there are."""
_PLURAL = {"actor": "actors", "address": "addresses", "target": "targets"}
_ORDERS = {
    # Rare acts first, so that no volume of others pushes one out.
    Asked.LIST: ("-harmful", "times", "first_seen"),
    Asked.COUNT: ("-harmful", "days", "times"),
    Asked.DAYS: ("-day",),
    Asked.ADDRESSES: ("-first_seen",),
    Asked.ACTORS: ("-days", "-times"),
    Asked.TARGETS: ("-first_seen",),
    Asked.FIRST_SEEN: (),
}


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

    @property
    def template(self) -> QueryTemplate:
        """The parsed query. Raises NotAskable where it can't be one."""
        return _parsed(self.sql, tuple(self.parameters.items()), self.log_type)

    @property
    def companion(self) -> "CompiledQuestion | None":
        """Whether anyone's acts fit the filter, and how usual they are; `None` where the filter is known to fit some.

        Where it returns no row, no row of the question itself proves nothing: the log may name such acts otherwise.
        """
        if self.database != LOGS or proves_absence(self.question, Log.of(self.log_type, self.database)):
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
        return compile_question(asked, self.log_type, database=self.database)


def compile_question(question: Question, log_type: str, *, database: str = LOGS) -> CompiledQuestion:
    """Write a question's SQL for one log type, with parameters for all that an alert may fill.

    Raises:
        NotAskable: the log type's file lacks a term, a kind of identity or a class that the question needs.
    """
    compiled = compile_known(question, log_type, database, None)
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
def compile_known(question: Question, log_type: str, database: str, known: frozenset[str] | None) -> CompiledQuestion:
    """As `compile_question`, with the names of the parameters that have a value; the SQL leaves out what needs others."""
    log = Log.of(log_type, database)
    parameters = Parameters(known)
    if database in (MATCHES, SIGNALS):
        sql, columns = matches_sql(question, log, parameters)
        return _made(question, log, parameters, sql, columns)
    about, left_out = condition(question.about, log, parameters, acting=True)
    on, off = condition(question.on, log, parameters, acting=False) if question.on else ("", ())
    acts = [act_filter(question, log, parameters), _outcome(question.outcome, log)]
    sql, columns = _statement(question, log, [about, on], acts)
    return _made(question, log, parameters, sql, columns, (*left_out, *off))


def _made(
    question: Question,
    log: Log,
    parameters: Parameters,
    sql: str,
    columns: tuple[str, ...],
    left_out: tuple[str, ...] = (),
) -> CompiledQuestion:
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
        left_out=left_out,
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


def _statement(question: Question, log: Log, picked: Sequence[str], acts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The SQL and the names of its columns."""
    for name in _KEYS[question.ask][:1]:
        if name != "day":
            log.term(name)
    keys = [name for name in _KEYS[question.ask] if name == "day" or name in log.terms]
    columns = _columns(question, log, keys)
    names = list(columns)
    places = [str(number) for number, name in enumerate(names, 1) if name in (*keys, "harmful")]
    by_outcome = ["was_refused"] if question.ask is Asked.LIST and "refused" in log.terms else []
    group = f"GROUP BY {', '.join([*places, *by_outcome])}" if places else "HAVING COUNT(*) > 0"
    order = [name for name in _ORDERS[question.ask] if name.lstrip("-") in columns]
    order += [name for name in (*keys, *("refused" for _ in by_outcome)) if name not in {o.lstrip("-") for o in order}]
    ordered = [
        f"{names.index(name.lstrip('-')) + 1}{' DESC' if name.startswith('-') else ''}" for name in order or names[:1]
    ]
    where = " AND ".join(f"({part})" for part in acts if part)
    sql = (
        f"SELECT {', '.join(f'{sql} AS {name}' for name, sql in columns.items())} "  # noqa: S608 - terms of our own files and names of parameters; parsed and bound as every question
        f"FROM (SELECT {_inner(question, log)} FROM {log.database}.public.{log.table} "
        f"WHERE {' AND '.join(['p_event_time BETWEEN :start AND :end', *filter(None, picked)])}) AS acts "
        f"{f'WHERE {where} ' if where else ''}{group} ORDER BY {', '.join(ordered)} LIMIT :limit"
    )
    return sql, tuple(names)


def _inner(question: Question, log: Log) -> str:
    found = {name: log.term(name) for name in ("action", "actor", "target", "address", "service") if name in log.terms}
    for name in ("refused", "failed"):
        if "refused" in log.terms:
            found[f"was_{name}"] = f"COALESCE({log.term(name)}, FALSE)"
    if reads_words(question, log):
        found["words"] = NAME_WORDS_SQL.format(log.term("action"))
    return ", ".join(f"{sql} AS {name}" for name, sql in [*found.items(), ("seen", "p_event_time")])


def _columns(question: Question, log: Log, keys: Sequence[str]) -> dict[str, str]:
    """The columns of the answer: what is grouped by, then counts, then times."""
    found = {name: "TO_DATE(seen)" if name == "day" else name for name in keys}
    everything = not (question.classes or question.actions or question.words)
    if everything and {"action"} <= {*keys} and knows_harmful_actions(log.log_type):
        found["harmful"] = f"CASE WHEN {log.term('harmful')} THEN 1 ELSE 0 END"
    if question.ask is not Asked.DAYS:
        found["days"] = "COUNT(DISTINCT TO_DATE(seen))"
    found["times"] = "COUNT(*)"
    if "refused" in log.terms:
        found["refused"] = "COUNT_IF(was_refused)"
    for name in _DISTINCT[question.ask]:
        if name in log.terms:
            found[_PLURAL[name]] = f"COUNT(DISTINCT {name})"
    return {**found, "first_seen": "MIN(seen)", "last_seen": "MAX(seen)"}
