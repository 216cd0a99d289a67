"""What an absence is worth, from the health of the log sources and the activity of the table.

`ToolCoverage` measures the answers to the model's own queries in the same way as those of the playbooks.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from triage.domain.coverage import Coverage
from triage.domain.dossier import Dossier
from triage.domain.sql.batch import batch_queries, in_order, split_batch
from triage.domain.window import TimeWindow
from triage.errors import PantherError, QueryFailed
from triage.logtypes import table_of
from triage.ports import Lake, LogSource, LogSources, QueryLimits
from triage.questions.matches import MATCHES
from triage.stages.enrichment.activity import LOGS, MAX_HOURS, UNKNOWN_LAG, Hour, TableActivity, activity_of_table

DORMANT = timedelta(days=7)
"""A source that has delivered nothing for this long doesn't feed the table any more."""


def coverage_of(
    window: TimeWindow,
    *,
    activity: TableActivity | None,
    sources: Sequence[LogSource] | None,
    own: TimeWindow,
    control: str,
    now: datetime,
    wanted_end: datetime | None = None,
) -> Coverage:
    """What "no rows" would be worth as the answer to one question.

    A row that has come shows that every row which is older by more than the table's usual lag has come too. So an
    absence is proven up to the newest row, less that lag. The alert's own events are no exception: they show what lies
    before them, and nothing of what followed.

    Args:
        window: What the question covers.
        activity: The table's; `None` if unknown.
        sources: The sources that deliver the log type; `None` if Panther didn't say.
        own: From the alert's first to its last event.
        control: `actor`, `address` or `any`: what rows in the window, no matter whose, must have.
        now: The present moment.
        wanted_end: What the question should cover, where the window ends at the present before it.
    """
    end = max(window.end, wanted_end or window.end)
    lag = activity.lag if activity is not None else UNKNOWN_LAG
    ailing = [source for source in sources or () if not _healthy(source, end + lag, now)]
    healthy = not ailing if sources else None
    alarms = tuple(dict.fromkeys(name for source in ailing for name in source.alarms))
    alarm_minutes = max((source.alarm_minutes or 0 for source in sources or ()), default=0) or None
    overdue = any(_overdue(source, now) for source in ailing)
    if activity is None:
        open_until = end + lag if end + lag > now else None
        last = _last(sources, None)
        return Coverage(
            source_healthy=healthy,
            last_event_at=last,
            open_until=open_until,
            alarms=alarms,
            alarm_minutes=alarm_minutes,
            overdue=overdue,
        )
    last = _last(sources, activity.last)
    delivered = _delivered(activity, sources, now)
    proven = None if delivered is None else delivered - lag
    whole = proven is not None and proven >= end
    events, controls = _controls(window, activity, own, delivered, control)
    found = Coverage(
        source_healthy=healthy,
        source_reached_window=None if proven is None else whole,
        table_has_rows=events > 0 if events or activity.complete else None,
        control_has_rows=controls > 0 if events and (activity.has_controls or control == "any") else None,
        last_event_at=last,
        open_until=None if whole else _open_until(end, activity, delivered, now),
        alarms=alarms,
        alarm_minutes=alarm_minutes,
        overdue=overdue,
    )
    # Of what followed the alert, the alert's own events are no part.
    first = own.end if window.start >= own.start else window.start
    if proven is None or whole or proven <= first or not (healthy and found.table_has_rows and found.control_has_rows):
        return found
    return found.model_copy(update={"proven_until": min(proven, window.end)})


def _healthy(source: LogSource, enough: datetime, now: datetime) -> bool:
    """Whether a source worked over a window whose last rows should have come by `enough`.

    One that delivered after that was working then, whatever is wrong with it today.
    """
    delivered = source.last_event_at is not None and source.last_event_at >= enough
    return delivered or (source.healthy and not source.alarms and not _overdue(source, now))


