"""What a generated world holds: the small set that the demo shows, or the large one that an evaluation runs on."""

from enum import StrEnum

from .lake import LogType


class Set(StrEnum):
    """How much of the scenarios a world holds."""

    DEMO = "demo"
    """Five log types and a company of forty: what `triage demo` works through in under a minute."""
    EVALUATION = "evaluation"
    """The same, and a company that was taken over, with its own logs and its own scenarios."""

    @property
    def log_types(self) -> tuple[LogType, ...]:
        """The log types that have a source and a table, in the order of the files."""
        return tuple(LogType) if self is Set.EVALUATION else tuple(LogType)[:_DEMO_TYPES]


_DEMO_TYPES = 5
"""The demo's log types are the first ones of the enumeration."""
