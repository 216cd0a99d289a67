"""How the queue, the polling and this process are doing: what `triage status`, `/metrics` and `/healthz` tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from triage.domain.polling import PollStatus
from triage.errors import StoreError
from triage.ingest.poll import poll_status
from triage.pipeline.spending import midnight
from triage.ports import QueueStatus, Spend, Store, Values
from triage.stages.writeback import PAUSED

POLLER = "poller"
"""The lease of the one process that polls."""
PRUNED = "prune/last"
"""The named value that says when retention last deleted something: `at`, `before`, `alerts`."""
LATE = 300.0
"""Seconds that a poll loop may be overdue before it counts as stuck."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Vitals:
    """Signs of life of one process; its poll loop and its workers keep them up to date."""

    polls: bool = False
    """It polls, or would take over from the process that does."""
    leading: bool = False
    """It is the one that polls."""
    poll_due: float = 0.0
    """The monotonic time at which its poll loop gives its next sign of life."""
    poll_failures: int = 0
    """In a row."""
    polls_failed: int = 0
    """Since the process started."""
    stopped: str = ""
    """Why it stops; empty while it doesn't."""
    workers: dict[str, bool] = field(default_factory=dict)
    """By name, whether each still runs."""

    def complaints(self, monotonic: float) -> tuple[str, ...]:
        """What is wrong; empty where all is well."""
        found = []
        if self.stopped:
            found.append(self.stopped)
        if self.polls and monotonic > self.poll_due + LATE:
            found.append(f"the poll loop is overdue by {monotonic - self.poll_due:.0f} s")
        found += [f"worker {name} has ended" for name, runs in self.workers.items() if not runs]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Status:
    """All numbers at one moment."""

    at: datetime
    queue: QueueStatus
    poll: PollStatus | None
    """`None` before the first poll."""
    poller: str
    """The process that polls; empty where none does."""
    paused: bool
    """Writing to Panther is paused."""
    today: Spend
    """Since midnight, UTC."""
    total: Spend
    pruned_at: datetime | None

    @property
    def oldest_seconds(self) -> float:
        """How long the longest waiting alert has been queued; 0 where none is."""
        oldest = self.queue.oldest_queued
        return max((self.at - oldest).total_seconds(), 0.0) if oldest else 0.0


async def look(store: Store, *, now: datetime, total: bool = True) -> Status:
    """Gather the numbers.

    Args:
        store: The state database.
        now: The present moment.
        total: Also sum up all that was ever spent; 0 otherwise.

    Raises:
        StoreError: the state database cannot be read.
    """
    pruned = await store.values.get(PRUNED)
    at = pruned.get("at") if isinstance(pruned, Mapping) else None
    return Status(
        at=now,
        queue=await store.queue.status(now=now),
        poll=await poll_status(store.values),
        poller=await store.values.lease_holder(POLLER, now=now),
        paused=await store.values.get(PAUSED) is True,
        today=await store.ledger.spent(since=midnight(now)),
        total=await store.ledger.spent(since=_LONG_AGO) if total else Spend(),
        pruned_at=datetime.fromisoformat(at) if isinstance(at, str) else None,
    )


async def health(values: Values, vitals: Vitals, *, monotonic: float) -> tuple[str, ...]:
    """What is wrong with this process; empty where all is well."""
    found = vitals.complaints(monotonic)
    try:
        await values.get(POLLER)
    except StoreError as error:
        found = (*found, str(error))
    return found
