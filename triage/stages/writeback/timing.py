"""How long a writer waits, for what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds, unless they say otherwise."""

    lease: float = 60
    """How long one writer keeps an alert's comment to itself; prolonged before each write."""
    lease_wait: float = 90
    """How long another waits for it."""
    lease_pause: float = 1
    reads: tuple[float, ...] = (1, 2, 4, 8, 15)
    """Pauses before each look for a write whose answer is lost."""
    settle: float = 120
    """After this long, a request that Panther has not acted on never will be: its gateway ends one within 30 s."""
    tries: int = 4
    """Tries of a write that Panther has certainly not acted on (too many requests, no connection)."""
    pause: float = 2
    """Before such a try, where Panther names no time."""
    longest_pause: float = 60
    """The longest that Panther may ask for."""


DEFAULT = Timing()
