"""What one Panther lacks, as it said itself: both generations of its API are in the field."""

from triage.ports import Clock

SECONDS = 3600.0
"""How long a lack is remembered: a server that has been upgraded is noticed within that time."""


class Missing:
    """Names of fields and paths that the server does not have, each for an hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._said: set[str] = set()

    def __contains__(self, name: str) -> bool:
        until = self._until.get(name)
        return until is not None and self._clock.monotonic() < until

    def add(self, name: str) -> bool:
        """Remember a lack for an hour; true the first time in this process, when it is worth a line in the log."""
        self._until[name] = self._clock.monotonic() + SECONDS
        first = name not in self._said
        self._said.add(name)
        return first

    def names(self) -> frozenset[str]:
        """What is known to be missing now."""
        if not self._until:
            return frozenset()
        now = self._clock.monotonic()
        return frozenset(name for name, until in self._until.items() if now < until)
