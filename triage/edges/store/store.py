"""The six parts of the store, and how to open them. `ports` documents each method."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.verdict import Investigation
from triage.edges.store import alerts, briefs, cases, decisions, journal, ledger, looks, outbox, queue, records, values
from triage.edges.store.database import Database, StorePart, reads, writes
from triage.edges.store.status import queue_status
from triage.ports import Claim, Pruned, Store

JOURNAL_VERSION = 1
"""Raised when the payload of a journal entry changes its shape; older entries are then done again."""


class SqlQueue(StorePart):
    """Implements `ports.AlertQueue`."""

    save = writes(alerts.save)
    decide = writes(decisions.decide)
    group_leaders = reads(alerts.group_leaders)
    enqueue = writes(queue.enqueue)
    claim = writes(queue.claim)
    heartbeat = writes(queue.heartbeat)
    finish = writes(queue.finish)
    settle = writes(looks.settle)
    finish_linked = writes(queue.finish_linked)
    give_back = writes(queue.give_back)
    status = reads(queue_status)

    async def release_ended(self, has_ended: Callable[[str], bool], *, now: datetime) -> int:
        # Usually no process has ended, and then nothing needs to wait for a write.
        if not await self.database.read(queue.ended_holders, has_ended, now=now):
            return 0
        return await self.database.write(queue.release_ended, has_ended, now=now)


class SqlJournal(StorePart):
    """Implements `ports.Journal`. Entries written by another journal version are not recalled."""

    def __init__(self, database: Database, version: int) -> None:
        super().__init__(database)
        self._version = version

    async def append(self, claim: Claim, key: str, kind: str, payload: JsonValue, *, now: datetime) -> bool:
        return await self.database.write(journal.append, claim, key, kind, payload, now=now, version=self._version)

    async def keep_imported(
        self,
        alert: Alert,
        investigation: Investigation,
        steps: Sequence[tuple[str, str, JsonValue]],
        *,
        now: datetime,
    ) -> None:
        await self.database.write(alerts.keep_imported, alert, investigation, steps, now=now, version=self._version)

    async def recall(self, run_id: str, key: str) -> JsonValue | None:
        return await self.database.read(journal.recall, run_id, key, version=self._version)

    async def entries(self, run_id: str) -> tuple[tuple[str, str, JsonValue], ...]:
        return await self.database.read(journal.entries, run_id, version=self._version)


class SqlRecords(StorePart):
    """Implements `ports.Records`."""

    find = reads(records.find)
    newest = reads(records.newest)
    ids = reads(records.ids)
    several = reads(records.several)
    done = reads(records.done)
    investigation = reads(records.investigation)
    briefs = reads(briefs.of_alerts)
    count_others = reads(records.count_others)
    detection_names = reads(records.detection_names)
    save_keys = writes(cases.save_keys)
    sharing = reads(cases.sharing)
    keys_of = reads(cases.keys_of)
    link_keys = reads(cases.seen_since)
    mark = writes(records.mark)
    unmark = writes(records.unmark)
    marks = reads(records.marked)
    prunable = reads(records.prunable)

    async def prune(self, before: datetime) -> Pruned:
        # Each batch is a separate transaction, so stopping half way leaves no alert half deleted.
        total = Pruned(receipts=await self.database.write(records.prune_receipts, before=before))
        while (batch := await self.database.write(records.prune_batch, before=before)).alerts:
            total = replace(
                total,
                alerts=total.alerts + batch.alerts,
                investigations=total.investigations + batch.investigations,
                steps=total.steps + batch.steps,
                marks=total.marks + batch.marks,
            )
        return total


class SqlLedger(StorePart):
    """Implements `ports.Ledger`."""

    book = writes(ledger.book)
    spent = reads(ledger.spent)
    spent_by_alert = reads(ledger.spent_by_alert)


class SqlValues(StorePart):
    """Implements `ports.Values`."""

    get = reads(values.get)
    put = writes(values.put)
    receipt = reads(values.receipt)
    save_receipt = writes(values.save_receipt)
    count_receipts = reads(values.count_receipts)
    lease_holder = reads(values.lease_holder)
    acquire_lease = writes(values.acquire_lease)
    release_lease = writes(values.release_lease)


class SqlOutbox(StorePart):
    """Implements `ports.Outbox`."""

    add_message = writes(outbox.add_message)
    messages_of = reads(outbox.messages_of)
    open_messages = reads(outbox.open_messages)
    save_message = writes(outbox.save_message)
    hold_messages = writes(outbox.hold_messages)
    summarise_messages = writes(outbox.summarise_messages)
    sent_messages = reads(outbox.sent_messages)
    failed_messages = reads(outbox.failed_messages)
    retry_messages = writes(outbox.retry_messages)
    count_messages = reads(outbox.count_messages)


async def open_store(url: str, *, journal_version: int = JOURNAL_VERSION) -> Store:
    """Open the state database and bring its schema up to date.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or `postgresql://user:password@host/database`.
        journal_version: Version of the journal's payload format.

    Raises:
        ConfigError: the URL names no database that this program can use.
        StoreError: the database cannot be reached, read, written, or belongs to a newer version.
    """
    database = await Database.open(url)
    return Store(
        queue=SqlQueue(database),
        journal=SqlJournal(database, journal_version),
        records=SqlRecords(database),
        ledger=SqlLedger(database),
        values=SqlValues(database),
        outbox=SqlOutbox(database),
        close=database.close,
    )
