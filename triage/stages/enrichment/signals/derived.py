"""What the identities did that the alert's act made or reached, and from where.

The key that was made, the user whose password was set, the service account that was given rights: the harm of an act
runs under their names. Looking at the actor alone shows nothing of it.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.derived import HANDED_OVER, DerivedIdentity, Relation
from triage.domain.evidence import Evidence
from triage.domain.identity import IdentityKind
from triage.domain.names import sentence_start
from triage.domain.signal import Signal
from triage.logtypes import Harm, harmful_action, is_self_service, name_of_number
from triage.stages.enrichment.signals.derived_past import (
    A_DAY,
    CREDENTIALS,
    HOURS,
    Past,
    Use,
    others_places,
    past_of,
    places_of,
    uses_of,
)
from triage.stages.enrichment.signals.facts import SETTLED, Facts, done, is_address, moment, number, signal, text
from triage.stages.enrichment.signals.place import check_addresses
from triage.stages.enrichment.signals.wording import before, clock, did, event_of, named, on_object, service

BULK = 5
"""From how many times on reading is a haul."""
SHOWN = 3
"""Acts that a sentence names."""
POOL = 8
"""Settled addresses from which on one more says little."""
CONFIRMED = 0.4
"""What is left of that where they gave a second factor there, which no act has touched."""
RIGHTS_ONLY = 0.35
"""Whoever was given rights works from where they like; only a change of credentials lets somebody else in."""
ORDINARY = 0.4
"""A new role, function or account does for the first time whatever it was made for."""
_FOR_OTHERS = {Relation.TRUST_CHANGED, Relation.OPENED}
"""After these somebody else may act as an identity that had hands and places of its own before."""
_NEW_TO_THE_LOG = "an address not seen in this log"
_INSIDE = tuple(
    ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")
) + tuple(ip_network(each) for each in ("::1/128", "fc00::/7", "fe80::/10"))
_PEOPLE = {
    IdentityKind.EMAIL,
    IdentityKind.USERNAME,
    IdentityKind.GITHUB_LOGIN,
    IdentityKind.ONELOGIN_USER_ID,
    IdentityKind.OKTA_USER_ID,
    IdentityKind.SNOWFLAKE_USER,
    IdentityKind.AWS_USER_ARN,
}
"""Kinds that a sentence says of that they work, rather than that they are used."""


def derived_use(facts: Facts) -> Iterator[Signal]:
    """Each identity that is used from an unfamiliar place, does harm, or goes on as before."""
    strange: list[Signal] = []
    calm: list[Signal] = []
    # For each strange one, what says that it is in the right hands.
    explained: list[Signal | None] = []
    for identity in facts.actor.derived:
        past = past_of(facts, identity)
        uses = uses_of(facts, identity)
        found = _from_strange_place(facts, past, uses) or _harm(facts, past, uses) or _signed_in(facts, identity)
        if found is not None:
            strange.append(found)
            explained.append(next(_where_others_work(facts, past, uses), None))
        elif identity.relation in HANDED_OVER and uses and {use.address for use in uses} <= past.settled:
            calm.append(_as_usual(facts, uses))
        else:
            calm += list(_where_others_work(facts, past, uses)) if identity.relation in _FOR_OTHERS else []
    # An act on several identities is one act: the first tells it, each further one makes chance less likely.
    strange.sort(key=lambda each: -each.weight)
    for index, each in enumerate(strange):
        yield each if not index else each.model_copy(update={"weight": round(each.weight * 0.3, 3)})
    if not strange:
        yield from calm[:1]
    elif all(explained):
        # One in the right hands says nothing of another.
        yield from filter(None, explained[:1])


def unseen(facts: Facts) -> str:
    """Why nothing can be said about what the derived identities did; empty where they were looked at, or are none."""
    if not facts.actor.derived:
        return ""
    entry = next(facts.named("derived_after"), None)
    if entry is None:
        return "it was not answered what the identities did that the act made or reached"
    if entry.truncated:
        return "the answer about the identities that the act made or reached is cut"
    if entry.proven_until is None:
        return "the log could not yet show what the identities did that the act made or reached"
    return ""


def looked_at(facts: Facts) -> list[Evidence]:
    """The answers that show what the derived identities did."""
    return list(facts.named("derived_after")) if facts.actor.derived else []


def looked_at_names(facts: Facts) -> str:
    """The actor, and the identities that were looked at with them."""
    names = list(dict.fromkeys(named(each.value) for each in facts.actor.derived))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{facts.who} or for what the act led to ({', '.join(names[:SHOWN])}{more})" if names else facts.who


def _from_strange_place(facts: Facts, past: Past, uses: list[Use]) -> Signal | None:
    """The use from an address that is unfamiliar to the identity; the most harmful one counts."""
    if past.entry is None:
        return None
    found = [
        (use, where, places)
        for use in uses
        if any(done(row) > 0 for row in use.rows) and (where := _strange(facts, past, use, places := places_of(facts)))
    ]
    if not found:
        return None
    use, where, places = max(
        found, key=lambda each: (max((one for _, one in each[0].harm), default=0.0), -ordinal(each[0]))
    )
    scale = 1.0 if use.identity.relation in HANDED_OVER else RIGHTS_ONLY
    if use.identity.relation is Relation.MADE and use.identity.identity.kind not in CREDENTIALS:
        scale = RIGHTS_ONLY
    scale *= 0.5 if len(past.existed) >= POOL else 1.0
    scale *= CONFIRMED if scale < 1.0 and past.existed and _gave_second_factor(facts, use) else 1.0
    scale = max([scale, *(serious for _, serious in use.harm)])
    first = "" if past.existed else " first"
    worked = f"{first} worked" if _is_person(use.identity) else f" was{first} used"
    sentence = f"{_who(facts, use.identity)}{worked} at {clock(facts, use.first)} from {plain(use.address)}, {where}: {_acts(use)}."
    cited = [use.entry, *([places] if places is not None and where.startswith(_NEW_TO_THE_LOG) else [past.entry])]
    return signal("derived_used", sentence, [each for each in cited if each.rows] or [use.entry], scale=scale)


def _gave_second_factor(facts: Facts, use: Use) -> bool:
    """Whether the person behind an identity signed in with a second factor at the place of a use."""
    return any(
        text(row, "identity") == use.identity.email
        and text(row, "address") == use.address
        and number(row, "second_factor")
        for entry in facts.read("derived_used", "identity", "address", "since")
        for row in entry.rows
    )


def ordinal(use: Use) -> float:
    """The time of a use as a number, to sort by."""
    return use.first.timestamp()


def _strange(facts: Facts, past: Past, use: Use, places: Evidence | None) -> str:
    """Why an address is unfamiliar to whoever uses the identity, in words; empty where it isn't."""
    address = use.address
    if not is_address(address) or address in past.recent:
        return ""
    if address in facts.actor.addresses:
        # The maker tries out what was made: telling only where the maker is out of place too.
        known = f"an address that is new for {facts.who}, too"
        return known if check_addresses(facts).unfamiliar else ""
    if use.identity.relation in _FOR_OTHERS and address in others_places(facts, places):
        return ""
    if past.existed:
        return f"an address not used {_period(facts, past, address)}"
    if places is None or any(ip_address(address) in network for network in _INSIDE):
        return ""
    first = next((moment(row, "first_seen") for row in places.rows if text(row, "address") == address), None)
    if first is None or first < facts.actor.moment - A_DAY:
        return ""
    return f"{_NEW_TO_THE_LOG} {before(facts, [places], first if first < facts.actor.moment else None)}"