def _overdue(source: LogSource, now: datetime) -> bool:
    """Whether a source has been silent for longer than the people who run it call usual, alarm or not."""
    if source.alarm_minutes is None or source.last_event_at is None:
        return False
    return now - source.last_event_at > timedelta(minutes=source.alarm_minutes)


def _last(sources: Sequence[LogSource] | None, last: datetime | None) -> datetime | None:
    reported = [source.last_event_at for source in sources or () if source.last_event_at is not None]
    return max([*reported, *([last] if last is not None else [])], default=None)


def _delivered(activity: TableActivity, sources: Sequence[LogSource] | None, now: datetime) -> datetime | None:
    """The newest sign that rows of this table come in, of the source that is furthest behind."""
    # A clock that is ahead shows nothing.
    row = activity.last_until(now)
    feeding = [
        (source, min(source.last_event_at, now))
        for source in sources or ()
        if source.last_event_at is not None and source.last_event_at > now - DORMANT
    ]
    if len(feeding) == 1 and len(feeding[0][0].log_types) == 1:
        return max(feeding[0][1], row or feeding[0][1])
    # What a source of several log types delivered last need not be of this table.
    if row is None or len(feeding) < 2:  # noqa: PLR2004 - one source alone is as far behind as its table
        return row
    return min(row, *(last for _, last in feeding))


def _controls(
    window: TimeWindow, activity: TableActivity, own: TimeWindow, delivered: datetime | None, control: str
) -> tuple[int, int]:
    """Rows of anyone, and those of them that have what the question searches for."""
    end = window.end
    hours: Sequence[Hour]
    if window.end > own.end and delivered is not None:
        # Past the alert, the row that shows the delivery is a control too, whether or not it lies in the window.
        end = max(end, delivered)
    hours = activity.between(window.start, end)
    if window.start >= own.start:
        # The alert's own events show nothing of what followed.
        hours = [hour for hour in hours if hour.last_seen > own.end]
    events = sum([hour.events for hour in hours])
    if control == "actor":
        return events, sum([hour.with_actor for hour in hours])
    return events, sum([hour.with_address for hour in hours]) if control == "address" else events


def _open_until(end: datetime, activity: TableActivity, delivered: datetime | None, now: datetime) -> datetime | None:
    """When the last row of a window that ends at `end` should be there; `None` if nothing more is to be expected."""
    if activity.silent(delivered, now) if delivered is not None else end + activity.lag <= now:
        return None
    return max(end, now) + activity.lag


def fed_by(table: str, sources: Sequence[LogSource] | None) -> tuple[LogSource, ...] | None:
    """The sources that deliver a table's log types; `None` if the sources are unknown."""
    if sources is None:
        return None
    return tuple(source for source in sources if any(table_of(name) == table for name in source.log_types))


