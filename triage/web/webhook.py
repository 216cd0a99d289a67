"""`POST /panther`: Panther's Custom Webhook destination announces an alert.

What it says of the alert is not believed: only its id is taken, and the alert is read by the API. A call that fails in any
way costs nothing but time, for the poll finds the alert anyway.

Source: Panther documentation, "Custom Webhook Destination". It sends JSON, in which `id` is the detection's and `alertId`
the alert's, with headers that one can set, but without a signature; it repeats a call up to ten times that isn't answered
with 2XX, and shows the answer's body in the alert's delivery status.
"""

import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from triage.ports import Clock
from triage.web.forms import read_body

log = logging.getLogger(__name__)

PATH = "/panther"
HEADER = "X-Triage-Secret"
MAX_BODY = 1_000_000
"""Bytes of a call; the alert's context is the rule's own and may be long."""
BURST = 500
"""Calls that are taken at once; above it, `PER_SECOND`."""
PER_SECOND = 20.0
RETRY_AFTER = "30"
"""Seconds."""
_REPORT_EVERY = 60.0
"""Seconds between two log lines about refused calls, so that they cannot fill the log."""


class _Call(BaseModel):
    """What is read of a call."""

    alert_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")] | None = Field(default=None, alias="alertId")


@dataclass(slots=True)
class Webhook:
    """Takes the calls that carry the secret."""

    secret: str
    announce: Callable[[str], bool]
    """Given an alert's id; false if too many wait."""
    clock: Clock
    _tokens: float = BURST
    _filled: float | None = None
    """Monotonic time at which `_tokens` was counted."""
    _strangers: int = 0
    """Calls without the secret that no log line has counted yet."""
    _reported: float | None = field(default=None)

    async def answer(self, request: Request) -> Response:
        """Answer one call; the alert is read afterwards."""
        if not self._has_secret(request):
            # Before anything of the body is read.
            self._report(request)
            return _refusal(401, f"the header {HEADER} has to hold webhook.secret, once")
        if not self._in_time():
            return _refusal(429, "too many calls; polling finds this alert")
        try:
            call = _Call.model_validate_json(await read_body(request, MAX_BODY))
        except HTTPException as error:
            return _refusal(error.status_code, error.detail)
        except ValidationError:
            return _refusal(400, "this is not a call of Panther's Custom Webhook: JSON with alertId is expected")
        if call.alert_id is None:
            # Of a policy, which has no alert of this kind. Another try would not help.
            return JSONResponse({"accepted": False, "reason": "it names no alert"}, status_code=202)
        if not self.announce(call.alert_id):
            return _refusal(429, "too many alerts wait to be read; polling finds this one")
        return JSONResponse({"accepted": True, "alertId": call.alert_id}, status_code=202)

    def _has_secret(self, request: Request) -> bool:
        given = request.headers.getlist(HEADER)
        return len(given) == 1 and hmac.compare_digest(given[0].encode(errors="replace"), self.secret.encode())

    def _in_time(self) -> bool:
        now = self.clock.monotonic()
        if self._filled is not None:
            self._tokens = min(self._tokens + (now - self._filled) * PER_SECOND, BURST)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _report(self, request: Request) -> None:
        self._strangers += 1
        now = self.clock.monotonic()
        if self._reported is not None and now - self._reported < _REPORT_EVERY:
            return
        peer = request.client.host if request.client is not None else ""
        facts: dict[str, object] = {"event": "webhook refused", "peer": peer, "calls": self._strangers}
        log.warning("refused %d calls of the webhook, the last from %s", self._strangers, peer, extra=facts)
        self._strangers, self._reported = 0, now


def _refusal(status: int, reason: str) -> Response:
    headers = {"Retry-After": RETRY_AFTER} if status == 429 else {}  # noqa: PLR2004 - Too Many Requests
    return JSONResponse({"accepted": False, "reason": reason}, status_code=status, headers=headers)
