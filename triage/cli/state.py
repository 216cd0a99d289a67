"""The state database as commands use it: one way of opening it, and the walk that reports and exports share."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import click

from triage.domain.selection import Linked
from triage.domain.verdict import Investigation
from triage.edges.store import open_store
from triage.ports import AlertRecord, Records, Store
from triage.settings import Settings


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The state database, closed at the end. Raises StoreError."""
    store = await open_store(settings.store.url)
    try:
        yield store
    finally:
        await store.close()


async def with_leader_verdicts(source: Records, records: Sequence[AlertRecord]) -> tuple[AlertRecord, ...]:
    """The same records; one that is linked to another alert shows that alert's verdict and confidence."""
    known = {record.alert.id: record for record in records}
    shown = []
    for record in records:
        if not isinstance(record.decision, Linked):
            shown.append(record)
            continue
        leader = known.get(record.decision.leader) or await source.find(record.decision.leader)
        verdict = {"verdict": leader.verdict, "confidence": leader.confidence} if leader else {}
        shown.append(record.model_copy(update=verdict))
    return tuple(shown)


async def walk(source: Records, *, since: datetime | None) -> AsyncIterator[tuple[AlertRecord, Investigation | None]]:
    """Every alert created at or after a moment, newest first, with its investigation; one at a time is in memory.

    A linked alert shows its leader's verdict and has no investigation. Raises StoreError.
    """
    for record in await with_leader_verdicts(source, await source.newest(since=since)):
        yield record, await source.investigation(record.alert.id)


def json_line(row: object) -> None:
    """One JSON object on one line of stdout, in ASCII."""
    click.echo(json.dumps(row, ensure_ascii=True, separators=(",", ":")))
