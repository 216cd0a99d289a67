"""An investigation again from its record: the same evidence, another model or other prompts, and no Panther.

What the record has is read back under the same keys; the model is asked again. A question that was not recorded, of a
new playbook or by a model that asks something else, gets "not recorded" and is counted.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from triage.app import assemble
from triage.domain.base import Value
from triage.domain.verdict import Disposition, Investigation
from triage.edges.clock import FixedStartClock
from triage.edges.llm import open_model
from triage.edges.prompts import load_prompts
from triage.edges.store import open_store
from triage.errors import StoreError, TriageError
from triage.evaluation.offline_panther import (
    LAKE_STEPS,
    LAKE_TOOLS,
    NoLake,
    NotRecorded,
    RecordedPanther,
    RecordedTools,
    call_key,
)
from triage.evaluation.outcome import LEASE_SECONDS, investigate_claim
from triage.evaluation.record import CaseRecord, RecordedStep, append_steps
from triage.pipeline.single import claim_alert
from triage.ports import ChatModel, Observer, PantherApi
from triage.settings import Settings
from triage.stages.enrichment.runbook_plan import PLAN_STEP
from triage.stages.investigation import ToolAnswer, ToolCallEntry
from triage.stages.model_calls import read_entry

ANEW = frozenset({"model", "tool", "choice", "chance", "comment", "move"})
"""Kinds of steps that a replay does again."""
OURS = frozenset({"finished"})
"""Steps that belong to the recorded run only."""
KEPT = frozenset({"calibration", PLAN_STEP})
"""Steps that are read back whatever their kind: a confidence is calibrated as it was then, and the recorded answers to a
runbook's questions are those of the plan of then."""


def recorded_answers(case: CaseRecord, *, alert_only: bool = False) -> dict[str, ToolAnswer]:
    """The tool calls of the record, by what they asked. Raises StoreError for a record of another version."""
    found = {}
    for step in case.steps:
        if step.kind != "tool" or not isinstance(step.payload, dict):
            continue
        entry = read_entry(ToolCallEntry, step.payload.get("result"), step.key)
        if entry.call is not None and not (alert_only and entry.call.name in LAKE_TOOLS):
            found[call_key(entry.call)] = entry.answer
    return found


class Replayed(Value):
    """An old verdict beside the new one."""

    alert_id: str
    detection: str
    before: Disposition
    before_confidence: float
    after: Disposition | None = None
    """`None` if the replay failed."""
    after_confidence: float = 0.0
    error: str = ""
    findings_before: int
    findings_after: int = 0
    same_evidence: bool = False
    """Every recorded answer is in the new evidence, row for row."""
    not_recorded: tuple[str, ...] = ()
    """What the new run asked that the record has no answer for."""
    model: str = ""
    prompts: str = ""
    tokens: int = 0
    money: float = 0.0

    @property
    def changed(self) -> bool:
        return self.after is not self.before


async def replay(
    case: CaseRecord,
    settings: Settings,
    *,
    alert_only: bool = False,
    observe: Observer = lambda _progress: None,
) -> tuple[Replayed, Investigation | None]:
    """Investigate again from a record.

    Args:
        case: The record.
        settings: Whose model, prompts, playbooks and limits are used. Its Panther and its store are not touched.
        alert_only: Without what the data lake has answered.
        observe: Called with each step.

    Raises:
        ConfigError, PromptError: the configuration, a template or a playbook is wrong.
    """
    missing = NotRecorded()
    panther = RecordedPanther(case.alert, missing)
    clock = FixedStartClock(case.investigation.started_at)
    prompts = load_prompts(settings.investigation.prompts)
    base = _before(case, prompts.digest)
    try:
        answers = recorded_answers(case, alert_only=alert_only)
    except StoreError as error:
        return base.model_copy(update={"error": str(error)[:500]}), None
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="triage-replay-")))
        store = await open_store(f"sqlite:///{scratch / 'replay.db'}")
        stack.push_async_callback(store.close)
        model: ChatModel | None = None
        if settings.uses_llm:
            model = await stack.enter_async_context(open_model(settings.llm, clock=clock))
        pipeline = assemble(
            settings,
            PantherApi(
                panther, NoLake() if alert_only else panther, panther, panther, panther, panther, panther, panther
            ),
            clock=clock,
            store=store,
            prompts=prompts,
            model=model,
            toolbox=lambda dossier: RecordedTools(dossier, panther, settings, answers),
        )
        claim = await claim_alert(
            store.queue, case.alert, reason="replay", worker="replay", clock=clock, lease_seconds=LEASE_SECONDS
        )
        await append_steps(store.journal, claim, [step for step in case.steps if _kept(step, alert_only)], clock)
        try:
            result = await investigate_claim(pipeline, claim, observe=observe)
        except TriageError as error:
            return base.model_copy(update={"error": str(error)[:500], "not_recorded": tuple(missing.asked)}), None
        except ValidationError as error:
            # A record is a file from elsewhere: its steps need not be what this version journals.
            problem = f"a step of the record is not a {error.title} of this version"
            return base.model_copy(update={"error": problem}), None
    return base.model_copy(update=_after(case.investigation, result, missing.asked)), result


def _kept(step: RecordedStep, alert_only: bool) -> bool:
    """Whether a step is read back rather than done again."""
    if alert_only and step.kind in LAKE_STEPS:
        return False
    return (step.kind not in ANEW or step.key in KEPT) and step.key not in OURS


def _before(case: CaseRecord, prompts: str) -> Replayed:
    verdict = case.investigation.verdict
    return Replayed(
        alert_id=case.alert.id,
        detection=case.alert.detection_id,
        before=verdict.disposition,
        before_confidence=verdict.confidence,
        findings_before=len(verdict.verified),
        prompts=prompts,
    )


def _after(old: Investigation, new: Investigation, missing: Sequence[str]) -> dict[str, object]:
    digests = {entry.key: entry.digest for entry in new.evidence}
    return {
        "after": new.verdict.disposition,
        "after_confidence": new.verdict.confidence,
        "findings_after": len(new.verdict.verified),
        "same_evidence": all(
            digests.get(entry.key) == entry.digest for entry in old.evidence if entry.source.value != "tool"
        ),
        "not_recorded": tuple(missing),
        "model": new.model,
        "tokens": new.usage.prompt_tokens + new.usage.completion_tokens,
        "money": new.usage.money,
    }


def with_changes(settings: Settings, *, model: str | None, prompts: str | None) -> Settings:
    """The settings with another model or other prompts."""
    if model:
        settings = settings.model_copy(update={"llm": settings.llm.model_copy(update={"model": model})})
    if prompts:
        changed = settings.investigation.model_copy(update={"prompts": prompts})
        settings = settings.model_copy(update={"investigation": changed})
    return settings
