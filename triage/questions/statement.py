"""The statement of a question: what its answer is grouped by, what is counted, and which rows come first.

It has two steps. The inner one picks the events: the window, about whom, on what. The outer one picks the acts by class,
action, word and outcome, and groups them. Each term of the log type is written once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from triage.domain.question import Asked, Question, SubjectRole
from triage.logtypes import knows_harmful_actions
from triage.logtypes.names import NAME_WORDS_SQL
from triage.questions.filters import reads_words
from triage.questions.parts import Log, Parameters


@dataclass(frozen=True, slots=True)
class Shape:
    """What the answer to one kind of question looks like."""

    keys: tuple[str, ...]
    """Terms that it is grouped by; the first is needed."""
    counts: tuple[str, ...] = ()
    """Terms of which it says how many different values there are."""
    order: tuple[str, ...] = ()
    """Which rows come first; `-` for descending. The keys follow."""
    limit: int = 100
    """Rows, unless the caller says otherwise."""


SHAPES = {
    # Rare acts first, so that no volume of others pushes one out.
    Asked.LIST: Shape(("action", "actor", "target", "address"), (), ("-harmful", "times", "first_seen"), 200),
    Asked.SUMMARY: Shape(("action", "actor", "address"), ("target",), ("-harmful", "first_seen"), 200),
    Asked.COUNT: Shape(("action",), ("actor", "address", "target"), ("-harmful", "days", "times"), 200),
    # One row, and room for one more: an answer that fills its limit is taken for cut.
    Asked.FIRST_SEEN: Shape((), ("actor", "address", "target"), ("times",), 2),
    Asked.DAYS: Shape(("day",), ("actor", "address"), ("day",), 120),
    Asked.ADDRESSES: Shape(("address",), ("actor",), ("first_seen",)),
    Asked.ACTORS: Shape(("actor",), ("address", "target"), ("-days", "-times")),
    Asked.TARGETS: Shape(("target",), ("actor", "address"), ("first_seen",)),
}
_PLURAL = {"actor": "actors", "address": "addresses", "target": "targets"}
_APART = {SubjectRole.SESSION: "session", SubjectRole.ADDRESS: "address", SubjectRole.RECIPIENT: "recipient"}
"""Roles that may have several values in one alert, which lists of actors and addresses keep apart."""
_HABITS = {Asked.COUNT, Asked.ADDRESSES, Asked.ACTORS, Asked.TARGETS}
_OLDEST_FIRST = {Asked.ADDRESSES: ("-old_days", "first_seen")}
"""Of a whole history, the habits from before the dwell time come first: an intruder can't push them out."""


