"""One alert through all its rooms, each effect journalled so that a restart goes on where it stopped.

poll -> select happen in `service.py`; from here: enrich -> investigate -> verify -> adjudicate -> report -> write back.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence
from triage.domain.finding import Issue, IssueCode
from triage.domain.selection import SkipCode, Skipped
from triage.domain.untrusted import instructions_in
from triage.domain.verdict import Analyst, Draft, Investigation, Usage, Verdict
from triage.errors import NotFound, PantherError, StoreError
from triage.ports import AlertSource, ChatModel, Claim, Clock, Journal, Observer, Progress, Prompts, Store
from triage.settings import Settings
from triage.stages.adjudication import adjudicate
from triage.stages.enrichment import Enricher
from triage.stages.investigation import Conclusion, Toolbox, run_investigation
from triage.stages.investigation.offline import offline_draft
from triage.stages.reporting import build_report
from triage.stages.selection import filter_alert
from triage.stages.verification import invented_value, verify
from triage.stages.writeback import Result, Writer

log = logging.getLogger(__name__)


class StaleClaimError(StoreError):
    """Another worker holds the alert now; what this one did since is thrown away."""


@dataclass(frozen=True, slots=True)
class RunJournal:
    """The journal of one claim. Implements `ports.Journal`."""

    store: Store
    claim: Claim
    clock: Clock

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Read a finished step back, or perform it and journal its result.

        A result is wrapped, so that a step which gave `null` is told from one that has not happened.
        """
        kept = await self.store.recall(self.claim.run_id, key)
        if isinstance(kept, dict):
            return kept["result"]
        result = await perform()
        if not await self.store.journal(self.claim, key, kind, {"result": result}, now=self.clock.now()):
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
    writer: Writer | None
    """`None`: nothing is written to Panther."""

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
        journal = RunJournal(self.store, claim, self.clock)
        started = datetime.fromisoformat(str(await journal.step("started", "clock", self._started)))
        alert = await self._current(claim, forced=forced)
        if isinstance(alert, Skipped):
            await self.store.give_back(claim, now=self.clock.now())
            await self.store.decide(claim.alert.id, alert, now=self.clock.now())
            return alert
        dossier = await self.enricher.enrich(alert, now=started, journal=journal, observe=observe)
        log.info("enriched", extra={"alert_id": alert.id, "evidence": len(dossier.evidence)})
        conclusion = await self._investigate(dossier, journal, observe)
        verdict = judge(dossier, conclusion)
        observe(Progress("verdict", f"{verdict.disposition.value}, {verdict.dropped} findings dropped"))
        investigation = Investigation(
            run_id=claim.run_id,
            alert_id=alert.id,
            analyst=Analyst.OFFLINE if self.model is None else Analyst.LLM,
            model="" if self.model is None else self.model.name,
            prompt_digest=self.prompts.digest,
            started_at=started,
            finished_at=datetime.fromisoformat(str(await journal.step("finished", "clock", self._started))),
            verdict=verdict,
            evidence=conclusion.evidence,
            signals=dossier.signals,
            entities=dossier.entities,
            usage=conclusion.usage.plus(_asked(dossier.evidence)),
            notes=(*dossier.notes, *conclusion.notes, *alert.notes),
        )
        investigation = await self._write_back(alert, investigation, journal, observe)
        if not await self.store.finish(claim, investigation, now=self.clock.now()):
            raise StaleClaimError(f"alert {alert.id} was taken over by another worker")
        log.info("done", extra={"alert_id": alert.id, "verdict": verdict.disposition.value})
        return investigation

    async def _started(self) -> JsonValue:
        return self.clock.now().isoformat()

    async def _current(self, claim: Claim, *, forced: bool) -> Alert | Skipped:
        """The alert as Panther has it now; a person may have closed it while it waited."""
        try:
            alert = await self.alerts.alert(claim.alert.id)
        except NotFound:
            return Skipped(code=SkipCode.GONE, reason="the alert no longer exists in Panther")
        if forced:
            return alert
        decision = filter_alert(alert, self.settings.ingest)
        if isinstance(decision, Skipped) and decision.code is SkipCode.TOO_FEW_EVENTS:
            return decision
        if isinstance(decision, Skipped) and decision.code is SkipCode.STATUS:
            who = alert.updated_by.email or alert.updated_by.kind if alert.updated_by else "somebody"
            return Skipped(
                code=SkipCode.CLOSED_MEANWHILE,
                reason=f"{who} set the status to {alert.status.value} before its turn",
            )
        return alert

    async def _investigate(self, dossier: Dossier, journal: Journal, observe: Observer) -> Conclusion:
        if self.model is None:
            observe(Progress("investigate", "the offline analyst judges from signals and runbook evidence"))
            return Conclusion(draft=offline_draft(dossier), evidence=dossier.evidence)
        nonce = str(await journal.step("nonce", "chance", self._nonce))
        return await run_investigation(
            dossier,
            model=self.model,
            toolbox=self.toolbox(dossier),
            journal=journal,
            prompts=self.prompts,
            settings=self.settings.investigation,
            max_output_tokens=self.settings.llm.max_output_tokens,
            nonce=nonce,
            clock=self.clock,
            check=objections,
            observe=observe,
        )

    async def _nonce(self) -> JsonValue:
        return self.clock.token(8)

    async def _write_back(
        self, alert: Alert, investigation: Investigation, journal: Journal, observe: Observer
    ) -> Investigation:
        """Post the comment. What cannot be written is a note on the result; what may pass is raised to try again."""
        if self.writer is None:
            return investigation
        report = build_report(alert, investigation, prompts=self.prompts, settings=self.settings.writeback)
        try:
            outcome = await self.writer.write(alert.id, report, run_id=investigation.run_id, journal=journal)
        except (PantherError, NotFound) as error:
            if error.retryable:
                raise
            observe(Progress("write back", str(error), ok=False))
            return investigation.model_copy(update={"notes": (*investigation.notes, f"{UNWRITTEN}{error}")})
        known = outcome.result is not Result.UNKNOWN
        text = " ".join((f"comment {outcome.result.value}", outcome.reason)).strip()
        observe(Progress("write back", text, ok=known))
        notes = (*investigation.notes, *outcome.notes)
        if not known:
            notes = (*notes, f"{UNWRITTEN}{outcome.reason}")
        return investigation.model_copy(update={"notes": notes})


