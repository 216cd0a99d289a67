"""What the state database holds, as commands, pages and tools show it: alerts by id, linked ones resolved, and cases."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from triage.domain.case import Case
from triage.domain.disposition import Disposition
from triage.domain.near import did_you_mean
from triage.domain.selection import Linked
from triage.domain.verdict import Investigation
from triage.errors import NotFound
from triage.pipeline.cases import case_by_alert, stored_case, stored_cases
from triage.ports import AlertRecord, Records, State

_SIMILAR = 5_000
"""Newest alerts among which a mistyped id is looked for."""
_NAMED = 5
"""Ids that a message lists."""
PAGE = 500
"""Alerts that are in memory at once where all are read."""


async def each_page(
    records: Records,
    *,
    since: datetime | None = None,
    states: Sequence[State] = (),
    verdicts: Collection[Disposition] = (),
    ended_since: datetime | None = None,
    notable: bool = False,
) -> AsyncIterator[tuple[AlertRecord, ...]]:
    """Read what `Records.newest` gives, a page at a time; linked alerts show their leaders' verdicts. Raises StoreError."""
    before: tuple[datetime, str] | None = None
    while True:
        page = await records.newest(
            since=since,
            states=states,
            verdicts=verdicts,
            ended_since=ended_since,
            notable=notable,
            before=before,
            limit=PAGE,
        )
        if page:
            yield await with_leader_verdicts(records, page)
        if len(page) < PAGE:
            return
        before = (page[-1].alert.created_at, page[-1].alert.id)


async def full_id(records: Records, given: str) -> str:
    """The id that is meant by an id or its unique beginning. Raises NotFound with the nearest ids."""
    if await records.find(given) is not None:
        return given
    found = await records.ids(given, limit=_NAMED + 1)
    if len(found) == 1:
        return found[0]
    if found:
        more = ", …" if len(found) > _NAMED else ""
        raise NotFound(
            f"{given} is how several alerts begin: {', '.join(found[:_NAMED])}{more}; write one more character"
        )
    near = did_you_mean(given, await records.ids(limit=_SIMILAR))
    remedy = near or f"; `triage investigate {given}` investigates it"
    raise NotFound(f"alert {given} is not in the state database{remedy}")


async def record_of(records: Records, given: str) -> AlertRecord:
    """The record of an alert, by its id or its unique beginning. Raises NotFound."""
    record = await records.find(await full_id(records, given))
    if record is None:
        raise NotFound(f"alert {given} has just been deleted from the state database")
    return record


async def with_leader_verdicts(source: Records, records: Sequence[AlertRecord]) -> tuple[AlertRecord, ...]:
    """The same records; one that is linked to another alert shows that alert's verdict and confidence."""
    known = {record.alert.id: record for record in records}
    if missing := {record.leader for record in records if record.leader is not None} - known.keys():
        known |= {record.alert.id: record for record in await source.several(missing)}
    shown = []
    for record in records:
        if not isinstance(record.decision, Linked):
            shown.append(record)
            continue
        leader = known.get(record.decision.leader)
        verdict = {"verdict": leader.verdict, "confidence": leader.confidence} if leader else {}
        shown.append(record.model_copy(update=verdict))
    return tuple(shown)


async def with_investigation(records: Records, record: AlertRecord) -> tuple[AlertRecord, Investigation | None]:
    """The record and the investigation; both the leader's for a linked alert. Raises StoreError."""
    (record,) = await with_leader_verdicts(records, [record])
    leader = record.leader
    name = leader if leader is not None and await records.find(leader) is not None else record.alert.id
    investigation = await records.investigation(name)
    if investigation is not None:
        # Alerts that have joined since the comment was written are shown too.
        investigation = investigation.model_copy(update={"case": await stored_case(name, records)})
    return record, investigation


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of the stored alerts, by alert ID."""

    by_alert: Mapping[str, Case] = field(default_factory=dict)

    @classmethod
    async def load(cls, records: Records, since: datetime | None) -> Self:
        """Raises StoreError."""
        return cls(case_by_alert(await stored_cases(records, since=since)))

    def of(self, record: AlertRecord) -> Case | None:
        """The case of an alert; that of its leader for a linked one."""
        return self.by_alert.get(record.leader or record.alert.id)
