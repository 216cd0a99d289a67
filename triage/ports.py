"""What the rooms need from outside. The edges implement these; the rooms know nothing else."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import Field, JsonValue

from triage.domain.alert import Actor, Alert, Moment, Origin, Status
from triage.domain.base import Row, Value
from triage.domain.detection import Detection
from triage.domain.selection import Decision
from triage.domain.verdict import Disposition, Investigation
from triage.domain.window import TimeWindow

if TYPE_CHECKING:
    # sqlglot stands behind this module and costs start-up time.
    from triage.domain.sql import ReadOnlyQuery


class Clock(Protocol):
    """Time and chance. Nothing else reads a clock or draws a number."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never go backwards."""

    async def sleep(self, seconds: float) -> None: ...

    def random(self) -> float:
        """A number in [0, 1), for jitter."""

    def token(self, size: int) -> str:
        """`2 * size` unguessable hexadecimal digits, for ids and nonces."""


# ---- Panther -----------------------------------------------------------------------------------------------------


class Listing(StrEnum):
    """Panther lists alerts, detection errors and system errors apart."""

    ALERT = "ALERT"
    DETECTION_ERROR = "DETECTION_ERROR"
    SYSTEM_ERROR = "SYSTEM_ERROR"


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Which alerts to list."""

    created_after: datetime | None = None
    created_before: datetime | None = None
    statuses: tuple[str, ...] = ()
    """Empty: any."""
    severities: tuple[str, ...] = ()
    """Empty: any."""
    log_types: tuple[str, ...] = ()
    """Empty: any."""
    detection_id: str = ""
    listing: Listing = Listing.ALERT
    ascending: bool = True
    page_size: int = 50


@dataclass(frozen=True, slots=True)
class AlertPage:
    """One page of alerts."""

    alerts: tuple[Alert, ...]
    cursor: str | None
    """Where the next page starts; `None` after the last one."""
    problems: tuple[str, ...] = ()
    """Nodes that could not be read, one line each; the others stand."""
    complete: bool = True
    """False: the list ends here, but more alerts may follow that the page gives no way to."""


@dataclass(frozen=True, slots=True)
class Events:
    """An alert's events."""

    rows: tuple[Row, ...]
    truncated: bool = False
    """There are more, or bytes were cut."""


class AlertSource(Protocol):
    async def page(self, query: AlertQuery, cursor: str | None = None) -> AlertPage:
        """One page of alerts in order of creation. Raises PantherError."""

    async def alert(self, alert_id: str) -> Alert:
        """One alert with its `context` and `event_count`. Raises NotFound, PantherError."""

    async def events(self, alert_id: str, *, limit: int, max_bytes: int) -> Events:
        """The alert's events, page by page up to the limits. Raises PantherError."""


class RuleBook(Protocol):
    async def detection(self, origin: Origin) -> Detection:
        """The detection behind an alert; a deleted one or a system error gives what is known. Raises PantherError."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one query may cost."""

    rows: int = 200
    """Rows kept, in server order."""
    bytes: int = 200_000
    """Bytes of canonical JSON kept."""
    seconds: float = 60.0
    """Seconds until the query is cancelled on the server."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """An answer of the lake."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    row_count: int
    """Rows the answer had, kept or not."""
    truncated: bool
    bytes: int = 0
    """Bytes of canonical JSON of the kept rows."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    database: str
    name: str
    log_type: str = ""
    columns: tuple[Column, ...] = ()


class Lake(Protocol):
    """The data lake, read-only."""

    async def run_query(self, query: "ReadOnlyQuery", *, limits: QueryLimits) -> QueryResult:
        """Run one SELECT and wait for its rows. Raises QueryTimeout, QueryFailed, PantherError."""

    async def search(self, indicators: Sequence[str], *, window: TimeWindow, limits: QueryLimits) -> QueryResult:
        """Panther's indicator search over all log tables. Raises QueryTimeout, QueryFailed, PantherError."""

    async def databases(self) -> tuple[str, ...]: ...

    async def tables(self, database: str) -> tuple[Table, ...]:
        """The tables of a database, without columns. Raises PantherError."""

    async def columns(self, database: str, table: str) -> tuple[Column, ...]:
        """Raises NotFound, PantherError."""


@dataclass(frozen=True, slots=True)
class LogSource:
    """A log source and its health. Source: Panther GraphQL schema, `LogIntegration`."""

    id: str
    label: str
    type: str
    log_types: tuple[str, ...]
    healthy: bool
    last_event_at: datetime | None = None


class LogSources(Protocol):
    async def sources(self) -> tuple[LogSource, ...]: ...


@dataclass(frozen=True, slots=True)
class PantherUser:
    id: str
    email: str
    name: str = ""
    enabled: bool = True
    role: str = ""


class Users(Protocol):
    async def users(self) -> tuple[PantherUser, ...]: ...


class Comment(Value):
    id: str
    alert_id: str
    body: str
    format: Literal["HTML", "PLAIN_TEXT"] = "PLAIN_TEXT"
    created_at: Moment | None = None
    created_by: Actor = Actor()


class Comments(Protocol):
    """The one door through which this program writes. Only `writeback` uses the writing half."""

    async def list(self, alert_id: str) -> tuple[Comment, ...]:
        """Every comment of an alert, to the last page. Raises PantherError."""

    async def create(self, alert_id: str, body: str, format: Literal["HTML", "PLAIN_TEXT"]) -> Comment:  # noqa: A002 - Panther's word
        """Never retried here: after a failure the caller looks before it writes again. Raises PantherError."""

    async def update(self, comment: Comment, body: str, format: Literal["HTML", "PLAIN_TEXT"]) -> Comment: ...  # noqa: A002 - Panther's word

    async def set_status(self, alert_id: str, status: Status) -> None: ...

    async def assign(self, alert_id: str, email: str) -> None: ...


