"""What else to look at: the model's turns with its read-only tools, or the offline analyst. Both give a draft with
citations.

`run` performs and journals what `loop` asks for: a model call or the turn's tool calls. `conversation` holds the
messages, `briefing` writes our side of them, `replies` and `draft` read the model's, `ledger` numbers the evidence and
`budget` counts what is spent. `tools` describes the tools to the model; `toolbox`, `lookups` and `results` run them.
`offline` is the analyst without a model.
"""

from triage.stages.investigation.effects import Conclusion, Effect, RunTools, ToolAnswer
from triage.stages.investigation.loop import ASSUMED, investigate
from triage.stages.investigation.offline import offline_draft
from triage.stages.investigation.run import ToolCallEntry, run_investigation
from triage.stages.investigation.toolbox import Toolbox

__all__ = [
    "ASSUMED",
    "Conclusion",
    "Effect",
    "RunTools",
    "ToolAnswer",
    "ToolCallEntry",
    "Toolbox",
    "investigate",
    "offline_draft",
    "run_investigation",
]
