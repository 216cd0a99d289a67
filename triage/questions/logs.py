"""Which logs a question is put to."""

from collections.abc import Mapping, Sequence

from triage import logtypes
from triage.domain.actor_values import ActorValues
from triage.domain.question import ALERTS, OWN, SIGN_INS, ActionClass, Question
from triage.logtypes import table_of
from triage.questions.compiler import LOGS
from triage.questions.matches import MATCHES, SIGNALS, SIGNALS_TABLE


def logs_of(
    question: Question, own: Sequence[str], tables: Mapping[str, frozenset[str]] | None
) -> tuple[tuple[str, str], ...]:
    """The log types that a question is put to, each with its database.

    Args:
        question: Names log types, `own`, `sign-ins` or `alerts`.
        own: The log types of the alert.
        tables: Table names by database, lower case; logs of sign-ins and matches without a table are left out. `None` if
            unknown: then none is left out.
    """
    found: dict[tuple[str, str], None] = {}
    for name in question.logs:
        if name == OWN:
            found |= dict.fromkeys((each, LOGS) for each in own)
        elif name == ALERTS:
            matches = [*((each, MATCHES) for each in own), (SIGNALS_TABLE, SIGNALS)]
            # Their tables exist only once something has matched.
            found |= dict.fromkeys(each for each in matches if _is_there(*each, tables))
        elif name == SIGN_INS:
            found |= dict.fromkeys((each, LOGS) for each in _sign_in_logs(tables))
        else:
            found[name, LOGS] = None
    return tuple(found)


def own_logs(actor: ActorValues, actors: Sequence[ActorValues], log_types: Sequence[str]) -> tuple[str, ...]:
    """The logs that stand for the alert's own, for one actor: theirs, and with the first those of no actor.

    Args:
        actor: One of the actors.
        actors: Of the alert, the busiest first.
        log_types: Of the alert.
    """
    theirs = {each.log_type for each in actors}
    others = [name for name in log_types if name not in theirs] if actor is actors[0] else []
    return tuple(dict.fromkeys([*([actor.log_type] if actor.log_type else []), *others]))


def _sign_in_logs(tables: Mapping[str, frozenset[str]] | None) -> list[str]:
    return [
        file.log_type
        for file in logtypes.shipped_log_types()
        if file.terms
        and logtypes.class_globs(file.log_type, ActionClass.SIGN_IN)
        and _is_there(file.log_type, LOGS, tables)
    ]


def _is_there(log_type: str, database: str, tables: Mapping[str, frozenset[str]] | None) -> bool:
    return tables is None or table_of(log_type) in tables.get(database, ())
