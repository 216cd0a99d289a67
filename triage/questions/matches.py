"""Questions about what detections matched: the copies of events in `panther_rule_matches`, and correlation signals.

Their acts are matches. Who and from where is read from the columns that Panther fills (`p_any_*`), since a match is found
under any of the names in its event; `actions` and `words` are looked for in the detection's ID.
"""

from collections.abc import Sequence

from triage.domain.question import Asked, Outcome, Question, Subject, SubjectRole
from triage.questions.filters import glob_filter, word_filter
from triage.questions.parts import Log, NotAskable, Parameters
from triage.questions.subjects import INDICATORS_OF_ACTOR, columns_of_literal, literal_indicators, overlap

MATCHES = "panther_rule_matches"
SIGNALS = "panther_signals"
SIGNALS_TABLE = "correlation_signals"
"""Stands for a log type where signals are asked for; also the name of their table."""

_KEYS = {
    Asked.LIST: ("rule", "alert", "day", "action"),
    Asked.COUNT: ("rule",),
    Asked.FIRST_SEEN: (),
    Asked.DAYS: ("day",),
}
_SQL = {"rule": "p_rule_id", "alert": "p_alert_id", "day": "TO_DATE(p_event_time)"}
_ORDER = {
    Asked.LIST: ("-same_detection", "day", "rule", "alert", "action"),
    Asked.COUNT: ("-last_seen", "rule"),
    Asked.FIRST_SEEN: ("times",),
    Asked.DAYS: ("-day",),
}


def matches_sql(question: Question, log: Log, parameters: Parameters) -> tuple[str, tuple[str, ...]]:
    """The SQL of a question about matches, and the names of its columns.

    Raises:
        NotAskable: matches don't hold what the question needs.
    """
    keys = _keys(question, log)
    columns = {name: log.term("action") if name == "action" else _SQL[name] for name in keys}
    if log.database == SIGNALS and question.ask is Asked.COUNT:
        columns["alerts"] = "COUNT(DISTINCT p_alert_id)"
    columns["times"] = "COUNT(*)"
    if question.ask is Asked.LIST and log.database == MATCHES and parameters.given("detection"):
        columns["same_detection"] = f"COUNT_IF(p_rule_id IN ({parameters.texts('detection')}))"
    columns |= {"first_seen": "MIN(p_event_time)", "last_seen": "MAX(p_event_time)"}
    names = list(columns)
    tests = ["p_event_time BETWEEN :start AND :end"]
    if parameters.given("alert"):
        tests.append(f"p_alert_id NOT IN ({parameters.texts('alert')})")
    tests += filter(
        None,
        (
            _subjects(question.about, parameters, log),
            _subjects(question.on, parameters, log) if question.on else "",
            _detections(question, parameters),
        ),
    )
    order = [
        f"{names.index(name.lstrip('-')) + 1}{' DESC' if name.startswith('-') else ''}"
        for name in _ORDER[question.ask]
        if name.lstrip("-") in names
    ]
    places = [str(names.index(name) + 1) for name in keys]
    group = f"GROUP BY {', '.join(places)}" if places else "HAVING COUNT(*) > 0"
    sql = (
        f"SELECT {', '.join(f'{sql} AS {name}' for name, sql in columns.items())} "  # noqa: S608 - names of our own and of parameters; parsed and bound as every question
        f"FROM {log.database}.public.{log.table} WHERE {' AND '.join(tests)} "
        f"{group} ORDER BY {', '.join(order)} LIMIT :limit"
    )
    return sql, tuple(names)


def _keys(question: Question, log: Log) -> list[str]:
    if question.ask not in _KEYS:
        raise NotAskable(f"what matched in {log.log_type} can't be counted {question.ask.value}")
    if question.classes or question.outcome is not Outcome.ANY:
        raise NotAskable(f"what matched in {log.log_type} has no classes or outcomes")
    has_actions = log.database == MATCHES and "action" in log.terms
    return [name for name in _KEYS[question.ask] if name != "action" or has_actions]


def _subjects(subjects: Sequence[Subject], parameters: Parameters, log: Log) -> str:
    if any(subject.role is SubjectRole.ANYONE for subject in subjects):
        return ""
    found = [sql for subject in subjects if (sql := _one(subject, parameters, log))]
    if not found:
        raise NotAskable(f"the alert names nothing by which matches in {log.log_type} are searched for")
    return found[0] if len(found) == 1 else f"({' OR '.join(found)})"


def _one(subject: Subject, parameters: Parameters, log: Log) -> str:
    if subject.role is SubjectRole.ACTOR:
        return overlap(INDICATORS_OF_ACTOR, "values", parameters)
    if subject.role is SubjectRole.ADDRESS:
        return overlap(("p_any_ip_addresses",), "addresses", parameters)
    if subject.role is SubjectRole.TARGET:
        # The copy of an event has its columns; a signal has only what Panther extracts.
        if log.database == MATCHES and "target" in log.terms:
            return f"{log.term('target')} IN ({parameters.texts('targets')})" if parameters.given("targets") else ""
        return overlap(columns_of_literal("any"), "targets", parameters)
    if subject.kind:
        return literal_indicators(subject, parameters)
    raise NotAskable(f"matches in {log.log_type} are searched for by actor, address, target or a value only")


def _detections(question: Question, parameters: Parameters) -> str:
    parts = []
    if question.actions:
        parts.append(glob_filter(question.actions, "p_rule_id", parameters))
    if question.words:
        parts.append(word_filter(question.words, ("p_rule_id",), parameters))
    return " AND ".join(f"({part})" for part in parts)
