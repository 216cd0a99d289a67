"""From an alert's events to the identities that its acts made or reached.

What an intruder does with a new key, a reset password or a bound service account runs under that name: whoever looks at
the actor alone sees nothing of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from triage.domain.base import Row
from triage.domain.derived import DerivedIdentity
from triage.domain.identity import Identity
from triage.logtypes import Derivation, Take, Term, derivations
from triage.logtypes.paths import find, parse_path
from triage.stages.enrichment.actor import AlertActor, parse_time, take
from triage.stages.enrichment.entities.values import text_of

MAX_DERIVED = 8
"""The most identities that are followed."""
_HOLE = re.compile(r"\{([^{}]+)\}")


def with_derived(actor: AlertActor, events: Sequence[Row], terms: Mapping[str, Mapping[str, Term]]) -> AlertActor:
    """The actor together with the identities that their acts made or reached."""
    return replace(actor, derived=derived_identities(events, terms, actor))


def derived_identities(
    events: Sequence[Row], terms: Mapping[str, Mapping[str, Term]], actor: AlertActor
) -> tuple[DerivedIdentity, ...]:
    """Read the identities that the actor's own acts made or reached; the actor is not one of them.

    Args:
        events: The alert's events. Those of others, of other log types, and refused acts are left out.
        terms: By log type, how it says who, what, where.
        actor: Who acted.

    Returns:
        Each identity once, in the order of the events, and no more than `MAX_DERIVED`.
    """
    known = terms.get(actor.log_type, {})
    if not known or not actor.identity:
        return ()
    forms = {actor.identity, *actor.aliases}
    own = {name.casefold() for name in (*forms, *actor.values, *actor.people, *actor.sessions)}
    found: dict[tuple[str, str], DerivedIdentity] = {}
    for row in events:
        if row.get("p_log_type") != actor.log_type or _value(row, known, "actor") not in forms:
            continue
        if _value(row, known, "refused"):
            continue
        action = _value(row, known, "action")
        moment = parse_time(row.get("p_event_time")) or actor.moment
        for way in derivations(actor.log_type, action):
            for value in _values(row, way):
                if value.casefold() in own or not text_of(value):
                    continue
                identity = DerivedIdentity(
                    identity=Identity.of(way.kind, value),
                    value=value,
                    found_in=way.found_in,
                    relation=way.relation,
                    action=action,
                    moment=moment,
                )
                found.setdefault((way.found_in, value), identity)
    return tuple(found.values())[:MAX_DERIVED]


def _value(row: Row, terms: Mapping[str, Term], name: str) -> str:
    return take(row, terms[name].take) if name in terms else ""


def _values(row: Row, way: Derivation) -> Iterator[str]:
    """What one way of reading finds in an event; a text counts only where each of its paths has a value."""
    holes = [Take(path=hole) for hole in _HOLE.findall(way.text)]
    items = [item for _, item in find(row, parse_path(way.each))] if way.each else [None]
    for item in items:
        event = row if item is None else {**row, "item": item}
        value = take(event, [way]) if all(take(event, [hole]) for hole in holes) else ""
        if value:
            yield value
