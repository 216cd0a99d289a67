"""One alert through all stages, each effect journalled so that a restart continues where it stopped.

`triage.ingest` polls and selects; from here: enrich -> investigate -> verify -> decide -> report -> write back.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from pydantic import JsonValue, TypeAdapter

from triage.domain.alert import Alert
from triage.domain.argument import argue_alert
from triage.domain.calibration import ConfidenceMap, calibrate
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.domain.look import AlertSeen
from triage.domain.related import link_keys
from triage.domain.reply import Command, Reply
from triage.domain.selection import Skipped
from triage.domain.verdict import Analyst, Investigation, Usage, Verdict
from triage.errors import ModelError
from triage.pipeline.calibration import load_fit
from triage.pipeline.cases import find_case, judged_so_far
from triage.pipeline.current import current_alert
from triage.pipeline.journal import ClaimJournal, StaleClaimError, step_value
from triage.pipeline.judgement import CheckedConclusion, check_conclusion, facts_for, judge, objections
from triage.pipeline.linked import LinkedAlert, LinkedOutcome
from triage.pipeline.parts import PipelineParts
from triage.pipeline.replies import stored_reply
from triage.pipeline.second_look import (
    EarlierVerdict,
    earlier_verdict,
    ended_by_person,
    ended_by_us,
    look_of,
    provisional,
)
from triage.pipeline.traced import AGENT_SPAN, claim_facts, result_facts
from triage.ports import (
    Capabilities,
    ChatModel,
    Claim,
    Observer,
    Progress,
    Spend,
)
from triage.settings import LlmFallback
from triage.stages.decision import Adjudication, adjudicate_with_model, suspicion_of
from triage.stages.investigation import Conclusion, offline_draft, run_investigation
from triage.stages.model_calls import ASSUMED, ModelContext
from triage.stages.writeback import AlertAtStart

log = logging.getLogger(__name__)

_AT_START = TypeAdapter(AlertAtStart)
_CAPABILITIES = TypeAdapter(Capabilities)
_FALLBACK = "fallback"
"""Journal key under which a run keeps that the offline analyst answers for the model."""


@dataclass(frozen=True, slots=True)
class Pipeline(PipelineParts):
    """The stages, wired. One instance serves all alerts of a process."""

    async def triage(self, claim: Claim, *, observe: Observer, forced: bool = False) -> Investigation | Skipped:
        """Investigate one claimed alert and publish the result.

        Args:
            claim: The right to work on it.
            observe: Called with each step.
            forced: Requested by ID: status and filters don't matter.

        Returns:
            The investigation, stored, or why there is none (closed by a person in the meantime, deleted).

        Raises:
            PantherError, ModelError, StoreError: the alert could not be finished; its journal keeps what was.
        """
        with self.tracer.span(AGENT_SPAN, claim_facts(claim)) as span:
            result = await self._triage(claim, observe=observe, forced=forced)
            span.note(result_facts(result))
            return result

    async def _triage(self, claim: Claim, *, observe: Observer, forced: bool) -> Investigation | Skipped:
        journal = self.journal(claim)
        earlier = await earlier_verdict(self.store.records, journal)
        run = _Triage(self, journal, observe, earlier, forced)
        started = await run.moment("started")
        # A run that has its verdict is finished whatever has happened to the alert: the run itself may have changed its
        # status, by policy.
        judged = await self.store.journal.recall(claim.run_id, "finished") is not None
        replies = self.settings.replies.enabled
        reply = await stored_reply(self.store.values, claim.alert.id) if replies else None
        again = reply is not None and reply.command is Command.AGAIN
        wanted = forced or judged or earlier is not None or again
        alert = await current_alert(self.alerts, claim.alert.id, self.settings.ingest, forced=wanted)
        if earlier is not None and not judged and isinstance(alert, Alert):
            alert = await ended_by_person(alert, earlier, self.store.journal, self.settings.ingest) or alert
        if isinstance(alert, Skipped):
            await run.skip(alert)
            return alert
        at_start = await run.announce(alert)
        investigation = await run.investigation(alert, started, at_start.seen)
        return await run.publish(alert, investigation, at_start, reply)

    async def finish_linked(self, claim: Claim, *, observe: Observer) -> LinkedOutcome:
        """Finish one claimed alert that is linked to another.

        Raises:
            PantherError, StoreError: it could not be finished; it is to be tried again.
        """
        with self.tracer.span("linked alert", claim_facts(claim)):
            return await LinkedAlert(self, self.journal(claim), observe).finish()


@dataclass(frozen=True, slots=True)
class _Triage:
    """One claim on its way through the stages."""

    parts: PipelineParts
    journal: ClaimJournal
    observe: Observer
    earlier: EarlierVerdict | None = None
    """The verdict of the look before, if the alert is looked at again."""
    forced: bool = False

    @property
    def claim(self) -> Claim:
        return self.journal.claim

    async def moment(self, key: str) -> datetime:
        """The time at which the run first came here."""

        async def now() -> JsonValue:
            return self.parts.clock.now().isoformat()

        return datetime.fromisoformat(str(await self.journal.step(key, "clock", now)))

    async def skip(self, decision: Skipped) -> None:
        """End the claim without an investigation. Raises StaleClaimError."""
        store, now = self.parts.store, self.parts.clock.now()
        dumped: JsonValue = decision.model_dump(mode="json")
        # `decide` ends whichever claim there is; only the journal checks that it is this one.
        if not await store.journal.append(self.claim, "skipped", "decision", {"result": dumped}, now=now):
            raise StaleClaimError(self.claim.alert.id)
        if self.earlier is not None:
            # It keeps the verdict that it has.
            await store.queue.settle(self.claim, now=now)
            return
        await store.queue.decide(self.claim.alert.id, decision, now=now)

    async def announce(self, alert: Alert) -> AlertAtStart:
        """Keep what the alert is like before anything is written to it, then announce the investigation."""

        async def look() -> AlertAtStart:
            ours = self.earlier is not None and await ended_by_us(alert, self.earlier, self.parts.store.journal)
            return AlertAtStart.of(alert, ended_by_us=ours)

        at_start = await step_value(self.journal, "seen", "look", look, _AT_START)
        if self.parts.publisher is not None:
            await self.parts.publisher.announce(alert, journal=self.journal, observe=self.observe)
        return at_start

    async def investigation(self, alert: Alert, started: datetime, seen: AlertSeen | None) -> Investigation:
        """Enrich, investigate, verify and decide."""
        parts = self.parts
        with parts.tracer.span("enrich") as span:
            dossier = await parts.enricher.enrich(alert, now=started, journal=self.journal, observe=self.observe)
            span.note({"triage.evidence": len(dossier.evidence), "triage.signals": len(dossier.signals)})
        log.info("enriched", extra={"alert_id": alert.id, "evidence": len(dossier.evidence)})
        if parts.model is not None:
            dossier = await judged_so_far(dossier, records=parts.store.records, journal=self.journal)
        with parts.tracer.span("investigate") as span:
            conclusion = await self._investigate(dossier)
            span.note({"triage.analyst": "offline" if conclusion.offline else "llm"})
        again = timedelta(0) if self.forced else parts.settings.ingest.second_look
        checked = check_conclusion(dossier, conclusion, looks_again=bool(again))
        with parts.tracer.span("adjudicate"):
            adjudication, spent = await self._adjudicate(dossier, conclusion, checked)
        dwell = self.parts.settings.investigation.dwell
        judged = judge(dossier, conclusion, checked=checked, opinion=adjudication.opinion, dwell=dwell)
        verdict = await self._calibrated(judged)
        verdict = provisional(verdict, conclusion.evidence, alert, now=started)
        finished = await self.moment("finished")
        self.observe(Progress("verdict", f"{verdict.disposition.value}, {verdict.dropped} findings dropped"))
        keys = link_keys(dossier)
        return Investigation(
            run_id=self.claim.run_id,
            alert_id=alert.id,
            analyst=Analyst.OFFLINE if conclusion.offline else Analyst.LLM,
            model="" if conclusion.offline or parts.model is None else parts.model.name,
            prompt_digest=parts.prompts.digest,
            started_at=started,
            finished_at=finished,
            verdict=verdict,
            evidence=conclusion.evidence,
            signals=dossier.signals,
            entities=dossier.entities,
            usage=conclusion.usage.plus(_enrichment_usage(dossier.evidence)).plus(spent),
            notes=(*dossier.notes, *conclusion.notes, *adjudication.notes, *alert.notes),
            look=await look_of(
                verdict,
                finished_at=finished,
                seen=seen,
                earlier=self.earlier,
                longest=again,
                journal=self.journal,
            ),
            links=keys.keys,
            case=await find_case(alert, keys, verdict.disposition, records=parts.store.records, journal=self.journal),
        )

    async def publish(
        self, alert: Alert, investigation: Investigation, at_start: AlertAtStart, reply: Reply | None
    ) -> Investigation:
        """Write the investigation to Panther, then store it. Raises StaleClaimError."""
        parts, again_at = self.parts, None
        if parts.publisher is not None:
            published = await parts.publisher.publish(
                alert, investigation, at_start=at_start, journal=self.journal, observe=self.observe, reply=reply
            )
            investigation, again_at = published.investigation, published.again_at
        if parts.router is not None:
            with parts.tracer.span("route"):
                await parts.router.route(alert, investigation, journal=self.journal, observe=self.observe)
        now = parts.clock.now()
        growth = None if self.forced else parts.settings.ingest.growth
        if not await parts.store.queue.finish(self.claim, investigation, now=now, again_at=again_at, growth=growth):
            raise StaleClaimError(alert.id)
        log.info("done", extra={"alert_id": alert.id, "verdict": investigation.verdict.disposition.value})
        return investigation

    async def _calibrated(self, verdict: Verdict) -> Verdict:
        """The verdict with its confidence calibrated; the same fit is used after a restart."""

        async def choose() -> JsonValue:
            fit = await load_fit(self.parts.store.values)
            dumped: JsonValue = None if fit is None else fit.model_dump(mode="json")
            return dumped

        fit = await self.journal.step("calibration", "choice", choose)
        return calibrate(verdict, None if fit is None else ConfidenceMap.model_validate(fit))

    async def _investigate(self, dossier: Dossier) -> Conclusion:
        parts, model = self.parts, self.parts.model
        if model is None:
            self.observe(Progress("investigate", "the offline analyst judges from signals and runbook evidence"))
            return Conclusion(draft=offline_draft(dossier), evidence=dossier.evidence, offline=True)
        meter = parts.meter(self.claim)

        async def refusal() -> JsonValue:
            least = Spend(calls=1, completion_tokens=parts.settings.llm.max_output_tokens)
            return await meter.refusal(least, concluding=False)

        refused = str(await self.journal.step("budget", "choice", refusal))
        if refused:
            return self._without_model(Conclusion(draft=offline_draft(dossier), evidence=dossier.evidence), refused)

        if reason := await self._fallback():
            return self._without_model(Conclusion(draft=offline_draft(dossier), evidence=dossier.evidence), reason)
        try:
            conclusion = await self._ask(dossier, model)
        except ModelError:
            reason = await self._fallback()
            if not reason:
                raise
            return self._without_model(Conclusion(draft=offline_draft(dossier), evidence=dossier.evidence), reason)
        if conclusion.unpaid:
            offline = replace(conclusion, draft=offline_draft(dossier))
            return self._without_model(offline, "the day's budget is used up")
        return conclusion

    async def _fallback(self) -> str:
        """Why the offline analyst answers for the model; empty where the model is in use, or nobody may stand in."""
        parts = self.parts
        reason = parts.breaker.out_of_use if parts.breaker is not None else ""
        known = await parts.store.journal.recall(self.claim.run_id, _FALLBACK)
        if known is None and (not reason or parts.settings.llm.fallback is not LlmFallback.OFFLINE):
            return ""

        async def why() -> JsonValue:
            return reason

        return str(await self.journal.step(_FALLBACK, "choice", why))

    async def _ask(self, dossier: Dossier, model: ChatModel) -> Conclusion:
        """Let the model investigate. Raises ModelError."""
        parts = self.parts

        async def draw() -> JsonValue:
            return parts.clock.token(8)

        nonce = str(await self.journal.step("nonce", "chance", draw))
        conclusion = await run_investigation(
            dossier,
            await self._model_context(model),
            toolbox=parts.toolbox(dossier),
            nonce=nonce,
            check=partial(
                objections,
                argument=argue_alert(dossier),
                dwell_start=dossier.alert.moment - parts.settings.investigation.dwell,
                suspicion=suspicion_of(dossier),
            ),
            observe=self.observe,
        )
        if conclusion.learned is not None and parts.capabilities is not None:
            await parts.capabilities.learn(conclusion.learned)
        return conclusion

    def _without_model(self, conclusion: Conclusion, reason: str) -> Conclusion:
        """The offline analyst's conclusion in place of the model's, and why."""
        self.observe(Progress("investigate", f"{reason}: the offline analyst judges", ok=False))
        note = f"No language model has judged this alert, since {reason}; the offline analyst did."
        return replace(conclusion, notes=(*conclusion.notes, note), offline=True)

    async def _adjudicate(
        self, dossier: Dossier, conclusion: Conclusion, checked: CheckedConclusion
    ) -> tuple[Adjudication, Usage]:
        """Ask the model for a second opinion on the verified findings, if there are any."""
        parts, model = self.parts, self.parts.model
        verified = any(found.verified for found in checked.findings)
        if model is None or conclusion.offline or not parts.settings.investigation.adjudicate or not verified:
            return Adjudication(), Usage()
        adjudication, spent = await adjudicate_with_model(
            facts_for(dossier, conclusion, checked),
            await self._model_context(model, learned=conclusion.learned),
            before=conclusion.usage,
        )
        opinion = adjudication.opinion
        outcome = opinion.disposition.value if opinion is not None else "the rules decide alone"
        self.observe(
            Progress("adjudicate", f"second opinion on the proven findings: {outcome}", ok=opinion is not None)
        )
        return adjudication, spent

    async def _model_context(self, model: ChatModel, *, learned: Capabilities | None = None) -> ModelContext:
        """What the model calls of this claim need.

        Args:
            model: The model.
            learned: What the endpoint was found to be able to do; `None`: what was assumed when the run first asked.
        """
        parts = self.parts

        async def known() -> Capabilities:
            return ASSUMED if parts.capabilities is None else await parts.capabilities.known()

        if learned is None:
            learned = await step_value(self.journal, "capabilities", "choice", known, _CAPABILITIES)
        return ModelContext(
            model=model,
            journal=self.journal,
            prompts=parts.prompts,
            clock=parts.clock,
            settings=parts.settings.investigation,
            max_output_tokens=parts.settings.llm.max_output_tokens,
            capabilities=learned,
            meter=parts.meter(self.claim),
            price=parts.settings.llm.price,
        )


def _enrichment_usage(evidence: tuple[Evidence, ...]) -> Usage:
    return Usage(queries=sum(bool(entry.sql) for entry in evidence), rows=sum(len(entry.rows) for entry in evidence))
