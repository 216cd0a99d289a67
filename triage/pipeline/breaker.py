"""Takes the model out of use for a while when its endpoint has failed several times in a row."""

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.domain.redaction import redact
from triage.errors import ModelError, StoreError
from triage.ports import ChatModel, ChatReply, ChatRequest, Clock, Values
from triage.settings import LlmSettings

log = logging.getLogger(__name__)

_PAUSE = "model/pause"
"""The named value that holds the last pause, of whichever process."""
_LONGEST_REASON = 500


class ModelPause(Value):
    """The model is out of use."""

    until: Moment
    failures: int
    """In a row, in the process that found out."""
    reason: str
    """Of the last one."""


async def model_pause(values: Values, *, now: datetime) -> ModelPause | None:
    """The pause that any process has found out about; `None` if none is in force. Raises StoreError."""
    stored = await values.get(_PAUSE)
    pause = None if stored is None else ModelPause.model_validate(stored)
    return pause if pause is not None and pause.until > now else None


@dataclass(slots=True)
class ModelBreaker:
    """A model that is left alone for `llm.pause` after `llm.max_failures` failures in a row. Implements `ports.ChatModel`.

    One instance serves all alerts of a process. After the pause a single further failure takes the model out again. What
    an alert's own text brings about (a refusal, too long a prompt) is no failure of the endpoint: whoever writes the logs
    could stop all work with it.
    """

    model: ChatModel
    settings: LlmSettings
    clock: Clock
    values: Values
    """Where a pause is noted for `triage status` and other processes' `/healthz`."""
    failures: int = 0
    """In a row."""
    reason: str = ""
    """Of the last one."""
    until: float = -math.inf
    """Monotonic time at which the pause ends."""

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def seconds_left(self) -> float:
        """Of the pause; 0 while the model is in use."""
        return max(self.until - self.clock.monotonic(), 0.0)

    @property
    def out_of_use(self) -> str:
        """Why the model is out of use; empty while it is in use."""
        if not self.seconds_left:
            return ""
        times = "once again" if self.failures > self.settings.max_failures else f"{self.failures} times in a row"
        return f"the model failed {times} and is left alone for {self.seconds_left:.0f} s: {self.reason}"

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Ask, unless the model is out of use. Raises ModelError."""
        if waits := self.out_of_use:
            raise ModelError(waits, retryable=True, retry_after=self.seconds_left)
        try:
            reply = await self.model.complete(request)
        except ModelError as error:
            if not (error.of_alert or error.overflow or error.unsupported):
                await self._count(error)
            raise
        self.failures = 0
        return reply

    async def _count(self, error: ModelError) -> None:
        self.failures += 1
        self.reason = str(error)
        if self.failures < self.settings.max_failures:
            return
        pause, now = self.settings.pause.total_seconds(), self.clock.now()
        self.until = self.clock.monotonic() + pause
        log.error(
            "model out of use", extra={"error": self.reason, "endpoint": self.settings.endpoint, "seconds": pause}
        )
        reason = redact(self.reason)[:_LONGEST_REASON]
        noted = ModelPause(until=now + timedelta(seconds=pause), failures=self.failures, reason=reason)
        try:
            await self.values.put(_PAUSE, noted.model_dump(mode="json"), now=now)
        except StoreError as trouble:
            log.warning("the model's pause was not noted", extra={"error": str(trouble)})
