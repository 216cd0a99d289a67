"""Panther, as the stages know it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from triage.domain.alert import Actor, Alert, Moment, Origin, Quality, Status
from triage.domain.base import Row, Value
from triage.domain.detection import DataModel, Detection
from triage.domain.profile import ActorProfile
from triage.domain.window import TimeWindow

if TYPE_CHECKING:
    # The module imports sqlglot, which costs start-up time.
    from triage.domain.sql import ReadOnlyQuery


class Listing(StrEnum):
    """Panther lists alerts, detection errors and system errors separately."""

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
    """Nodes that could not be read, one line each; the page has the others."""
    complete: bool = True
    """False: there may be more alerts, but the page does not say how to get to them."""


@dataclass(frozen=True, slots=True)
class Events:
    """An alert's events."""

    rows: tuple[Row, ...]
    truncated: bool = False
    """There are more events, or some were cut."""


class AlertSource(Protocol):
    async def page(self, query: AlertQuery, cursor: str | None = None) -> AlertPage:
        """One page of alerts in order of creation. Raises PantherError."""

    async def alert(self, alert_id: str) -> Alert:
        """One alert with its `context` and `event_count`. Raises NotFound, PantherError."""

    async def listed(self, alert_id: str) -> Alert:
        """One alert as `page` gives it, for one request less. Raises NotFound, PantherError."""

    async def events(self, alert_id: str, *, limit: int, max_bytes: int) -> Events:
        """The alert's events, page by page up to the limits. Raises PantherError."""


class RuleBook(Protocol):
    async def detection(self, origin: Origin) -> Detection:
        """The detection behind an alert; for a deleted one or a system error, what is known of it. Raises PantherError."""

    async def detections(self) -> tuple[Detection, ...]:
        """Every rule, simple rule, scheduled rule and, from 2026 on, correlation rule with its text. Raises PantherError."""

    async def helper(self, name: str) -> str:
        """The Python of a global helper; empty where Panther has none of the name. Raises PantherError."""

    async def data_models(self) -> tuple[DataModel, ...]:
        """Every data model; none where the token may not read them. Raises PantherError."""


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
    """An answer from the lake."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    row_count: int
    """Rows of the answer, kept or not."""
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
    alarms: tuple[str, ...] = ()
    """Types of its active alarms, such as `SOURCE_NO_DATA`; empty too where Panther doesn't serve alarms."""
    alarm_minutes: int | None = None
    """Minutes of silence after which its no-data alarm comes; `None` where it has none or Panther doesn't say."""


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


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A query that people have saved. Source: Panther REST definition, `QueryAPI.Query`."""

    id: str
    name: str
    sql: str
    description: str = ""
    schedule: str = ""
    """Such as `every 60 min` or a cron expression; empty for one that runs only when asked for."""
    managed: bool = False
    """Panther's own."""
    updated_at: datetime | None = None


class SavedQueries(Protocol):
    async def queries(self) -> tuple[SavedQuery, ...]: ...


class Comment(Value):
    id: str
    alert_id: str
    body: str
    format: Literal["HTML", "PLAIN_TEXT"] = "PLAIN_TEXT"
    created_at: Moment | None = None
    created_by: Actor = Actor()
    updated_at: Moment | None = None
    updated_by: Actor | None = None
    """`None`: nobody has edited it, or Panther doesn't say who did."""


class Comments(Protocol):
    """Comments, status and assignee. Only `writeback` uses the writing half."""

    async def list(self, alert_id: str) -> tuple[Comment, ...]:
        """Every comment of an alert, to the last page. Raises PantherError."""

    async def create(self, alert_id: str, body: str, format: Literal["HTML", "PLAIN_TEXT"]) -> Comment:  # noqa: A002 - Panther's word
        """Never retried: after a failure the caller looks before it writes again. Raises PantherError."""

    async def update(self, comment: Comment, body: str, format: Literal["HTML", "PLAIN_TEXT"]) -> Comment: ...  # noqa: A002 - Panther's word

    async def set_status(self, alert_id: str, status: Status) -> None: ...

    async def assign(self, alert_id: str, email: str) -> None: ...


class Labels(Protocol):
    """An alert's quality and context tags, which Panthers of 2025 don't have. Only `writeback` uses the writing half."""

    async def served(self) -> bool:
        """Whether this Panther has them and the token may read them. Raises PantherError."""

    async def qualities(self, *, start: datetime, end: datetime) -> Mapping[str, Quality]:
        """The quality of every alert created in a span that has one, by the alert's id. Raises PantherError."""

    async def set_quality(self, alert_id: str, quality: Quality | None) -> None:
        """Set it, or take it back. Never retried. Raises NotFound, PantherError."""

    async def set_tags(self, alert_id: str, tags: Sequence[str]) -> None:
        """Replace all context tags; Panther has no way to add one. Never retried. Raises NotFound, PantherError."""


class ActorProfiles(Protocol):
    async def of_alert(self, alert_id: str, *, seconds: float) -> tuple[ActorProfile, ...]:
        """What Panther's profiles know of an alert's actors; costs a lake query, cancelled after so many seconds. Raises
        QueryTimeout, PantherError."""


@dataclass(frozen=True, slots=True)
class PantherApi:
    """One Panther, as everything that reads or writes it sees it; `dataclasses.replace` swaps a part."""

    alerts: AlertSource
    lake: Lake
    rules: RuleBook
    sources: LogSources
    users: Users
    comments: Comments
    labels: Labels
    profiles: ActorProfiles


class AuditEntry(Value):
    """One write to Panther, or one message to a destination of `routes`, for the audit log."""

    action: Literal[
        "comment.create",
        "comment.update",
        "alert.status",
        "alert.assign",
        "alert.quality",
        "alert.tags",
        "source.create",
        "source.update",
        "source.delete",
        "route.send",
    ]
    alert_id: str = ""
    """Empty for a write to a log source."""
    source_id: str = ""
    """Of the log source; empty before Panther has given it one."""
    outcome: str = ""
    """`sending` before the call; then `done`, `refused`, or `unknown` where the answer was lost."""
    comment_id: str = ""
    value: str = ""
    """The new status, assignee, quality or tags, the log source's label, or the route's name."""
    digest: str = ""
    """SHA-256 of what was sent."""
    size: int = 0
    """Characters of the body."""
    reason: str = ""


class AuditLog(Protocol):
    """A record of writes that only grows."""

    async def append(self, entry: AuditEntry, *, now: datetime) -> None:
        """Store an entry durably before returning. Raises StoreError."""
