"""Results that are sent on: the outbox in the store, and the destinations."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from triage.domain.verdict import Disposition


class MessageState(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    """It is sent when it is due."""
    SENT = "sent"
    """It is on its way, or the answer to it was lost."""
    DONE = "done"
    FAILED = "failed"
    """Given up, for a person to see; `triage queue retry --routes` sends it."""
    REPLACED = "replaced"
    """A newer result of its alert came before it was sent."""
    SUMMARISED = "summarised"
    """It is a line of a summary."""


class Delivery(StrEnum):
    """What may be done about a message whose answer was lost."""

    LOOKED_UP = "looked_up"
    """Sending looks for it first, so that it is there exactly once."""
    DEDUPLICATED = "deduplicated"
    """It is sent again with the same key, by which the other side knows it: at least once."""
    AT_MOST_ONCE = "at_most_once"
    """It is not sent again by itself, since nothing tells whether it arrived."""


@dataclass(frozen=True, slots=True)
class RouteMessage:
    """One result for one route."""

    key: str
    """Stable: the same result of the same run for the same route has the same."""
    route: str
    alert_id: str
    """Empty for a summary."""
    run_id: str
    title: str
    body: str
    verdict: Disposition
    """For a summary, the gravest."""
    link: str
    """The alert in the configured console; empty: none."""
    digest: str
    """Of what it says, whatever the run."""
    gist: str
    """Of what a further message would have to change to be worth sending."""
    created_at: datetime
    state: MessageState = MessageState.WAITING
    due_at: datetime | None = None
    """When it may be sent; while it is `SENT`, when a lost answer is seen to. `None`: at once."""
    attempts: int = 0
    error: str = ""
    """Why it waits or was given up."""
    capped: bool = False
    """It waits since the route's cap was reached."""
    reference: str = ""
    """What the destination calls it, such as the key of an issue."""
    sent_at: datetime | None = None
    """When it was last sent."""


@dataclass(frozen=True, slots=True)
class RouteCounts:
    """How many messages of one route are open."""

    waiting: int = 0
    failed: int = 0
    done: int = 0


class Outbox(Protocol):
    """The messages of all routes. Raises StoreError."""

    async def add_message(self, message: RouteMessage, *, now: datetime) -> bool:
        """Store a message, once per key; false if it is there.

        What still waits, or was given up, of the same alert and route is replaced by it.
        """

    async def messages_of(self, alert_id: str, route: str = "") -> tuple[RouteMessage, ...]:
        """All messages of one alert, of one route or of all; oldest first."""

    async def open_messages(self, route: str) -> tuple[RouteMessage, ...]:
        """What waits or is on its way, oldest first; at most 500."""

    async def save_message(self, message: RouteMessage, *, now: datetime) -> None:
        """Store how a message stands now."""

    async def hold_messages(self, route: str, *, until: datetime, capped: bool, now: datetime) -> int:
        """Let what waits and is due wait until then."""

    async def summarise_messages(self, keys: Collection[str], summary: RouteMessage, *, now: datetime) -> None:
        """Put one message in the place of those that wait."""

    async def sent_messages(self, route: str, *, since: datetime) -> tuple[datetime, ...]:
        """When each message was sent since then, whatever came of it; oldest first."""

    async def failed_messages(self, route: str = "") -> tuple[RouteMessage, ...]:
        """What was given up, newest first; at most 500."""

    async def retry_messages(self, routes: Sequence[str], *, now: datetime) -> int:
        """Let what was given up be sent again, of these routes or of all; returns how many."""

    async def count_messages(self) -> Mapping[str, RouteCounts]:
        """Numbers by route."""


class Destination(Protocol):
    """Where a route leads."""

    @property
    def kind(self) -> str:
        """Such as `slack` or `jira`."""

    @property
    def delivery(self) -> Delivery: ...

    async def send(self, message: RouteMessage, earlier: RouteMessage | None) -> str:
        """Deliver one message.

        Args:
            message: With what to say.
            earlier: The message about the same alert that arrived first; changed where the destination allows it.

        Returns:
            What the destination calls it; empty where it has no name.

        Raises:
            RouteError: It was refused, or nobody knows whether it arrived.
        """

    async def close(self) -> None: ...
