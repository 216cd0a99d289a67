"""One alert through all its rooms, each effect journalled so that a restart goes on where it stopped.

poll -> select happen in `ingest.py`; from here: enrich -> investigate -> verify -> adjudicate -> report -> write back.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.calibration import ConfidenceMap, calibrate
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.domain.selection import Skipped
from triage.domain.verdict import Analyst, Investigation, Usage
from triage.errors import StoreError
from triage.pipeline.calibration import load_fit
from triage.pipeline.current import current_alert
from triage.pipeline.judgement import Checked, check_conclusion, facts_for, judge, objections
from triage.pipeline.linked import Pointed, Pointer
from triage.pipeline.publisher import Publisher
from triage.pipeline.spending import Pending, StoreMeter
from triage.ports import (
    AlertSource,
    Capabilities,
    ChatModel,
    Claim,
    Clock,
    Journal,
    KnownCapabilities,
    Observer,
    Progress,
    Prompts,
    RunJournal,
    Spend,
    Store,
)
from triage.settings import Settings
from triage.stages.decision import Adjudication, adjudicate_with_model
from triage.stages.enrichment import Enricher
from triage.stages.investigation import Conclusion, Toolbox, offline_draft, run_investigation
from triage.stages.model_calls import ASSUMED, ModelContext
from triage.stages.writeback import AlertAtStart

log = logging.getLogger(__name__)


class StaleClaimError(StoreError):
    """Another worker holds the alert now; what this one did since is thrown away."""


@dataclass(frozen=True, slots=True)
class ClaimJournal:
    """The journal of one claim. Implements `ports.RunJournal`."""

    journal: Journal
    claim: Claim
    clock: Clock

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Read a finished step back, or perform it and journal its result.

        A result is wrapped, so that a step which gave `null` is told from one that has not happened.
        """
        kept = await self.journal.recall(self.claim.run_id, key)
        if isinstance(kept, dict):
            return kept["result"]
        result = await perform()
        if not await self.journal.append(self.claim, key, kind, {"result": result}, now=self.clock.now()):
            raise StaleClaimError(f"alert {self.claim.alert.id} was taken over by another worker")
        return result


