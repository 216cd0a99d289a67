"""Which numbers of rows an answer can have, whatever the log holds: a count that none of them contradicts says nothing."""

import operator
import re
from collections.abc import Callable, Mapping

from triage.domain.citation import ALWAYS_WITH_ROWS, Comparison, CountCitation
from triage.domain.evidence import Evidence
from triage.logtypes.origins import origins_of

MOST_ROWS = 1_000
"""No question of this program asks for more rows."""
_LIMIT = re.compile(r"(?i)\bLIMIT ([0-9]{1,9})\s*\Z")

COMPARE: Mapping[Comparison, Callable[[int, int], bool]] = {
    Comparison.EQUAL: operator.eq,
    Comparison.AT_LEAST: operator.ge,
    Comparison.AT_MOST: operator.le,
    Comparison.MORE: operator.gt,
    Comparison.LESS: operator.lt,
}


def is_complete(entry: Evidence) -> bool:
    """Whether every row of the answer is stored, and none was cut."""
    return not entry.truncated and len(entry.rows) == entry.row_count


def possible_rows(entry: Evidence) -> tuple[int, int]:
    """The fewest and the most rows that an answer to this question can have."""
    origins = origins_of(entry)
    if origins is not None and origins.lineage.rows is not None:
        return origins.lineage.rows, origins.lineage.rows
    limit = _LIMIT.search(entry.sql)
    most = int(limit[1]) if limit is not None else max(MOST_ROWS, entry.row_count)
    return (1 if entry.source in ALWAYS_WITH_ROWS else 0), most


def cannot_fail(citation: CountCitation, entry: Evidence) -> bool:
    """Whether a count would hold of every answer that the question can have."""
    compare = COMPARE[citation.comparison]
    low, high = possible_rows(entry)
    # Each comparison holds from some number on or up to some number, or of one: the ends decide.
    return compare(low, citation.number) and compare(high, citation.number)