@dataclass(slots=True)
class ToolCoverage:
    """Coverage for one alert. A table whose activity is in the dossier costs no query; any other costs one, once."""

    dossier: Dossier
    lake: Lake
    sources: LogSources
    history: timedelta
    """How far back a table's activity is read."""
    seconds: float
    """Limit of one query."""
    batch: int = 1
    """The most tables whose activity is asked for in one statement."""
    _activity: dict[str, TableActivity | None] = field(default_factory=dict)
    _sources: tuple[LogSource, ...] | None = None
    _sources_read: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(
        self, table: str, window: TimeWindow, *, control: str = "", wanted_end: datetime | None = None
    ) -> tuple[Coverage, int]:
        """Whether a table could have answered over a window, and how many queries it took to find out.

        Args:
            table: Fully qualified, such as `panther_logs.public.aws_cloudtrail`; nothing is known of other databases.
            window: What was queried.
            control: What rows of anyone must have, as a compiled question says; empty for a query of the model's own:
                what that searched for is unknown, and rows that name an actor are the least that must be there.
            wanted_end: The end that a compiled question wants, which may lie in the future.
        """
        name = _measured(table, compiled=bool(control))
        if not name:
            return Coverage(), 0
        queries = 0
        async with self._lock:
            if name not in self._activity:
                self._activity[name] = self._from_dossier(name)
                if self._activity[name] is None:
                    self._activity[name] = await self._query(name)
                    queries = 1
            activity = self._activity[name]
            sources = fed_by(name, await self._all_sources())
        moment = self.dossier.alert.moment
        coverage = coverage_of(
            window,
            activity=activity,
            sources=sources,
            own=TimeWindow(moment, max(moment, self.dossier.alert.last_event_at or moment)),
            control=control or "actor",
            now=self.dossier.now,
            wanted_end=wanted_end,
        )
        return coverage, queries

    async def prepare(self, tables: Sequence[str]) -> int:
        """Measure several tables in as few statements as the lake takes; gives how many these were.

        What fails is measured table by table when it is asked for.
        """
        queries = 0
        async with self._lock:
            for name in dict.fromkeys(_measured(table, compiled=True) for table in tables):
                if name and name not in self._activity and (known := self._from_dossier(name)) is not None:
                    self._activity[name] = known
            names = [_measured(table, compiled=True) for table in tables]
            unknown = [name for name in dict.fromkeys(names) if name and name not in self._activity]
            for start in range(0, len(unknown), self.batch):
                some = unknown[start : start + self.batch]
                if len(some) > 1:
                    queries += 1
                    await self._query_together(some)
        return queries

    async def _query_together(self, names: Sequence[str]) -> None:
        templates = [activity_of_table(name) for name in names]
        window, now = self._window, self.dossier.now
        bound = [template.bind({}, window=window, limit=MAX_HOURS, now=now) for template in templates]
        query = batch_queries([(each, template.columns) for each, template in zip(bound, templates, strict=True)])
        try:
            single = QueryLimits(rows=query.limit, seconds=self.seconds)
            result = await self.lake.run_query(query, limits=replace(single, bytes=single.bytes * len(names)))
            split = split_batch(result.rows, [template.columns for template in templates])
        except (PantherError, QueryFailed, ValueError):
            return
        if result.truncated:
            return
        for name, template, rows in zip(names, templates, split, strict=True):
            ordered = in_order(rows, template.columns, template.row_order)
            self._activity[name] = TableActivity.of(ordered, truncated=len(rows) >= MAX_HOURS)

    @property
    def _window(self) -> TimeWindow:
        """In which a table's activity is read."""
        moment = self.dossier.alert.moment
        return TimeWindow(moment - self.history, max(self.dossier.now, moment))

    def _from_dossier(self, name: str) -> TableActivity | None:
        for entry in self.dossier.evidence:
            if entry.key == f"rhythm.{name}" and entry.answered:
                return TableActivity.of(entry.rows, truncated=entry.truncated)
        return None

    async def _query(self, name: str) -> TableActivity | None:
        query = activity_of_table(name).bind({}, window=self._window, limit=MAX_HOURS, now=self.dossier.now)
        try:
            result = await self.lake.run_query(query, limits=QueryLimits(rows=MAX_HOURS, seconds=self.seconds))
        except (PantherError, QueryFailed):
            return None
        rows = [{column.lower(): value for column, value in row.items()} for row in result.rows]
        return TableActivity.of(rows, truncated=result.truncated or result.row_count >= MAX_HOURS)

    async def _all_sources(self) -> tuple[LogSource, ...] | None:
        if not self._sources_read:
            self._sources_read = True
            try:
                self._sources = await self.sources.sources()
            except PantherError:
                self._sources = None
        return self._sources


def _measured(table: str, *, compiled: bool) -> str:
    """The name of the log's table whose activity says what an answer is worth; empty if nothing does.

    Args:
        table: Fully qualified, as it was asked.
        compiled: By a question of the one language.
    """
    database, _, rest = table.partition(".")
    # Rules run on what the log's own table holds: a rule match can be missing only where the log could be.
    return rest.rpartition(".")[2] if database == LOGS or (compiled and database == MATCHES) else ""
