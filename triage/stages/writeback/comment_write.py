"""One write of an alert's comment: exactly one comment per alert, whatever fails on the way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Literal

from pydantic import JsonValue

from triage.domain.report import Format, Report, digest, related, related_like, superseded
from triage.errors import NotFound, PantherDenied, PantherError, PantherRefused
from triage.ports import Clock, Comment, Comments, Receipt, RunJournal, Values
from triage.stages.writeback.outcome import Result, Timing, WriteOutcome
from triage.stages.writeback.own_comments import OwnComment, current, own_comments

_SHORTENED = "Panther rejected the comment as too large; it was shortened to the verdict and the summary"
_TAKEN_OVER = "another process has taken over"
_CUT_OFF = "an earlier request for it had no answer and may still take effect"
_UPDATES = 2
"""How often an update is sent: sending the same one twice does no harm, so that one lost answer costs no comment."""
_UPDATE_REFUSED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})


class _TryAgain(Exception):
    """Panther has certainly not acted; look once more, then write."""


class _Unknown(Exception):
    """Carries an unknown outcome past the journal, which must not keep it."""

    def __init__(self, outcome: WriteOutcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class CommentWrite:
    """Makes an alert's comment say what a report says. Used once.

    One writer at a time works on an alert (a lease in the store). It saves its intent, looks for this program's own
    comment by the marker, creates one or updates it in place, and saves the receipt. Where the answer to a write is
    lost, it reads until it sees the effect; where it never does, the outcome is `unknown`, and due again when
    `Timing.settle` has passed since the request: then it looks first, and creates a comment only when none is there.

    Two comments of ours (writers with separate stores) become one: the oldest holds the result, the others hold a line
    that points to it. Comments by people are never touched.
    """

    def __init__(
        self,
        *,
        comments: Comments,
        values: Values,
        clock: Clock,
        format: Format,  # noqa: A002 - Panther's word
        alert_id: str,
        report: Report,
        run_id: str,
        worker: str,
        timing: Timing = Timing(),  # noqa: B008 - frozen
    ) -> None:
        self._comments = comments
        self._values = values
        self._clock = clock
        self._timing = timing
        self._format: Format = format
        self._alert_id = alert_id
        self._report = report
        self._run_id = run_id
        self._key = f"comment:{alert_id}"
        # By its name a process that has ended is known, whose lease need not run out first.
        self._holder = f"{worker}/{clock.token(8)}"
        self._receipt: Receipt | None = None
        self._wait = timedelta(seconds=timing.settle)
        """Until an unknown outcome is looked into."""
        self._brief = False
        self._tries = 0
        self._notes: list[str] = []

    async def run(self, journal: RunJournal) -> WriteOutcome:
        """Write the comment.

        Args:
            journal: Keeps a known outcome, so that a restarted run does not write again.

        Raises:
            NotFound: Panther has no such alert.
            PantherError: Panther cannot be read, or refuses the write; nothing was written.
            StoreError: The state database cannot be used.
        """

        async def perform() -> JsonValue:
            outcome = await self._alone()
            if outcome.result is Result.UNKNOWN:
                raise _Unknown(outcome)
            return outcome.model_dump(mode="json")

        try:
            kept = await journal.step(f"comment/{digest(self._body())[:12]}", "comment", perform)
        except _Unknown as unknown:
            return unknown.outcome
        return WriteOutcome.model_validate(kept)

    async def _alone(self) -> WriteOutcome:
        """Write while no other writer of this store works on the alert."""
        deadline = self._clock.monotonic() + self._timing.lease_wait
        while not await self._hold():
            if self._clock.monotonic() >= deadline:
                return self._outcome(Result.UNKNOWN, reason="another process is writing this comment")
            await self._clock.sleep(self._timing.lease_pause)
        try:
            self._receipt = await self._values.receipt(self._key)
            if self._receipt is not None and self._receipt.state == "unknown" and self._receipt.at is not None:
                # Twice as long as the last time, so that a Panther that loses every answer is not kept busy.
                again = 2 * (self._clock.now() - self._receipt.at)
                self._wait = min(max(self._wait, again), timedelta(seconds=self._timing.longest_settle))
            if not self._open:
                await self._save("intended", comment_id=self._receipt.comment_id if self._receipt else "")
            while True:
                live = current(await self._look())
                try:
                    return await (self._update(live) if live else self._create())
                except _TryAgain:
                    continue
        finally:
            await self._values.release_lease(self._key, self._holder)

    async def _hold(self) -> bool:
        """Take or extend the right to write this comment; false where another writer has it."""
        now, seconds = self._clock.now(), self._timing.lease
        return await self._values.acquire_lease(self._key, self._holder, now=now, seconds=seconds)

    # ---- creating ------------------------------------------------------------------------------------------------

    async def _create(self, replaces: Comment | None = None) -> WriteOutcome:
        if self._open and (outcome := await self._find_earlier(replaces)) is not None:
            return outcome
        if not await self._hold():
            return self._outcome(Result.UNKNOWN, reason=_TAKEN_OVER)
        body = self._body()
        if replaces is not None:
            body = related(body, "replaces", replaces.id, self._format)
        sent_at = self._clock.now()
        await self._save("sent", body, at=sent_at)
        try:
            made = await self._comments.create(self._alert_id, body, self._format)
        except PantherError as error:
            if not error.outcome_unknown:
                await self._save("intended")
                await self._retry(error)
                raise
            found = await self._find(body)
            if found is None:
                await self._save("unknown", body, at=sent_at)
                return self._outcome(Result.UNKNOWN, reason=str(error))
            made = found
        except NotFound:
            await self._save("intended")
            raise
        await self._save("done", body, comment_id=made.id)
        return await self._unite(self._body(), Result.CREATED, made.id)

    async def _find_earlier(self, replaces: Comment | None) -> WriteOutcome | None:
        """What became of an earlier write whose answer nobody has read; `None` where it certainly created nothing.

        While it may still take effect, the outcome is unknown: whoever waited for it would keep other alerts waiting.
        """
        assert self._receipt is not None
        now = self._clock.now()
        # A receipt from another host may carry a later time than this host's clock.
        ends = min(self._receipt.at or now, now) + timedelta(seconds=self._timing.settle)
        if now < ends:
            await self._values.save_receipt(replace(self._receipt, state="unknown"), now=now)
            return self._outcome(Result.UNKNOWN, reason=_CUT_OFF, until=ends)
        live = current(await self._look())
        if any(replaces is None or own.comment.id != replaces.id for own in live):
            return await self._update(live)
        self._receipt = None
        return None

    async def _unite(self, body: str, result: Result, comment_id: str) -> WriteOutcome:
        """Where two writers have each created a comment, keep the oldest; the others point to it."""
        try:
            live = current(await self._look())
            if len(live) > 1:
                kept, *others = live
                if not kept.holds(body, None):
                    await self._comments.update(
                        kept.comment, related_like(body, kept.marker, self._format), self._format
                    )
                await self._save("done", body, comment_id=kept.comment.id)
                comment_id = kept.comment.id
                for own in others:
                    self._notes.append(
                        f"a second comment by this program, {own.comment.id}, now points to {comment_id}"
                    )
                    text = superseded(self._alert_id, self._run_id, comment_id, self._format)
                    await self._comments.update(own.comment, text, self._format)
        except (PantherError, NotFound) as error:
            self._notes.append(f"checking for duplicate comments failed: {error}")
        return self._outcome(result, comment_id)

    # ---- updating ------------------------------------------------------------------------------------------------

    async def _update(self, live: Sequence[OwnComment]) -> WriteOutcome:
        for own in live:
            if any(own.holds(self._report.body(self._format, brief=brief), self._receipt) for brief in (False, True)):
                await self._save("done", self._body(), comment_id=own.comment.id)
                outcome: WriteOutcome | None = self._outcome(Result.UNCHANGED, own.comment.id)
            else:
                outcome = await self._update_one(own)
            if outcome is not None and outcome.result is not Result.UNKNOWN and len(live) > 1:
                return await self._unite(self._body(), outcome.result, outcome.comment_id)
            if outcome is not None:
                return outcome
        refused = live[0].comment
        self._notes.append(f"comment {refused.id} could not be updated; a new comment replaces it")
        return await self._create(refused)

    async def _update_one(self, own: OwnComment) -> WriteOutcome | None:
        """`None` where Panther refuses updates of this comment."""
        body = related_like(self._body(), own.marker, self._format)
        reason = ""
        for _ in range(_UPDATES):
            if not await self._hold():
                return self._outcome(Result.UNKNOWN, own.comment.id, _TAKEN_OVER)
            await self._save("sent", body, comment_id=own.comment.id)
            try:
                await self._comments.update(own.comment, body, self._format)
            except NotFound:
                return None
            except PantherError as error:
                if error.status in _UPDATE_REFUSED and isinstance(error, PantherDenied | PantherRefused):
                    return None
                if not error.outcome_unknown:
                    await self._retry(error)
                    raise
                reason = str(error)
                if await self._find(body) is None:
                    continue
            await self._save("done", body, comment_id=own.comment.id)
            return self._outcome(Result.UPDATED, own.comment.id)
        await self._save("unknown", body, comment_id=own.comment.id)
        return self._outcome(Result.UNKNOWN, own.comment.id, reason)

    # ---- looking -------------------------------------------------------------------------------------------------

    async def _look(self) -> tuple[OwnComment, ...]:
        return own_comments(await self._comments.list(self._alert_id), self._alert_id, self._receipt)

    async def _find(self, body: str) -> Comment | None:
        """Read until a body appears whose request had no answer; `None` where it does not."""
        for pause in self._timing.reads:
            await self._clock.sleep(pause)
            await self._hold()
            try:
                own = await self._look()
            except PantherError:
                continue
            for each in own:
                if each.holds(body, None):
                    return each.comment
        return None

    async def _retry(self, error: PantherError) -> None:
        """Raise `_TryAgain` where the write may be tried again; return where it may not."""
        if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not self._brief:
            self._brief = True
            self._notes.append(_SHORTENED)
            raise _TryAgain from error
        self._tries += 1
        if error.retryable and self._tries < self._timing.tries:
            wait = self._timing.pause if error.retry_after is None else error.retry_after
            await self._clock.sleep(min(wait, self._timing.longest_pause))
            await self._hold()
            raise _TryAgain from error

    # ---- receipts ------------------------------------------------------------------------------------------------

    @property
    def _open(self) -> bool:
        """Whether an earlier write may have created a comment without learning of it."""
        receipt = self._receipt
        return receipt is not None and receipt.state in ("sent", "unknown") and not receipt.comment_id

    async def _save(
        self,
        state: Literal["intended", "sent", "done", "unknown"],
        body: str | None = None,
        *,
        comment_id: str = "",
        at: datetime | None = None,
    ) -> None:
        now = self._clock.now()
        saved = Receipt(self._key, state, comment_id, digest(self._body() if body is None else body), at or now)
        await self._values.save_receipt(saved, now=now)

    def _body(self) -> str:
        return self._report.body(self._format, brief=self._brief)

    def _outcome(
        self, result: Result, comment_id: str = "", reason: str = "", *, until: datetime | None = None
    ) -> WriteOutcome:
        notes = tuple(dict.fromkeys(self._notes))
        if result is Result.UNKNOWN and until is None:
            until = self._clock.now() + self._wait
        return WriteOutcome(result=result, comment_id=comment_id, reason=reason, until=until, notes=notes)
