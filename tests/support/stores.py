"""Alerts, claims and databases for the store's tests."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import NullPool, create_engine, delete, make_url, select

from tests.support import postgres
from triage.domain.alert import Alert, DetectionOrigin, Kind, Severity, Status
from triage.domain.evidence import Evidence, Source
from triage.domain.selection import Decision, Linked, Selected, SkipCode, Skipped
from triage.domain.verdict import Analyst, Disposition, Investigation, Usage, Verdict
from triage.edges.store import open_store
from triage.edges.store.alerts import record_of
from triage.edges.store.tables import alerts as alert_rows
from triage.edges.store.tables import metadata, schema_migrations
from triage.ports import AlertRecord, Claim, Store

NOW = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)
HOLDS = 3600.0
"""Seconds of a lease that outlasts any test, on the test's clock and on a database's."""
RUN_OUT = 0.0
"""Seconds of a lease that expires as soon as it is granted, on either clock."""

SELECTED = Selected()
SKIPPED = Skipped(code=SkipCode.STATUS, reason="its status is RESOLVED")
LINKED = Linked(leader="leader", reason="same title within 15 minutes")
DECISIONS: tuple[Decision, ...] = (SELECTED, SKIPPED, LINKED)


def alert(name: str = "a", **changes: object) -> Alert:
    """A plain alert; `minutes` is its age."""
    minutes = changes.pop("minutes", 10)
    assert isinstance(minutes, int)
    values: dict[str, object] = {
        "id": name,
        "title": "A user signed in from a new place",
        "severity": Severity.MEDIUM,
        "status": Status.OPEN,
        "kind": Kind.RULE,
        "created_at": NOW - timedelta(minutes=minutes),
        "origin": DetectionOrigin(id="Standard.NewPlace"),
    }
    return Alert.model_validate(values | changes)


def investigation(claim: Claim, disposition: Disposition = Disposition.BENIGN, **changes: object) -> Investigation:
    """A finished investigation of a claimed alert."""
    values: dict[str, object] = {
        "run_id": claim.run_id,
        "alert_id": claim.alert.id,
        "analyst": Analyst.OFFLINE,
        "started_at": NOW,
        "finished_at": NOW + timedelta(seconds=7),
        "verdict": Verdict(disposition=disposition, confidence=0.75, summary="Nothing unusual."),
        "evidence": (
            Evidence(
                id="E1", source=Source.EVENTS, key="events", question="What happened?", rows=({"b": 1, "a": "ü"},)
            ),
        ),
        "usage": Usage(seconds=6.5),
    }
    return Investigation.model_validate(values | changes)


async def saved(store: Store, *alerts: Alert, decision: Decision = SELECTED) -> None:
    await store.queue.save([(each, decision) for each in alerts], now=NOW)


async def claimed(store: Store, worker: str = "w", *, lease_seconds: float = HOLDS, **changes: str) -> Claim:
    """The next claim, which must exist."""
    claim = await store.queue.claim(worker, now=NOW, lease_seconds=lease_seconds, **changes)
    assert claim is not None
    return claim


async def nothing_due(store: Store) -> bool:
    """Whether a worker that asks for work gets none."""
    return await store.queue.claim("idle", now=NOW, lease_seconds=RUN_OUT) is None


async def record(store: Store, name: str = "a") -> AlertRecord:
    """The record of an alert, which must exist."""
    found = await store.records.find(name)
    assert found is not None
    return found


async def followers(store: Store, leader: str) -> list[AlertRecord]:
    """The alerts whose row names this leader, oldest first."""
    query = select(alert_rows).where(alert_rows.c.leader == leader).order_by(alert_rows.c.created_at, alert_rows.c.id)
    return [
        record_of(row) for row in await store.queue.database.read(lambda connection: connection.execute(query).all())
    ]


def empty(url: str) -> None:
    """Delete every row of a migrated database, much faster than making a new one."""
    parsed = make_url(url)
    driver = "sqlite" if parsed.drivername == "sqlite" else "postgresql+psycopg"
    engine = create_engine(parsed.set(drivername=driver), poolclass=NullPool)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table is not schema_migrations:
                connection.execute(delete(table))


async def migrate(url: str) -> None:
    """Create the schema in a blank database."""
    await (await open_store(url)).close()


@contextmanager
def migrated_postgres() -> Iterator[str]:
    """A URL of a PostgreSQL database with the schema in it."""
    with postgres.database() as url:
        asyncio.run(migrate(url))
        yield url


def sqlite_url(directory: Path) -> str:
    return f"sqlite:///{directory / 'state.db'}"
