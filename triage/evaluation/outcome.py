"""What came of labelled alerts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from triage.domain.base import Value
from triage.domain.verdict import Disposition


class Outcome(Value):
    """One alert, investigated once."""

    alert_id: str
    repeat: int = 1
    """Which of several investigations of the same alert; from 1."""
    detection: str = ""
    log_types: tuple[str, ...] = ()
    severity: str = ""
    verdict: Disposition | None = None
    """`None` where the investigation failed."""
    error: str = ""
    confidence: float = 0.0
    proposed: Disposition | None = None
    """What the analyst drafted, before the rules."""
    verified: int = 0
    """Findings that held."""
    dropped: int = 0
    cited_rows: int = 0
    """Different log records that verified findings cite."""
    cited_decisive: int = 0
    """Of these, records that the label names."""
    decisive_seen: int = 0
    """Records that the label names and that stand in the evidence."""
    prior: Disposition | None = None
    """What the past of the detection alone would say: how most of its earlier alerts ended."""
    queries: int = 0
    tokens: int = 0
    money: float = 0.0


@dataclass(frozen=True, slots=True)
class Investigator:
    """Who was evaluated."""

    analyst: str
    model: str
    prompts: str
    """Digest over the templates."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What an evaluation has run."""

    investigator: Investigator
    outcomes: tuple[Outcome, ...]
    """By the order of the labels, then by repeat."""
    seconds: Mapping[tuple[str, int], float] = field(default_factory=dict)
    """Wall time by alert and repeat; not part of what is reproducible."""
