"""Verdicts that could not see everything yet, and looking again at their alerts.

A question whose window has not been delivered in full makes the verdict provisional, until the last row of the window
can be expected. The alert is queued again for then, under a new run, so that everything is asked anew; so is an alert
that Panther has changed since (`domain.look.Growth`). Its one comment is updated in place.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from triage.domain.alert import Alert, Moment, Status
from triage.domain.base import Value
from triage.domain.evidence import Evidence
from triage.domain.look import MOST_LOOKS, AlertSeen
from triage.domain.selection import SkipCode, Skipped
from triage.domain.verdict import Disposition, Look, Verdict
from triage.pipeline.journal import ClaimJournal, step_value
from triage.ports import Journal, Records
from triage.settings import IngestSettings

LONGEST_OPEN = timedelta(hours=24)
"""A verdict is provisional for at most this long after the alert's last event."""
LEAST_WAIT = timedelta(minutes=5)
"""The least time between a verdict and the next look: answers are shared for as long."""

_ENDED = frozenset({Status.RESOLVED, Status.CLOSED})
_AGAIN: TypeAdapter[Moment | None] = TypeAdapter(Moment | None)


class EarlierVerdict(Value):
    """What another look needs to know of the one before."""

    disposition: Disposition
    finished_at: Moment
    run_id: str
    look: Look


_EARLIER: TypeAdapter[EarlierVerdict | None] = TypeAdapter(EarlierVerdict | None)


async def earlier_verdict(records: Records, journal: ClaimJournal) -> EarlierVerdict | None:
    """The verdict of the look before; `None` in a first look. Raises StoreError."""
    if not journal.claim.look:
        return None

    async def read() -> EarlierVerdict | None:
        found = await records.investigation(journal.claim.alert.id)
        if found is None:
            return None
        return EarlierVerdict(
            disposition=found.verdict.disposition,
            finished_at=found.finished_at,
            run_id=found.run_id,
            look=found.look,
        )

    # Kept, since a replay would find the result of its own run.
    return await step_value(journal, "earlier", "look", read, _EARLIER)


async def ended_by_person(
    alert: Alert, earlier: EarlierVerdict, journal: Journal, settings: IngestSettings
) -> Skipped | None:
    """Why an alert is not looked at again: a person has resolved or closed it since. Raises StoreError."""
    if alert.status not in _ENDED or alert.status.value in settings.statuses:
        return None
    if await ended_by_us(alert, earlier, journal):
        return None
    who = alert.updated_by.email or alert.updated_by.kind if alert.updated_by else "someone"
    reason = f"{who} set the status to {alert.status.value}: it is not looked at again"
    return Skipped(code=SkipCode.CLOSED_MEANWHILE, reason=reason)


async def ended_by_us(alert: Alert, earlier: EarlierVerdict, journal: Journal) -> bool:
    """Whether status policy has resolved or closed the alert. Raises StoreError."""
    if alert.status not in _ENDED:
        return False
    for run in (*earlier.look.earlier_runs, earlier.run_id):
        kept = await journal.recall(run, f"status/{alert.status.value}")
        if isinstance(kept, dict) and str(kept.get("result")).startswith("status set to"):
            return True
    return False


def provisional(verdict: Verdict, evidence: Iterable[Evidence], alert: Alert, *, now: datetime) -> Verdict:
    """The verdict, which says until when it is provisional if something could not have been seen yet.

    Args:
        verdict: By the rules.
        evidence: All that it rests on.
        alert: The alert.
        now: The moment that the evidence was asked for.
    """
    ends = [entry.coverage.open_until for entry in evidence if entry.coverage.open_until is not None]
    if not ends:
        return verdict
    until = min(max(ends), (alert.last_event_at or alert.moment) + LONGEST_OPEN)
    return verdict.model_copy(update={"provisional_until": until}) if until > now else verdict


async def look_of(
    verdict: Verdict,
    *,
    finished_at: datetime,
    seen: AlertSeen | None,
    earlier: EarlierVerdict | None,
    longest: timedelta,
    journal: ClaimJournal,
) -> Look:
    """Which look this was, what has changed since the one before, and when the next one is due.

    Args:
        verdict: Of this look.
        finished_at: When it had it.
        seen: What the alert was like when this look began.
        earlier: The look before.
        longest: How long after its first verdict an alert is looked at again; zero: not at all.
        journal: Of the claim.
    """
    look = Look(seen=seen)
    if earlier is not None:
        before = earlier.look
        look = Look(
            number=before.number + 1,
            seen=seen,
            changes=before.seen.changes(seen) if before.seen is not None and seen is not None else (),
            before=earlier.disposition,
            first_at=before.first_at or earlier.finished_at,
            earlier_runs=(*before.earlier_runs, earlier.run_id),
        )

    async def decide() -> datetime | None:
        until = verdict.provisional_until
        if until is None or not longest or journal.claim.look >= MOST_LOOKS:
            return None
        at = min(max(until, finished_at + LEAST_WAIT), (look.first_at or finished_at) + longest)
        return at if at > finished_at else None

    # Kept: a replay to write the comment must not plan anew.
    return look.model_copy(update={"again_at": await step_value(journal, "look_again", "choice", decide, _AGAIN)})
