"""Which logs a question is put to."""

from collections.abc import Mapping, Sequence

from triage import logtypes
from triage.domain.question import ALERTS, OWN, SIGN_INS, ActionClass, Question
from triage.logtypes import table_of
from triage.questions.compiler import LOGS

MATCHES = "panther_rule_matches"


def logs_of(
    question: Question, own: Sequence[str], tables: Mapping[str, frozenset[str]] | None
) -> tuple[tuple[str, str], ...]:
    """The log types that a question is put to, each with its database.

    Args:
        question: Names log types, `own`, `sign-ins` or `alerts`.
        own: The log types of the alert.
        tables: Table names by database, lower case, of which a named log's must be one; `None` if unknown.
    """
    found: dict[tuple[str, str], None] = {}
    for name in question.logs:
        if name == OWN:
            found |= dict.fromkeys((each, LOGS) for each in own)
        elif name == ALERTS:
            found |= dict.fromkeys((each, MATCHES) for each in own)
        elif name == SIGN_INS:
            found |= dict.fromkeys((each, LOGS) for each in _sign_in_logs(own, tables))
        else:
            found[name, LOGS] = None
    return tuple(found)


def _sign_in_logs(own: Sequence[str], tables: Mapping[str, frozenset[str]] | None) -> list[str]:
    known = [
        file.log_type
        for file in logtypes.shipped_log_types()
        if file.terms and logtypes.class_globs(file.log_type, ActionClass.SIGN_IN)
    ]
    there = None if tables is None else tables.get(LOGS, frozenset())
    return [name for name in known if (table_of(name) in there if there is not None else name in own)]
