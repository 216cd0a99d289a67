"""The disposition, from proven facts alone, and the floor rules that nobody can talk their way around.

`facts_of` says what a second model call may read, `run_weighing` has it asked, `adjudicate` decides.
"""

from triage.stages.decision.driver import run_weighing
from triage.stages.decision.facts import facts_of
from triage.stages.decision.rules import net_weight
from triage.stages.decision.verdict import adjudicate
from triage.stages.decision.weighing import Opinion, Weighed

__all__ = ["Opinion", "Weighed", "adjudicate", "facts_of", "net_weight", "run_weighing"]
