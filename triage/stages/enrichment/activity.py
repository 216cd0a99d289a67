"""In which hours a table received rows. One question per table; every judgement of coverage rests on the answers."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import NamedTuple

from triage.domain.base import Row
from triage.domain.sql import QueryTemplate
from triage.domain.window import TimeWindow
from triage.stages.enrichment.actor import parse_time
from triage.stages.enrichment.playbook import Playbook, Question
from triage.stages.enrichment.playbooks import PlaybookQuestion
from triage.stages.enrichment.questions import BoundQuery

LOGS = "panther_logs"
MAX_TABLES = 6
MAX_HOURS = 1000
SATURDAY = 5
MIN_DAYS = 5
"""Days of the same sort (weekdays or weekend) needed to say what is usual."""

_PLAYBOOK = Playbook(playbook="rhythm")
_SQL = """
    SELECT DATE_TRUNC('hour', p_event_time) AS hour, COUNT(*) AS events, MAX(p_event_time) AS last_seen{controls}
    FROM {table}
    WHERE p_event_time BETWEEN :start AND :end
    GROUP BY 1
    ORDER BY 1 DESC
    LIMIT :limit
"""
_CONTROLS = """,
      COUNT_IF(ARRAY_SIZE(p_any_ip_addresses) > 0) AS with_address,
      COUNT_IF(ARRAY_SIZE(p_any_usernames) > 0 OR ARRAY_SIZE(p_any_emails) > 0 OR ARRAY_SIZE(p_any_actor_ids) > 0
        OR ARRAY_SIZE(p_any_aws_arns) > 0 OR ARRAY_SIZE(p_any_ip_addresses) > 0) AS with_actor"""
_QUESTION = Question.model_validate(
    {
        "id": "rhythm",
        "question": "In which hours did this table receive rows?",
        "sql": _SQL,
        "window": {"from": "history", "to": "-0s"},
        "limit": MAX_HOURS,
        "measured": True,
    }
)


@lru_cache(maxsize=1_024)
def activity_template(table: str, *, controls: bool = True) -> QueryTemplate:
    """The question for one table of `panther_logs`: rows per hour, newest first.

    Args:
        table: Its name.
        controls: Count rows with an address and rows with an actor too; only for tables with all indicator columns.
    """

    return QueryTemplate.parse(_SQL.format(controls=_CONTROLS if controls else "", table=f"{LOGS}.public.{table}"))


def activity_queries(
    queries: Sequence[BoundQuery], *, first: datetime, last: datetime, history: timedelta, now: datetime
) -> tuple[BoundQuery, ...]:
    """The activity question for each log table that the queries read, in their order.

    Args:
        queries: All questions about the alert.
        first: The alert's first event.
        last: The alert's last event.
        history: How far back.
        now: The present moment.
    """
    tables = {bound.question.table: bound.question.log_type for bound in queries if bound.question.database == LOGS}
    # Whole days and ten minutes, so that alerts of one day share the answer.
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    end = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)
    window = TimeWindow(day - history, max(end, last))
    return tuple(_activity_query(table, log_type, window, now) for table, log_type in list(tables.items())[:MAX_TABLES])


def without_controls(bound: BoundQuery, *, now: datetime) -> BoundQuery:
    """The same question for a table that lacks an indicator column."""
    return _activity_query(bound.question.table, bound.question.log_type, bound.window, now, controls=False)


def _activity_query(
    table: str, log_type: str, window: TimeWindow, now: datetime, *, controls: bool = True
) -> BoundQuery:
    template = partial(activity_template, table, controls=controls)
    question = PlaybookQuestion(f"rhythm.{table}", _PLAYBOOK, _QUESTION, log_type, LOGS, table, template)
    return BoundQuery(question, template().bind({}, window=window, limit=MAX_HOURS, now=now), window)


class Hour(NamedTuple):
    """An hour with rows. A tuple, because an alert makes some thousands of them."""

    start: datetime
    events: int
    last_seen: datetime
    with_address: int
    with_actor: int


@dataclass(frozen=True, slots=True)
class TableActivity:
    """The hours in which a table received rows."""

    hours: tuple[Hour, ...]
    """Newest first; hours without rows are left out."""
    complete: bool = True
    """False if the oldest hours were cut."""
    has_controls: bool = True
    """Rows with an actor and with an address were counted."""
    last: datetime | None = field(init=False, compare=False)
    """When the newest row was written."""

    def __post_init__(self) -> None:
        # Each question about the table needs it, and there are up to a thousand hours.
        object.__setattr__(self, "last", max((hour.last_seen for hour in self.hours), default=None))

    @classmethod
    def of(cls, rows: Sequence[Row], *, truncated: bool) -> "TableActivity":
        """Read the answer to `activity_template`."""
        hours = []
        for row in rows:
            start, last = parse_time(row.get("hour")), parse_time(row.get("last_seen"))
            if start is not None and last is not None:
                hours.append(Hour(start, _int(row, "events"), last, _int(row, "with_address"), _int(row, "with_actor")))
        return cls(
            tuple(sorted(hours, key=lambda hour: hour.start, reverse=True)),
            complete=not truncated,
            has_controls=all("with_actor" in row for row in rows),
        )

    def between(self, start: datetime, end: datetime) -> tuple[Hour, ...]:
        """The hours that overlap a span."""
        return tuple([hour for hour in self.hours if hour.start <= end and hour.last_seen >= start])

    def usual(self, silence: TimeWindow) -> float | None:
        """The share of similar earlier days (weekdays or weekend) with rows in the same hours; `None` for too few."""
        weekend = silence.start.weekday() >= SATURDAY
        starts = sorted(hour.start for hour in self.hours)
        first = starts[0] if starts else silence.start
        found = days = 0
        for back in range(1, 29):
            shift = timedelta(days=back)
            start, end = silence.start - shift, silence.end - shift
            if start < first:
                break
            if (start.weekday() >= SATURDAY) is not weekend:
                continue
            days += 1
            place = bisect_left(starts, start - timedelta(minutes=59))
            found += place < len(starts) and starts[place] <= end
        return found / days if days >= MIN_DAYS else None


def _int(row: Row, name: str) -> int:
    value = row.get(name)
    if type(value) is int:
        return value
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
