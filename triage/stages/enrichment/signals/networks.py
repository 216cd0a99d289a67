"""How new an address is for a service: it moves between machines, where a person has a few places."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network

from triage.domain.base import Row
from triage.domain.evidence import Evidence
from triage.stages.enrichment.signals.facts import Facts, is_address, moment, number, text

MANY = 5
"""From how many settled addresses on a service has no usual machine."""
OFTEN = 0.5
"""From this share of days with a new address on, it changes machines as a rule."""
RUNS = 4
"""Days of work from which that share is known."""
LEAST = 0.2
"""What is left of a new address's weight where every run has one: it is a fact still, if a small one."""


@dataclass(frozen=True, slots=True)
class Moves:
    """Where a service worked before the dwell time."""

    entry: Evidence
    rows: tuple[Row, ...]
    """Its settled addresses."""
    share: float
    """Share of its days, after the first, on which an address was new to it; 0 if there are too few days."""


def usual_network(facts: Facts, address: str) -> Evidence | None:
    """The answer in which a service that changes machines has worked from the network of an address for long."""
    moves = _moves(facts)
    if moves is None or not is_address(address) or not (len(moves.rows) >= MANY or moves.share >= OFTEN):
        return None
    near = _network(address)
    known = any(_network(text(row, "address")) == near and number(row, "times") for row in moves.rows)
    return moves.entry if known else None


def novelty(facts: Facts) -> float:
    """How much a new address says about this actor: all of it for a person, little for what moves with every run."""
    moves = _moves(facts)
    return 1.0 if moves is None else max(LEAST, 1.0 - moves.share)


def _moves(facts: Facts) -> Moves | None:
    """`None` for people, and for whom nothing is known from before the dwell time."""
    if not facts.actor.identity or facts.actor.people:
        return None
    for entry in facts.named("actor_addresses"):
        rows = tuple(row for row in entry.rows if is_address(text(row, "address")) and facts.settled(row))
        if rows:
            return Moves(entry, rows, _share_of_new(facts, entry, rows))
    return None


def _share_of_new(facts: Facts, entry: Evidence, rows: Sequence[Row]) -> float:
    """The rows count days per address, so of the days of work only the most that there can have been is known."""
    firsts: set[date] = set()
    lasts: set[date] = set()
    for row in rows:
        first, last = moment(row, "first_seen"), moment(row, "last_seen")
        if first is not None:
            firsts.add(first.date())
            lasts.add(min(last or first, facts.dwell_start).date())
    if not firsts:
        return 0.0
    span = (max(firsts | lasts) - min(firsts)).days + 1
    days = span if entry.truncated else min(span, sum(facts.old_days(row) for row in rows))
    # Every address is new on the first day that the history shows.
    return min(1.0, (len(firsts) - 1) / (days - 1)) if days >= RUNS else 0.0


def _network(address: str) -> IPv4Network | IPv6Network:
    """The neighbourhood that one customer of a provider is likely to have to itself."""
    return ip_network(f"{address}/{64 if ':' in address else 24}", strict=False)
