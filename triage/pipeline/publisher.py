"""From an investigation to what stands on the alert: report, policy, comment, status. Used by the pipeline."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from triage.domain.alert import Alert
from triage.domain.report import DEFERRED, UNWRITTEN, Report
from triage.domain.verdict import Disposition, Investigation
from triage.errors import NotFound, PantherError
from triage.ports import Journal, Observer, Progress, Prompts
from triage.settings import WritebackSettings
from triage.stages.reporting import build_report, build_started
from triage.stages.writeback import Desk, Result, Seen, WriteOutcome


@dataclass(frozen=True, slots=True)
class Published:
    """What became of an investigation's comment."""

    investigation: Investigation
    """With notes on what could not be written."""
    again_at: datetime | None = None
    """When policy lets the comment be written; `None` where nothing waits."""


@dataclass(frozen=True, slots=True)
class Commented:
    """What became of one comment."""

    notes: tuple[str, ...] = ()
    """For the reader: why it is not there, or what is odd about it."""
    again_at: datetime | None = None
    """When to try again, where policy puts it off."""
    stands: bool = False
    """It is on the alert, and says what it should; in a dry run, it would be."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Puts results on alerts."""

    desk: Desk
    prompts: Prompts
    settings: WritebackSettings
    currency: str = ""
    """Of the cost in the footer."""

    async def begin(self, alert: Alert, *, run_id: str, journal: Journal, observe: Observer) -> None:
        """Say on the alert that its investigation has begun, where that is wanted. What fails here stops nothing."""
        # A result that policy may keep back would leave the announcement standing.
        if not self.settings.started or self.settings.verdicts:
            return
        report = build_started(alert, run_id, prompts=self.prompts)
        try:
            outcome = await self.desk.write(alert, report, disposition=None, run_id=run_id, journal=journal)
        except (PantherError, NotFound) as error:
            observe(Progress("write back", f"not announced: {error}", ok=False))
            return
        observe(Progress("write back", _told(outcome), ok=outcome.result is not Result.UNKNOWN))

    async def publish(
        self, alert: Alert, investigation: Investigation, *, seen: Seen, journal: Journal, observe: Observer
    ) -> Published:
        """Write the comment, then move the alert. What cannot be written is a note; what may pass is raised."""
        report = build_report(
            alert, investigation, prompts=self.prompts, settings=self.settings, currency=self.currency
        )
        commented = await self.comment(
            alert,
            report,
            investigation.verdict.disposition,
            run_id=investigation.run_id,
            journal=journal,
            observe=observe,
        )
        notes = commented.notes
        # A status that nobody has explained would be a riddle to whoever opens the alert.
        if commented.stands:
            moved = await self.desk.move(
                alert, investigation.verdict, seen=seen, run_id=investigation.run_id, journal=journal
            )
            for line in moved:
                observe(Progress("write back", line))
            notes = (*notes, *moved)
        known = investigation.model_copy(update={"notes": (*investigation.notes, *notes)})
        return Published(known, commented.again_at)

    async def comment(
        self,
        alert: Alert,
        report: Report,
        disposition: Disposition,
        *,
        run_id: str,
        journal: Journal,
        observe: Observer,
    ) -> Commented:
        """Write one comment. What may pass is raised."""
        try:
            outcome = await self.desk.write(alert, report, disposition=disposition, run_id=run_id, journal=journal)
        except (PantherError, NotFound) as error:
            if error.retryable:
                raise
            observe(Progress("write back", str(error), ok=False))
            return Commented((f"{UNWRITTEN}{error}",))
        observe(Progress("write back", _told(outcome), ok=outcome.result is not Result.UNKNOWN))
        match outcome.result:
            case Result.UNKNOWN:
                return Commented((*outcome.notes, f"{UNWRITTEN}{outcome.reason}"))
            case Result.HELD:
                return Commented((*outcome.notes, f"no comment by policy: {outcome.reason}"))
            case Result.DEFERRED:
                when = outcome.until.isoformat(timespec="minutes") if outcome.until else "later"
                return Commented((*outcome.notes, f"{DEFERRED}{when}: {outcome.reason}"), outcome.until)
            case Result.PRINTED:
                return Commented(("dry run: no comment was written",), stands=not outcome.reason)
            case Result.CREATED | Result.UPDATED | Result.UNCHANGED:
                return Commented(outcome.notes, stands=True)
            case _:
                assert_never(outcome.result)


def _told(outcome: WriteOutcome) -> str:
    return " ".join((f"comment {outcome.result.value}", outcome.reason)).strip()


def unwritten(investigation: Investigation) -> str:
    """Why the comment is missing on Panther; empty where it isn't."""
    return next((note for note in investigation.notes if note.startswith(UNWRITTEN)), "")
