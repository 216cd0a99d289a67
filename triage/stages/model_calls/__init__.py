"""One way to ask the language model, shared by investigation and decision; not a stage of its own.

`caller` makes a journalled call and books it, `budget` estimates what calls cost and counts what they did, `result` asks
an endpoint for JSON in a form that it supports and reads the reply.
"""

from triage.stages.model_calls.budget import BYTES_PER_TOKEN, ModelBudget, cost_of
from triage.stages.model_calls.caller import (
    ASSUMED,
    ModelCall,
    ModelCallEntry,
    ModelCaller,
    ModelContext,
    ModelFailure,
    read_entry,
)
from triage.stages.model_calls.result import (
    MAX_CHARS,
    Lowered,
    ReplyInvalid,
    ResultMode,
    Share,
    endpoint_fault,
    explain,
    leaks,
    read_json,
    result_mode,
    result_request,
    schema_of,
    validated,
)

__all__ = [
    "ASSUMED",
    "BYTES_PER_TOKEN",
    "MAX_CHARS",
    "Lowered",
    "ModelBudget",
    "ModelCall",
    "ModelCallEntry",
    "ModelCaller",
    "ModelContext",
    "ModelFailure",
    "ReplyInvalid",
    "ResultMode",
    "Share",
    "cost_of",
    "endpoint_fault",
    "explain",
    "leaks",
    "read_entry",
    "read_json",
    "result_mode",
    "result_request",
    "schema_of",
    "validated",
]
