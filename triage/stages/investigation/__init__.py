"""What else to look at: the model's turns with its read-only tools, or the offline analyst. Both give a draft with
citations.

`run` sets the `loop` of turns going and runs its tool calls; `conversation` holds the messages, `briefing` writes our
side of them, `replies` and `draft` read the model's, `ledger` numbers the evidence and `budget` counts what is spent.
`tools` describes the tools to the model; `toolbox`, `ask`, `lookups` and `results` perform them. `offline` is the analyst
without a model.
"""

from triage.stages.investigation.offline import offline_draft
from triage.stages.investigation.run import ToolCallEntry, run_investigation
from triage.stages.investigation.toolbox import Toolbox
from triage.stages.investigation.values import Conclusion, ToolAnswer

__all__ = [
    "Conclusion",
    "ToolAnswer",
    "ToolCallEntry",
    "Toolbox",
    "offline_draft",
    "run_investigation",
]