def _period(facts: Facts, past: Past, address: str) -> str:
    """Since when before the act an identity had not worked from an address; it may have on the last day."""
    firsts = [first for row in past.rows if text(row, "address") == address and (first := moment(row, "first_seen"))]
    return before(facts, [past.entry] if past.entry is not None else [], min(firsts, default=None))


def _harm(facts: Facts, past: Past, uses: list[Use]) -> Signal | None:
    """Harm that is new for the identity, from wherever it works."""
    if past.entry is None:
        return None
    weighed = [
        (serious, use, action)
        for use in uses
        for action, serious in use.harm
        if not past.usual(action) and not _sets_up_again(past, use, action)
    ]
    if not weighed:
        return None
    serious, use, action = max(weighed, key=lambda each: each[0])
    made = use.identity.relation is Relation.MADE
    row = next(row for row in use.rows if text(row, "action") == action)
    if (made and not past.rows) or _is_what_it_was_given_for(facts, use, row):
        serious *= ORDINARY
    target = on_object(text(row, "target")) if number(row, "times") == 1 else ""
    since = "" if made or not past.rows else f", {_novelty(facts, past, past.entry, action)}"
    place = plain(use.address) or "an unknown address"
    sentence = f"{_who(facts, use.identity)} {did(action, use.entry.log_type)}{target} at {_clock(facts, row, use)} from {place}{since}."
    return signal("derived_harm", sentence, [use.entry], scale=serious)


def _is_what_it_was_given_for(facts: Facts, use: Use, row: Row) -> bool:
    """Whether somebody who was given access reads the very thing that it was given to; whoever takes all of it, or goes on
    to other things, does more."""
    note = harmful_action(use.entry.log_type, text(row, "action"))
    return (
        use.identity.relation in {Relation.GRANTED, Relation.INVITED}
        and note is not None
        and note.harm is Harm.COLLECTION
        and number(row, "times") < BULK
        and text(row, "target").casefold() in {target.casefold() for target in facts.actor.targets}
    )


def _sets_up_again(past: Past, use: Use, action: str) -> bool:
    """Whether somebody whose password or factors were reset sets their own up again, at a place long theirs: what it is for."""
    reset = use.identity.relation in {Relation.RESET, Relation.FACTORS_RESET}
    return reset and use.address in past.settled and is_self_service(use.entry.log_type, action)


