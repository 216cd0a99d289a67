"""What became of a write."""

from enum import StrEnum

from triage.domain.alert import Moment
from triage.domain.base import Value


class Result(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    """The comment says the same already."""
    UNKNOWN = "unknown"
    """It may or may not have taken effect; the next run looks before it writes."""
    HELD = "held"
    """Policy is against it."""
    DEFERRED = "deferred"
    """Policy wants it later."""
    PRINTED = "printed"
    """A dry run has shown it instead."""


class WriteOutcome(Value):
    """What became of one alert's comment; the journal keeps it."""

    result: Result
    comment_id: str = ""
    reason: str = ""
    """Why the outcome is unknown, or what policy says."""
    until: Moment | None = None
    """When a deferred comment may be tried again."""
    notes: tuple[str, ...] = ()
    """What a person may want to know: a second comment, a shortened one."""
