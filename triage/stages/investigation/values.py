"""What a tool call brought, and what an investigation concludes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from triage.domain.base import Value
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence
from triage.domain.verdict import Draft, Usage
from triage.domain.window import TimeWindow
from triage.ports import Capabilities

UNNUMBERED = "E99999"
"""Id of a tool's evidence until the loop gives it the next number."""


class CoverageOf(Protocol):
    """Measures whether a table could have answered."""

    async def __call__(
        self, table: str, window: TimeWindow, *, control: str = "", wanted_end: datetime | None = None
    ) -> tuple[Coverage, int]:
        """What no rows would be worth, and the queries it took; see `ToolCoverage`."""

    async def prepare(self, tables: Sequence[str]) -> int:
        """Measure several tables at once; gives the queries it took."""


class ToolAnswer(Value):
    """What one tool call gave."""

    call_id: str = ""
    content: str = ""
    """Our own words for the model: an error with its remedy, a list of names, a note on the rows."""
    evidence: Evidence | None = None
    """Rows, under the id `UNNUMBERED`."""
    further: tuple[Evidence, ...] = ()
    """Of a call that asks several questions: the answers after the first, under the same id."""
    queries: int = 0
    """Lake queries that were made."""
    bytes: int = 0
    """Bytes of the rows kept."""
    failed: bool = False

    @property
    def answers(self) -> tuple[Evidence, ...]:
        """All evidence that the call brought, in the order of its questions."""
        return (*(() if self.evidence is None else (self.evidence,)), *self.further)


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
    failed: str = ""
    """Why the draft is none of the model's: it gave no result that code could read."""
