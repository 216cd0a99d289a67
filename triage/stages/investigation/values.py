"""What a tool call brought, and what an investigation concludes."""

from dataclasses import dataclass, field

from triage.domain.base import Value
from triage.domain.evidence import Evidence
from triage.domain.verdict import Draft, Usage
from triage.ports import Capabilities

UNNUMBERED = "E99999"
"""Id of a tool's evidence until the loop gives it the next number."""


class ToolAnswer(Value):
    """What one tool call gave."""

    call_id: str = ""
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
