"""The four verdicts."""

from enum import StrEnum


class Disposition(StrEnum):
    MALICIOUS = "malicious"
    SUSPICIOUS = "suspicious"
    INCONCLUSIVE = "inconclusive"
    BENIGN = "benign"

    @property
    def gravity(self) -> int:
        """From 0, reassuring, to 3, alarming."""
        return _GRAVITY.index(self)


_GRAVITY = (Disposition.BENIGN, Disposition.INCONCLUSIVE, Disposition.SUSPICIOUS, Disposition.MALICIOUS)

DECIDED = (Disposition.MALICIOUS, Disposition.BENIGN)
"""The verdicts that decide; the others leave it to a person."""
