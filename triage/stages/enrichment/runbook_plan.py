"""Which steps a detection's runbook has, and what each of them asks."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import JsonValue

from triage.domain.detection import Detection
from triage.domain.plan import PlannedStep, RunbookPlan, digest_of
from triage.domain.runbook import MAX_STEPS, runbook_steps
from triage.stages.enrichment.asking import Asker

PLAN_STEP = "runbook/plan"
"""Journal key of the plan that a run follows."""


class Plans(Protocol):
    """Where the plan of a runbook comes from."""

    def __call__(self, text: str, detection_id: str, log_types: Sequence[str]) -> RunbookPlan:
        """The plan of a runbook's text."""


def unplanned(text: str, detection_id: str, log_types: Sequence[str]) -> RunbookPlan:
    """The plan that asks nothing: every step is for a person."""
    del log_types
    return RunbookPlan(detection=detection_id, digest=digest_of(text))


def steps_of(text: str, plan: RunbookPlan) -> tuple[PlannedStep, ...]:
    """The steps of a runbook as its plan has them, numbered without gaps; one that the plan lacks asks nothing."""
    planned = {step.step: step for step in reversed(plan.steps) if step.step <= MAX_STEPS}
    texts = runbook_steps(text)
    return tuple(
        planned.get(number) or PlannedStep(step=number, text=texts[number - 1] if number <= len(texts) else "-")
        for number in range(1, max([len(texts), *planned], default=0) + 1)
    )


async def planned_steps(
    asker: Asker, plans: Plans, detection: Detection, text: str
) -> tuple[tuple[PlannedStep, ...], tuple[str, ...]]:
    """The steps of a detection's runbook, and notes on its plan; a run that is resumed keeps the plan it began with.

    Args:
        asker: Of the run.
        plans: Where plans come from.
        detection: Whose runbook it is.
        text: The runbook.
    """
    if not text.strip():
        return (), ()

    async def choose() -> JsonValue:
        return plans(text, detection.id, detection.log_types).model_dump(mode="json", by_alias=True)

    kept = await asker.journal.step(PLAN_STEP, "choice", choose)
    plan = RunbookPlan.model_validate(kept)
    return steps_of(text, plan), plan.notes
