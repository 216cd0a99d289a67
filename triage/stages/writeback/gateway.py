"""What the pipeline writes through: policy first, then the comment or the status."""

from collections.abc import Callable
from typing import Protocol

from triage.domain.alert import Alert, Status
from triage.domain.reply import Reply
from triage.domain.report import Format, Report, related_like
from triage.domain.verdict import Disposition, Verdict
from triage.ports import AlertSource, Clock, Comments, Labels, RunJournal, Values
from triage.settings import WritebackSettings
from triage.stages.writeback.comment_write import CommentWrite
from triage.stages.writeback.labels import LabelUpdater
from triage.stages.writeback.outcome import Result, Timing, WriteOutcome
from triage.stages.writeback.own_comments import current, own_comments
from triage.stages.writeback.policy import AlertAtStart, Situation, day_start, hold, waits, wanted_labels, wanted_status
from triage.stages.writeback.status import StatusUpdater

PAUSED = "paused"
"""Named value of the store: true while `triage writeback pause` is in force, for every process that shares it."""


class Gateway(Protocol):
    """The only way to write about an alert."""

    async def write(
        self,
        alert: Alert,
        report: Report,
        *,
        disposition: Disposition | None,
        run_id: str,
        worker: str,
        journal: RunJournal,
    ) -> WriteOutcome:
        """Make the alert's comment say what the report says, where policy allows it.

        `worker` names who holds the alert. Raises as `CommentWrite.run`.
        """

    async def move(
        self, alert: Alert, verdict: Verdict, *, at_start: AlertAtStart, run_id: str, journal: RunJournal
    ) -> tuple[str, ...]:
        """Set labels, status and assignee by policy; returns what was done, in words. Raises PantherError."""

    async def follow(
        self,
        alert: Alert,
        verdict: Verdict,
        reply: Reply,
        status: Status,
        *,
        at_start: AlertAtStart,
        journal: RunJournal,
    ) -> str:
        """Set the status that an answer asks for; returns what was done, in words. Raises PantherError."""


class CommentGateway:
    """Writes. Implements `Gateway`."""

    def __init__(
        self,
        comments: Comments,
        labels: Labels,
        alerts: AlertSource,
        values: Values,
        settings: WritebackSettings,
        clock: Clock,
        timing: Timing = Timing(),  # noqa: B008 - frozen
    ) -> None:
        self._comments = comments
        self._values = values
        self._settings = settings
        self._clock = clock
        self._timing = timing
        self._labels = LabelUpdater(labels, alerts, values, settings, clock, timing)
        self._status = StatusUpdater(comments, alerts, values, settings, clock, timing)

    async def write(
        self,
        alert: Alert,
        report: Report,
        *,
        disposition: Disposition | None,
        run_id: str,
        worker: str,
        journal: RunJournal,
    ) -> WriteOutcome:
        """Implements `Gateway.write`."""
        held = await _held_back(alert, disposition, self._values, self._settings, self._clock)
        if held is not None:
            return held
        write = CommentWrite(
            comments=self._comments,
            values=self._values,
            clock=self._clock,
            timing=self._timing,
            format=_format(self._settings),
            alert_id=alert.id,
            report=report,
            run_id=run_id,
            worker=worker,
        )
        return await write.run(journal)

    async def move(
        self, alert: Alert, verdict: Verdict, *, at_start: AlertAtStart, run_id: str, journal: RunJournal
    ) -> tuple[str, ...]:
        """Implements `Gateway.move`."""
        if await self._values.get(PAUSED) is True:
            return ("labels, status and assignee unchanged: writing is paused",)
        # The labels first: a status of ours would look like somebody else's change to them.
        labelled = await self._labels.update(alert, verdict, at_start=at_start, journal=journal)
        moved = await self._status.update(alert, verdict, at_start=at_start, run_id=run_id, journal=journal)
        return (*labelled, *moved)

    async def follow(
        self,
        alert: Alert,
        verdict: Verdict,
        reply: Reply,
        status: Status,
        *,
        at_start: AlertAtStart,
        journal: RunJournal,
    ) -> str:
        """Implements `Gateway.follow`."""
        if await self._values.get(PAUSED) is True:
            return "status unchanged after the answer: writing is paused"
        return await self._status.follow(alert, verdict, reply, status, at_start=at_start, journal=journal)


