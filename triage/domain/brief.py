"""The little of an investigation that lists and sums need, so that they read nothing else of it."""

from typing import Self

from triage.domain.base import Value
from triage.domain.disposition import Disposition
from triage.domain.report import DEFERRED, UNWRITTEN
from triage.domain.verdict import Investigation, Usage


class Unanswered(Value):
    """A question without an answer."""

    key: str
    error: str


class Brief(Value):
    """An investigation in a few hundred bytes; the store keeps it apart from the evidence."""

    disposition: Disposition
    confidence: float
    stated: float | None = None
    """As in `Verdict`, and so is the next."""
    uncalibrated: Disposition | None = None
    usage: Usage = Usage()
    seconds: float = 0.0
    """How long it took."""
    unanswered: tuple[Unanswered, ...] = ()
    """Questions that were asked, and why they have no answer."""
    to_do: tuple[str, ...] = ()
    """The notes about a comment that is still to be written."""
    case_lead: str = ""
    """The alert that carries the analysis of its case; empty without one."""
    case_others: int = 0
    """How many other alerts the case had when it was finished."""

    @classmethod
    def of(cls, investigation: Investigation) -> Self:
        verdict, case = investigation.verdict, investigation.case
        return cls(
            disposition=verdict.disposition,
            confidence=verdict.confidence,
            stated=verdict.stated,
            uncalibrated=verdict.uncalibrated,
            usage=investigation.usage,
            seconds=investigation.seconds,
            unanswered=tuple(
                Unanswered(key=entry.key, error=entry.error)
                for entry in investigation.evidence
                if not entry.answered and not entry.not_asked
            ),
            to_do=tuple(note for note in investigation.notes if note.startswith((DEFERRED, UNWRITTEN))),
            case_lead=case.lead.alert_id if case is not None else "",
            case_others=len(case.members) - 1 if case is not None else 0,
        )
