"""What the columns of an answer mean, where their names don't say it."""

from triage.domain.evidence import Evidence, Source
from triage.logtypes import name_of_number, terms_of

_COMPANIONS = (
    "An occasion is a day before the dwell time on which somebody did the act; the row `(the act itself)` counts the act. "
    "`occasions`: `action` followed within an hour; `any_occasions`: days with `action` at all; `on_target`: of "
    "`occasions`, on the act's target; `most`: times on one. Now: times `just_before` (an hour), `since`, "
    "`since_on_target`, `since_own`: by this actor."
)
_BY_QUESTION = {
    "usual_followups": _COMPANIONS,
    "usual_amount": "`usual`, `most`: median and most times in a day before the dwell time; `times_now`: since the alert's day.",
    "recipient_acts": "`since`: times from the alert on.",
    "earlier_runs": "`runs`: earlier runs of which `acts` harmful acts are shared with this one; `old_runs`: before the dwell time.",
}
_ENDINGS = 'CLOSED is Panther\'s "Invalid": nothing to do; RESOLVED: dealt with, which says nothing of harm.'


def legend_of(entry: Evidence) -> str:
    """One line on an answer's columns; empty where their names are enough."""
    if entry.source is Source.HISTORY and any("status" in row for row in entry.rows):
        return _ENDINGS
    told = (_BY_QUESTION.get(entry.key.rpartition(".")[2], ""), _numbers(entry))
    return " ".join(filter(None, told))


def _numbers(entry: Evidence) -> str:
    """What the actions are called that a log gives as numbers; empty where it gives names."""
    term = terms_of(entry.log_type).get("action")
    columns = {"action", *(take.path for take in (term.take if term is not None else ()))}
    named = {
        str(value): said
        for row in entry.rows
        for value in map(row.get, columns)
        if isinstance(value, int | str) and (said := name_of_number(entry.log_type, str(value)))
    }
    return f"Actions: {'; '.join(f'{number} is {said}' for number, said in sorted(named.items()))}." if named else ""
