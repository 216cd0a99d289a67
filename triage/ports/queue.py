"""The alert queue: alerts with their state, claims on them, and its numbers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from triage.domain.alert import Alert, Moment
from triage.domain.base import Value
from triage.domain.look import Growth
from triage.domain.selection import Decision, Linked
from triage.domain.verdict import Disposition, Investigation


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
    IMPORTED = "imported"
    """A record from elsewhere, to be read and replayed. It is no alert of this store: polling an alert of the same id
    replaces it, no group has it for a leader, no case for a member, and no worker takes it."""


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
    look_at: Moment | None = None
    """When it is looked at again, if that is planned."""

    @property
    def leader(self) -> str | None:
        """The alert whose verdict this one takes; `None` if it is not linked."""
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
    """Including this one; a claim that ended with its process is none."""
    leader: str = ""
    """The alert whose verdict this linked alert takes; empty where it is to be investigated itself."""
    look: int = 0
    """How often the alert has been looked at again, including this time; 0 in its first investigation."""
    deaths: int = 0
    """How many claims in a row ended with their process and brought the alert no step further. Fewer count after an
    hour."""


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
    second_looks: int = 0
    """Alerts that have a verdict and wait to be looked at again."""
    comments_open: int = 0
    """Comments whose request had no answer; workers look for each, and create it where it is missing."""
    last_hour: Ended = Ended()
    last_day: Ended = Ended()
    parked: tuple[Parked, ...] = ()
    """The five alerts that were given up last, newest first."""


class AlertQueue(Protocol):
    """The alerts, what was decided on each, and who works on which. Every method raises StoreError.

    `now` is the caller's clock and is what is recorded. Leases and waiting times are measured by it on SQLite, and by
    the database's clock on PostgreSQL, whose hosts may disagree: a `retry_at` then means `retry_at - now` from this
    moment.
    """

    async def save(
        self, decided: Sequence[tuple[Alert, Decision]], *, now: datetime, growth: Growth | None = None
    ) -> int:
        """Upsert alerts by id with their decisions; returns the number of new ones.

        An alert that is queued, running, done or failed keeps its state; only Panther's own fields are refreshed.
        A skipped one takes the new decision, a linked one only if it is selected. Content that Panther changed
        earlier than what is stored is out of date and changes nothing. With `growth`, an alert that is done and has
        got events or another severity is looked at again, when that says.
        """

    async def decide(self, alert_id: str, decision: Decision, *, now: datetime) -> None:
        """Change the decision on an alert that is not done (closed meanwhile, deleted). Raises NotFound.

        Skipping and linking end a claim. Selecting queues an alert that was skipped or linked, even while it is
        claimed to take its leader's verdict, and moves nothing else. If a leader is skipped before it had a verdict,
        its oldest linked alert is queued in its place and leads the others.
        """

    async def group_leaders(
        self, detections: Collection[str], *, since: datetime, until: datetime | None = None
    ) -> tuple[Alert, ...]:
        """Alerts of these detections that are or will be investigated, created from `since` to `until`; oldest first."""

    async def enqueue(self, alert_id: str, *, now: datetime, fresh: bool) -> None:
        """Queue an alert again; `fresh` starts a new run, else the old journal is replayed. Raises NotFound.

        A running alert whose lease holds is left to its worker; a claim by its id then returns nothing. A linked
        alert becomes an investigation of its own, unless it failed or was abandoned while taking its leader's verdict
        and `fresh` is false: then it does that again.
        """

    async def claim(
        self, worker: str, *, now: datetime, lease_seconds: float, alert_id: str | None = None
    ) -> Claim | None:
        """Take the next alert that is due, or whose lease has run out.

        The most severe comes first; among these, investigations before linked alerts; then the oldest.
        """

    async def heartbeat(self, claim: Claim, *, now: datetime, lease_seconds: float) -> bool:
        """Extend the lease; false if another worker holds the alert now."""

    async def finish(
        self,
        claim: Claim,
        investigation: Investigation,
        *,
        now: datetime,
        again_at: datetime | None = None,
        growth: Growth | None = None,
    ) -> bool:
        """Store the result and mark the alert done; false if the claim is stale.

        With `again_at` it is done all the same, and claimed once more then: something is left to be written. The run
        stays the same, so that everything but that is replayed from its journal.

        With `investigation.look.again_at` it is done all the same, and claimed under a new run then, to be looked at
        again. With `growth`, it is claimed likewise where Panther has changed the alert since the look began.
        """

    async def settle(self, claim: Claim, *, now: datetime) -> bool:
        """End a claim to look again that need not be made: the alert is done as before. False if the claim is stale."""

    async def finish_linked(self, claim: Claim, leader: Investigation, *, now: datetime) -> bool:
        """End the claim of a linked alert with its leader's verdict; false if the claim is stale.

        A linked alert may be claimed when its leader is done, and again each time the leader was investigated anew,
        under a new run each time. If the leader has a newer result than this one, it is due again at once.
        """

    async def give_back(
        self,
        claim: Claim,
        *,
        now: datetime,
        error: str = "",
        retry_at: datetime | None = None,
        failed: bool = False,
        counted: bool = True,
    ) -> bool:
        """End a claim without a result: release, retry later, or fail for good.

        Without an error, or where it is not to be `counted`, no attempt is taken from the alert, whether it is released
        at once or for later. An alert that was claimed to take its leader's verdict is linked again, and claimed for
        that once more.
        """

    async def release_ended(self, has_ended: Callable[[str], bool], *, now: datetime) -> int:
        """Let what ended processes have claimed be claimed at once, and free their named leases; returns how many.

        Args:
            has_ended: Given the name of a worker or a lease's holder, on another thread, says whether it has ended.
            now: The present moment.
        """

    async def status(self, *, now: datetime) -> QueueStatus: ...