class DryRunGateway:
    """Prints exactly what would be sent, and sends nothing. Implements `Gateway`."""

    def __init__(
        self,
        comments: Comments,
        values: Values,
        settings: WritebackSettings,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._comments = comments
        self._values = values
        self._settings = settings
        self._clock = clock
        self._say = say

    async def write(
        self,
        alert: Alert,
        report: Report,
        *,
        disposition: Disposition | None,
        run_id: str,  # noqa: ARG002 - the port's argument
        worker: str,  # noqa: ARG002 - the port's argument
        journal: RunJournal,  # noqa: ARG002 - nothing happens that a restart could repeat
    ) -> WriteOutcome:
        """Implements `Gateway.write`."""
        held = await _held_back(alert, disposition, self._values, self._settings, self._clock)
        if held is not None:
            self._say(f"dry run: no comment on {alert.id} now: {held.reason}")
            return WriteOutcome(result=Result.PRINTED, reason=held.reason)
        form = _format(self._settings)
        receipt = await self._values.receipt(f"comment:{alert.id}")
        live = current(own_comments(await self._comments.list(alert.id), alert.id, receipt))
        body = report.body(form)
        if any(own.holds(body, receipt) for own in live):
            self._say(f"dry run: the comment on {alert.id} already says this; nothing would be sent")
            return WriteOutcome(result=Result.PRINTED)
        what = "create a comment on"
        if live:
            what = f"update comment {live[0].comment.id} of"
            body = related_like(body, live[0].marker, form)
        self._say(f"dry run: would {what} {alert.id}, {len(body)} characters of {form}:\n{body}")
        return WriteOutcome(result=Result.PRINTED)

    async def move(
        self,
        alert: Alert,
        verdict: Verdict,
        *,
        at_start: AlertAtStart,
        run_id: str,  # noqa: ARG002 - the port's argument
        journal: RunJournal,  # noqa: ARG002 - nothing happens that a restart could repeat
    ) -> tuple[str, ...]:
        """Implements `Gateway.move`."""
        labels = wanted_labels(alert, verdict, self._settings)
        if labels.reason:
            self._say(f"dry run: would not give {alert.id} all labels: {labels.reason}")
        if labels.give and labels.quality is not None and alert.quality is None:
            self._say(f"dry run: would set the quality of {alert.id} to {labels.quality.value}")
        if labels.give and (tags := [tag for tag in labels.tags if tag not in (alert.context_tags or ())]):
            self._say(f"dry run: would tag {alert.id} {', '.join(tags)}")
        wanted = wanted_status(alert, verdict, self._settings, ended_by_us=at_start.ended_by_us)
        if wanted is not None and wanted.status is None:
            self._say(f"dry run: would leave the status of {alert.id} unchanged: {wanted.reason}")
        elif wanted is not None and wanted.status is not None and wanted.status.value != alert.status.value:
            self._say(f"dry run: would set {alert.id} to {wanted.status.value}")
        email = self._settings.assignee_for(verdict.disposition)
        if email and alert.assignee is None and not waits(verdict):
            self._say(f"dry run: would assign {alert.id} to {email}")
        return ()

    async def follow(
        self,
        alert: Alert,
        verdict: Verdict,  # noqa: ARG002 - the port's argument
        reply: Reply,
        status: Status,
        *,
        at_start: AlertAtStart,  # noqa: ARG002 - the port's argument
        journal: RunJournal,  # noqa: ARG002 - nothing happens that a restart could repeat
    ) -> str:
        """Implements `Gateway.follow`."""
        if status.value == alert.status.value:
            return ""
        self._say(f"dry run: would set {alert.id} to {status.value}, as {reply.by} has answered")
        return ""


async def _held_back(
    alert: Alert, disposition: Disposition | None, values: Values, settings: WritebackSettings, clock: Clock
) -> WriteOutcome | None:
    """Why policy forbids a comment now; `None` where it may be written. Raises StoreError."""
    receipt = await values.receipt(f"comment:{alert.id}")
    now = clock.now()
    written = 0
    if settings.daily_cap:
        written = await values.count_receipts("comment:", since=day_start(now, settings))
    situation = Situation(now=now, paused=await values.get(PAUSED) is True, written_today=written)
    replaces = receipt is not None and bool(receipt.comment_id)
    held = hold(alert, disposition, settings, situation, replaces=replaces)
    if held is None:
        return None
    result = Result.HELD if held.until is None else Result.DEFERRED
    return WriteOutcome(result=result, reason=held.reason, until=held.until)


def _format(settings: WritebackSettings) -> Format:
    return "HTML" if settings.format == "html" else "PLAIN_TEXT"
