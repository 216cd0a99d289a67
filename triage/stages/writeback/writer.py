"""One comment per alert, whatever fails on the way."""

from pydantic import JsonValue

from triage.domain.report import Format, Report, digest
from triage.ports import Clock, Comments, Journal, Store
from triage.settings import WritebackSettings
from triage.stages.writeback.attempt import Attempt
from triage.stages.writeback.outcome import Result, WriteOutcome
from triage.stages.writeback.timing import DEFAULT, Timing


class _Unknown(Exception):
    """Carries an unknown outcome past the journal, which must not keep it."""

    def __init__(self, outcome: WriteOutcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Writer:
    """Writes reports as comments.

    One writer at a time works on an alert (a lease in the store). It saves its intent, looks for this program's own
    comment by the marker, creates one or updates it in place, and saves the receipt. Where the answer to a write is
    lost, it reads until it sees the effect; where it never does, the outcome is `unknown`, and the next run looks
    first, and creates only when nothing is there and `Timing.settle` has passed since the request.

    Two comments of ours (writers with separate stores) become one: the oldest holds the result, the others a line
    that points to it. Comments by people are never touched.
    """

    def __init__(
        self, comments: Comments, store: Store, settings: WritebackSettings, clock: Clock, timing: Timing = DEFAULT
    ) -> None:
        self._comments = comments
        self._store = store
        self._clock = clock
        self._timing = timing
        self._format: Format = "HTML" if settings.format == "html" else "PLAIN_TEXT"

    async def write(self, alert_id: str, report: Report, *, run_id: str, journal: Journal | None) -> WriteOutcome:
        """Make the alert's comment say what the report says.

        Args:
            alert_id: The alert.
            report: Both forms; the configured one is written.
            run_id: The run that it belongs to.
            journal: Keeps a known outcome, so that a restarted run does not write again.

        Raises:
            NotFound: Panther has no such alert.
            PantherError: Panther cannot be read, or refuses the write; nothing was written.
            StoreError: The state database cannot be used.
        """
        attempt = Attempt(
            comments=self._comments,
            store=self._store,
            clock=self._clock,
            timing=self._timing,
            format=self._format,
            alert_id=alert_id,
            report=report,
            run_id=run_id,
        )
        if journal is None:
            return await self._alone(attempt)

        async def perform() -> JsonValue:
            outcome = await self._alone(attempt)
            if outcome.result is Result.UNKNOWN:
                raise _Unknown(outcome)
            return outcome.model_dump(mode="json")

        try:
            kept = await journal.step(f"comment/{digest(report.body(self._format))[:12]}", "comment", perform)
        except _Unknown as unknown:
            return unknown.outcome
        return WriteOutcome.model_validate(kept)

    async def _alone(self, attempt: Attempt) -> WriteOutcome:
        """Make the attempt while no other writer of this store works on the alert."""
        deadline = self._clock.monotonic() + self._timing.lease_wait
        while not await attempt.hold():
            if self._clock.monotonic() >= deadline:
                return WriteOutcome(result=Result.UNKNOWN, reason="another process is writing this comment")
            await self._clock.sleep(self._timing.lease_pause)
        try:
            return await attempt.make()
        finally:
            await attempt.release()
