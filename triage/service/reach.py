"""Whether Panther can be worked with: a refused token is given some time, an outage is waited out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.errors import PantherDenied, PantherError
from triage.ports import Clock

FIRST_PAUSE = 15.0
LONGEST_PAUSE = 240.0
"""Seconds for which no alert is taken after Panther has failed; twice as long each time, from the first on."""


@dataclass(slots=True)
class PantherReach:
    """What the poll loop and the workers of one process have found of Panther."""

    clock: Clock
    grace: timedelta
    """How long a refused token is tried again: `ingest.token_grace`."""
    refused_since: datetime | None = None
    failures: int = 0
    """In a row."""
    _until: float = 0.0
    """Monotonic time before which no alert is taken."""

    @property
    def waits(self) -> bool:
        """Whether an alert that is taken now would most likely fail."""
        return bool(self.failures) and self.clock.monotonic() < self._until

    @property
    def refusal_ends(self) -> datetime | None:
        """Until when a refused token is tried; `None` while it is accepted."""
        return None if self.refused_since is None else self.refused_since + self.grace

    def works(self) -> None:
        """Panther has answered."""
        self.refused_since, self.failures = None, 0

    def failed(self, error: PantherError) -> None:
        """Panther as a whole has failed, or refuses the token. Raises the error where waiting longer is no use."""
        now = self.clock.now()
        if isinstance(error, PantherDenied):
            self.refused_since = self.refused_since or now
            if now >= self.refused_since + self.grace:
                raise error
        self.failures += 1
        pause = min(FIRST_PAUSE * 2.0 ** min(self.failures - 1, 16), LONGEST_PAUSE)
        self._until = self.clock.monotonic() + pause
