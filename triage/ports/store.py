"""The state: alerts and their queue, the journal, receipts, numbers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import Field, JsonValue

from triage.domain.alert import Alert, Moment
from triage.domain.base import Value
from triage.domain.selection import Decision, Linked
from triage.domain.verdict import Disposition, Investigation

if TYPE_CHECKING:
    # sqlglot stands behind this module and costs start-up time.
    pass
from triage.ports.model import Spend


class State(StrEnum):
    """Where an alert stands."""

    SKIPPED = "skipped"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    LINKED = "linked"
    """Takes the verdict of its group's leader."""
    FAILED = "failed"
    """Given up after its attempts; `triage queue retry` queues it again."""


class AlertRecord(Value):
    """An alert as the store knows it."""

    alert: Alert
    state: State
    decision: Decision = Field(discriminator="outcome")
    run_id: str = ""
    attempts: int = 0
    error: str = ""
    verdict: Disposition | None = None
    confidence: float | None = None
    seconds: float | None = None
    seen_at: Moment
    """When this program first stored it."""
    updated_at: Moment
    worker: str = ""
    next_attempt_at: Moment | None = None

    @property
    def leader(self) -> str | None:
        """The alert whose verdict this one takes; `None` where it is not linked."""
        return self.decision.leader if isinstance(self.decision, Linked) else None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one alert until the lease ends. Writes under an older epoch are refused."""

    alert: Alert
    run_id: str
    """Stays the same over retries of one investigation, so that its journal is found again."""
    epoch: int
    worker: str
    attempts: int
    """Including this one."""
    leader: str = ""
    """The alert whose verdict this linked alert takes; empty where it is to be investigated itself."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known of one write to Panther."""

    key: str
    """Such as `comment:<alert id>`."""
    state: Literal["intended", "sent", "done", "unknown"]
    comment_id: str = ""
    digest: str = ""
    """SHA-256 of the body."""
    at: datetime | None = None


class Mark(Value):
    """What a person found an alert to be, for measuring verdicts against."""

    alert_id: str
    label: Literal["malicious", "benign"]
    note: str = ""
    by: str = ""
    at: Moment


@dataclass(frozen=True, slots=True)
class InFlight:
    """An alert that is being worked on."""

    alert_id: str
    worker: str
    since: datetime | None
    """When it was claimed; unknown for a claim of an older version."""
    leader: str = ""
    """Whose verdict it is taking; empty where it is investigated itself."""


@dataclass(frozen=True, slots=True)
class Parked:
    """An alert that was given up, with its error."""

    alert_id: str
    error: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How many alerts came to an end within a span."""

    done: int = 0
    linked: int = 0
    """Took the verdict of their leader."""
    skipped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """Numbers for `triage status`."""

    by_state: Mapping[str, int] = field(default_factory=dict)
    """All linked alerts stand here as `linked`, whether they wait or have their verdict."""
    oldest_queued: datetime | None = None
    running_by_worker: Mapping[str, int] = field(default_factory=dict)
    in_flight: tuple[InFlight, ...] = ()
    """Leases that hold, by worker; at most 256."""
    links_waiting: int = 0
    """Linked alerts whose leader is not done."""
    links_due: int = 0
    """Linked alerts whose leader is done; workers take them up."""
    last_hour: Ended = Ended()
    last_day: Ended = Ended()
    parked: tuple[Parked, ...] = ()
    """The five alerts that were given up last, newest first."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many of each retention has deleted."""

    alerts: int = 0
    investigations: int = 0
    steps: int = 0
    """Journal entries."""
    receipts: int = 0
    marks: int = 0