def statement(
    question: Question, log: Log, parameters: Parameters, *, picked: Sequence[str], acts: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """Write a question's SQL.

    Args:
        question: What is asked.
        log: The log that is asked.
        parameters: Takes up those that the SQL needs.
        picked: Conditions on the events, of which an empty one holds for all.
        acts: Conditions on the acts.

    Returns:
        The SQL and the names of its columns.

    Raises:
        NotAskable: the log type's file lacks the term by which the answer is grouped.
    """
    keys = _keys(question, log)
    columns = _columns(question, log, parameters, keys)
    names = list(columns)
    places = [str(number) for number, name in enumerate(names, 1) if name in (*keys, "harmful")]
    # A refused act is another act than one that succeeded.
    apart = ["was_refused"] if question.ask is Asked.LIST and "refused" in log.terms else []
    group = f"GROUP BY {', '.join([*places, *apart])}" if places else "HAVING COUNT(*) > 0"
    order = [name for name in _order(question) if name.lstrip("-") in columns]
    known = {name.lstrip("-") for name in order}
    order += [name for name in (*keys, *(["refused"] if apart else [])) if name not in known]
    ordered = [f"{names.index(name.lstrip('-')) + 1}{' DESC' if name.startswith('-') else ''}" for name in order]
    where = " AND ".join(f"({part})" for part in acts if part)
    sql = (
        f"SELECT {', '.join(f'{sql} AS {name}' for name, sql in columns.items())} "  # noqa: S608 - terms of our own files and names of parameters; parsed and bound as every question
        f"FROM (SELECT {_inner(question, log, keys)} FROM {log.database}.public.{log.table} "
        f"WHERE {' AND '.join(['p_event_time BETWEEN :start AND :end', *filter(None, picked)])}) AS acts "
        f"{f'WHERE {where} ' if where else ''}{group} ORDER BY {', '.join(ordered)} LIMIT :limit"
    )
    return sql, tuple(names)


def _keys(question: Question, log: Log) -> list[str]:
    for name in SHAPES[question.ask].keys[:1]:
        if name != "day":
            log.term(name)
    keys = [name for name in SHAPES[question.ask].keys if name == "day" or name in log.terms]
    roles = [subject.role for subject in (*question.about, *question.on)]
    if question.ask is Asked.SUMMARY and roles == [SubjectRole.ACTOR]:
        keys.remove("actor")
    if question.ask in (Asked.ACTORS, Asked.ADDRESSES):
        keys += [name for role, name in _APART.items() if role in roles and name in log.terms and name not in keys]
    return keys


def _is_history(question: Question) -> bool:
    return question.window.start == "history" and question.window.end != "dwell"


def _order(question: Question) -> tuple[str, ...]:
    order = SHAPES[question.ask].order
    if question.ask in _HABITS and _is_history(question):
        return _OLDEST_FIRST.get(question.ask, ("-old_days", "-days", "-times"))
    return order


def _columns(question: Question, log: Log, parameters: Parameters, keys: Sequence[str]) -> dict[str, str]:
    """The columns of the answer: what is grouped by, then counts, then times."""
    found = {name: "TO_DATE(seen)" if name == "day" else name for name in keys}
    everything = not (question.classes or question.actions or question.words)
    if everything and "action" in keys and (question.ask is Asked.SUMMARY or knows_harmful_actions(log.log_type)):
        found["harmful"] = f"CASE WHEN {log.term('harmful')} THEN 1 ELSE 0 END"
    if question.ask not in (Asked.DAYS, Asked.SUMMARY):
        found["days"] = "COUNT(DISTINCT TO_DATE(seen))"
    found["times"] = "COUNT(*)"
    if "refused" in log.terms:
        found["refused"] = "COUNT_IF(was_refused)"
        if question.ask is Asked.SUMMARY:
            found["failed"] = "COUNT_IF(was_failed)"
    for name in SHAPES[question.ask].counts:
        if name in log.terms and name not in keys:
            found[_PLURAL[name]] = f"COUNT(DISTINCT {name})"
    if question.ask is Asked.SUMMARY and "target" in log.terms:
        found["target"] = "MIN(target)"
        own = (
            f"CASE WHEN target IN ({parameters.texts('targets')}) THEN target END"
            if parameters.given("targets")
            else "NULL"
        )
        found["on_target"] = f"COUNT(DISTINCT {own})"
    if question.ask is Asked.DAYS and "address" in log.terms:
        found["address"] = "MIN(address)"
    if question.ask is Asked.ACTORS and "target" in log.terms:
        targets = parameters.given("targets")
        found["on_target"] = f"COUNT_IF(target IN ({parameters.texts('targets')}))" if targets else "0"
    found |= {"first_seen": "MIN(seen)", "last_seen": "MAX(seen)"}
    if question.ask in _HABITS and _is_history(question):
        old = f"seen < {parameters.dwell_start()}"
        found["old_days"] = f"COUNT(DISTINCT CASE WHEN {old} THEN TO_DATE(seen) END)"
        if question.ask is Asked.COUNT and "refused" in log.terms:
            found["old_refused"] = f"COUNT_IF(was_refused AND {old})"
    if question.ask is Asked.ADDRESSES and "country" in log.terms:
        refused = "was_refused" if "refused" in log.terms else "FALSE"
        found["country"] = f"MIN(CASE WHEN {refused} THEN NULL ELSE country END)"
    return found


def _inner(question: Question, log: Log, keys: Sequence[str]) -> str:
    names = dict.fromkeys(("action", "actor", "target", "address", "service", "country", *keys))
    found = {name: log.term(name) for name in names if name in log.terms}
    for name in ("refused", "failed"):
        if "refused" in log.terms:
            found[f"was_{name}"] = f"COALESCE({log.term(name)}, FALSE)"
    if reads_words(question, log):
        found["words"] = NAME_WORDS_SQL.format(log.term("action"))
    return ", ".join(f"{sql} AS {name}" for name, sql in [*found.items(), ("seen", "p_event_time")])
