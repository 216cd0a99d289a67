"""The loop's values: what it asks for, what it gets back, and what it concludes."""

from dataclasses import dataclass, field

from triage.domain.base import Value
from triage.domain.evidence import Evidence
from triage.domain.verdict import Draft, Usage
from triage.ports import Capabilities, ToolCall
from triage.stages.model_calls import ModelCall

UNNUMBERED = "E99999"
"""Id of a tool's evidence until the loop gives it the next number."""


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """How much one tool call may bring."""

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


Effect = ModelCall | RunTools


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
    learned: Capabilities | None = None
    """What the endpoint supports, if the run found it to differ from what was known."""
    unpaid: bool = False
    """The model gave no draft, because the day's budget was used up first."""
    offline: bool = False
    """The draft is the offline analyst's."""
