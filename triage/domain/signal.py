"""Measured facts with a weight."""

from enum import StrEnum

from triage.domain.base import Value
from triage.domain.evidence import EvidenceId


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
