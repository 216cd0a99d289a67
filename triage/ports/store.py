"""The state besides the queue: the journal, what was found, what was spent, small values; and all parts together."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from pydantic import JsonValue

from triage.domain.alert import Alert, Moment, Severity
from triage.domain.base import Value
from triage.domain.brief import Brief
from triage.domain.case import LinkKey, LinkKeys
from triage.domain.disposition import Disposition
from triage.domain.verdict import Investigation
from triage.ports.model import Spend
from triage.ports.queue import AlertQueue, AlertRecord, Claim, State
from triage.ports.routes import Outbox


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known of one write to Panther."""

    key: str
    """Such as `comment:<alert id>`."""
    state: Literal["intended", "sent", "done", "unknown"]
    comment_id: str = ""
    digest: str = ""
    """SHA-256 of the body; of labels, what this program has sent."""
    at: datetime | None = None


MARK_LABELS: Final[Mapping[str, Literal["malicious", "benign"]]] = {
    "true-positive": "malicious",
    "false-positive": "benign",
}
"""What is stored for the words in which a person says it."""


class Mark(Value):
    """What a person found an alert to be, for measuring verdicts against."""

    alert_id: str
    label: Literal["malicious", "benign"]
    note: str = ""
    by: str = ""
    at: Moment


@dataclass(frozen=True, slots=True)
class AlertCount:
    """How many alerts have these in common."""

    detection_id: str
    state: State
    severity: Severity
    leader: str
    """The alert whose verdict they take; empty where they are not linked."""
    verdict: Disposition | None
    """The leader's, for linked ones."""
    number: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many of each retention has deleted."""

    alerts: int = 0
    investigations: int = 0
    steps: int = 0
    """Journal entries."""
    receipts: int = 0
    marks: int = 0


class Journal(Protocol):
    """The finished steps of every run. Raises StoreError."""

    async def append(self, claim: Claim, key: str, kind: str, payload: JsonValue, *, now: datetime) -> bool:
        """Store the result of a step, once; false if the claim is stale. The first writer of a key wins."""

    async def keep_imported(
        self,
        alert: Alert,
        investigation: Investigation,
        steps: Sequence[tuple[str, str, JsonValue]],
        *,
        now: datetime,
    ) -> None:
        """Store a record from elsewhere as `State.IMPORTED`: the alert, its result, and key, kind and payload of its
        steps. Raises StoreError where the alert is stored already."""

    async def recall(self, run_id: str, key: str) -> JsonValue | None:
        """The result of a finished step; `None` if it has not finished."""

    async def entries(self, run_id: str) -> tuple[tuple[str, str, JsonValue], ...]:
        """Key, kind and payload of every step of a run, in order."""


class Records(Protocol):
    """Alerts, investigations and marks for whoever reads them afterwards, and their retention. Raises StoreError."""

    async def find(self, alert_id: str) -> AlertRecord | None: ...

    async def newest(
        self,
        *,
        since: datetime | None = None,
        states: Sequence[State] = (),
        verdicts: Collection[Disposition] = (),
        ended_since: datetime | None = None,
        notable: bool = False,
        before: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> tuple[AlertRecord, ...]:
        """Newest alert first; created at or after `since`, last done, linked, skipped or given up since `ended_since`.

        `verdicts`: only those; a linked alert counts with its leader's. `notable`: only those that were investigated
        or given up, or whose severity this program does not know. `before`: creation time and id of an alert; only those
        that come after it in this order.
        """

    async def count_others(self, *, since: datetime | None = None) -> tuple[AlertCount, ...]:
        """How many alerts there are of each kind besides the notable ones, created at or after `since`."""

    async def detection_names(self, detection_ids: Collection[str]) -> Mapping[str, str]:
        """What each detection is called on its newest alert; those without a name are left out."""

    async def ids(
        self,
        prefix: str = "",
        *,
        since: datetime | None = None,
        states: Sequence[State] = (),
        limit: int | None = None,
    ) -> tuple[str, ...]:
        """Ids that begin with a text, the newest alert first; created at or after `since`, in one of these states."""

    async def several(self, alert_ids: Collection[str]) -> tuple[AlertRecord, ...]:
        """Those of these alerts that are stored, in no order."""

    async def done(self, alert_ids: Collection[str]) -> frozenset[str]:
        """Which of these alerts are done."""

    async def investigation(self, alert_id: str) -> Investigation | None:
        """The newest finished one."""

    async def briefs(self, alert_ids: Collection[str]) -> Mapping[str, Brief]:
        """The newest finished investigations of these alerts in short, by alert id."""

    async def save_keys(self, claim: Claim, keys: Sequence[LinkKey]) -> bool:
        """Store what a claimed alert can be linked by, ahead of its result; false if the claim is stale."""

    async def sharing(self, values: Collection[str], *, first: datetime, last: datetime) -> tuple[LinkKeys, ...]:
        """All that every alert can be linked by which had one of these values between two times."""

    async def keys_of(self, alert_id: str) -> LinkKeys:
        """All that one alert can be linked by; nothing for one that was not investigated."""

    async def link_keys(self, since: datetime | None = None) -> tuple[LinkKeys, ...]:
        """All that the investigated alerts can be linked by; of those that have something at or after `since`."""

    async def mark(
        self, alert_id: str, label: Literal["malicious", "benign"], note: str = "", *, by: str = "", now: datetime
    ) -> None:
        """Record what a person says an alert is; the last word counts. Raises NotFound."""

    async def unmark(self, alert_id: str) -> bool:
        """Take a mark back; false if there is none."""

    async def marks(self, *, since: datetime | None = None, only: Collection[str] | None = None) -> tuple[Mark, ...]:
        """The marks made at or after `since`, newest first; `only`: of at most a few hundred alerts, by id."""

    async def prune(self, before: datetime) -> Pruned:
        """Delete alerts that were created before and not touched since, with everything that belongs to them.

        Queued and running alerts stay, and so do receipts whose outcome is open; what was spent stays in the sum.
        """

    async def prunable(self, before: datetime) -> int:
        """How many alerts `prune` would delete."""


class Ledger(Protocol):
    """What model calls have cost. Raises StoreError."""

    async def book(self, claim: Claim, key: str, spend: Spend, *, now: datetime) -> bool:
        """Book what one model call cost, once per run and key; false if the claim is stale."""

    async def spent(self, *, since: datetime, run_id: str = "") -> Spend:
        """What was booked at or after `since`, over all alerts or for one run."""

    async def spent_by_alert(self, *, only: Collection[str]) -> Mapping[str, Spend]:
        """All that was booked on at most a few hundred alerts, by id; those on which nothing was spent are left out."""


class Values(Protocol):
    """Small state by name, shared by all processes: values, receipts of writes, leases. Raises StoreError."""

    async def get(self, name: str) -> JsonValue | None:
        """A named value, such as a poll cursor."""

    async def put(self, name: str, value: JsonValue, *, now: datetime) -> None: ...

    async def receipt(self, key: str) -> Receipt | None: ...

    async def save_receipt(self, receipt: Receipt, *, now: datetime) -> None: ...

    async def count_receipts(self, prefix: str, *, since: datetime) -> int:
        """Receipts whose key begins with `prefix` and whose write was sent at or after `since`, whatever came of it."""

    async def lease_holder(self, name: str, *, now: datetime) -> str:
        """Who holds a lease that has not run out; empty if no one does."""

    async def acquire_lease(self, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
        """Take or extend a lease such as the poller's; false while another holder's has not run out."""

    async def release_lease(self, name: str, holder: str) -> None:
        """Give a lease up; nothing happens if another holds it."""


@dataclass(frozen=True, slots=True)
class Store:
    """The state database in its parts. Who uses one or two of them takes these; the whole goes to who uses most."""

    queue: AlertQueue
    journal: Journal
    records: Records
    ledger: Ledger
    values: Values
    outbox: Outbox
    close: Callable[[], Awaitable[None]]
    """Finishes what is under way and lets the database go; a second call does nothing."""
