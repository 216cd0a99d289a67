"""The queue, page by page: what is asked for, and the alerts that match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self, TypeVar
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from triage.domain.alert import Severity
from triage.domain.verdict import Disposition
from triage.ports import AlertRecord, Records, State
from triage.service.stored import with_leader_verdicts

PAGE = 50
"""Alerts on a page."""
SCAN = 2_000
"""Alerts that are read for one page; where fewer match, the next page goes on behind them."""
_BATCH = 250
_TEXT = 200

Place = tuple[datetime, str]
"""Creation time and id of the last alert that was seen."""
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which alerts; empty: any."""

    state: State | None = None
    verdict: Disposition | None = None
    severity: Severity | None = None
    text: str = ""
    """Part of the title, or of the detection's id or name, in any case."""
    before: Place | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """From the address. Raises HTTPException."""
        return cls(
            state=_choice(State, query.get("state", "")),
            verdict=_choice(Disposition, query.get("verdict", "")),
            severity=_choice(Severity, query.get("severity", "")),
            text=query.get("text", "").strip()[:_TEXT],
            before=_place(query.get("before", "")),
        )

    def next_page(self, place: Place) -> str:
        """The address of the page behind an alert."""
        at, name = place
        values = {"state": self.state, "verdict": self.verdict, "severity": self.severity, "text": self.text}
        kept = {key: value for key, value in values.items() if value}
        return "/?" + urlencode({**kept, "before": f"{at.isoformat()}~{name}"}, errors="replace")

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


async def one_page(records: Records, filters: Filters) -> Listing:
    """Read on from a place until a page is full. Raises StoreError."""
    found: list[AlertRecord] = []
    place = filters.before
    states = (filters.state,) if filters.state is not None else ()
    for _ in range(SCAN // _BATCH):
        batch = await records.newest(states=states, before=place, limit=_BATCH)
        for record in await with_leader_verdicts(records, batch):
            if len(found) == PAGE:
                return Listing(found, place)
            place = (record.alert.created_at, record.alert.id)
            if filters.match(record):
                found.append(record)
        if len(batch) < _BATCH:
            return Listing(found, None)
    return Listing(found, place)


def _choice(kind: type[E], text: str) -> E | None:
    # Some enums keep a value they don't know; an address may not make them.
    if text and text not in {each.value for each in kind}:
        raise HTTPException(400, f"{text[:40]!r} is none of {', '.join(kind)}")
    return kind(text) if text else None


def _place(text: str) -> Place | None:
    if not text:
        return None
    moment, _, name = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError as error:
        raise HTTPException(400, "there is no such page") from error
    if at.tzinfo is None or not name:
        raise HTTPException(400, "there is no such page")
    return at, name
