"""What the pipeline writes through: policy first, then the writer."""

from collections.abc import Callable
from typing import Protocol

from triage.domain.alert import Alert
from triage.domain.report import Format, Report
from triage.domain.verdict import Disposition, Verdict
from triage.ports import Clock, Comments, Journal, Store
from triage.settings import WritebackSettings
from triage.stages.writeback.mover import Mover
from triage.stages.writeback.ours import current, own_comments
from triage.stages.writeback.outcome import Result, WriteOutcome
from triage.stages.writeback.policy import Hold, Seen, Situation, day_start, hold, wanted_status
from triage.stages.writeback.writer import Writer

PAUSED = "paused"
"""Named value of the store: true while `triage pause` is in force, for every process that shares it."""


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


async def situation(store: Store, settings: WritebackSettings, clock: Clock) -> Situation:
    """What the rules look at. Raises StoreError."""
    now = clock.now()
    written = 0
    if settings.daily_cap:
        written = await store.count_receipts("comment:", since=day_start(now, settings))
    return Situation(now=now, paused=await store.get(PAUSED) is True, written_today=written)


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
        held = hold(alert, disposition, self._settings, await situation(self._store, self._settings, self._clock))
        if held is not None and held.until is None and await self._has_comment(alert.id):
            # An older result of this program must not stay when a newer one says something else.
            held = None
        if held is not None:
            return refused(held)
        return await self._writer.write(alert.id, report, run_id=run_id, journal=journal)

    async def move(
        self, alert: Alert, verdict: Verdict, *, seen: Seen, run_id: str, journal: Journal
    ) -> tuple[str, ...]:
        """Implements `Desk.move`."""
        return await self._mover.move(alert, verdict, seen=seen, run_id=run_id, journal=journal)

    async def _has_comment(self, alert_id: str) -> bool:
        receipt = await self._store.receipt(f"comment:{alert_id}")
        return receipt is not None and bool(receipt.comment_id)


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
        held = hold(alert, disposition, self._settings, await situation(self._store, self._settings, self._clock))
        if held is not None:
            self._say(f"dry run: no comment on {alert.id}: {held.reason}")
            return refused(held)
        receipt = await self._store.receipt(f"comment:{alert.id}")
        live = current(own_comments(await self._comments.list(alert.id), alert.id, receipt))
        body = report.body(self._format)
        what = f"update comment {live[0].comment.id} of" if live else "create a comment on"
        self._say(f"dry run: would {what} {alert.id}, {len(body)} characters of {self._format}:\n{body}")
        return WriteOutcome(result=Result.HELD, reason="dry run")

    async def move(
        self,
        alert: Alert,
        verdict: Verdict,
        *,
        seen: Seen,  # noqa: ARG002 - the port's argument
        run_id: str,  # noqa: ARG002 - the port's argument
        journal: Journal,  # noqa: ARG002 - nothing happens that a restart could repeat
    ) -> tuple[str, ...]:
        """Implements `Desk.move`."""
        wanted = wanted_status(alert, verdict, self._settings)
        if wanted is not None and wanted.status is not None:
            self._say(f"dry run: would set {alert.id} to {wanted.status.value}")
        elif wanted is not None:
            self._say(f"dry run: would leave the status of {alert.id}: {wanted.against}")
        email = self._settings.assignee_for(verdict.disposition)
        if email and alert.assignee is None:
            self._say(f"dry run: would assign {alert.id} to {email}")
        return ()


def refused(held: Hold) -> WriteOutcome:
    """The outcome where policy is against a comment, now or at all."""
    if held.until is None:
        return WriteOutcome(result=Result.HELD, reason=held.reason)
    return WriteOutcome(result=Result.DEFERRED, reason=held.reason, until=held.until)
