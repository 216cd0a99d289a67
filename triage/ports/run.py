"""What a run provides to its stages: time, the journal, progress."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue


class Clock(Protocol):
    """Time and randomness. Nothing else reads a clock or draws a random number."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never go backwards."""

    async def sleep(self, seconds: float) -> None: ...

    def random(self) -> float:
        """A number in [0, 1), for jitter."""

    def token(self, size: int) -> str:
        """`2 * size` unguessable hexadecimal digits, for ids and nonces."""


class RunJournal(Protocol):
    """Each effect happens once: after a restart a finished step is read back instead of done again."""

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Return the journalled result of `key`, or perform the step and journal its result.

        Args:
            key: Stable name of the step within the run, such as `query/aws_cloudtrail.actor_history`.
            kind: `query`, `model`, `tool`, `comment`, …
            perform: Does the effect; its result must be JSON. An exception is not journalled.
        """


@dataclass(frozen=True, slots=True)
class Progress:
    """Something worth showing to a person at a terminal."""

    stage: str
    text: str
    ok: bool = True
    alert_id: str = ""
    """Empty where it is about no single alert."""


Observer = Callable[[Progress], None]
"""Receives progress; the core never prints."""
