"""What a generated world holds: the small set that the demo shows, the large one for evaluation, or the unseen one."""

from enum import StrEnum

from .lake import LogType


class Set(StrEnum):
    """How much of the scenarios a world holds."""

    DEMO = "demo"
    """Five log types and a company of forty: what `triage demo` works through in under a minute."""
    EVALUATION = "evaluation"
    """The same, and a company that was taken over, with its own logs and its own scenarios."""
    UNSEEN = "unseen"
    """Both companies with other scenarios, which nobody has tuned anything on."""
    UNSEEN_A = "unseen-a"
    """One half of those."""
    UNSEEN_B = "unseen-b"
    """The other half."""
    UNSEEN_C = "unseen-c"
    """Further ones, made later by somebody who had not seen what was tuned; no part of the other three."""
    UNSEEN_D = "unseen-d"
    """Made later still, in the same way; no part of the other four."""

    @property
    def unseen(self) -> bool:
        """Whether it holds the scenarios that are kept apart."""
        return self in {Set.UNSEEN, Set.UNSEEN_A, Set.UNSEEN_B, Set.UNSEEN_C, Set.UNSEEN_D}

    @property
    def log_types(self) -> tuple[LogType, ...]:
        """The log types that have a source and a table, in the order of the files."""
        return tuple(LogType)[:_DEMO_TYPES] if self is Set.DEMO else tuple(LogType)


_DEMO_TYPES = 5
"""The demo's log types are the first ones of the enumeration."""
