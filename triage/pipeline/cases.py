"""The case that an alert belongs to: related alerts of other detections, found in the store by what they share.

Members are looked for once in each look at an alert, after its verdict and before its comment. An alert first stores
what it can be linked by and then searches, so of two that are investigated at the same time, by whichever workers, at
least one finds the other, though without a verdict yet; the comment of the one that searched first lacks a member until
its next look. `triage cases`, `triage show` and the exports compute the case when they are asked, and have both. A
comment that is written is not rewritten because a later alert joins.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from pydantic import JsonValue, TypeAdapter

from triage.domain.alert import Alert
from triage.domain.case import Case, CaseMember, LinkKeys, case_of
from triage.domain.disposition import Disposition
from triage.domain.dossier import Dossier
from triage.domain.evidence import SAME_CASE, Evidence, Source
from triage.domain.related import LONGEST, Grouped, grouped, link_keys, looked_up
from triage.pipeline.journal import ClaimJournal, step_value
from triage.ports import AlertRecord, Records

MOST_ROUNDS = 4
"""How many times what was found is searched for further members."""
MOST_MEMBERS = 60
"""Alerts at which a search ends."""
_BATCH = 500

_CASE: TypeAdapter[Case | None] = TypeAdapter(Case | None)


async def find_case(
    alert: Alert, keys: LinkKeys, verdict: Disposition, *, records: Records, journal: ClaimJournal
) -> Case | None:
    """The case of an alert that has just got its verdict; a replay finds the same. Raises StoreError.

    Args:
        alert: The alert.
        keys: What it can be linked by.
        verdict: Which the store does not have yet.
        records: The other alerts.
        journal: Of the claim.
    """

    async def look() -> Case | None:
        # A stale claim stores nothing here, and is noticed when this step is journalled.
        await records.save_keys(journal.claim, keys.keys)
        return await _case(keys, {alert.id: _member(alert, verdict)}, records)

    return await step_value(journal, "case", "look", look, _CASE)


async def judged_so_far(dossier: Dossier, *, records: Records, journal: ClaimJournal) -> Dossier:
    """The dossier with this program's verdicts on the alerts of the same case, if there are any yet.

    One run of a program, or one intruder's afternoon, raises several alerts, and is not to be judged in two ways. A
    replay finds the same. Raises StoreError.
    """
    keys = link_keys(dossier)

    async def look() -> Case | None:
        # As in `find_case`: whoever is investigated meanwhile can find this alert.
        await records.save_keys(journal.claim, keys.keys)
        return await _case(keys, {dossier.alert.id: _member(dossier.alert, None)}, records)

    case = await step_value(journal, "case/before", "look", look, _CASE)
    members = () if case is None else case.members
    others = [each for each in members if each.alert_id != dossier.alert.id and each.verdict is not None]
    if not others:
        return dossier
    rows: list[dict[str, JsonValue]] = [
        {
            "alert_id": each.alert_id,
            "detection": each.detection,
            "at": each.at.isoformat(),
            "verdict": str(each.verdict),
        }
        for each in others
    ]
    entry = Evidence(
        id=f"E{len(dossier.evidence) + 1}",
        source=Source.HISTORY,
        key=SAME_CASE,
        question="How did this program judge the other alerts of the same case?",
        columns=tuple(rows[0]),
        rows=tuple(rows),
        row_count=len(rows),
    )
    return dossier.model_copy(update={"evidence": (*dossier.evidence, entry)})


async def stored_case(alert_id: str, records: Records) -> Case | None:
    """The case of a stored alert as it is now; `None` if nothing joins it. Raises StoreError."""
    keys = await records.keys_of(alert_id)
    return await _case(keys, {}, records)


async def stored_cases(records: Records, *, since: datetime | None = None) -> tuple[Case, ...]:
    """All cases that have an event at or after `since`, the latest first. Raises StoreError."""
    start = None if since is None else since - LONGEST
    members: dict[str, CaseMember] = {}
    cases = []
    keys = await records.link_keys(start)
    # Thousands of alerts take the processor a while, and the pages ask beside the workers.
    groups = await asyncio.to_thread(grouped, keys)
    await _add_members(members, {name for group in groups for name in group.alert_ids}, records)
    for group in groups:
        found = _made(group, members)
        if found is not None and (since is None or found.members[-1].at >= since):
            cases.append(found)
    return tuple(sorted(cases, key=lambda case: (case.members[-1].at, case.id), reverse=True))


def case_by_alert(cases: Iterable[Case]) -> Mapping[str, Case]:
    """The case of each member."""
    return {member.alert_id: case for case in cases for member in case.members}


async def _case(keys: LinkKeys, known: Mapping[str, CaseMember], records: Records) -> Case | None:
    """Search from one alert outwards, then sort what was found as `stored_cases` does."""
    if not keys.keys:
        return None
    first, last = keys.first - LONGEST, keys.last + LONGEST
    found = {keys.alert_id: keys}
    searched: set[str] = set()
    for _ in range(MOST_ROUNDS):
        values = frozenset(value for each in found.values() for value in looked_up(each)) - searched
        if not values or len(found) > MOST_MEMBERS:
            break
        searched |= values
        for each in await records.sharing(values, first=first, last=last):
            # What was stored of this alert is of an earlier look.
            found.setdefault(each.alert_id, each)
    group = next((group for group in grouped(list(found.values())) if keys.alert_id in group.alert_ids), None)
    if group is None:
        return None
    members = dict(known)
    await _add_members(members, group.alert_ids, records)
    return _made(group, members)


async def _add_members(members: dict[str, CaseMember], names: Collection[str], records: Records) -> None:
    """Read those that are not known yet."""
    unknown = sorted(set(names) - members.keys())
    for start in range(0, len(unknown), _BATCH):
        for record in await records.several(unknown[start : start + _BATCH]):
            members[record.alert.id] = _stored_member(record)


def _made(group: Grouped, members: Mapping[str, CaseMember]) -> Case | None:
    """The case of a group, without members that retention has deleted meanwhile."""
    present = [members[alert_id] for alert_id in group.alert_ids if alert_id in members]
    return case_of(present, group.links) if len(present) > 1 else None


def _stored_member(record: AlertRecord) -> CaseMember:
    return _member(record.alert, record.verdict)


def _member(alert: Alert, verdict: Disposition | None) -> CaseMember:
    return CaseMember(
        alert_id=alert.id,
        title=alert.title,
        detection=alert.detection_name or alert.detection_id,
        at=alert.moment,
        verdict=verdict,
    )
