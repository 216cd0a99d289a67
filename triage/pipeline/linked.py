"""The step of a linked alert: it takes the verdict of its group's leader, or turns out not to belong to it."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue, TypeAdapter

from triage.domain.alert import Alert
from triage.domain.entity import Entity
from triage.domain.redaction import redact_json, without_secrets
from triage.domain.report import UNWRITTEN
from triage.domain.selection import Decision, Linked, Selected, Skipped
from triage.domain.verdict import Disposition, Investigation
from triage.errors import NotFound, PantherError
from triage.ingest.selection import Comparison, compare, link
from triage.pipeline.current import current_alert
from triage.pipeline.publisher import Commented, Publisher
from triage.ports import (
    AlertQueue,
    AlertRecord,
    AlertSource,
    Claim,
    Clock,
    Observer,
    Progress,
    Prompts,
    Records,
    RunJournal,
    State,
)
from triage.settings import DedupKey, Settings
from triage.stages.enrichment.entities import extract_entities
from triage.stages.reporting import build_pointer

log = logging.getLogger(__name__)

_ENTITIES: TypeAdapter[tuple[Entity, ...]] = TypeAdapter(tuple[Entity, ...])
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)


@dataclass(frozen=True, slots=True)
class Pointed:
    """What became of a linked alert."""

    decision: Decision
    """Linked to the claim's leader: it has taken that one's verdict. Linked to another one: it waits for that one's.
    Selected: it is queued, to be investigated itself. Skipped: a person was faster, or it is gone."""
    verdict: Disposition | None = None
    """The one it has taken; `None` where it has none yet."""
    unwritten: str = ""
    """Why the comment is missing on Panther; empty where it isn't, or where none is wanted."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Works on one claim of a linked alert."""

    claim: Claim
    settings: Settings
    alerts: AlertSource
    queue: AlertQueue
    records: Records
    clock: Clock
    prompts: Prompts
    publisher: Publisher | None
    """`None`: nothing is written to Panther."""
    journal: RunJournal
    observe: Observer

    async def point(self) -> Pointed | None:
        """Carry the claim to its end; `None` where it has become stale.

        Raises:
            PantherError, StoreError: it could not be finished; it is to be tried again.
        """
        record = await self.records.find(self.claim.leader)
        investigation = await self.records.investigation(self.claim.leader)
        if record is None or investigation is None:
            return await self._end(await self._without_verdict(record))
        alert = await current_alert(self.alerts, self.claim.alert.id, self.settings.ingest)
        if isinstance(alert, Skipped):
            return await self._end(alert)
        leader = without_secrets(record.alert)
        comparison = await self._compare(alert, leader, investigation)
        if not comparison.belongs:
            return await self._end(await self._elsewhere(alert, comparison.reason))
        commented = await self._write(alert, leader, investigation, comparison)
        now = self.clock.now()
        if commented.again_at is not None:
            text = next(iter(commented.notes), "the comment has to wait")
            if not await self.queue.give_back(self.claim, now=now, retry_at=commented.again_at):
                return None
            return Pointed(Linked(leader=self.claim.leader, reason=text))
        if not await self.queue.finish_linked(self.claim, investigation, now=now):
            return None
        verdict = investigation.verdict.disposition
        self.observe(Progress("linked", f"{verdict.value}, as alert {self.claim.leader}"))
        log.info("linked", extra={"alert_id": alert.id, "leader": self.claim.leader, "verdict": verdict.value})
        unwritten = next((note for note in commented.notes if note.startswith(UNWRITTEN)), "")
        return Pointed(Linked(leader=self.claim.leader, reason=comparison.reason), verdict, unwritten)

    async def _compare(self, alert: Alert, leader: Alert, investigation: Investigation) -> Comparison:
        if alert.severity.rank > leader.severity.rank:
            return Comparison(False, f"its severity is {alert.severity.value}, that of {leader.id} is lower")
        if self.settings.ingest.dedup_key is DedupKey.DETECTION:
            return compare((), investigation.entities, self.settings.ingest)
        try:
            kept = await self.journal.step("point/entities", "events", lambda: self._entities(alert))
        except (PantherError, NotFound) as error:
            if error.retryable:
                raise
            return Comparison(False, f"its events cannot be read ({error})")
        return compare(_ENTITIES.validate_python(kept), investigation.entities, self.settings.ingest)

    async def _entities(self, alert: Alert) -> JsonValue:
        limits = self.settings.investigation
        found = await self.alerts.events(alert.id, limit=limits.max_events, max_bytes=limits.max_bytes)
        # As in an investigation: before anything of it is kept, and so that like is compared with like.
        rows = redact_json([dict(row) for row in found.rows])
        events = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        value: JsonValue = _ENTITIES.dump_python(
            extract_entities(events, context=alert.context, log_types=()), mode="json"
        )
        return value

    async def _without_verdict(self, leader: AlertRecord | None) -> Decision:
        """The leader was skipped, or has not come to an end after all."""
        if leader is not None and leader.state in (State.QUEUED, State.RUNNING):
            return Linked(leader=leader.alert.id, reason=f"waits for {leader.alert.id}", tried=await self._tried())
        return await self._elsewhere(self.claim.alert, f"alert {self.claim.leader} was not investigated")

    async def _elsewhere(self, alert: Alert, reason: str) -> Decision:
        """Another leader within the window, or an investigation of its own."""
        tried = (*await self._tried(), self.claim.leader)
        since = alert.created_at - timedelta(minutes=self.settings.ingest.dedup_window_minutes)
        leaders = await self.queue.group_leaders(alert.detection_id, since=since) if alert.detection_id else ()
        linked = link(alert, [record.alert for record in leaders], self.settings.ingest, tried=tried)
        return linked or Selected(reason=f"not with alert {self.claim.leader}: {reason}"[:500])

    async def _tried(self) -> tuple[str, ...]:
        record = await self.records.find(self.claim.alert.id)
        decision = record.decision if record else None
        return decision.tried if isinstance(decision, Linked) else ()

    async def _end(self, decision: Decision) -> Pointed:
        """End the claim otherwise than by taking a verdict."""

        async def perform() -> JsonValue:
            value: JsonValue = _DECISION.dump_python(decision, mode="json")
            return value

        # A stale claim ends here; after a kill in between, the same is decided again.
        decision = _DECISION.validate_python(await self.journal.step("point/decision", "decision", perform))
        await self.queue.decide(self.claim.alert.id, decision, now=self.clock.now())
        self.observe(Progress("linked", decision.reason))
        return Pointed(decision)

    async def _write(
        self, alert: Alert, leader: Alert, investigation: Investigation, comparison: Comparison
    ) -> Commented:
        """Post the comment. What may pass is raised."""
        if self.publisher is None or not self.settings.writeback.pointers:
            return Commented()
        report = build_pointer(
            alert,
            leader,
            investigation,
            shares=comparison.reason,
            entities=comparison.shared,
            run_id=self.claim.run_id,
            prompts=self.prompts,
            settings=self.settings.writeback,
        )
        return await self.publisher.comment(
            alert,
            report,
            investigation.verdict.disposition,
            run_id=self.claim.run_id,
            journal=self.journal,
            observe=self.observe,
        )
