"""What an absence is worth, from the health of the log sources and the activity of the table.

`ToolCoverage` measures the answers to the model's own queries in the same way as those of the playbooks.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triage.domain.coverage import Coverage
from triage.domain.dossier import Dossier
from triage.domain.window import TimeWindow
from triage.errors import PantherError, QueryFailed
from triage.logtypes import table_of
from triage.ports import Lake, LogSource, LogSources, QueryLimits
from triage.stages.enrichment.activity import LOGS, MAX_HOURS, TableActivity, activity_template

TOLERANCE = timedelta(minutes=60)
"""A silence that is normal for any source: batches, a slow poll."""

MARGIN = timedelta(minutes=15)
"""How far past a window's end an unhealthy source must have delivered to count as healthy within it."""

SIGN_OF_LIFE = timedelta(minutes=45)
"""How long after the alert's last event the source must still have delivered before "nothing followed" means anything."""

USUAL_SHARE = 0.7
"""A table that had rows in the same hours on this share of the days before is expected to have them."""


def coverage_of(
    window: TimeWindow,
    *,
    activity: TableActivity | None,
    sources: Sequence[LogSource] | None,
    last_event: datetime,
    control: str,
    now: datetime,
) -> Coverage:
    """What "no rows" would be worth as the answer to one question.

    Args:
        window: What the question covers.
        activity: The table's; `None` if unknown.
        sources: The sources that deliver the log type; `None` if Panther didn't say.
        last_event: The alert's own last event.
        control: `actor`, `address` or `any`: what rows in the window, no matter whose, must have.
        now: The present moment.
    """
    # A source that delivered after the window's end was working then, whatever is wrong with it today.
    healthy = (
        None
        if not sources
        else all(
            source.healthy or (source.last_event_at is not None and source.last_event_at >= window.end + MARGIN)
            for source in sources
        )
    )
    if activity is None:
        return Coverage(source_healthy=healthy, last_event_at=_latest(sources, None))
    hours = activity.between(window.start, window.end)
    events = sum([hour.events for hour in hours])
    if control == "actor":
        controls = sum([hour.with_actor for hour in hours])
    else:
        controls = sum([hour.with_address for hour in hours]) if control == "address" else events
    last = _latest(sources, activity.last)
    return Coverage(
        source_healthy=healthy,
        source_reached_window=_reached(window, last, activity, last_event, now),
        table_has_rows=events > 0 if hours or activity.complete else None,
        control_has_rows=controls > 0 if events and (activity.has_controls or control == "any") else None,
        last_event_at=last,
    )


def _latest(sources: Sequence[LogSource] | None, last: datetime | None) -> datetime | None:
    reported = [source.last_event_at for source in sources or () if source.last_event_at is not None]
    return max([*reported, *([last] if last is not None else [])], default=None)


def _reached(
    window: TimeWindow, last: datetime | None, activity: TableActivity, last_event: datetime, now: datetime
) -> bool | None:
    """Whether the source delivered up to the window's end, or to the present if that is earlier."""
    if last is None:
        return None
    end = min(window.end, now)
    if end <= last_event:
        # The alert's own event came after the window: the source was alive.
        return True
    if last < min(last_event + SIGN_OF_LIFE, end - TOLERANCE):
        return False
    if last >= end - TOLERANCE:
        return True
    usual = activity.usual(TimeWindow(last, end))
    return usual is None or usual < USUAL_SHARE


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
    _activity: dict[str, TableActivity | None] = field(default_factory=dict)
    _sources: tuple[LogSource, ...] | None = None
    _sources_read: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, table: str, window: TimeWindow) -> tuple[Coverage, int]:
        """Whether a table could have answered over a window, and how many queries it took to find out.

        Args:
            table: Fully qualified, such as `panther_logs.public.aws_cloudtrail`; nothing is known of other databases.
            window: What was queried.
        """
        database, _, rest = table.partition(".")
        name = rest.rpartition(".")[2]
        if database != LOGS:
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
            last_event=max(moment, self.dossier.alert.last_event_at or moment),
            # What the query searched for is unknown; rows that name an actor are the least that must be there.
            control="actor",
            now=self.dossier.now,
        )
        return coverage, queries

    def _from_dossier(self, name: str) -> TableActivity | None:
        for entry in self.dossier.evidence:
            if entry.key == f"rhythm.{name}" and entry.answered:
                return TableActivity.of(entry.rows, truncated=entry.truncated)
        return None

    async def _query(self, name: str) -> TableActivity | None:
        now = self.dossier.now
        window = TimeWindow(self.dossier.alert.moment - self.history, max(now, self.dossier.alert.moment))
        query = activity_template(name).bind({}, window=window, limit=MAX_HOURS, now=now)
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
