"""Where the reading of Panther's alerts stands."""

from triage.domain.alert import Moment
from triage.domain.base import Value

STATUS = "poll/status"
"""The store's name for the `PollStatus`."""


class Span(Value):
    """A stretch of creation times."""

    start: Moment
    end: Moment


class PollState(Value):
    """How far one listing has been read. The store keeps it under `poll/<listing>`."""

    reached: Moment
    """Everything created before is stored, save what is `unread` or appears late."""
    origin: Moment | None = None
    """Nothing older has ever been asked for."""
    unread: tuple[Span, ...] = ()
    """The backlog: disjoint, ascending."""
    rechecked_at: Moment | None = None
    recheck_pages: int = 0
    """Pages that the last re-check took."""


class PollStatus(Value):
    """How polling goes, for `triage status`."""

    attempted_at: Moment
    """When the last poll began."""
    succeeded_at: Moment | None = None
    """When the last poll that read everything began."""
    error: str = ""
    """Why the last poll broke off; empty where it didn't."""
    failures: int = 0
    """Polls in a row that broke off."""
    reached: Moment | None = None
    """Everything created before is stored, save the backlog; the furthest behind of all listings."""
    backlog_from: Moment | None = None
    """The oldest moment of what is still to be read of the backlog; empty without a backlog."""
    backlog_to: Moment | None = None
    backlog_windows: int = 0
    """Windows of the backlog that are still to be read."""
    seen: int = 0
    """Alerts that the last poll read, known ones among them."""
    new: int = 0
    """Those of them that were new."""
    problems: tuple[str, ...] = ()
    """What the last poll could not read, one line each; at most 20."""
