"""What a Panther of an older generation doesn't serve: asked for once, then left alone for a while."""

from triage.ports import Clock

FORGET_AFTER = 3600.0
"""Seconds after which a missing part of the API is asked for again: Panther is upgraded under a running process."""


class Missing:
    """Remembers that a part of the API is not there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: float | None = None

    @property
    def known(self) -> bool:
        """Whether it was found missing a short while ago."""
        return self._until is not None and self._clock.monotonic() < self._until

    def note(self) -> None:
        """It is missing."""
        self._until = self._clock.monotonic() + FORGET_AFTER
