"""In which hours a table received rows. One question per table; every judgement of coverage rests on the answers."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import pairwise
from typing import NamedTuple

from triage.domain.base import Row
from triage.domain.sql import QueryTemplate
from triage.domain.window import TimeWindow
from triage.logtypes import Term, log_type_of_table, table_of, terms_of
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

TOLERANCE = timedelta(minutes=60)
"""A silence that is normal for any source: batches, a slow poll."""

USUAL_SHARE = 0.7
"""A table that had rows in the same hours on this share of the days before is expected to have them."""

LONGEST_SHARE = 1.5
"""A table that is silent for more than this many times its longest silence has stopped."""

MARGIN = timedelta(minutes=5)
"""How much later than the slowest rows of the past the next one may be."""

UNKNOWN_LAG = timedelta(minutes=60)
"""How late a row may be where its parse time is unknown or too few rows were seen."""

MIN_LAGS = 24
"""Hours with rows from which a table's lag is known."""

_PLAYBOOK = Playbook(playbook="rhythm")
_SQL = """
    SELECT DATE_TRUNC('hour', p_event_time) AS hour, COUNT(*) AS events, MAX(p_event_time) AS last_seen{controls}
    FROM {table}
    WHERE p_event_time BETWEEN :start AND :end
    GROUP BY 1
    ORDER BY 1 DESC
    LIMIT :limit
"""
_LAG = """,
      MAX(DATEDIFF('second', p_event_time, p_parse_time)) AS lag"""
_ADDRESS = "ARRAY_SIZE(p_any_ip_addresses) > 0"
_ACTOR = """ARRAY_SIZE(p_any_usernames) > 0 OR ARRAY_SIZE(p_any_emails) > 0 OR ARRAY_SIZE(p_any_actor_ids) > 0
        OR ARRAY_SIZE(p_any_aws_arns) > 0 OR ARRAY_SIZE(p_any_ip_addresses) > 0"""
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
def activity_template(table: str, *, actor: str = "", address: str = "", controls: bool = True) -> QueryTemplate:
    """The question for one table of `panther_logs`: rows per hour, newest first.

    Args:
        table: Its name.
        actor: SQL of the log type's term; empty: rows count that name anyone in Panther's indicator columns.
        address: The same for the address.
        controls: Count rows with an address and rows with an actor too, and measure how late rows are; only for
            tables with Panther's standard columns.
    """
    counted = ""
    if controls:
        with_address = f"({address}) IS NOT NULL" if address else _ADDRESS
        with_actor = f"({actor}) IS NOT NULL" if actor else _ACTOR
        counted = f""",
      COUNT_IF({with_address}) AS with_address,
      COUNT_IF({with_actor}) AS with_actor{_LAG}"""
    return QueryTemplate.parse(_SQL.format(controls=counted, table=f"{LOGS}.public.{table}"))


def activity_of_table(table: str, terms: Mapping[str, Term] | None = None) -> QueryTemplate:
    """The question for a table whose log type says where its actor and its address are.

    A control for a kind of value has to be searched where the questions search: in the same column.

    Args:
        table: Its name.
        terms: Of its log type; `None`: those of the log type that ships for the table.
    """
    if terms is None:
        file = log_type_of_table(table)
        terms = terms_of(file.log_type) if file is not None else {}
    actor, address = ((terms[name].sql if name in terms else "") for name in ("actor", "address"))
    return activity_template(table, actor=actor, address=address)


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
    tables: dict[str, PlaybookQuestion] = {}
    for bound in queries:
        if bound.question.database == LOGS:
            tables.setdefault(bound.question.table, bound.question)
    # Whole days and ten minutes, so that alerts of one day share the answer.
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    end = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)
    window = TimeWindow(day - history, max(end, last))
    return tuple(
        _activity_query(table, asked.log_type, partial(activity_of_table, table, _own_terms(asked)), window, now)
        for table, asked in list(tables.items())[:MAX_TABLES]
    )


def _own_terms(question: PlaybookQuestion) -> Mapping[str, Term] | None:
    """The terms that the question's playbook brings for the table's log type, if it brings any."""
    own = question.playbook.terms
    return own if own and table_of(question.log_type) == question.table else None


