"""What Panther's lookups knew of the actor's addresses when it stored the events: Tor, scanners, threat lists, VPNs.

It can only speak against the alert. A clean or a missing lookup is no fact, and whom a provider calls harmless excuses
nobody: lists are late, and an intruder picks an address that is on none.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.evidence import Source
from triage.domain.signal import Signal
from triage.stages.enrichment.actor import parse_time
from triage.stages.enrichment.signals.facts import Facts, is_address, moment, signal, text

_ENRICHMENT = "p_enrichment"
_TOR = "tor_exit_nodes"
_PRIVACY = "ipinfo_privacy"
_NOISE = "greynoise_noise"
_RIOT = "greynoise_riot"
_PULSES = "pulses_otx"
STALE = timedelta(days=30)
"""A scanner that was last seen so long before the event may have given its address to somebody else."""
KNOWN_PLACE = 0.5
"""What is left of it where the actor has worked from the address since before the dwell time, or was refused."""
MAX_ITEMS = 200
"""Lookups of one event that are read."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._,&'()+/-]{0,59}")


@dataclass(frozen=True, slots=True)
class Lookup:
    """What one lookup says of one address."""

    address: str
    provider: str
    """Panther's name of the lookup table."""
    details: Mapping[str, JsonValue]


def lookups_of(row: Row) -> Iterator[Lookup]:
    """The lookups of an event that are about an address which the lookup itself, or a single column, names.

    Source: Panther's standard field `p_enrichment`: by table and by looked-up field, one object or a list of them with the
    value in `p_match`; some tables give the addresses alone, or use them as keys.
    """
    enriched = row.get(_ENRICHMENT)
    left = MAX_ITEMS
    for provider, found in enriched.items() if isinstance(enriched, dict) else ():
        for key, item in _items(found):
            left -= 1
            if left < 0:
                return
            details = item if isinstance(item, dict) else {}
            named = [item, *(details.get(name) for name in ("p_match", "ip", "indicator")), key, _column(row, key)]
            address = next((each for each in named if isinstance(each, str) and is_address(each)), "")
            if address:
                yield Lookup(address, provider, details)


def _items(found: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Each match with the field or value that it is filed under; empty where there is none."""
    if isinstance(found, list):
        yield from (("", item) for item in found)
    elif isinstance(found, dict):
        for key, value in found.items():
            yield from ((key, item) for item in (value if isinstance(value, list) else [value]))


def _column(row: Row, path: str) -> str:
    """The value of a field, or the only one of a list; empty where it is not one text."""
    value: JsonValue = dict(row)
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else ""


def addresses(facts: Facts) -> Iterator[Signal]:
    """The gravest that is known of each of the actor's addresses, one signal of each kind."""
    told: set[str] = set()
    for entry in facts.evidence:
        if entry.source is not Source.EVENTS or entry.error:
            continue
        for row in entry.rows:
            for lookup in lookups_of(row):
                name, said = _judged(lookup, moment(row, "p_event_time"))
                if not name or name in told or lookup.address not in facts.actor.addresses:
                    continue
                settled = _settled(facts, lookup.address)
                if settled and name in _WEAK:
                    continue
                told.add(name)
                sentence = f"{lookup.address} {said} ({_source(lookup, row)})."
                scale = KNOWN_PLACE if settled or facts.actor.refused else 1.0
                yield signal(name, sentence, [entry], scale=scale)


_WEAK = frozenset({"listed_address", "anonymous_address"})


def _judged(lookup: Lookup, at: datetime | None) -> tuple[str, str]:
    """The kind of fact and its words; two empty texts for a lookup that says nothing."""
    details = lookup.details
    if lookup.provider == _TOR:
        return "tor_exit", "is a Tor exit node"
    if lookup.provider == _PRIVACY:
        if details.get("tor") is True:
            return "tor_exit", "is a Tor exit node"
        if details.get("vpn") is True or details.get("proxy") is True:
            service = _name(details.get("service"))
            return "anonymous_address", f"belongs to an anonymising service{f', {service}' if service else ''}"
    if lookup.provider.startswith(_NOISE):
        return _noise(details, at)
    if lookup.provider.startswith(_RIOT):
        owner = details.get("provider")
        name = _name(owner.get("name") if isinstance(owner, dict) else details.get("name"))
        return ("known_service", f"belongs to {name}") if name else ("", "")
    if lookup.provider == _PULSES and details.get("id"):
        expires = parse_time(details.get("indicator_expiration"))
        # What the list says in words is anybody's who publishes one: it stays in the event.
        if expires is None or at is None or expires >= at:
            return "listed_address", "is on a threat list of OTX"
    return "", ""


def _noise(details: Mapping[str, JsonValue], at: datetime | None) -> tuple[str, str]:
    """GreyNoise's word, in its older form or in the one with a part for each kind of intelligence."""
    part = details.get("internet_scanner_intelligence")
    found = part if isinstance(part, dict) else details
    seen = parse_time(found.get("last_seen"))
    if seen is not None and at is not None and seen < at - STALE:
        return "", ""
    more = found.get("metadata")
    if found.get("tor") is True or (isinstance(more, dict) and more.get("tor") is True):
        return "tor_exit", "is a Tor exit node"
    if found.get("classification") == "malicious":
        return "hostile_address", "is known for attacks on the internet at large"
    service = details.get("business_service_intelligence")
    name = _name(service.get("name")) if isinstance(service, dict) and service.get("found") is True else ""
    return ("known_service", f"belongs to {name}") if name else ("", "")


def _name(value: JsonValue) -> str:
    """A company's or service's name; empty for a text that is more, or less, than a name."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""


def _source(lookup: Lookup, row: Row) -> str:
    """Whose word it is, and of which day: a lookup is made when the event is stored."""
    stored = moment(row, "p_parse_time") or moment(row, "p_event_time")
    table = lookup.provider if _NAME.fullmatch(lookup.provider) else "table"
    return f"Panther lookup {table}{f', {stored:%Y-%m-%d}' if stored is not None else ''}"


def _settled(facts: Facts, address: str) -> bool:
    """Whether the actor has worked from the address since before the dwell time."""
    return any(
        text(row, "address") == address and facts.settled(row)
        for entry in facts.named("actor_addresses")
        for row in entry.rows
    )
