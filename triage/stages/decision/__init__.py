"""The disposition, from proven facts alone, and the floor rules that no text can talk its way around.

`facts_of` says what the second model call may read (`proven` writes the findings anew, in code's words),
`adjudicate_with_model` makes that call, and `adjudicate` applies the `rules` and gives the verdict.
"""

from triage.stages.decision.answers import Suspicion, accepted_answers, suspicion_of
from triage.stages.decision.facts import facts_of
from triage.stages.decision.masked import alert_values
from triage.stages.decision.opinion import Adjudication, Opinion, adjudicate_with_model
from triage.stages.decision.rules import BENIGN_FINDINGS
from triage.stages.decision.verdict import adjudicate

__all__ = [
    "BENIGN_FINDINGS",
    "Adjudication",
    "Opinion",
    "Suspicion",
    "accepted_answers",
    "adjudicate",
    "adjudicate_with_model",
    "alert_values",
    "facts_of",
    "suspicion_of",
]
