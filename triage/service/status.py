"""How the queue, the polling and this process are doing, for `triage status`, `/metrics` and `/healthz`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from triage.domain.polling import PollStatus
from triage.errors import StoreError
from triage.ingest.poll import poll_status
from triage.pipeline.breaker import ModelPause, model_pause
from triage.pipeline.spending import midnight
from triage.ports import QueueStatus, RouteCounts, Spend, State, Store, Values
from triage.stages.writeback import PAUSED

POLLER = "poller"
"""The lease of the one process that polls."""
PRUNED = "prune/last"
"""The named value that records when retention last deleted something: `at`, `before`, `alerts`."""
LATE = 300.0
"""How long, in seconds, a poll loop may be overdue before it counts as stuck."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class ProcessHealth:
    """What one process knows of its own health; its poll loop and its workers keep it up to date."""

    polls: bool = False
    """It takes part in polling: it polls, or waits to take over."""
    leading: bool = False
    """It is the process that polls."""
    poll_due: float = 0.0
    """The monotonic time by which its poll loop should report again."""
    poll_failures: int = 0
    """In a row."""
    polls_failed: int = 0
    """Since the process started."""
    stopped: str = ""
    """Why it is stopping; empty while it runs."""
    workers: dict[str, bool] = field(default_factory=dict)
    """Whether each worker still runs, by name."""

    def problems(self, monotonic: float) -> tuple[str, ...]:
        """What is wrong; empty if nothing is."""
        found = []
        if self.stopped:
            found.append(self.stopped)
        if self.polls and monotonic > self.poll_due + LATE:
            found.append(f"the poll loop is overdue by {monotonic - self.poll_due:.0f} s")
        found += [f"worker {name} has ended" for name, runs in self.workers.items() if not runs]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """All figures of one moment."""

    at: datetime
    queue: QueueStatus
    poll: PollStatus | None
    """`None` before the first poll."""
    poller: str
    """The process that polls; empty if none does."""
    paused: bool
    """Writing to Panther is paused."""
    model: ModelPause | None
    """Why and how long the model is out of use; `None` while it is in use, or none is set."""
    today: Spend
    """Since midnight, UTC."""
    total: Spend
    pruned_at: datetime | None
    routes: Mapping[str, RouteCounts] = field(default_factory=dict)
    """Messages that are sent on, by route."""

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest queued alert has been waiting; 0 if there is none."""
        oldest = self.queue.oldest_queued
        return max((self.at - oldest).total_seconds(), 0.0) if oldest else 0.0


async def read_status(store: Store, *, now: datetime, total: bool = True) -> ServiceStatus:
    """Read all figures from the store.

    Args:
        store: The state database.
        now: The present moment.
        total: Also sum up everything ever spent; zero otherwise.

    Raises:
        StoreError: the state database cannot be read.
    """
    pruned = await store.values.get(PRUNED)
    at = pruned.get("at") if isinstance(pruned, Mapping) else None
    return ServiceStatus(
        at=now,
        queue=await store.queue.status(now=now),
        poll=await poll_status(store.values),
        poller=await store.values.lease_holder(POLLER, now=now),
        paused=await store.values.get(PAUSED) is True,
        model=await model_pause(store.values, now=now),
        today=await store.ledger.spent(since=midnight(now)),
        total=await store.ledger.spent(since=_LONG_AGO) if total else Spend(),
        pruned_at=datetime.fromisoformat(at) if isinstance(at, str) else None,
        routes=await store.outbox.count_messages(),
    )


async def health_problems(values: Values, health: ProcessHealth, *, now: datetime, monotonic: float) -> tuple[str, ...]:
    """What keeps this process from doing its work, polling by whichever process included; empty if nothing does."""
    found = health.problems(monotonic)
    try:
        poll = await poll_status(values)
        poller = await values.lease_holder(POLLER, now=now)
    except StoreError as error:
        return (*found, str(error))
    if poll is not None and poll.failures:
        since = f"; the last complete poll was at {poll.succeeded_at:%Y-%m-%d %H:%M} UTC" if poll.succeeded_at else ""
        found = (*found, f"polling fails ({poll.failures} in a row): {poll.error}{since}")
    if not poller and not health.polls:
        found = (*found, "no process polls")
    return found


async def unsettled(store: Store, *, now: datetime) -> dict[str, object]:
    """What is not as it should be though the process is well, for the detail of `/healthz`; a restart would not help.

    Raises StoreError.
    """
    queue, model = await store.queue.status(now=now), await model_pause(store.values, now=now)
    return {
        "model_out_of_use": model.model_dump(mode="json") if model else None,
        "comments_open": queue.comments_open,
        "failed": queue.by_state.get(State.FAILED, 0),
        "failures": [{"alert_id": each.alert_id, "error": each.error} for each in queue.parked],
    }
