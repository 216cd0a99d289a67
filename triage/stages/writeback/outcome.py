"""What became of a write, and how long a writer waits for it."""

from dataclasses import dataclass
from enum import StrEnum

from triage.domain.alert import Moment
from triage.domain.base import Value


class Result(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    """The comment already says the same."""
    UNKNOWN = "unknown"
    """It may or may not have taken effect; who tries again looks before it writes."""
    HELD = "held"
    """Policy forbids it."""
    DEFERRED = "deferred"
    """Policy allows it only later."""
    PRINTED = "printed"
    """A dry run has printed it instead."""


class WriteOutcome(Value):
    """What became of one alert's comment; the journal keeps it."""

    result: Result
    comment_id: str = ""
    reason: str = ""
    """Why the outcome is unknown, or what policy says."""
    until: Moment | None = None
    """When to try again, where policy has deferred the comment or its outcome is unknown."""
    notes: tuple[str, ...] = ()
    """What a person may want to know: a second comment, a shortened one."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a writer waits. All in seconds, unless a field says otherwise."""

    lease: float = 60
    """How long one writer keeps an alert's comment to itself; extended before each write."""
    lease_wait: float = 90
    """How long another writer waits for it."""
    lease_pause: float = 1
    reads: tuple[float, ...] = (1, 2, 4, 8, 15)
    """Pauses before each look for a write whose answer was lost."""
    settle: float = 120
    """A request that Panther has not acted on after this long never will be: its gateway ends one within 30 s."""
    longest_settle: float = 6 * 3_600
    """The longest wait before a lost answer is looked for again; each is twice as long as the one before."""
    tries: int = 4
    """Attempts at a write that Panther has certainly not acted on (too many requests, no connection)."""
    pause: float = 2
    """Before such an attempt, where Panther names no time."""
    longest_pause: float = 60
    """The longest wait that Panther may ask for."""
