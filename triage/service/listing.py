"""The stored alerts page by page, newest first: what is asked for, and the alerts that match."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.domain.alert import Severity
from triage.domain.verdict import Disposition
from triage.ports import AlertRecord, Records, State
from triage.service.stored import with_leader_verdicts

PAGE = 50
"""Alerts on a page."""
SCAN = 2_000
"""Alerts that are read for one page; where fewer match, the next page goes on behind them."""
_BATCH = 250

Place = tuple[datetime, str]
"""Creation time and id of the last alert that was seen."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which alerts; empty: any."""

    state: State | None = None
    verdict: Disposition | None = None
    severity: Severity | None = None
    text: str = ""
    """Part of the title, or of the detection's id or name, in any case."""
    since: datetime | None = None
    """Created at or after."""
    before: Place | None = None

    def match(self, record: AlertRecord) -> bool:
        """Whether a record passes what the database doesn't check."""
        alert = record.alert
        place = f"{alert.title}\0{alert.detection_id}\0{alert.detection_name}".casefold()
        return (
            (self.verdict is None or record.verdict is self.verdict)
            and (self.severity is None or alert.severity == self.severity)
            and self.text.casefold() in place
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """One page."""

    records: Sequence[AlertRecord]
    place: Place | None
    """Where the next page goes on; `None` at the end."""


async def one_page(records: Records, filters: Filters, *, size: int = PAGE) -> Listing:
    """Read on from a place until a page of `size` alerts is full. Raises StoreError."""
    found: list[AlertRecord] = []
    place = filters.before
    states = (filters.state,) if filters.state is not None else ()
    for _ in range(SCAN // _BATCH):
        batch = await records.newest(since=filters.since, states=states, before=place, limit=_BATCH)
        for record in await with_leader_verdicts(records, batch):
            if len(found) == size:
                return Listing(found, place)
            place = (record.alert.created_at, record.alert.id)
            if filters.match(record):
                found.append(record)
        if len(batch) < _BATCH:
            return Listing(found, None)
    return Listing(found, place)
