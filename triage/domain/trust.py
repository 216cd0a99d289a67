"""Who chose a field's content. Log text is written by the attacker; a count of ours is not."""

from enum import StrEnum


class Trust(StrEnum):
    PROVIDER = "provider"
    """Set by the log provider: event time, source address, error code, `p_*`."""
    ACTOR = "actor"
    """Chosen by whoever acted: user agent, session name, request parameters, free text."""
    MEASURED = "measured"
    """Our own counts and comparisons."""
