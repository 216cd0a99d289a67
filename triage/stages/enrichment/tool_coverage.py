"""What an absence is worth in an answer to the model's own query: the same measure as for a playbook's."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from triage.domain.coverage import Coverage
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.domain.window import TimeWindow
from triage.errors import PantherError, QueryFailed
from triage.logtypes import table_of
from triage.ports import Lake, LogSource, LogSources, QueryLimits
from triage.stages.enrichment.coverage import RHYTHM_SQL, Rhythm, coverage_of

_HOURS = 1000
_BYTES = 200_000
_LOGS = "panther_logs"


@dataclass(slots=True)
class ToolCoverage:
    """Measures for one alert. Tables whose rhythm the dossier knows cost no query; each other one costs one, once."""

    dossier: Dossier
    lake: Lake
    sources: LogSources
    history: timedelta
    """How far back the rhythm of a table is looked at."""
    seconds: float
    """Limit of one query."""
    _rhythms: dict[str, Rhythm | None] = field(default_factory=dict)
    _sources: tuple[LogSource, ...] | None = None
    _asked: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, table: str, window: TimeWindow) -> tuple[Coverage, int]:
        """Whether a table could have answered over a window, and the queries that it took to know.

        Args:
            table: Fully qualified, such as `panther_logs.public.aws_cloudtrail`; others than logs are not known.
            window: That was asked.
        """
        database, _, rest = table.partition(".")
        name = rest.rpartition(".")[2]
        if database != _LOGS:
            return Coverage(), 0
        async with self._lock:
            rhythm, queries = await self._rhythm(name)
            sources = await self._feeding(name)
        moment = self.dossier.alert.moment
        coverage = coverage_of(
            window,
            rhythm=rhythm,
            sources=sources,
            last_event=max(moment, self.dossier.alert.last_event_at or moment),
            # What the query looked for is not known; rows that name somebody are the least that must be there.
            control="actor",
            now=self.dossier.now,
        )
        return coverage, queries

    async def _rhythm(self, name: str) -> tuple[Rhythm | None, int]:
        if name in self._rhythms:
            return self._rhythms[name], 0
        known = _known(self.dossier.evidence, name)
        if known is not None:
            self._rhythms[name] = Rhythm.of(known.rows, truncated=known.truncated)
            return self._rhythms[name], 0
        self._rhythms[name] = await self._ask(name)
        return self._rhythms[name], 1

    async def _ask(self, name: str) -> Rhythm | None:
        from triage.domain.sql import QueryTemplate  # noqa: PLC0415 - sqlglot costs start-up time

        now = self.dossier.now
        window = TimeWindow(self.dossier.alert.moment - self.history, max(now, self.dossier.alert.moment))
        template = QueryTemplate.parse(RHYTHM_SQL.replace("{table}", f"{_LOGS}.public.{name}"))
        query = template.bind({}, window=window, limit=_HOURS, now=now)
        limits = QueryLimits(rows=_HOURS, bytes=_BYTES, seconds=self.seconds)
        try:
            result = await self.lake.run_query(query, limits=limits)
        except (PantherError, QueryFailed):
            return None
        rows = [{column.lower(): value for column, value in row.items()} for row in result.rows]
        return Rhythm.of(rows, truncated=result.truncated or result.row_count >= _HOURS)

    async def _feeding(self, name: str) -> tuple[LogSource, ...] | None:
        if not self._asked:
            self._asked = True
            try:
                self._sources = await self.sources.sources()
            except PantherError:
                self._sources = None
        if self._sources is None:
            return None
        return tuple(source for source in self._sources if any(table_of(log) == name for log in source.log_types))


def _known(evidence: Sequence[Evidence], name: str) -> Evidence | None:
    return next((entry for entry in evidence if entry.key == f"rhythm.{name}" and entry.answered), None)
