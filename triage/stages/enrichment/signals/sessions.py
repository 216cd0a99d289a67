"""Is one session or key in use at two places at once?"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import Facts, is_address, is_usual, moment, signal, text
from triage.stages.enrichment.signals.place import check_addresses

WITHIN = 15
MINUTES = timedelta(minutes=WITHIN)
POOL = 8
"""From how many addresses on a credential belongs to a program on several machines."""


def sessions(facts: Facts) -> Iterator[Signal]:
    """One session or key at two addresses at the same time."""
    for entry in facts.read("session_two_places", "session", "address", "first_seen", "last_seen"):
        by_session: dict[str, list[Row]] = {}
        for row in entry.rows:
            if is_address(text(row, "address")):
                by_session.setdefault(text(row, "session"), []).append(row)
        for rows in by_session.values():
            pair = _overlapping(rows)
            if pair is None or all(_usual(facts, text(row, "address")) for row in pair):
                continue
            # Long-lived keys of a program may run on several machines.
            scale = 0.2 if len(rows) >= POOL else 1.0 if check_addresses(facts).unfamiliar else 0.1
            one, other = (plain(text(row, "address")) for row in pair)
            yield signal(
                "session_two_places",
                f"One session or key of {facts.who} was in use from {one} and from {other} within {WITHIN} minutes.",
                [entry],
                scale=scale,
            )
            return


def _overlapping(rows: Sequence[Row]) -> tuple[Row, Row] | None:
    """Two rows whose times overlap, or lie within minutes of each other."""
    timed = [
        (first, last, row)
        for row in rows
        if (first := moment(row, "first_seen")) is not None and (last := moment(row, "last_seen")) is not None
    ]
    for index, (first, last, row) in enumerate(timed):
        for other_first, other_last, other in timed[index + 1 :]:
            if first <= other_last + MINUTES and other_first <= last + MINUTES:
                return row, other
    return None


def _usual(facts: Facts, address: str) -> bool:
    return any(
        text(row, "address") == address and is_usual(facts, row)
        for entry in facts.read("known_address", "address", "days", "first_seen")
        for row in entry.rows
    )
