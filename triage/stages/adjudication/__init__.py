"""The disposition, from proven facts alone, and the floor rules that nobody can talk their way around.

`facts_of` says what a second model call may read, `run_weighing` has it asked, `adjudicate` decides.
"""

from triage.stages.adjudication.driver import run_weighing
from triage.stages.adjudication.facts import facts_of
from triage.stages.adjudication.rules import net_weight
from triage.stages.adjudication.verdict import adjudicate
from triage.stages.adjudication.weighing import Opinion, Weighed

__all__ = ["Opinion", "Weighed", "adjudicate", "facts_of", "net_weight", "run_weighing"]