class ToolboxFactory(Protocol):
    """Makes the model's tools for one dossier."""

    def __call__(self, dossier: Dossier) -> Toolbox: ...


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The rooms, wired. One instance serves all alerts of a process."""

    settings: Settings
    alerts: AlertSource
    store: Store
    clock: Clock
    enricher: Enricher
    prompts: Prompts
    toolbox: ToolboxFactory
    model: ChatModel | None
    """`None`: the offline analyst answers."""
    publisher: Publisher | None
    """`None`: nothing is written to Panther."""
    capabilities: KnownCapabilities | None = None
    """What the model's endpoint can do; `None`: what most can."""
    pending: Pending = field(default_factory=Pending)
    """Model calls under way."""

    async def triage(self, claim: Claim, *, observe: Observer, forced: bool = False) -> Investigation | Skipped:
        """Carry one claimed alert to its end.

        Args:
            claim: The right to work on it.
            observe: Told of each step.
            forced: Asked for by id: status and filters don't matter.

        Returns:
            The investigation, stored, or why there is none (closed by a person meanwhile, deleted).

        Raises:
            PantherError, ModelError, StoreError: the alert could not be finished; its journal keeps what was.
        """
        journal = ClaimJournal(self.store.journal, claim, self.clock)
        started = datetime.fromisoformat(str(await journal.step("started", "clock", self._started)))
        # A run that has its verdict is finished whatever became of the alert: by policy the run itself may have moved it.
        judged = await self.store.journal.recall(claim.run_id, "finished") is not None
        alert = await current_alert(self.alerts, claim.alert.id, self.settings.ingest, forced=forced or judged)
        if isinstance(alert, Skipped):
            await self._skip(claim, alert)
            return alert
        at_start = AlertAtStart.model_validate(await journal.step("seen", "look", lambda: _seen(alert)))
        if self.publisher is not None:
            await self.publisher.begin(alert, run_id=claim.run_id, journal=journal, observe=observe)
        dossier = await self.enricher.enrich(alert, now=started, journal=journal, observe=observe)
        log.info("enriched", extra={"alert_id": alert.id, "evidence": len(dossier.evidence)})
        conclusion = await self._investigate(claim, dossier, journal, observe)
        checked = check_conclusion(dossier, conclusion)
        adjudication, spent = await self._adjudicate(claim, dossier, conclusion, checked, journal, observe)
        fit = await journal.step("calibration", "choice", self._fit)
        verdict = calibrate(
            judge(dossier, conclusion, checked=checked, opinion=adjudication.opinion),
            None if fit is None else ConfidenceMap.model_validate(fit),
        )
        observe(Progress("verdict", f"{verdict.disposition.value}, {verdict.dropped} findings dropped"))
        investigation = Investigation(
            run_id=claim.run_id,
            alert_id=alert.id,
            analyst=Analyst.OFFLINE if conclusion.offline else Analyst.LLM,
            model="" if conclusion.offline or self.model is None else self.model.name,
            prompt_digest=self.prompts.digest,
            started_at=started,
            finished_at=datetime.fromisoformat(str(await journal.step("finished", "clock", self._started))),
            verdict=verdict,
            evidence=conclusion.evidence,
            signals=dossier.signals,
            entities=dossier.entities,
            usage=conclusion.usage.plus(_asked(dossier.evidence)).plus(spent),
            notes=(*dossier.notes, *conclusion.notes, *adjudication.notes, *alert.notes),
        )
        again_at = None
        if self.publisher is not None:
            published = await self.publisher.publish(
                alert, investigation, at_start=at_start, journal=journal, observe=observe
            )
            investigation, again_at = published.investigation, published.again_at
        if not await self.store.queue.finish(claim, investigation, now=self.clock.now(), again_at=again_at):
            raise StaleClaimError(f"alert {alert.id} was taken over by another worker")
        log.info("done", extra={"alert_id": alert.id, "verdict": verdict.disposition.value})
        return investigation

    async def point(self, claim: Claim, *, observe: Observer) -> Pointed:
        """Carry one claimed alert that is linked to another to its end.

        Raises:
            PantherError, StoreError: it could not be finished; it is to be tried again.
        """
        pointer = Pointer(
            claim=claim,
            settings=self.settings,
            alerts=self.alerts,
            queue=self.store.queue,
            records=self.store.records,
            clock=self.clock,
            prompts=self.prompts,
            publisher=self.publisher,
            journal=ClaimJournal(self.store.journal, claim, self.clock),
            observe=observe,
        )
        pointed = await pointer.point()
        if pointed is None:
            raise StaleClaimError(f"alert {claim.alert.id} was taken over by another worker")
        return pointed

    async def _fit(self) -> JsonValue:
        fit = await load_fit(self.store.values)
        dumped: JsonValue = None if fit is None else fit.model_dump(mode="json")
        return dumped

    async def _started(self) -> JsonValue:
        return self.clock.now().isoformat()

    async def _skip(self, claim: Claim, decision: Skipped) -> None:
        """End the claim without an investigation. Raises StaleClaimError."""
        now = self.clock.now()
        dumped: JsonValue = decision.model_dump(mode="json")
        # The decision itself asks nobody whose claim it ends.
        if not await self.store.journal.append(claim, "skipped", "decision", {"result": dumped}, now=now):
            raise StaleClaimError(f"alert {claim.alert.id} was taken over by another worker")
        await self.store.queue.decide(claim.alert.id, decision, now=now)

    async def _investigate(self, claim: Claim, dossier: Dossier, journal: RunJournal, observe: Observer) -> Conclusion:
        if self.model is None:
            observe(Progress("investigate", "the offline analyst judges from signals and runbook evidence"))
            return Conclusion(draft=offline_draft(dossier), evidence=dossier.evidence, offline=True)
        meter = self.meter(claim)

        async def refusal() -> JsonValue:
            least = Spend(calls=1, completion_tokens=self.settings.llm.max_output_tokens)
            return await meter.refusal(least, concluding=False)

        refused = str(await journal.step("budget", "choice", refusal))
        if refused:
            return _unpaid(Conclusion(draft=offline_draft(dossier), evidence=dossier.evidence), refused, observe)
        nonce = str(await journal.step("nonce", "chance", self._nonce))
        conclusion = await run_investigation(
            dossier,
            self._context(claim, journal, self.model, await self._capabilities(journal)),
            toolbox=self.toolbox(dossier),
            nonce=nonce,
            check=objections,
            observe=observe,
        )
        if conclusion.learned is not None and self.capabilities is not None:
            await self.capabilities.learn(conclusion.learned)
        if conclusion.unpaid:
            return _unpaid(replace(conclusion, draft=offline_draft(dossier)), "the day's budget is used up", observe)
        return conclusion

    async def _capabilities(self, journal: RunJournal) -> Capabilities:
        """What the run takes the model's endpoint to be able to do; the same after a restart."""

        async def known() -> JsonValue:
            found = ASSUMED if self.capabilities is None else await self.capabilities.known()
            dumped: JsonValue = found.model_dump(mode="json")
            return dumped

        return Capabilities.model_validate(await journal.step("capabilities", "choice", known))

    async def _adjudicate(
        self,
        claim: Claim,
        dossier: Dossier,
        conclusion: Conclusion,
        checked: Checked,
        journal: RunJournal,
        observe: Observer,
    ) -> tuple[Adjudication, Usage]:
        """Ask the model a second time what the proven findings show, if there are any."""
        held = any(found.verified for found in checked.findings)
        if self.model is None or conclusion.offline or not self.settings.investigation.adjudicate or not held:
            return Adjudication(), Usage()
        capabilities = conclusion.learned or await self._capabilities(journal)
        adjudication, spent = await adjudicate_with_model(
            facts_for(dossier, conclusion, checked),
            self._context(claim, journal, self.model, capabilities),
            before=conclusion.usage,
        )
        opinion = adjudication.opinion
        outcome = opinion.disposition.value if opinion is not None else "the rules decide alone"
        observe(Progress("adjudicate", f"second opinion on the proven findings: {outcome}", ok=opinion is not None))
        return adjudication, spent

    def _context(self, claim: Claim, journal: RunJournal, model: ChatModel, capabilities: Capabilities) -> ModelContext:
        """What the model calls of one claim need."""
        return ModelContext(
            model=model,
            journal=journal,
            prompts=self.prompts,
            clock=self.clock,
            settings=self.settings.investigation,
            max_output_tokens=self.settings.llm.max_output_tokens,
            capabilities=capabilities,
            meter=self.meter(claim),
            price=self.settings.llm.price,
        )

    def meter(self, claim: Claim) -> StoreMeter:
        """The book of one claim's model calls, and the day's budget."""
        return StoreMeter(self.store.ledger, claim, self.clock, self.settings, self.pending)

    async def _nonce(self) -> JsonValue:
        return self.clock.token(8)


async def _seen(alert: Alert) -> JsonValue:
    dumped: JsonValue = AlertAtStart.of(alert).model_dump(mode="json")
    return dumped


def _unpaid(conclusion: Conclusion, reason: str, observe: Observer) -> Conclusion:
    """The offline analyst's word in the model's place, and why: an alert is not lost to a budget."""
    observe(Progress("investigate", f"{reason}: the offline analyst judges", ok=False))
    note = f"No language model has judged this alert, since {reason}; the offline analyst did."
    return replace(conclusion, notes=(*conclusion.notes, note), offline=True)


def _asked(evidence: tuple[Evidence, ...]) -> Usage:
    """What enrichment has spent."""
    return Usage(queries=sum(bool(entry.sql) for entry in evidence), rows=sum(len(entry.rows) for entry in evidence))