def _asked(evidence: tuple[Evidence, ...]) -> Usage:
    """What enrichment has spent."""
    return Usage(queries=sum(bool(entry.sql) for entry in evidence), rows=sum(len(entry.rows) for entry in evidence))


UNWRITTEN = "the comment was not written: "
"""How a note begins that makes a run count as unfinished."""


def objections(draft: Draft, evidence: tuple[Evidence, ...]) -> tuple[Issue, ...]:
    """Everything that verification holds against a draft, to be told to the analyst at once."""
    return tuple(issue for checked in verify(draft.findings, evidence) for issue in checked.issues)


def judge(dossier: Dossier, conclusion: Conclusion) -> Verdict:
    """Verify and adjudicate a draft; pure."""
    draft = conclusion.draft
    findings = verify(draft.findings, conclusion.evidence)
    attempts = tuple(issue for issue in conclusion.issues if issue.code is IssueCode.INJECTION)
    injected = bool(attempts) or any(instructions_in(event) for event in dossier.events)
    return adjudicate(
        draft,
        findings,
        dossier.signals,
        conclusion.evidence,
        injected=injected,
        issues=attempts,
        summary_holds=invented_value(draft.summary, conclusion.evidence) is None,
    )


def unwritten(investigation: Investigation) -> str:
    """Why the comment is missing on Panther; empty where it isn't."""
    return next((note for note in investigation.notes if note.startswith(UNWRITTEN)), "")
