"""The journal of one claim: each effect happens once, and only while the claim holds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import JsonValue, TypeAdapter

from triage.errors import StoreError
from triage.ports import Claim, Clock, Journal, RunJournal

T = TypeVar("T")


class StaleClaimError(StoreError):
    """Another worker holds the alert now; what this one has done since is discarded."""

    def __init__(self, alert_id: str) -> None:
        super().__init__(f"alert {alert_id} was taken over by another worker")


@dataclass(slots=True, eq=False)
class ClaimJournal:
    """The journal of one claim. Implements `ports.RunJournal`."""

    journal: Journal
    claim: Claim
    clock: Clock
    _continued: bool | None = None
    """The run had finished steps when this claim began; `None` until the first step."""
    _done: set[str] = field(default_factory=set)
    """The steps of this claim."""

    async def step(self, key: str, kind: str, perform: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Read a finished step back, or perform it and journal its result.

        The result is wrapped, which distinguishes a step that returned `null` from one that has not happened.
        """
        if self._continued is None:
            self._continued = bool(await self.journal.entries(self.claim.run_id))
        # Most runs are not continued, and looking for each of some seventy steps costs as much as writing it.
        if self._continued or key in self._done:
            stored = await self.journal.recall(self.claim.run_id, key)
            if isinstance(stored, dict):
                return stored["result"]
        result = await perform()
        if not await self.journal.append(self.claim, key, kind, {"result": result}, now=self.clock.now()):
            raise StaleClaimError(self.claim.alert.id)
        self._done.add(key)
        return result


async def step_value(
    journal: RunJournal, key: str, kind: str, perform: Callable[[], Awaitable[T]], adapter: TypeAdapter[T]
) -> T:
    """Like `RunJournal.step`, for a step whose result is a value that `adapter` writes as JSON and reads back."""

    async def perform_as_json() -> JsonValue:
        dumped: JsonValue = adapter.dump_python(await perform(), mode="json")
        return dumped

    return adapter.validate_python(await journal.step(key, kind, perform_as_json))
