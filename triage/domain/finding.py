"""Checkable sentences, and the result of checking them."""

from enum import StrEnum

from triage.domain.base import Value
from triage.domain.citation import (
    AbsenceCitation,
    Citation,
    Comparison,
    CountCitation,
    JsonScalar,
    LacksCitation,
    ValueCitation,
)
from triage.domain.signal import Direction
from triage.domain.trust import Trust

__all__ = [
    "AbsenceCitation",
    "CheckedFinding",
    "Citation",
    "Comparison",
    "CountCitation",
    "Finding",
    "Issue",
    "IssueCode",
    "JsonScalar",
    "LacksCitation",
    "ValueCitation",
]


class Finding(Value):
    """One checkable sentence of a verdict with its citations."""

    text: str
    direction: Direction = Direction.NEUTRAL
    """Which verdict the sentence supports."""
    citations: tuple[Citation, ...] = ()


class IssueCode(StrEnum):
    NO_CITATION = "no_citation"
    UNKNOWN_EVIDENCE = "unknown_evidence"
    UNANSWERED_EVIDENCE = "unanswered_evidence"
    UNKNOWN_ROW = "unknown_row"
    UNKNOWN_COLUMN = "unknown_column"
    WRONG_VALUE = "wrong_value"
    WRONG_COUNT = "wrong_count"
    CUT_COUNT = "cut_count"
    NOT_ABSENT = "not_absent"
    UNPROVEN_ABSENCE = "unproven_absence"
    NOT_LACKING = "not_lacking"
    UNSUPPORTED_DENIAL = "unsupported_denial"
    """The sentence says that something did not happen, and nothing that it cites could show that."""
    INVENTED_VALUE = "invented_value"
    UNANSWERED_FLAG = "unanswered_flag"
    """The proposal would close an alert over a hard flag that nothing answers."""
    INJECTION = "injection"
    DOWNGRADED = "downgraded"


class Issue(Value):
    """Something that verification or adjudication objects to."""

    code: IssueCode
    message: str
    """What is wrong and what would be right; goes to the model as it is."""
    finding: int | None = None
    """One-based number of the finding it concerns."""
    fatal: bool = True
    """Whether the finding is dropped; otherwise it stays, with the note."""


class CheckedFinding(Value):
    """A finding after verification."""

    finding: Finding
    number: int
    """One-based place in the draft; stays the same when others are dropped."""
    verified: bool
    trust: frozenset[Trust] = frozenset()
    """Trust classes of the cited values that held."""
    issues: tuple[Issue, ...] = ()

    @property
    def evidence(self) -> tuple[str, ...]:
        """Ids of the evidence that it cites, each once."""
        return tuple(dict.fromkeys(citation.evidence for citation in self.finding.citations))
