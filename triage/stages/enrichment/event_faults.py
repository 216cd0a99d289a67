"""What is wrong with an alert's own events. An event's fault is evidence about it, never a reason to stop."""

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.cuts import CUT, NO_NUMBER, TOO_DEEP
from triage.stages.enrichment.moments import EventFault, event_moments

FAULTS_QUESTION = "What is wrong with the alert's own events?"
MAX_ROWS = 50
"""Faults kept as evidence."""
MAX_NOTES = 4


def event_faults(alert: Alert, rows: Sequence[Row]) -> tuple[EventFault, ...]:
    """Everything that cannot be as the events give it: times, types, and what had to be cut."""
    shapes = (fault for number, row in enumerate(rows) for fault in _shape_faults(number, row))
    return (*event_moments(alert, rows).faults, *shapes)


def _shape_faults(number: int, row: Row) -> Iterator[EventFault]:
    event = f"The alert's event in row {number}"
    if not isinstance(row.get("p_log_type"), str | None):
        yield EventFault(number, f"{event} has a log type that is no text; what it says is read by field names alone.")
    if any(name.startswith("p_any_") and not isinstance(value, list | None) for name, value in row.items()):
        yield EventFault(number, f"{event} has no list in an indicator column, where Panther writes one.")
    text = json.dumps(row)
    if TOO_DEEP in text:
        yield EventFault(number, f"{event} is nested so deeply that its innermost parts were not read.")
    if NO_NUMBER in text:
        yield EventFault(number, f"{event} holds a number that JSON does not have; it was not read.")
    if f'{CUT}"' in text:
        yield EventFault(number, f"{event} is larger than what is kept of an event; its longest texts were cut.")


def fault_rows(faults: Sequence[EventFault]) -> list[dict[str, JsonValue]]:
    """The faults as rows of evidence. No text of an event is among them."""
    return [
        {
            "row": fault.row,
            "fault": fault.sentence,
            "claimed_time": fault.claimed.isoformat() if fault.claimed is not None else None,
            "used_time": fault.used.isoformat() if fault.used is not None else None,
        }
        for fault in faults[:MAX_ROWS]
    ]


def event_notes(
    alert: Alert, rows: Sequence[Row], faults: Sequence[EventFault], *, read: int = 0, cut: bool
) -> Iterator[str]:
    """What a reader of the report must know about the events: that not all were read, and what is wrong with them."""
    kept, count = len(rows), alert.event_count
    read = max(read, kept)
    if count is not None and count > read > 0:
        yield f"Only {read} of the alert's {count} events were read."
    elif cut:
        yield f"Only the first {read} events of the alert were read; there are more, or some were cut."
    elif kept < read:
        yield f"{kept} of the alert's {read} events are kept, at least one of each actor, act and address."
    yield from (fault.sentence for fault in faults[:MAX_NOTES])
    if len(faults) > MAX_NOTES:
        left = len(faults) - MAX_NOTES
        yield f"{left} more fault{'' if left == 1 else 's'} of the alert's events stand in the evidence."
