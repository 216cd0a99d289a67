"""Attempts to instruct whoever reads the evidence."""

from collections.abc import Sequence

from triage.domain.evidence import Evidence, Source
from triage.domain.finding import Issue, IssueCode
from triage.domain.untrusted import instructions_in

_MOST = 20


def injections(evidence: Sequence[Evidence]) -> tuple[Issue, ...]:
    """Those in the alert's events and in what the tools gave, with their place; not fatal to any finding."""
    found: list[Issue] = []
    for entry in evidence:
        if entry.source not in {Source.EVENTS, Source.TOOL}:
            continue
        for number, row in enumerate(entry.rows):
            for path in instructions_in(row):
                message = f"{entry.id} row {number} {path[:200]} tries to instruct whoever reads it"
                found.append(Issue(code=IssueCode.INJECTION, message=message, fatal=False))
                if len(found) == _MOST:
                    return tuple(found)
    return tuple(found)
