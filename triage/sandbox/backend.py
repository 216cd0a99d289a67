"""What stands behind both APIs of the embedded Panther."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.sandbox.alerts import Alerts
from triage.sandbox.comments import Comments
from triage.sandbox.permissions import Token
from triage.sandbox.queries import Queries
from triage.sandbox.world import World

if TYPE_CHECKING:
    from triage.sandbox.lake import Lake


@dataclass(frozen=True, slots=True)
class Backend:
    """A world, and everything that changes while it is served."""

    world: World
    lake: "Lake"
    alerts: Alerts
    comments: Comments
    queries: Queries
    max_page: int
    """Most alerts, events, comments or sources on a page; larger pages are cut to it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the backend."""

    backend: Backend
    token: Token