class AuditEntry(Value):
    """One write to Panther, for the audit log."""

    action: Literal["comment.create", "comment.update", "alert.status", "alert.assign"]
    alert_id: str
    outcome: str = ""
    """`sending` before the call; then `done`, `refused`, or `unknown` where the answer was lost."""
    comment_id: str = ""
    value: str = ""
    """The new status or assignee."""
    digest: str = ""
    """SHA-256 of what was sent."""
    size: int = 0
    """Characters of the body."""
    reason: str = ""


class AuditLog(Protocol):
    """A book of writes that only grows."""

    async def append(self, entry: AuditEntry, *, now: datetime) -> None:
        """Keep an entry for good before returning. Raises StoreError."""


# ---- the language model ------------------------------------------------------------------------------------------


class ToolCall(Value):
    id: str
    name: str
    arguments: str
    """JSON as the model wrote it; not yet believed to be JSON."""


class Message(Value):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


class ToolSpec(Value):
    name: str
    description: str
    parameters: dict[str, JsonValue]
    """JSON schema of the arguments."""
    strict: bool = False


class ChatRequest(Value):
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of one tool."""
    response_schema: dict[str, JsonValue] | None = None
    """JSON schema of the answer; never together with tools."""
    max_tokens: int = 4_000
    temperature: float | None = None


class ChatReply(Value):
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = ""
    refusal: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    model: str = ""
    """As the server names it."""
    without: tuple[str, ...] = ()
    """What of the request had to be left out for this endpoint, such as `strict`."""


class ChatModel(Protocol):
    @property
    def name(self) -> str: ...

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Ask once; retries on 429 and 5xx happen inside. Raises ModelError."""


class Capabilities(Value):
    """What an endpoint was seen to do."""

    model: str = ""
    """As the server names it."""
    tools: bool = False
    parallel_tools: bool = False
    """Several calls in one turn."""
    strict_tools: bool = False
    """Takes `strict` and fills the schema."""
    json_schema: bool = False
    """Answers in a given JSON schema."""
    problems: tuple[str, ...] = ()
    """What the endpoint said where it refused, one line each."""

    def describe(self) -> str:
        """One line for a person."""
        seen = {
            "tools": self.tools,
            "parallel tools": self.parallel_tools,
            "strict tools": self.strict_tools,
            "JSON schema": self.json_schema,
        }
        return ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in seen.items())

    def without(self, feature: str) -> "Capabilities":
        """The same less what the endpoint has refused: `tools` or `response_format`."""
        changes = {
            "tools": {"tools": False, "parallel_tools": False, "strict_tools": False},
            "response_format": {"json_schema": False},
        }
        return self.model_copy(update=changes.get(feature, {}))


class Abilities(Protocol):
    """What is known of the configured endpoint and model, over runs and processes."""

    async def known(self) -> Capabilities:
        """As remembered; probed where nothing is, or where it is too old. Raises ModelError, StoreError."""

    async def learn(self, capabilities: Capabilities) -> None:
        """Remember what a run has found to be otherwise. Raises StoreError."""


class Meter(Protocol):
    """The day's budget over all alerts, and the book of what one alert's model calls have cost."""

    def admit(self, estimate: "Spend", *, concluding: bool) -> AbstractAsyncContextManager[str]:
        """Give why the day's budget refuses a call; empty where it doesn't. Raises StoreError.

        Args:
            estimate: What the call may cost; it counts as spent by this process until the block ends.
            concluding: The call concludes from what is there, for which a reserve is kept.
        """

    async def book(self, key: str, reply: ChatReply, estimate: "Spend") -> "Spend":
        """Record what a call has cost, once per journal key, and give it; a count that the server leaves out is
        estimated. Raises StoreError."""


class Prompts(Protocol):
    """The templates of `prompts/`."""

    def render(self, name: str, variables: Mapping[str, object]) -> str:
        """Fill one template; a missing variable or template raises PromptError."""

    @property
    def digest(self) -> str:
        """SHA-256 over all templates, in hexadecimal."""


# ---- what a run offers its rooms ---------------------------------------------------------------------------------


class Journal(Protocol):
    """Each effect happens once: after a restart a finished step is read back instead of done again."""

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Give the journalled result of `key`, or perform the step and journal what it gives.

        Args:
            key: Stable name of the step within the run, such as `query/aws_cloudtrail.actor_history`.
            kind: `query`, `model`, `tool`, `comment`, …
            perform: Does the effect; its result must be JSON. An exception is not journalled.
        """


@dataclass(frozen=True, slots=True)
class Progress:
    """Something a person at a terminal likes to see."""

    stage: str
    text: str
    ok: bool = True


Observer = Callable[[Progress], None]
"""Is told what happens; the core never prints."""


# ---- the store ---------------------------------------------------------------------------------------------------


class State(StrEnum):
    """Where an alert stands."""

    SKIPPED = "skipped"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    LINKED = "linked"
    """Takes the verdict of its group's leader."""
    FAILED = "failed"
    """Given up after its attempts; `triage retry` queues it again."""


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


class Spend(Value):
    """What model calls have cost."""

    calls: int = 0
    prompt_tokens: int = 0
    """With the cached ones."""
    cached_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    """In `llm.currency`, by `llm.prices`; 0 where the model has no price."""

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


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
