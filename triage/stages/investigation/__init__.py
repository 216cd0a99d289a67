"""What else to look at: the model's loop with its tools, or the offline analyst; both give a draft with citations."""

from triage.stages.investigation.driver import run_investigation
from triage.stages.investigation.effects import AskModel, Conclusion, Effect, ModelFailure, RunTools, ToolAnswer
from triage.stages.investigation.entries import AskedEntry, RanEntry
from triage.stages.investigation.loop import ASSUMED, investigate
from triage.stages.investigation.offline import offline_draft
from triage.stages.investigation.toolbox import Toolbox

__all__ = [
    "ASSUMED",
    "AskModel",
    "AskedEntry",
    "Conclusion",
    "Effect",
    "ModelFailure",
    "RanEntry",
    "RunTools",
    "ToolAnswer",
    "Toolbox",
    "investigate",
    "offline_draft",
    "run_investigation",
]
