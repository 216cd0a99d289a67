"""Which rows of a list that doesn't fit are shown: harm, refusals, changes and first-time acts before reads."""

import re
from collections.abc import Sequence
from datetime import datetime

from triage.domain.base import Row
from triage.domain.times import parse_time
from triage.logtypes import harmful_action

_READ = re.compile(r"(?i)^[^a-z]*(?:get|list|describe|head|read|view|watch|search|lookup|query|fetch|download|open)")


def telling_first(rows: Sequence[Row], log_type: str, *, moment: datetime | None) -> list[int]:
    """The numbers of rows, the most telling first, else in their order.

    Args:
        rows: Counts with the columns `action`, `refused` and `first_seen`; other rows keep their order.
        log_type: Theirs; empty where it is not known.
        moment: The alert's first event; `None` where it is not known.
    """
    return sorted(range(len(rows)), key=lambda number: (-_weight(rows[number], log_type, moment), number))


def _weight(row: Row, log_type: str, moment: datetime | None) -> int:
    action, refused = row.get("action"), row.get("refused")
    if not isinstance(action, str):
        return 0
    first = parse_time(row.get("first_seen"))
    return (
        4 * (harmful_action(log_type, action) is not None)
        + 2 * (isinstance(refused, int) and refused > 0)
        + 2 * (first is not None and moment is not None and first >= moment)
        + (_READ.match(action) is None)
    )
