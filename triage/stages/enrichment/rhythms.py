"""One question a table: in which hours does it hold rows. Every coverage rests on the answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from triage.domain.window import TimeWindow
from triage.stages.enrichment.coverage import PLAIN_RHYTHM_SQL, RHYTHM_SQL
from triage.stages.enrichment.playbook import Playbook, Question
from triage.stages.enrichment.playbooks import PlaybookQuestion
from triage.stages.enrichment.questions import BoundQuery
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
_PLAIN = _QUESTION.model_copy(update={"sql": PLAIN_RHYTHM_SQL})
_TEMPLATES: "dict[tuple[str, str], QueryTemplate]" = {}


def rhythm_questions(
    questions: Sequence[BoundQuery], subject: Subject, *, history: timedelta, now: datetime
) -> tuple[BoundQuery, ...]:
    """The rhythm of each table that the questions read, in their order."""
    tables = {bound.asked.table: bound.asked.log_type for bound in questions if bound.asked.database == _LOGS}
    # Whole days and ten minutes, so that alerts of one day share the answer.
    day = subject.moment.replace(hour=0, minute=0, second=0, microsecond=0)
    end = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)
    window = TimeWindow(day - history, max(end, subject.last))
    return tuple(
        _bound(_QUESTION, table, log_type, window, now) for table, log_type in list(tables.items())[:MAX_TABLES]
    )


def plain_rhythm(bound: BoundQuery, *, now: datetime) -> BoundQuery:
    """The same question without the indicator columns, for a table that lacks one."""
    return _bound(_PLAIN, bound.asked.table, bound.asked.log_type, bound.window, now)


def _bound(question: Question, table: str, log_type: str, window: TimeWindow, now: datetime) -> BoundQuery:
    template = _template(question.sql, table)
    asked = PlaybookQuestion(
        f"rhythm.{table}", _BOOK, question, log_type, _LOGS, table, partial(_template, question.sql, table)
    )
    return BoundQuery(asked, template.bind({}, window=window, limit=MAX_HOURS, now=now), window)


def _template(sql: str, table: str) -> "QueryTemplate":
    from triage.domain.sql import QueryTemplate  # noqa: PLC0415 - sqlglot costs start-up time

    if (sql, table) not in _TEMPLATES:
        _TEMPLATES[sql, table] = QueryTemplate.parse(sql.replace("{table}", f"{_LOGS}.public.{table}"))
    return _TEMPLATES[sql, table]
