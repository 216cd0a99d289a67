"""A linked alert: it takes the verdict of its group's leader, or turns out not to belong to the group."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from triage.domain.alert import Alert
from triage.domain.entity import Entity
from triage.domain.redaction import redact_row, without_secrets
from triage.domain.selection import Decision, Linked, Selected, Skipped
from triage.domain.verdict import Disposition, Investigation
from triage.errors import NotFound, PantherError
from triage.ingest.selection import LinkCheck, check_link, link
from triage.pipeline.current import current_alert
from triage.pipeline.journal import ClaimJournal, StaleClaimError, step_value
from triage.pipeline.parts import PipelineParts
from triage.pipeline.publisher import CommentResult, unwritten
from triage.ports import (
    AlertRecord,
    Claim,
    Observer,
    Progress,
    State,
)
from triage.settings import DedupKey
from triage.stages.enrichment.entities import extract_entities
from triage.stages.reporting.comment import build_pointer

log = logging.getLogger(__name__)

_ENTITIES: TypeAdapter[tuple[Entity, ...]] = TypeAdapter(tuple[Entity, ...])
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)


@dataclass(frozen=True, slots=True)
class LinkedOutcome:
    """What became of a linked alert."""

    decision: Decision
    """Linked to the claim's leader: it has taken that verdict. Linked to another alert: it waits for that one's.
    Selected: it is queued, to be investigated itself. Skipped: a person was faster, or it is gone."""
    verdict: Disposition | None = None
    """The one it has taken; `None` if it has none yet."""
    unwritten: str = ""
    """Why the comment is missing in Panther; empty if it isn't, or if none is wanted."""


@dataclass(frozen=True, slots=True)
class LinkedAlert:
    """One claim of a linked alert."""

    parts: PipelineParts
    journal: ClaimJournal
    observe: Observer

    @property
    def claim(self) -> Claim:
        return self.journal.claim

    async def finish(self) -> LinkedOutcome:
        """Finish the claim: take the leader's verdict, wait for it, or leave the group.

        Raises:
            StaleClaimError: another worker holds the alert.
            PantherError, StoreError: it could not be finished; it is to be tried again.
        """
        records = self.parts.store.records
        record = await records.find(self.claim.leader)
        investigation = await records.investigation(self.claim.leader)
        if record is None or investigation is None:
            return await self._decide(await self._without_verdict(record))
        alert = await current_alert(self.parts.alerts, self.claim.alert.id, self.parts.settings.ingest)
        if isinstance(alert, Skipped):
            return await self._decide(alert)
        leader = without_secrets(record.alert)
        check = await self._check_link(alert, leader, investigation)
        if not check.belongs:
            return await self._decide(await self._elsewhere(alert, check.reason))
        commented = await self._comment(alert, leader, investigation, check)
        if commented.again_at is not None:
            return await self._postpone(commented, commented.again_at)
        if not await self.parts.store.queue.finish_linked(self.claim, investigation, now=self.parts.clock.now()):
            raise StaleClaimError(alert.id)
        verdict = investigation.verdict.disposition
        self.observe(Progress("linked", f"{verdict.value}, as alert {self.claim.leader}"))
        log.info("linked", extra={"alert_id": alert.id, "leader": self.claim.leader, "verdict": verdict.value})
        decision = Linked(leader=self.claim.leader, reason=check.reason)
        return LinkedOutcome(decision, verdict, unwritten(commented.notes))

    async def _postpone(self, commented: CommentResult, until: datetime) -> LinkedOutcome:
        """Give the alert back until its comment may be written, or its lost answer is looked for."""
        if not await self.parts.store.queue.give_back(self.claim, now=self.parts.clock.now(), retry_at=until):
            raise StaleClaimError(self.claim.alert.id)
        reason = next(iter(commented.notes), "the comment has to wait")
        return LinkedOutcome(Linked(leader=self.claim.leader, reason=reason), unwritten=unwritten(commented.notes))

    async def _check_link(self, alert: Alert, leader: Alert, investigation: Investigation) -> LinkCheck:
        if alert.severity.rank > leader.severity.rank:
            return LinkCheck(False, f"its severity is {alert.severity.value}, that of {leader.id} is lower")
        if self.parts.settings.ingest.dedup_key is DedupKey.DETECTION:
            return check_link((), investigation.entities, self.parts.settings.ingest)

        async def read_entities() -> tuple[Entity, ...]:
            return await self._entities(alert)

        try:
            entities = await step_value(self.journal, "point/entities", "events", read_entities, _ENTITIES)
        except (PantherError, NotFound) as error:
            if error.retryable:
                raise
            return LinkCheck(False, f"its events cannot be read ({error})")
        return check_link(entities, investigation.entities, self.parts.settings.ingest)

    async def _entities(self, alert: Alert) -> tuple[Entity, ...]:
        limits = self.parts.settings.investigation
        found = await self.parts.alerts.events(alert.id, limit=limits.max_events, max_bytes=limits.max_bytes)
        # As in an investigation: before anything is stored, and so that both sides are compared alike.
        events = [redact_row(row) for row in found.rows]
        return tuple(extract_entities(events, context=alert.context, log_types=()))

    async def _without_verdict(self, leader: AlertRecord | None) -> Decision:
        """The leader was skipped, or has not finished after all."""
        if leader is not None and leader.state in (State.QUEUED, State.RUNNING):
            return Linked(leader=leader.alert.id, reason=f"waits for {leader.alert.id}", tried=await self._tried())
        return await self._elsewhere(self.claim.alert, f"alert {self.claim.leader} was not investigated")

    async def _elsewhere(self, alert: Alert, reason: str) -> Decision:
        """Another leader within the window, or else a separate investigation."""
        tried = (*await self._tried(), self.claim.leader)
        since = alert.created_at - timedelta(minutes=self.parts.settings.ingest.dedup_window_minutes)
        leaders = (
            await self.parts.store.queue.group_leaders([alert.detection_id], since=since) if alert.detection_id else ()
        )
        linked = link(alert, leaders, self.parts.settings.ingest, tried=tried)
        return linked or Selected(reason=f"not with alert {self.claim.leader}: {reason}"[:500])

    async def _tried(self) -> tuple[str, ...]:
        record = await self.parts.store.records.find(self.claim.alert.id)
        decision = record.decision if record else None
        return decision.tried if isinstance(decision, Linked) else ()

    async def _decide(self, decision: Decision) -> LinkedOutcome:
        """End the claim without taking a verdict."""

        async def made() -> Decision:
            return decision

        # A stale claim ends here; after a kill in between, the same is decided again.
        decision = await step_value(self.journal, "point/decision", "decision", made, _DECISION)
        await self.parts.store.queue.decide(self.claim.alert.id, decision, now=self.parts.clock.now())
        self.observe(Progress("linked", decision.reason))
        return LinkedOutcome(decision)

    async def _comment(
        self, alert: Alert, leader: Alert, investigation: Investigation, check: LinkCheck
    ) -> CommentResult:
        """Post the comment. An error that may pass is raised."""
        if self.parts.publisher is None or not self.parts.settings.writeback.pointers:
            return CommentResult()
        report = build_pointer(
            alert,
            leader,
            investigation,
            shares=check.reason,
            entities=check.shared,
            run_id=self.claim.run_id,
            prompts=self.parts.prompts,
            settings=self.parts.settings.writeback,
        )
        return await self.parts.publisher.comment(
            alert, report, investigation.verdict.disposition, journal=self.journal, observe=self.observe
        )
