"""One act, as the story tells it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Phase(StrEnum):
    """When an act was, as seen from the alert."""

    BEFORE = "before"
    ALERT = "alert"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Act:
    """One act, or several alike; its texts are printable and otherwise as the log has them."""

    at: datetime
    until: datetime
    phase: Phase
    who: str
    """The short name; empty where the log names no one."""
    deed: str
    """In the past tense, with the object where it is known: `deleted the trail audit`."""
    action: str
    """The log's own name for it; empty where a sentence says all."""
    address: str
    log_type: str
    evidence: str
    rows: tuple[int, ...]
    objects: tuple[str, ...] = ()
    """What it was done to, as far as the deed does not say so."""
    named: str = ""
    """What the deed names, for when several such are one line."""
    more_objects: int = 0
    times: int = 1
    refused: int = 0
    failed: int = 0
    """Of the times: how often nothing came of it though nobody refused it."""
    weight: float = 0.0
    """How much it matters, from 0 to about 2: how serious the act is, and whether a fact rests on it."""
    raw_action: str = ""
    raw_who: str = ""
    bare: bool = False
    """An event of which no one knows what it says: the deed holds its fields."""
    sources: frozenset[tuple[str, int]] = frozenset()
    """Evidence and row of every answer that holds it."""

    @property
    def told_by(self) -> frozenset[tuple[str, int]]:
        """Evidence and row of the answers that hold it."""
        return self.sources or frozenset((self.evidence, row) for row in self.rows)

    @property
    def all_refused(self) -> bool:
        return self.refused >= self.times > 0

    @property
    def in_vain(self) -> bool:
        """Nothing came of it, for whatever reason."""
        return self.refused + self.failed >= self.times > 0
