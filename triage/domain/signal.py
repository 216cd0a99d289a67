"""Measured facts with a weight."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from triage.domain.base import Value
from triage.domain.citation import Citation
from triage.domain.evidence import Evidence, EvidenceId


class Direction(StrEnum):
    MALICIOUS = "malicious"
    BENIGN = "benign"
    NEUTRAL = "neutral"


class Signal(Value):
    """One fact that code measured from evidence."""

    name: str
    """Stable name of the rule that found it, such as `first_seen_action`."""
    direction: Direction
    weight: float
    """How much it moves the score, in units of log odds; always positive."""
    sentence: str
    """The fact in words, free of raw log text beyond entity values."""
    evidence: tuple[EvidenceId, ...]
    absence: bool = False
    """It rests on rows that are not there; it counts only where coverage proves the absence."""
    citations: tuple[Citation, ...] = ()
    """What of the evidence bears the sentence; empty in what was stored before signals carried it."""
    subject: str = ""
    """Whom of an alert's several actors it is about, as the log names them; empty: the alert as a whole."""


def is_proven(signal: Signal, evidence: Mapping[str, Evidence]) -> bool:
    """Whether a signal counts: its evidence has answered, and where it rests on an absence, coverage proves that.

    Args:
        signal: What a rule has found.
        evidence: By id.
    """
    cited = [evidence[name] for name in signal.evidence if name in evidence]
    if not cited or any(not entry.answered for entry in cited):
        return False
    return not signal.absence or all(entry.coverage.proves_absence for entry in cited)


def net_weight(signals: Iterable[Signal], evidence: Mapping[str, Evidence]) -> float:
    """Sum of the proven signals, those towards malicious counted up and those towards benign down, in log odds."""
    sign = {Direction.MALICIOUS: 1.0, Direction.BENIGN: -1.0, Direction.NEUTRAL: 0.0}
    return sum(sign[signal.direction] * signal.weight for signal in signals if is_proven(signal, evidence))
