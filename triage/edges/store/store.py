"""The state database behind `ports.Store`."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Concatenate, Literal, ParamSpec, Self, TypeVar

from pydantic import JsonValue
from sqlalchemy import Connection, Engine

from triage.domain.alert import Alert
from triage.domain.selection import Decision
from triage.domain.verdict import Investigation
from triage.edges.store import alerts, housekeeping, journal, leases, ledger, migrations, queue, status
from triage.edges.store.engine import Engines, open_engines
from triage.edges.store.failures import again_after_deadlock, translated
from triage.errors import StoreError
from triage.ports import AlertRecord, Claim, Mark, Pruned, QueueStatus, Receipt, Spend, State

P = ParamSpec("P")
T = TypeVar("T")

JOURNAL_VERSION = 1
"""Raised when the payload of a journal entry changes its shape; older entries are then done again."""


class SqlStore:
    """Alerts, queue, journal, cursors and receipts in SQLite or PostgreSQL.

    Every method is one transaction on a thread of the store's own, so the event loop never waits for a disk. On
    SQLite all writes share one thread. Times in leases and waits follow `tables.clock`.
    """

    def __init__(self, engines: Engines, *, journal_version: int = JOURNAL_VERSION) -> None:
        self._engines = engines
        self._version = journal_version
        self._writers = ThreadPoolExecutor(engines.writers, thread_name_prefix="store")
        self._readers = (
            ThreadPoolExecutor(engines.readers, thread_name_prefix="store-read") if engines.readers else self._writers
        )
        self._closed = False

    @classmethod
    async def open(cls, url: str, *, journal_version: int = JOURNAL_VERSION) -> Self:
        """Open the database and bring its schema up to date.

        Args:
            url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or `postgresql://user:password@host/database`.
            journal_version: Shape of the journal's payloads; entries of another one are not recalled.

        Raises:
            StoreError: the database cannot be reached, read, written, or belongs to a newer version.
        """
        store = cls(open_engines(url), journal_version=journal_version)
        try:
            if await store._read(migrations.pending):
                await store._write(migrations.migrate)
        except BaseException:
            await store.close()
            raise
        return store

    async def _run(
        self,
        threads: ThreadPoolExecutor,
        engine: Engine,
        function: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if self._closed:
            raise StoreError("the state database has been closed")

        def once() -> T:
            with engine.begin() as connection:
                return function(connection, *args, **kwargs)

        def transaction() -> T:
            with translated(self._engines.driver_error, self._engines.place):
                return again_after_deadlock(once)

        return await asyncio.get_running_loop().run_in_executor(threads, transaction)

    async def _read(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(self._readers, self._engines.reader, function, *args, **kwargs)

    async def _write(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(self._writers, self._engines.writer, function, *args, **kwargs)

    # alerts and selection

    async def save_alerts(self, decided: Sequence[tuple[Alert, Decision]], *, now: datetime) -> int:
        return await self._write(alerts.save, decided, now=now)

    async def record(self, alert_id: str) -> AlertRecord | None:
        return await self._read(alerts.record, alert_id)

    async def records(
        self, *, since: datetime | None = None, states: Sequence[State] = (), limit: int | None = None
    ) -> tuple[AlertRecord, ...]:
        return await self._read(alerts.records, since=since, states=states, limit=limit)

    async def group_leaders(self, detection_id: str, *, since: datetime) -> tuple[AlertRecord, ...]:
        return await self._read(alerts.group_leaders, detection_id, since=since)

    async def leading(self, detections: Collection[str], *, since: datetime, until: datetime) -> tuple[Alert, ...]:
        return await self._read(alerts.leading, detections, since=since, until=until)

    async def decide(self, alert_id: str, decision: Decision, *, now: datetime) -> None:
        """Raises NotFound, StoreError."""
        await self._write(alerts.decide, alert_id, decision, now=now)

    # the queue

    async def enqueue(self, alert_id: str, *, now: datetime, fresh: bool) -> None:
        """Raises NotFound, StoreError."""
        await self._write(queue.enqueue, alert_id, now=now, fresh=fresh)

    async def claim(
        self, worker: str, *, now: datetime, lease_seconds: float, alert_id: str | None = None
    ) -> Claim | None:
        return await self._write(queue.claim, worker, now=now, lease_seconds=lease_seconds, alert_id=alert_id)

    async def heartbeat(self, claim: Claim, *, now: datetime, lease_seconds: float) -> bool:
        return await self._write(queue.heartbeat, claim, now=now, lease_seconds=lease_seconds)

    async def finish(
        self, claim: Claim, investigation: Investigation, *, now: datetime, again_at: datetime | None = None
    ) -> bool:
        return await self._write(queue.finish, claim, investigation, now=now, again_at=again_at)

    async def give_back(
        self, claim: Claim, *, now: datetime, error: str = "", retry_at: datetime | None = None, failed: bool = False
    ) -> bool:
        return await self._write(queue.give_back, claim, now=now, error=error, retry_at=retry_at, failed=failed)

    async def point(self, claim: Claim, leader: Investigation, *, now: datetime) -> bool:
        return await self._write(queue.point, claim, leader, now=now)

    async def followers(self, leader: str) -> tuple[AlertRecord, ...]:
        return await self._read(alerts.followers, leader)

    async def spend(self, claim: Claim, key: str, spend: Spend, *, now: datetime) -> bool:
        return await self._write(ledger.book, claim, key, spend, now=now)

    async def spent(self, *, since: datetime, run_id: str = "") -> Spend:
        return await self._read(ledger.spent, since=since, run_id=run_id)

    async def spent_by_alert(self, *, since: datetime | None = None) -> Mapping[str, Spend]:
        return await self._read(ledger.spent_by_alert, since=since)

    async def queue_status(self, *, now: datetime) -> QueueStatus:
        return await self._read(status.status, now=now)

    async def release_ended(self, has_ended: Callable[[str], bool], *, now: datetime) -> int:
        if not await self._read(leases.ended_holders, has_ended, now=now):
            return 0
        return await self._write(leases.release_ended, has_ended, now=now)

    async def lease_holder(self, name: str, *, now: datetime) -> str:
        return await self._read(leases.holder, name, now=now)

    async def acquire_lease(self, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
        return await self._write(leases.acquire, name, holder, now=now, seconds=seconds)

    async def release_lease(self, name: str, holder: str) -> None:
        await self._write(leases.release, name, holder)

    async def mark(
        self, alert_id: str, label: Literal["malicious", "benign"], note: str = "", *, by: str = "", now: datetime
    ) -> None:
        """Raises NotFound, StoreError."""
        await self._write(ledger.mark, alert_id, label, note, by=by, now=now)

    async def marks(self, *, since: datetime | None = None) -> tuple[Mark, ...]:
        return await self._read(ledger.marked, since=since)

    # investigations and the journal

    async def investigation(self, alert_id: str) -> Investigation | None:
        return await self._read(journal.investigation, alert_id)

    async def recall(self, run_id: str, key: str) -> JsonValue | None:
        return await self._read(journal.recall, run_id, key, version=self._version)

    async def journal(self, claim: Claim, key: str, kind: str, payload: JsonValue, *, now: datetime) -> bool:
        return await self._write(journal.append, claim, key, kind, payload, now=now, version=self._version)

    async def entries(self, run_id: str) -> tuple[tuple[str, str, JsonValue], ...]:
        return await self._read(journal.entries, run_id, version=self._version)

    # small state

    async def get(self, name: str) -> JsonValue | None:
        return await self._read(housekeeping.get, name)

    async def put(self, name: str, value: JsonValue, *, now: datetime) -> None:
        await self._write(housekeeping.put, name, value, now=now)

    async def receipt(self, key: str) -> Receipt | None:
        return await self._read(housekeeping.receipt, key)

    async def save_receipt(self, receipt: Receipt, *, now: datetime) -> None:
        await self._write(housekeeping.save_receipt, receipt, now=now)

    async def count_receipts(self, prefix: str, *, since: datetime) -> int:
        return await self._read(housekeeping.count_receipts, prefix, since=since)

    async def prune(self, before: datetime) -> Pruned:
        """Each batch is a transaction of its own; a stop half way leaves whole alerts."""
        total = Pruned(receipts=await self._write(housekeeping.prune_receipts, before=before))
        while (batch := await self._write(housekeeping.prune_batch, before=before)).alerts:
            total = replace(
                total,
                alerts=total.alerts + batch.alerts,
                investigations=total.investigations + batch.investigations,
                steps=total.steps + batch.steps,
                marks=total.marks + batch.marks,
            )
        return total

    async def prunable(self, before: datetime) -> int:
        return await self._read(housekeeping.prunable, before=before)

    async def close(self) -> None:
        """Finish what is under way and let the database go; a second call does nothing."""
        if self._closed:
            return
        self._closed = True

        def wait() -> None:
            self._readers.shutdown()
            self._writers.shutdown()
            with translated(self._engines.driver_error, self._engines.place):
                self._engines.writer.dispose()

        await asyncio.to_thread(wait)


async def open_store(url: str, *, journal_version: int = JOURNAL_VERSION) -> SqlStore:
    """Open the state database; see `SqlStore.open`."""
    return await SqlStore.open(url, journal_version=journal_version)
