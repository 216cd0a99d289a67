"""One question a table: in which hours does it hold rows. Every coverage rests on the answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from triage.domain.window import TimeWindow
from triage.stages.enrichment.coverage import RHYTHM_SQL
from triage.stages.enrichment.playbook import Playbook, Question
from triage.stages.enrichment.playbooks import Asked
from triage.stages.enrichment.questions import Bound
from triage.stages.enrichment.subject import Subject

if TYPE_CHECKING:
    # sqlglot stands behind this package and costs start-up time.
    from triage.domain.sql import QueryTemplate

MAX_TABLES = 6
MAX_HOURS = 1000
_LOGS = "panther_logs"
_BOOK = Playbook(playbook="rhythm")
_QUESTION = Question.model_validate(
    {
        "id": "rhythm",
        "question": "In which hours did this table receive rows?",
        "sql": RHYTHM_SQL,
        "window": {"from": "history", "to": "-0s"},
        "limit": MAX_HOURS,
        "measured": True,
    }
)
_TEMPLATES: "dict[str, QueryTemplate]" = {}


def rhythm_questions(
    questions: Sequence[Bound], subject: Subject, *, history: timedelta, now: datetime
) -> tuple[Bound, ...]:
    """The rhythm of each table that the questions read, in their order."""
    tables = {bound.asked.table: bound.asked.log_type for bound in questions if bound.asked.database == _LOGS}
    # Whole days and ten minutes, so that alerts of one day share the answer.
    day = subject.moment.replace(hour=0, minute=0, second=0, microsecond=0)
    end = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)
    window = TimeWindow(day - history, max(end, subject.last))
    return tuple(
        Bound(
            Asked(f"rhythm.{table}", _BOOK, _QUESTION, log_type, _LOGS, table, partial(_template, table)),
            _template(table).bind({}, window=window, limit=MAX_HOURS, now=now),
            window,
        )
        for table, log_type in list(tables.items())[:MAX_TABLES]
    )


def _template(table: str) -> "QueryTemplate":
    from triage.domain.sql import QueryTemplate  # noqa: PLC0415 - sqlglot costs start-up time

    if table not in _TEMPLATES:
        _TEMPLATES[table] = QueryTemplate.parse(RHYTHM_SQL.replace("{table}", f"{_LOGS}.public.{table}"))
    return _TEMPLATES[table]
