"""What the pipeline writes through: policy first, then the writer."""

from collections.abc import Callable
from typing import Protocol

from triage.domain.alert import Alert
from triage.domain.report import Format, Report, related_like
from triage.domain.verdict import Disposition, Verdict
from triage.ports import Clock, Comments, Journal, Store
from triage.settings import WritebackSettings
from triage.stages.writeback.mover import Mover
from triage.stages.writeback.ours import current, own_comments
from triage.stages.writeback.outcome import Result, WriteOutcome
from triage.stages.writeback.policy import Seen, Situation, day_start, hold, wanted_status
from triage.stages.writeback.writer import Writer

PAUSED = "paused"
"""Named value of the store: true while `triage writeback pause` is in force, for every process that shares it."""


class Desk(Protocol):
    """Everything that may be written about one alert goes over it."""

    async def write(
        self, alert: Alert, report: Report, *, disposition: Disposition | None, run_id: str, journal: Journal
    ) -> WriteOutcome:
        """Make the alert's comment say what the report says, where policy allows it. Raises as `Writer.write`."""

    async def move(
        self, alert: Alert, verdict: Verdict, *, seen: Seen, run_id: str, journal: Journal
    ) -> tuple[str, ...]:
        """Set status and assignee by policy; gives what was done, in words. Raises PantherError."""


async def held_back(
    alert: Alert, disposition: Disposition | None, store: Store, settings: WritebackSettings, clock: Clock
) -> WriteOutcome | None:
    """What policy says against a comment now; `None` where it may be written. Raises StoreError."""
    receipt = await store.receipt(f"comment:{alert.id}")
    now = clock.now()
    written = 0
    if settings.daily_cap:
        written = await store.count_receipts("comment:", since=day_start(now, settings))
    situation = Situation(now=now, paused=await store.get(PAUSED) is True, written_today=written)
    replaces = receipt is not None and bool(receipt.comment_id)
    held = hold(alert, disposition, settings, situation, replaces=replaces)
    if held is None:
        return None
    result = Result.HELD if held.until is None else Result.DEFERRED
    return WriteOutcome(result=result, reason=held.reason, until=held.until)


class WriteDesk:
    """Writes. Implements `Desk`."""

    def __init__(self, writer: Writer, mover: Mover, store: Store, settings: WritebackSettings, clock: Clock) -> None:
        self._writer = writer
        self._mover = mover
        self._store = store
        self._settings = settings
        self._clock = clock

    async def write(
        self, alert: Alert, report: Report, *, disposition: Disposition | None, run_id: str, journal: Journal
    ) -> WriteOutcome:
        """Implements `Desk.write`."""
        held = await held_back(alert, disposition, self._store, self._settings, self._clock)
        return held or await self._writer.write(alert.id, report, run_id=run_id, journal=journal)

    async def move(
        self, alert: Alert, verdict: Verdict, *, seen: Seen, run_id: str, journal: Journal
    ) -> tuple[str, ...]:
        """Implements `Desk.move`."""
        if await self._store.get(PAUSED) is True:
            return ("status and assignee left as they are: writing is paused",)
        return await self._mover.move(alert, verdict, seen=seen, run_id=run_id, journal=journal)


class DryDesk:
    """Says exactly what would be sent, and sends nothing. Implements `Desk`."""

    def __init__(
        self,
        comments: Comments,
        store: Store,
        settings: WritebackSettings,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._comments = comments
        self._store = store
        self._settings = settings
        self._clock = clock
        self._say = say
        self._format: Format = "HTML" if settings.format == "html" else "PLAIN_TEXT"

    async def write(
        self,
        alert: Alert,
        report: Report,
        *,
        disposition: Disposition | None,
        run_id: str,  # noqa: ARG002 - the port's argument
        journal: Journal,  # noqa: ARG002 - nothing happens that a restart could repeat
    ) -> WriteOutcome:
        """Implements `Desk.write`."""
        held = await held_back(alert, disposition, self._store, self._settings, self._clock)
        if held is not None:
            self._say(f"dry run: no comment on {alert.id} now: {held.reason}")
            return WriteOutcome(result=Result.PRINTED, reason=held.reason)
        receipt = await self._store.receipt(f"comment:{alert.id}")
        live = current(own_comments(await self._comments.list(alert.id), alert.id, receipt))
        body = report.body(self._format)
        if any(own.says(body, receipt) for own in live):
            self._say(f"dry run: the comment on {alert.id} says this already; nothing would be sent")
            return WriteOutcome(result=Result.PRINTED)
        what = "create a comment on"
        if live:
            what = f"update comment {live[0].comment.id} of"
            body = related_like(body, live[0].marker, self._format)
        self._say(f"dry run: would {what} {alert.id}, {len(body)} characters of {self._format}:\n{body}")
        return WriteOutcome(result=Result.PRINTED)

    async def move(
        self,
        alert: Alert,
        verdict: Verdict,
        *,
        seen: Seen,  # noqa: ARG002 - the alert is as it is
        run_id: str,  # noqa: ARG002 - the port's argument
        journal: Journal,  # noqa: ARG002 - nothing happens that a restart could repeat
    ) -> tuple[str, ...]:
        """Implements `Desk.move`."""
        wanted = wanted_status(alert, verdict, self._settings)
        if wanted is not None and wanted.status is None:
            self._say(f"dry run: would leave the status of {alert.id}: {wanted.against}")
        elif wanted is not None and wanted.status is not None and wanted.status.value != alert.status.value:
            self._say(f"dry run: would set {alert.id} to {wanted.status.value}")
        email = self._settings.assignee_for(verdict.disposition)
        if email and alert.assignee is None:
            self._say(f"dry run: would assign {alert.id} to {email}")
        return ()
