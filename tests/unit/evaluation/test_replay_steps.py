"""Which steps of a recorded run a replay reads back."""

import pytest

from triage.evaluation.record import RecordedStep
from triage.evaluation.replay import _kept
from triage.stages.enrichment.runbook_plan import PLAN_STEP


@pytest.mark.parametrize(
    ("key", "kind", "kept"),
    [
        (PLAN_STEP, "choice", True),
        ("query/runbook.1.1.aws_cloudtrail", "query", True),
        ("calibration", "choice", True),
        ("budget", "choice", False),
        ("model/1", "model", False),
    ],
)
def test_a_replay_follows_the_recorded_plan(key: str, kind: str, kept: bool) -> None:
    """The recorded answers to a runbook's questions are those of the plan of then, whatever a later grammar makes of it."""
    assert _kept(RecordedStep(key=key, kind=kind, payload={}), alert_only=False) is kept