def account_of_pod(facts: Facts) -> Iterator[Signal]:
    """After code was run in a pod, a service account of its namespace did harm that it had never done."""
    if not any(each.identity.kind is IdentityKind.WORKLOAD for each in facts.actor.derived):
        return
    for entry in facts.named("pod_accounts"):
        found = [
            (harm.seriousness, row)
            for row in entry.rows
            if done(row) > 0 and (harm := harmful_action(entry.log_type, text(row, "action"))) is not None
        ]
        if not found:
            continue
        serious, row = max(found, key=lambda each: each[0])
        first = moment(row, "first_seen")
        when = f" at {clock(facts, first)}" if first is not None else ""
        who = sentence_start(named(text(row, "identity")))
        place = on_object(text(row, "target"))
        sentence = f"{who} {did(text(row, 'action'), entry.log_type)}{place}{when}, with no such {event_of(text(row, 'action')).rpartition(' ')[2]} {before(facts, [entry])}."
        yield signal("derived_harm", sentence, [entry], scale=serious)


def _novelty(facts: Facts, past: Past, entry: Evidence, action: str) -> str:
    """How new an act is for an identity that had been at work before."""
    once = any(text(row, "action") == action for row in past.rows)
    period = before(facts, [entry])
    return (
        f"seen on only 1 day {period}"
        if once
        else f"with no such {event_of(action, entry.log_type).rpartition(' ')[2]} {period}"
    )


def _signed_in(facts: Facts, identity: DerivedIdentity) -> Signal | None:
    """The person behind it signed in elsewhere than ever before."""
    if not identity.email:
        return None
    for entry in facts.read("derived_used", "identity", "address", "since"):
        rows = [row for row in entry.rows if text(row, "identity") == identity.email]
        settled = {text(row, "address") for row in rows if facts.older(row, SETTLED)}
        for row in rows:
            first, address = moment(row, "first_seen"), text(row, "address")
            if not settled or not number(row, "since") or first is None or not is_address(address):
                continue
            if address in facts.actor.addresses and not check_addresses(facts).unfamiliar:
                continue
            if facts.actor.moment - A_DAY < first <= facts.actor.last + HOURS:
                scale = 1.0 if identity.relation in HANDED_OVER else RIGHTS_ONLY
                scale *= 0.5 if len(settled) >= POOL else 1.0
                sentence = (
                    f"{_who(facts, identity)} signed in to {service(entry)} at {clock(facts, first)} from {plain(address)}, "
                    f"with no sign-in from there {before(facts, [entry], first if first < facts.actor.moment else None)}."
                )
                return signal("derived_used", sentence, [entry], scale=scale)
    return None


def _as_usual(facts: Facts, uses: list[Use]) -> Signal:
    use = uses[-1]
    until = use.entry.proven_until
    when = f" until {clock(facts, until)}" if until is not None else ""
    worked = "worked" if _is_person(use.identity) else "was used"
    sentence = (
        f"{_who(facts, use.identity)} {worked}{when} only from addresses known since {facts.dwell_start:%Y-%m-%d}, last "
        f"{plain(use.address)}: {_acts(use)}."
    )
    return signal("derived_as_usual", sentence, [use.entry])


def _where_others_work(facts: Facts, past: Past, uses: list[Use]) -> Iterator[Signal]:
    """A new key or account has no habits. Where it is used only at others' places, known for long, it is in their hands."""
    places = places_of(facts)
    if not uses or places is None or not all(_is_for_others(use, past) for use in uses):
        return
    if {use.address for use in uses} <= others_places(facts, places):
        use = uses[-1]
        was = "worked" if _is_person(use.identity) else "was used"
        sentence = (
            f"{_who(facts, use.identity)} {was} only from addresses at which others have worked since "
            f"{facts.dwell_start:%Y-%m-%d} or earlier, last {plain(use.address)}: {_acts(use)}."
        )
        yield signal("derived_as_usual", sentence, [use.entry, places])


def _is_for_others(use: Use, past: Past) -> bool:
    """Whether other hands than before are meant to use an identity: it is new, or somebody else was let into it."""
    made = use.identity.relation is Relation.MADE and not past.existed
    return made or use.identity.relation in _FOR_OTHERS


def _is_person(identity: DerivedIdentity) -> bool:
    return identity.identity.kind in _PEOPLE


def _who(facts: Facts, identity: DerivedIdentity) -> str:
    """The identity, and what the act did to it when."""
    name = named(identity.value)
    name = name if name.startswith(("the ", "user ")) else f"{identity.noun} {name}".strip()
    return f"{name}, {identity.relation.value} at {clock(facts, identity.moment)},"


def _clock(facts: Facts, row: Row, use: Use) -> str:
    first = moment(row, "first_seen")
    return clock(facts, max(first, use.identity.moment) if first is not None else use.first)


def _acts(use: Use) -> str:
    """The acts in words, harmful ones first, and what came of each."""
    harmful = [action for action, _ in use.harm]
    rows = sorted(use.rows, key=lambda row: (text(row, "action") not in harmful, not done(row)))
    acts = (text(row, "action") for row in rows[:SHOWN])
    said = [name_of_number(use.entry.log_type, act) or plain(act) for act in acts]
    shown = [f"{act} ({'allowed' if done(row) > 0 else 'refused'})" for act, row in zip(said, rows, strict=False)]
    more = len(rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
