"""When a message may be sent, and what becomes of one that was not taken. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from triage.domain.quiet import quiet_until
from triage.errors import RouteError
from triage.ports import Delivery, MessageState, RouteMessage
from triage.settings import RouteSettings

HOUR = timedelta(hours=1)
_REASON = 500


@dataclass(frozen=True, slots=True)
class RouteTiming:
    """How long a sender waits. In seconds, unless a field says otherwise."""

    lease: float = 120
    """How long one process keeps a route to itself; extended before each message."""
    send: float = 60
    """For one message, with all requests that it takes."""
    settle: float = 120
    """Before a message is looked for whose answer was lost: a search may know of an issue only then."""
    first_retry: float = 30
    """Before the second try; each later one waits four times as long."""
    longest_retry: float = 3_600
    tries: int = 12
    """Tries of one message before it is given up: about eight hours."""


@dataclass(frozen=True, slots=True)
class RouteHold:
    """A route may send nothing now."""

    until: datetime
    capped: bool


def hold(route: RouteSettings, timezone: str, sent: Sequence[datetime], *, now: datetime) -> RouteHold | None:
    """Why a route sends nothing now; `None` where it may.

    Args:
        route: Its quiet hours and its cap.
        timezone: Of the quiet hours.
        sent: When messages were sent in the hour before, oldest first.
        now: The present moment.
    """
    until = quiet_until(now, route.quiet_hours, timezone)
    if until is not None:
        return RouteHold(until, capped=False)
    if route.hourly_cap and len(sent) >= route.hourly_cap:
        # When so many have left the hour that one more fits.
        return RouteHold(sent[len(sent) - route.hourly_cap] + HOUR, capped=True)
    return None


def after_failure(
    message: RouteMessage, error: RouteError, delivery: Delivery, timing: RouteTiming, *, now: datetime
) -> RouteMessage:
    """How a message stands that was not taken, or whose answer was lost.

    Args:
        message: As it was sent: `attempts` counts this try.
        error: What happened.
        delivery: What the destination allows.
        timing: How long to wait.
        now: The present moment.
    """
    reason = str(error)[:_REASON]
    if error.outcome_unknown and delivery is Delivery.AT_MOST_ONCE:
        text = f"it may have arrived, and is not sent again by itself: {reason}"
        return replace(message, state=MessageState.FAILED, error=text)
    again = error.retryable or error.outcome_unknown
    if not again or message.attempts >= timing.tries:
        return replace(message, state=MessageState.FAILED, error=reason)
    wait = min(timing.first_retry * 4.0 ** (message.attempts - 1), timing.longest_retry)
    wait = max(wait, error.retry_after or 0.0)
    if error.outcome_unknown and delivery is Delivery.LOOKED_UP:
        wait = max(wait, timing.settle)
    return replace(message, state=MessageState.WAITING, due_at=now + timedelta(seconds=wait), error=reason)
