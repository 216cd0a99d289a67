"""What the loop asks for, what it is told, and what it gives in the end."""

from dataclasses import dataclass, field

from triage.domain.base import Value
from triage.domain.evidence import Evidence
from triage.domain.finding import Issue
from triage.domain.verdict import Draft, Usage
from triage.ports import Capabilities, ChatRequest, Spend, ToolCall

UNNUMBERED = "E99999"
"""Id of tool evidence until the loop gives it the next number of the ledger."""


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask the model once."""

    key: str
    """Journal key, such as `model/3`."""
    request: ChatRequest
    estimate: Spend = field(default_factory=Spend)
    """What it may cost."""
    concluding: bool = False
    """The model may only conclude."""


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """What one tool call may bring."""

    rows: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RunTools:
    """Run the calls of one turn, all at once."""

    key: str
    """Journal key of the turn, such as `tools/3`; call number 0 is journalled as `tools/3/0`."""
    calls: tuple[ToolCall, ...]
    limits: ToolLimits


Effect = AskModel | RunTools


class ModelFailure(Value):
    """The model refused this very conversation; asking again would give the same."""

    message: str
    overflow: bool = False
    """The conversation is too long for it."""
    unsupported: str = ""
    """`tools` or `response_format`: the endpoint doesn't have it; asking without it may work."""
    unpaid: bool = False
    """Nothing was asked: the day's budget refuses it."""


class ToolAnswer(Value):
    """What one tool call gave."""

    call_id: str
    content: str = ""
    """Our own words for the model: an error with its remedy, a list of names, a note on the rows."""
    evidence: Evidence | None = None
    """Rows, under the id `UNNUMBERED`."""
    queries: int = 0
    """Lake queries that were made."""
    bytes: int = 0
    """Bytes of the rows kept."""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The end of an investigation."""

    draft: Draft
    evidence: tuple[Evidence, ...]
    """The dossier's, then what tools gave."""
    usage: Usage = field(default_factory=Usage)
    notes: tuple[str, ...] = ()
    """What went wrong or was cut, in words for the reader."""
    issues: tuple[Issue, ...] = ()
    """Attempts to instruct the reader that stand in the evidence."""
    learned: Capabilities | None = None
    """What the endpoint can do, where the run has found it to be otherwise than known."""
    unpaid: bool = False
    """There is no draft of the model's, since the day's budget was used up before."""
    offline: bool = False
    """The offline analyst has judged."""
