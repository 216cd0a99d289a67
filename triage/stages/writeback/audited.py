"""Every write to Panther is logged before it is sent and after."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeVar

from triage.domain.alert import Quality, Status
from triage.domain.report import digest
from triage.errors import NotFound, PantherError
from triage.ports import AuditEntry, AuditLog, Clock, Comment, Comments, Labels

T = TypeVar("T")


class AuditedComments:
    """Panther's comments, with an audit log of every write. Implements `ports.Comments`.

    Where the log cannot be written, nothing is sent: the error is raised before the call.
    """

    def __init__(self, inner: Comments, log: AuditLog, clock: Clock) -> None:
        self._inner = inner
        self._log = log
        self._clock = clock

    async def list(self, alert_id: str) -> tuple[Comment, ...]:
        """Reading is not logged."""
        return await self._inner.list(alert_id)

    async def create(self, alert_id: str, body: str, format: Literal["HTML", "PLAIN_TEXT"]) -> Comment:  # noqa: A002 - Panther's word
        """Create a comment; the log holds the digest of its body."""
        entry = AuditEntry(action="comment.create", alert_id=alert_id, digest=digest(body), size=len(body))
        return await self._logged(entry, lambda: self._inner.create(alert_id, body, format), lambda made: made.id)

    async def update(self, comment: Comment, body: str, format: Literal["HTML", "PLAIN_TEXT"]) -> Comment:  # noqa: A002 - Panther's word
        """Replace a comment of this program; the log holds the digest of its new body."""
        entry = AuditEntry(
            action="comment.update",
            alert_id=comment.alert_id,
            comment_id=comment.id,
            digest=digest(body),
            size=len(body),
        )
        return await self._logged(entry, lambda: self._inner.update(comment, body, format), lambda made: made.id)

    async def set_status(self, alert_id: str, status: Status) -> None:
        """Set an alert's status."""
        entry = AuditEntry(action="alert.status", alert_id=alert_id, value=status.value, digest=digest(status.value))
        await self._logged(entry, lambda: self._inner.set_status(alert_id, status), lambda _none: "")

    async def assign(self, alert_id: str, email: str) -> None:
        """Assign an alert."""
        entry = AuditEntry(action="alert.assign", alert_id=alert_id, value=email, digest=digest(email))
        await self._logged(entry, lambda: self._inner.assign(alert_id, email), lambda _none: "")

    async def _logged(self, entry: AuditEntry, act: Callable[[], Awaitable[T]], name: Callable[[T], str]) -> T:
        return await logged(
            self._log, self._clock, entry, act, lambda made: {"comment_id": name(made)} if name(made) else {}
        )


class AuditedLabels:
    """Labels, with an audit log of every write; as `AuditedComments`. Implements `ports.Labels`."""

    def __init__(self, inner: Labels, log: AuditLog, clock: Clock) -> None:
        self._inner = inner
        self._log = log
        self._clock = clock

    async def served(self) -> bool:
        """Reading is not logged."""
        return await self._inner.served()

    async def qualities(self, *, start: datetime, end: datetime) -> Mapping[str, Quality]:
        """Reading is not logged."""
        return await self._inner.qualities(start=start, end=end)

    async def set_quality(self, alert_id: str, quality: Quality | None) -> None:
        """Set an alert's quality; an empty value in the log says that it was taken back."""
        value = quality.value if quality is not None else ""
        entry = AuditEntry(action="alert.quality", alert_id=alert_id, value=value, digest=digest(value))
        await logged(self._log, self._clock, entry, lambda: self._inner.set_quality(alert_id, quality), _nothing)

    async def set_tags(self, alert_id: str, tags: Sequence[str]) -> None:
        """Replace an alert's tags; the log holds all of them."""
        value = " ".join(tags)
        entry = AuditEntry(action="alert.tags", alert_id=alert_id, value=value, digest=digest(value))
        await logged(self._log, self._clock, entry, lambda: self._inner.set_tags(alert_id, tags), _nothing)


async def logged(
    log: AuditLog | None,
    clock: Clock,
    entry: AuditEntry,
    act: Callable[[], Awaitable[T]],
    made: Callable[[T], Mapping[str, str]],
) -> T:
    """Do one write with a line before it and a line after.

    Args:
        log: `None` where none is kept.
        clock: For the lines' times.
        entry: What both lines say.
        act: The write.
        made: What the line after says of the result.

    Raises:
        StoreError: The line before could not be written; nothing was sent.
        PantherError, NotFound: What the write raised.
    """
    if log is None:
        return await act()
    await log.append(entry.model_copy(update={"outcome": "sending"}), now=clock.now())
    try:
        result = await act()
    except (PantherError, NotFound) as error:
        unknown = isinstance(error, PantherError) and error.outcome_unknown
        outcome = {"outcome": "unknown" if unknown else "refused", "reason": str(error)[:200]}
        await log.append(entry.model_copy(update=outcome), now=clock.now())
        raise
    await log.append(entry.model_copy(update={"outcome": "done", **made(result)}), now=clock.now())
    return result


def _nothing(_result: object) -> dict[str, str]:
    """What the line after says of a write without a result."""
    return {}
