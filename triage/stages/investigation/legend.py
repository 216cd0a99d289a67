"""What the columns of an answer mean, where their names don't say it."""

from triage.domain.evidence import Evidence, Source

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
    return _BY_QUESTION.get(entry.key.rpartition(".")[2], "")
