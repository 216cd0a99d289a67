"""Publishes an investigation on its alert: report, policy, comment, status."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from triage.domain.alert import Alert, Status
from triage.domain.reply import Reply
from triage.domain.report import DEFERRED, UNWRITTEN, Report
from triage.domain.verdict import Disposition, Investigation
from triage.errors import NotFound, PantherError
from triage.pipeline.journal import ClaimJournal
from triage.ports import Observer, Progress, Prompts
from triage.ports.tracing import NO_TRACER, Tracer
from triage.settings import RepliesSettings, WritebackSettings
from triage.stages.reporting.comment import build_report, build_started
from triage.stages.writeback import AlertAtStart, Gateway, Result, WriteOutcome


@dataclass(frozen=True, slots=True)
class Publication:
    """An investigation after the attempt to write its comment."""

    investigation: Investigation
    """With notes on what could not be written."""
    again_at: datetime | None = None
    """When to write the comment, if policy defers it or its answer was lost; `None` if nothing is waiting."""


@dataclass(frozen=True, slots=True)
class CommentResult:
    """What became of one comment."""

    notes: tuple[str, ...] = ()
    """For the reader: why it is missing, or what is unusual about it."""
    again_at: datetime | None = None
    """When to try again, if policy defers it or the answer to the write was lost."""
    up_to_date: bool = False
    """The alert has the right comment; in a dry run: would have."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes results to alerts."""

    gateway: Gateway
    prompts: Prompts
    settings: WritebackSettings
    currency: str = ""
    """Currency of the cost in the footer."""
    zone: str = "UTC"
    """In which the times of a comment are."""
    replies: RepliesSettings = RepliesSettings()  # noqa: RUF009 - frozen
    """Whether a comment asks, and what an answer does."""
    tracer: Tracer = NO_TRACER
    """Told how long writing takes."""

    async def announce(self, alert: Alert, *, journal: ClaimJournal, observe: Observer) -> None:
        """Announce the investigation on its alert, if that is configured. A failure here stops nothing."""
        # Policy may hold the result back, and the announcement would stay for good.
        # In another look, it would take the place of the verdict.
        if not self.settings.started or self.settings.verdicts or journal.claim.look:
            return
        report = build_started(alert, journal.claim.run_id, prompts=self.prompts)
        try:
            await self._write(alert, report, None, journal, observe)
        except (PantherError, NotFound) as error:
            observe(Progress("write back", f"not announced: {error}", ok=False))

    async def publish(
        self,
        alert: Alert,
        investigation: Investigation,
        *,
        at_start: AlertAtStart,
        journal: ClaimJournal,
        observe: Observer,
        reply: Reply | None = None,
    ) -> Publication:
        """Write the comment, then set labels, status and assignee; with a `reply`, as it says.

        What cannot be written becomes a note; errors that may pass are raised.
        """
        report = build_report(
            alert,
            investigation,
            prompts=self.prompts,
            settings=self.settings,
            currency=self.currency,
            zone=self.zone,
            asks=self.replies.enabled,
            reply=reply,
        )
        commented = await self.comment(
            alert, report, investigation.verdict.disposition, journal=journal, observe=observe
        )
        notes = commented.notes
        # Without the comment, whoever opens the alert could not tell why its status changed.
        if commented.up_to_date:
            with self.tracer.span("write back labels") as span:
                moved = await self.gateway.move(
                    alert, investigation.verdict, at_start=at_start, run_id=investigation.run_id, journal=journal
                )
                if reply is not None and reply.label in self.replies.status:
                    status = Status(self.replies.status[reply.label])
                    answered = await self.gateway.follow(
                        alert, investigation.verdict, reply, status, at_start=at_start, journal=journal
                    )
                    moved = (*moved, answered) if answered else moved
                span.note({"triage.writeback.changes": len(moved)})
            for line in moved:
                observe(Progress("write back", line))
            notes = (*notes, *moved)
        known = investigation.model_copy(update={"notes": (*investigation.notes, *notes)})
        return Publication(known, commented.again_at)

    async def comment(
        self, alert: Alert, report: Report, disposition: Disposition, *, journal: ClaimJournal, observe: Observer
    ) -> CommentResult:
        """Write one comment. Errors that may pass are raised."""
        try:
            outcome = await self._write(alert, report, disposition, journal, observe)
        except (PantherError, NotFound) as error:
            if error.retryable:
                raise
            observe(Progress("write back", str(error), ok=False))
            return CommentResult((f"{UNWRITTEN}{error}",))
        match outcome.result:
            case Result.UNKNOWN:
                return CommentResult((*outcome.notes, f"{UNWRITTEN}{outcome.reason}"), outcome.until)
            case Result.HELD:
                return CommentResult((*outcome.notes, f"no comment by policy: {outcome.reason}"))
            case Result.DEFERRED:
                when = outcome.until.isoformat(timespec="minutes") if outcome.until else "later"
                return CommentResult((*outcome.notes, f"{DEFERRED}{when}: {outcome.reason}"), outcome.until)
            case Result.PRINTED:
                return CommentResult(("dry run: no comment was written",), up_to_date=not outcome.reason)
            case Result.CREATED | Result.UPDATED | Result.UNCHANGED:
                return CommentResult(outcome.notes, up_to_date=True)
            case _:
                assert_never(outcome.result)

    async def _write(
        self, alert: Alert, report: Report, disposition: Disposition | None, journal: ClaimJournal, observe: Observer
    ) -> WriteOutcome:
        claim = journal.claim
        with self.tracer.span("write back comment") as span:
            outcome = await self.gateway.write(
                alert, report, disposition=disposition, run_id=claim.run_id, worker=claim.worker, journal=journal
            )
            span.note({"triage.writeback.result": outcome.result.value})
        text = f"comment {outcome.result.value} {outcome.reason}".strip()
        observe(Progress("write back", text, ok=outcome.result is not Result.UNKNOWN))
        return outcome


def unwritten(notes: Sequence[str]) -> str:
    """Why the comment is missing in Panther; empty if it isn't.

    Args:
        notes: Of an investigation or a `CommentResult`.
    """
    return next((note for note in notes if note.startswith(UNWRITTEN)), "")
