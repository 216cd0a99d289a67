"""What an answer was asked for, in code's words: without it, a count or an absence says nothing.

The question may be the model's own, so nothing of its text shows: names that it holds are masked as anywhere else, and an
action or a value that it looks for only stands there if a closed list or an answer of ours has it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from triage.domain.evidence import Evidence, Source
from triage.domain.question import OWN, Question, Subject
from triage.domain.sql.lineage import Condition, Lineage
from triage.domain.trust import Trust
from triage.logtypes import classify, log_type_files, log_type_of_table, table_of
from triage.logtypes.origins import AnswerOrigins, origins_of
from triage.questions.words import question_text
from triage.stages.decision.proven import Pseudonyms, cell_name, column_name, is_moment, is_number, value_text
from triage.stages.decision.vocabulary import is_known_action, is_own_word

_MAX_COLUMNS = 12
_MAX_CONDITIONS = 8
_MAX_VALUES = 4
_ANSWERS = frozenset({Source.QUERY, Source.TOOL})


def asked_text(entry: Evidence, evidence: Mapping[str, Evidence], names: Pseudonyms, known: Collection[str]) -> str:
    """What one answer was asked for; empty where its name says it.

    Args:
        entry: The answer.
        evidence: By id.
        names: Of this run.
        known: Words of the provider's lists that occur in the alert's events or in answers to our own questions.
    """
    window = _window(entry.start, entry.end)
    if entry.source is Source.SEARCH:
        found = dict.fromkeys(value for row in entry.rows if isinstance(value := row.get("indicator"), str))
        return (
            f"In which logs do values of the alert occur, such as {', '.join(map(names.of, found))}?{window}"
            if found
            else ""
        )
    if entry.source not in _ANSWERS:
        return ""
    if entry.asked is not None:
        asked = _masked(entry.asked.plain, entry.log_type, names, known)
        return f"{question_text(asked, entry.log_type)}{window}"
    if entry.source is not Source.TOOL:
        return f"{entry.key.rsplit('.', 1)[-1]} in {entry.log_type or 'a log'}{window}"
    origins = origins_of(entry, tuple(evidence.values()))
    if origins is None:
        return f"a query{window}"
    return f"{_sql_text(entry, origins, names, known)}{window}"


def _window(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return ""
    return f" ({start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC)"


# ---- a compiled question ---------------------------------------------------------------------------------------------


def _masked(question: Question, log_type: str, names: Pseudonyms, known: Collection[str]) -> Question:
    """A question with every value of its own replaced."""

    def subject(given: Subject) -> Subject:
        if given.value:
            return given.model_copy(update={"value": names.of(given.value)})
        # Below an object that the actor filled, the keys are the actor's too.
        return given.model_copy(update={"field": column_name(given.field, Trust.ACTOR)}) if given.field else given

    def action(given: str) -> str:
        listed = given == OWN or is_known_action(log_type, given) or given in known
        return given if listed else names.of_text(given)

    return question.model_copy(
        update={
            "about": tuple(map(subject, question.about)),
            "on": tuple(map(subject, question.on)),
            "logs": question.logs if log_type else (OWN,),
            "actions": tuple(map(action, question.actions)),
            "words": tuple(
                word if is_own_word(word) or _is_called(log_type, word) else names.of_text(word)
                for word in question.words
            ),
        }
    )


def _is_called(log_type: str, word: str) -> bool:
    """Whether a log type's file has a word for one of its services or things."""
    found = {
        each for file in log_type_files(log_type) for name, words in file.called.items() for each in (name, *words)
    }
    return word.casefold() in {each.casefold() for each in found}


# ---- a query that the model wrote ------------------------------------------------------------------------------------


def _sql_text(entry: Evidence, origins: AnswerOrigins, names: Pseudonyms, known: Collection[str]) -> str:
    lineage = origins.lineage
    columns = entry.columns or (tuple(entry.rows[0]) if entry.rows else ())
    shown = dict.fromkeys(
        cell_name(column, entry, origins, _trust_of(column, entry, origins)) for column in columns[:_MAX_COLUMNS]
    )
    where = list(
        dict.fromkeys(_condition_text(each, origins, names, known) for each in lineage.conditions[:_MAX_CONDITIONS])
    )
    more = len(lineage.conditions) - _MAX_CONDITIONS
    if more > 0:
        where.append(f"{more} more condition{'s' if more > 1 else ''}")
    text = f"{', '.join(shown) or 'columns'} of {_tables(lineage, origins)}"
    return f"{text} where {'; '.join(where)}" if where else text


def _trust_of(column: str, entry: Evidence, origins: AnswerOrigins) -> Trust:
    return origins.trust_of(column, entry.rows[0].get(column) if entry.rows else None)


def _tables(lineage: Lineage, origins: AnswerOrigins) -> str:
    """The logs that a query reads."""

    def name(table: str) -> str:
        last = table.rpartition(".")[2]
        file = log_type_of_table(last)
        if file is not None:
            return file.log_type
        return next((each for each in origins.known if each and table_of(each) == last), "another table")

    return " and ".join(dict.fromkeys(map(name, lineage.tables))) or "no table"


def _condition_text(condition: Condition, origins: AnswerOrigins, names: Pseudonyms, known: Collection[str]) -> str:
    if condition.opaque or not condition.columns:
        return "something else holds"
    columns = sorted(condition.columns, key=lambda each: each.path)
    log_type = origins.table_log_type(columns[0])
    example = condition.literals[0] if condition.literals else None
    paths = " and ".join(
        dict.fromkeys(column_name(each.path, classify(log_type, each.path, value=example)) for each in columns)
    )
    values = [_literal(text, columns[0].path, log_type, names, known) for text in condition.literals[:_MAX_VALUES]]
    more = len(condition.literals) - len(values)
    values += [f"{more} more"] if more > 0 else []
    if not values:
        return f"{paths} {'has a value' if condition.exact and len(columns) == 1 else 'is compared'}"
    return f"{paths} is {'' if condition.exact else 'compared with '}{' or '.join(values)}"


def _literal(text: str, path: str, log_type: str, names: Pseudonyms, known: Collection[str]) -> str:
    """A value that a query looks for: as in an answer where one of ours shows it, else a placeholder."""
    if text in known or is_number(text) or is_moment(text):
        return text
    if classify(log_type, path, value=text) is Trust.PROVIDER:
        return names.of(text)
    return value_text(text, path, Trust.ACTOR, names, log_type)