def without_controls(bound: BoundQuery, *, now: datetime) -> BoundQuery:
    """The same question for a table that lacks a column of the log type or an indicator column."""
    table = bound.question.table
    template = partial(activity_template, table, controls=False)
    return _activity_query(table, bound.question.log_type, template, bound.window, now)


def _activity_query(
    table: str, log_type: str, template: Callable[[], QueryTemplate], window: TimeWindow, now: datetime
) -> BoundQuery:
    question = PlaybookQuestion(f"rhythm.{table}", _PLAYBOOK, _QUESTION, log_type, LOGS, table, template)
    return BoundQuery(question, template().bind({}, window=window, limit=MAX_HOURS, now=now), window)


class Hour(NamedTuple):
    """An hour with rows. A tuple, because an alert makes some thousands of them."""

    start: datetime
    events: int
    last_seen: datetime
    with_address: int
    with_actor: int
    lag: int | None = None
    """Seconds between event and parse time of its slowest row; `None` if unknown."""


@dataclass(frozen=True, slots=True)
class TableActivity:
    """The hours in which a table received rows."""

    hours: tuple[Hour, ...]
    """Newest first; hours without rows are left out."""
    complete: bool = True
    """False if the oldest hours were cut."""
    has_controls: bool = True
    """Rows with an actor and with an address were counted."""
    lag: timedelta = field(init=False, compare=False)
    """How late a row may usually be."""
    last: datetime | None = field(init=False, compare=False)
    """When the newest row was written."""
    _seen: tuple[datetime, ...] = field(init=False, compare=False, repr=False)
    """When the newest row of each hour was written, the oldest first."""

    def __post_init__(self) -> None:
        # Each question about the table needs them, and there are up to a thousand hours.
        seen = sorted([hour.last_seen for hour in self.hours])
        object.__setattr__(self, "_seen", tuple(seen))
        object.__setattr__(self, "last", seen[-1] if seen else None)
        object.__setattr__(self, "lag", _usual_lag([hour.lag for hour in self.hours if hour.lag is not None]))

    @classmethod
    def of(cls, rows: Sequence[Row], *, truncated: bool) -> "TableActivity":
        """Read the answer to `activity_template`."""
        hours = []
        for row in rows:
            start, last = parse_time(row.get("hour")), parse_time(row.get("last_seen"))
            if start is not None and last is not None:
                controls = _int(row, "with_address"), _int(row, "with_actor")
                lag = None if row.get("lag") is None else max(0, _int(row, "lag"))
                hours.append(Hour(start, _int(row, "events"), last, *controls, lag))
        return cls(
            tuple(sorted(hours, key=lambda hour: hour.start, reverse=True)),
            complete=not truncated,
            has_controls=all("with_actor" in row for row in rows),
        )

    def last_until(self, moment: datetime) -> datetime | None:
        """When the newest row was written that is no newer than a moment, of the newest rows of the hours."""
        place = bisect_right(self._seen, moment)
        return self._seen[place - 1] if place else None

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

    def silent(self, last: datetime, now: datetime) -> bool:
        """Whether nothing has come since `last` although, by the table's rhythm, something should have."""
        silence = now - last
        # From one hour with rows to the next: what nine in ten of them don't exceed, and the longest.
        gaps = sorted(newer.last_seen - older.last_seen for newer, older in pairwise(self.hours))
        if not gaps or silence <= 2 * max(gaps[len(gaps) * 9 // 10], self.lag, TOLERANCE):
            return False
        usual = self.usual(TimeWindow(last, now))
        return (usual is not None and usual >= USUAL_SHARE) or silence > LONGEST_SHARE * gaps[-1]


def _usual_lag(seconds: Sequence[int]) -> timedelta:
    """How late a row may usually be, from the slowest row of each hour."""
    if len(seconds) < MIN_LAGS:
        return max(UNKNOWN_LAG, timedelta(seconds=2 * max(seconds, default=0)))
    # A rare backfill of hours says nothing of the next row; a source of which one hour in a hundred is late does.
    slowest = sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.99))]
    return timedelta(seconds=slowest) + MARGIN


def _int(row: Row, name: str) -> int:
    value = row.get(name)
    if type(value) is int:
        return value
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