class Store(Protocol):
    """Alerts, their queue, the journal, cursors and receipts. Every method raises StoreError.

    `now` is the caller's clock and stands in what is recorded. Leases and waiting times are measured by it on SQLite,
    and by the database's clock on PostgreSQL, whose hosts may disagree: a `retry_at` then means `retry_at - now` from
    this moment.
    """

    # alerts and selection

    async def save_alerts(self, decided: Sequence[tuple[Alert, Decision]], *, now: datetime) -> int:
        """Upsert alerts by id with their decisions; gives the number of new ones.

        An alert that is queued, running, done or failed keeps its state; only Panther's own fields are refreshed.
        A skipped one takes the new decision, a linked one only if it is selected. Content that Panther changed
        earlier than what is stored is out of date and changes nothing.
        """

    async def record(self, alert_id: str) -> AlertRecord | None: ...

    async def records(
        self, *, since: datetime | None = None, states: Sequence[State] = (), limit: int | None = None
    ) -> tuple[AlertRecord, ...]:
        """Newest alert first."""

    async def group_leaders(self, detection_id: str, *, since: datetime) -> tuple[AlertRecord, ...]:
        """Alerts of a detection that are or will be investigated, created at or after `since`; oldest first."""

    async def leading(self, detections: Collection[str], *, since: datetime, until: datetime) -> tuple[Alert, ...]:
        """The same for several detections at once, created from `since` to `until`."""

    async def decide(self, alert_id: str, decision: Decision, *, now: datetime) -> None:
        """Change what was decided on an alert that is not done (closed meanwhile, gone). Raises NotFound.

        Skipping and linking end a claim. Selecting queues what was skipped or linked, also where it is claimed to take
        its leader's verdict, and moves nothing else. Where a leader is skipped before it had a verdict, its oldest
        linked alert is queued in its place and leads the others.
        """

    # the queue

    async def enqueue(self, alert_id: str, *, now: datetime, fresh: bool) -> None:
        """Queue an alert again; `fresh` starts a new run, else the old journal is replayed. Raises NotFound.

        A running alert whose lease holds is left to its worker; a claim by its id then gives nothing. A linked alert
        becomes an investigation of its own, except where it failed or was left while taking its leader's verdict and
        `fresh` is not asked for: it does that again.
        """

    async def claim(
        self, worker: str, *, now: datetime, lease_seconds: float, alert_id: str | None = None
    ) -> Claim | None:
        """Take the next alert that is due, or whose lease has run out.

        The most severe comes first; among these, investigations before linked alerts; then the oldest.
        """

    async def heartbeat(self, claim: Claim, *, now: datetime, lease_seconds: float) -> bool:
        """Prolong the lease; false where another worker holds the alert now."""

    async def finish(
        self, claim: Claim, investigation: Investigation, *, now: datetime, again_at: datetime | None = None
    ) -> bool:
        """Store the result and mark the alert done; false where the claim is stale.

        With `again_at` it is done all the same, and claimed once more then: something is left to be written. The run
        stays the same, so that its journal gives everything but that.
        """

    async def give_back(
        self, claim: Claim, *, now: datetime, error: str = "", retry_at: datetime | None = None, failed: bool = False
    ) -> bool:
        """End a claim without a result: release, retry later, or fail for good.

        Without an error it takes no attempt from the alert, whether it is released at once or for later.
        What was claimed to take its leader's verdict is linked again, and claimed for that once more.
        """

    async def point(self, claim: Claim, leader: Investigation, *, now: datetime) -> bool:
        """End the claim of a linked alert: it takes its leader's verdict; false where the claim is stale.

        A linked alert may be claimed when its leader is done, and again each time the leader was investigated anew,
        under a run of its own each time. Where the leader has a newer result than this one, it is due again at once.
        """

    async def followers(self, leader: str) -> tuple[AlertRecord, ...]:
        """Alerts that are linked to this one, oldest first."""

    async def spend(self, claim: Claim, key: str, spend: Spend, *, now: datetime) -> bool:
        """Book what one model call cost, once per run and key; false where the claim is stale."""

    async def spent(self, *, since: datetime, run_id: str = "") -> Spend:
        """What was booked at or after `since`, over all alerts or for one run."""

    async def spent_by_alert(self, *, since: datetime | None = None) -> Mapping[str, Spend]:
        """The same by alert id; those on which nothing was spent are left out."""

    async def queue_status(self, *, now: datetime) -> QueueStatus: ...

    async def release_ended(self, has_ended: Callable[[str], bool], *, now: datetime) -> int:
        """Let what ended processes have claimed be claimed at once, and free their leases by name; gives how many.

        Args:
            has_ended: Told the name of a worker or a lease's holder, on another thread, says whether it has ended.
            now: The present moment.
        """

    async def lease_holder(self, name: str, *, now: datetime) -> str:
        """Who has a lease that holds; empty where nobody has."""

    async def mark(
        self, alert_id: str, label: Literal["malicious", "benign"], note: str = "", *, by: str = "", now: datetime
    ) -> None:
        """Keep what a person says an alert is; the last word counts. Raises NotFound."""

    async def marks(self, *, since: datetime | None = None) -> tuple[Mark, ...]:
        """What people said at or after `since`, newest first."""

    async def acquire_lease(self, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
        """Take or prolong a lease such as the poller's; false while another holder's has not run out."""

    async def release_lease(self, name: str, holder: str) -> None:
        """Give a lease up; nothing happens where another holds it."""

    # investigations and the journal

    async def investigation(self, alert_id: str) -> Investigation | None:
        """The newest finished one."""

    async def recall(self, run_id: str, key: str) -> JsonValue | None:
        """What a finished step gave; `None` where it has not finished."""

    async def journal(self, claim: Claim, key: str, kind: str, payload: JsonValue, *, now: datetime) -> bool:
        """Store the result of a step, once; false where the claim is stale. The first writer of a key wins."""

    async def entries(self, run_id: str) -> tuple[tuple[str, str, JsonValue], ...]:
        """Key, kind and payload of every step of a run, in order."""

    # small state

    async def get(self, name: str) -> JsonValue | None:
        """A named value, such as a poll cursor."""

    async def put(self, name: str, value: JsonValue, *, now: datetime) -> None: ...

    async def receipt(self, key: str) -> Receipt | None: ...

    async def save_receipt(self, receipt: Receipt, *, now: datetime) -> None: ...

    async def count_receipts(self, prefix: str, *, since: datetime) -> int:
        """Receipts of writes whose key begins so, that were sent at or after a moment, whatever came of them."""

    # retention

    async def prune(self, before: datetime) -> Pruned:
        """Delete alerts that were created before and not touched since, with what belongs to them.

        Queued and running alerts stay, and so do receipts whose outcome is open; what was spent stays in the sum.
        """

    async def prunable(self, before: datetime) -> int:
        """How many alerts `prune` would delete."""

    async def close(self) -> None: ...
