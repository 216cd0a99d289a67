"""Is this where the actor works, and did anyone confirm it with a second factor?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.stages.enrichment.signals import attempts
from triage.stages.enrichment.signals.attempts import FAILURES, denied_factors, refusals_of
from triage.stages.enrichment.signals.facts import (
    SETTLED,
    Facts,
    done,
    enrolled_lately,
    is_address,
    is_usual,
    moment,
    number,
    plural,
    signal,
    text,
)
from triage.stages.enrichment.signals.networks import novelty, usual_network
from triage.stages.enrichment.signals.wording import before, clock, either, named, service

FRESH_SIGN_IN = timedelta(hours=14)
"""A second factor older than a long working day confirms nothing."""
LATEST = timedelta(hours=1)
"""What a log of sign-ins may not have delivered yet: beyond it a sentence says how far the log is known."""
ITSELF = timedelta(seconds=5)
"""Events of one sign-in lie within this."""
AT_ONCE = timedelta(hours=2)
PLACES = 5
"""From how many settled addresses on an actor has no usual place."""


_LATELY = f"in the {round(FRESH_SIGN_IN.total_seconds() / 3600)} hours before"


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """What is known about the alert's addresses."""

    address: str = ""
    known: Evidence | None = None
    """The answer that shows an earlier use by the actor or the person."""
    verified: Evidence | None = None
    """The answer that shows a second factor given there."""
    signed_in: Evidence | None = None
    """The answer that shows a sign-in there, with or without a second factor."""
    asked: tuple[Evidence, ...] = ()
    """Answers that could have shown either."""
    refusals: int = 0
    """Refused sign-ins or prompts from there shortly before the success."""
    verified_by: str = ""
    """The employee who gave a second factor there, if the actor's own sign-ins are unknown."""
    could_sign_in: bool = False
    """A sign-in log was asked about this person and knows them."""
    pool: bool = False
    network: Evidence | None = None
    """The answer that shows that a service, which often changes its address, works from this network."""

    @property
    def unfamiliar(self) -> bool:
        """New to the actor, and no sign-in there was confirmed with a second factor."""
        shown = self.known or self.verified or self.network
        return bool(self.address and self.asked) and shown is None


def check_addresses(facts: Facts) -> AddressCheck:
    """Judge the alert's addresses; the least known of them counts."""
    judged = [_check_address(facts, address) for address in facts.actor.addresses]
    unfamiliar = [place for place in judged if place.unfamiliar]
    return unfamiliar[0] if unfamiliar else judged[0] if judged else AddressCheck()


def _check_address(facts: Facts, address: str) -> AddressCheck:
    actor = facts.actor
    known: Evidence | None = None
    verified: Evidence | None = None
    signed_in: Evidence | None = None
    verified_by = ""
    asked: list[Evidence] = []
    could = False
    pool = False
    refusals = 0
    watched = bombed = False
    for entry in facts.read("known_address", "address", "days", "first_seen"):
        if entry.complete or any(text(row, "address") == address for row in entry.rows):
            # What isn't among the rows of a cut answer may be known all the same.
            asked.append(entry)
        settled = [row for row in entry.rows if is_usual(facts, row)]
        pool = pool or sum(is_address(text(row, "address")) for row in settled) >= PLACES
        could = could or (bool(entry.rows) and entry.key.endswith(".person_places"))
        if known is None and any(text(row, "address") == address and number(row, "times") for row in settled):
            known = entry
    for entry in facts.read("verified_sign_in", "address", "step", "result"):
        asked.append(entry)
        watched = watched or _watched(facts, entry)
        here = [row for row in entry.rows if text(row, "address") == address]
        refusals = max(refusals, refusals_of(here))
        denied = denied_factors(entry.rows)
        for row in here:
            first = moment(row, "first_seen")
            if denied is not None and denied.ended_in(row):
                # A prompt that is denied until the person gives in confirms nothing, wherever they are.
                bombed = True
            elif (
                text(row, "result") == "SUCCESS"
                and first is not None
                and actor.moment - FRESH_SIGN_IN <= first <= _before_itself(facts, entry)
            ):
                signed_in = entry
                verified = entry if row.get("second_factor") is True else verified
    if not could:
        # The log names the actor in a way that no sign-in log knows: ask for the address alone.
        for entry in facts.read("address_signed_in", "person", "address", "second_factor_lately"):
            asked.append(entry)
            could = could or _is_named(actor.identity)
            watched = watched or _watched(facts, entry)
            for row in entry.rows:
                if text(row, "address") == address and _is_verified(row):
                    verified, verified_by = entry, text(row, "person")
    bombed = bombed or (bool(refusals) and known is None)
    return AddressCheck(
        address,
        known,
        None if bombed else verified,
        signed_in,
        tuple(asked),
        refusals,
        verified_by,
        could and watched,
        pool,
        usual_network(facts, address),
    )


def _watched(facts: Facts, entry: Evidence) -> bool:
    """Whether a sign-in that isn't among the rows did not happen: the log was watching up to the alert.

    A log in which few people sign in is quiet for hours. With rows of the day it was at work, unless its source has died.
    """
    whole = entry.complete or _has_all_here(entry)
    coverage = entry.coverage
    alive = bool(entry.rows) and coverage.source_healthy is not False and not coverage.alarms
    return whole and (alive or entry.proves_until(facts.actor.moment))


def _known_until(facts: Facts, asked: Sequence[Evidence]) -> str:
    """Up to when the logs of sign-ins are known to have delivered, where that is long before the act; else empty."""
    ends = [entry.coverage.proven_until for entry in asked if not entry.coverage.proves_absence]
    known = [end for end in ends if end is not None and end < facts.actor.moment - LATEST]
    return f", as far as these logs are known, up to {clock(facts, min(known))}" if known else ""


def _has_all_here(entry: Evidence) -> bool:
    """Whether a cut answer has all rows of the alert's addresses: they come first, and rows of others follow them."""
    return "here" in entry.columns and bool(entry.rows) and number(entry.rows[-1], "here") == 0


def _is_named(actor: str) -> bool:
    """Whether the actor is a person's account rather than a role or a machine."""
    return bool(actor) and not actor.startswith("arn:") and not is_address(actor)


def _before_itself(facts: Facts, entry: Evidence) -> datetime:
    """The latest sign-in that counts: the one that raised the alert doesn't confirm itself."""
    own = entry.log_type == facts.actor.log_type
    return facts.actor.moment - ITSELF if own else facts.actor.moment


def _is_verified(row: Row) -> bool:
    """Whether somebody gave a second factor at an address shortly before, and was not refused there again and again: what
    was refused weeks ago says nothing of today."""
    return number(row, "second_factor_lately") > 0 and number(row, "failures_lately") < FAILURES


def addresses(facts: Facts) -> Iterator[Signal]:
    """Known or new, confirmed or not."""
    place = check_addresses(facts)
    if not place.address or place.address == facts.actor.identity:
        return
    shown, who = plain(place.address), facts.who
    if place.known is not None:
        # The usual place alone is where malware runs, too; with a second factor someone was there.
        verified = place.verified if place.verified is not None and not place.verified_by else None
        factor = f" and gave a second factor to {service(verified)} there {_LATELY}" if verified is not None else ""
        yield signal(
            "known_address",
            f"{who} {_used(facts, place)} {shown} {_since_when(place)}{factor}.",
            [place.known, *([verified] if verified is not None else [])],
            vouches=place.verified is not None and not enrolled_lately(facts),
        )
    if place.verified is not None and place.known is None:
        if place.verified_by:
            sentence = _factor_given(place.verified_by, place.verified, shown)
        else:
            sentence = f"{who} gave a second factor to {service(place.verified)} from {shown} {_LATELY}."
        yield signal("verified_sign_in", sentence, [place.verified], vouches=not enrolled_lately(facts))
    if not place.unfamiliar or not place.asked:
        return
    unused = f"{who} had not used {shown} {_unused_before(facts, place)}"
    shared = is_shared(facts)
    tried = facts.actor.refused and not _got_in(facts, place.address)
    scale = min(0.3 if place.pool or tried else 0.4 if shared else 1.0, novelty(facts))
    if place.signed_in is not None and place.refusals:
        refusals = plural(place.refusals, "refusal")
        sentence = f"{unused}, and signed in to {service(place.signed_in)} from it only after {refusals}."
        yield signal("new_address_without_sign_in", sentence, [place.signed_in], scale=scale)
    elif place.signed_in is not None:
        sentence = f"{unused}, and signed in to {service(place.signed_in)} from it without a second factor."
        yield signal("new_address", sentence, [place.signed_in], scale=scale * 0.8)
    elif place.could_sign_in:
        sentence = f"{unused}, and {_no_sign_in(facts, place)}."
        # A long-lived key needs no sign-in, so its absence says less.
        keyed = 0.8 if facts.actor.identity.startswith("arn:") else 1.0
        yield signal("new_address_without_sign_in", sentence, _telling(place), scale=scale * keyed)
    else:
        sentence = f"{unused}."
        yield signal("new_address", sentence, _telling(place)[:1], scale=scale * (1.0 if facts.actor.people else 1.6))
    yield from _two_places(facts, place, scale)


def _got_in(facts: Facts, address: str) -> bool:
    """Whether anything from the address succeeded after the alert's refusals, or may have: anyone can try a door."""
    for name in ("actor_after", "person_signins", "own_sign_ins"):
        for entry in facts.named(name):
            here = [row for row in entry.rows if text(row, "address") == address]
            let_in = any(done(row) > 0 and text(row, "result") != "FAILURE" for row in here)
            if let_in or (not entry.complete and not here):
                return True
    return not any(entry.answered for entry in facts.named("actor_after"))


def _used(facts: Facts, place: AddressCheck) -> str:
    """The verb of a use: of the log of sign-ins of another product it is known that they signed in."""
    entry = place.known
    elsewhere = entry is not None and entry.key.endswith(".person_places") and entry.log_type != facts.actor.log_type
    return f"has signed in to {service(entry)} from" if elsewhere and entry is not None else "has used"


def _since_when(place: AddressCheck) -> str:
    """The first use of the alert's usual address, as far back as the answer goes."""
    rows = place.known.rows if place.known is not None else ()
    here = [row for row in rows if text(row, "address") == place.address]
    first = min((when for row in here if (when := moment(row, "first_seen")) is not None), default=None)
    return "before" if first is None else f"since at least {first:%Y-%m-%d}"


def _unused_before(facts: Facts, place: AddressCheck) -> str:
    """The period in which the actor had not used the alert's address: up to the first use that the answers know."""
    uses = [entry for entry in facts.read("known_address", "address", "days", "first_seen") if entry in place.asked]
    firsts = [
        first
        for entry in uses
        for row in entry.rows
        if text(row, "address") == place.address and (first := moment(row, "first_seen")) is not None
    ]
    earlier = [first for first in firsts if first < facts.actor.moment - ITSELF]
    return before(facts, uses or place.asked, min(earlier, default=None))


def _no_sign_in(facts: Facts, place: AddressCheck) -> str:
    """What the logs of sign-ins have not seen from the alert's address: no success, none confirmed, or no new one."""
    asked = [entry for entry in place.asked if {"verified_sign_in", "address_signed_in"} & set(entry.signals)]
    services = either([service(entry) for entry in asked])
    seen = [(entry, row) for entry in asked for row in entry.rows if _may_be_fresh(facts, place, row)]
    if any(_came_after_refusals(entry, row) for entry, row in seen):
        return f"each {services} sign-in from it {_LATELY} came after refusals"
    confirmed = any(row.get("second_factor") is True or number(row, "second_factor_lately") for _, row in seen)
    kind = "new " if confirmed else ""
    factor = " with a second factor" if seen and not confirmed else ""
    known = _known_until(facts, asked)
    return f"no {kind}{services} sign-in{factor} came from it {_LATELY}{known}"


def _may_be_fresh(facts: Facts, place: AddressCheck, row: Row) -> bool:
    """Whether a row counts successful sign-ins from the alert's address, some of which can have come shortly before."""
    last = moment(row, "last_seen")
    succeeded = number(row, "successes") > 0 or text(row, "result") == "SUCCESS"
    here = text(row, "address") == place.address
    return here and succeeded and (last is None or last >= facts.actor.moment - FRESH_SIGN_IN)


def _came_after_refusals(entry: Evidence, row: Row) -> bool:
    denied = denied_factors(entry.rows) if "result" in row else None
    return number(row, "failures_lately") >= FAILURES or (denied is not None and denied.ended_in(row))


def _factor_given(person: str, entry: Evidence, address: str) -> str:
    hours = round(FRESH_SIGN_IN.total_seconds() / 3600)
    return f"{named(person)} signed in to {service(entry)} from {address} with a second factor, last within {hours} hours of the alert."


def _telling(place: AddressCheck) -> list[Evidence]:
    """The answers that a reader can check: with rows, or empty where coverage proves it."""
    return [entry for entry in place.asked if entry.rows or entry.proves_absence][:3] or list(place.asked[:1])


def is_shared(facts: Facts) -> bool:
    """Whether several others have worked from the alert's address for long."""
    people: set[str] = set()
    for entry in (*facts.named("address_others"), *facts.named("address_signins")):
        for row in entry.rows:
            first = moment(row, "first_seen")
            if first is not None and first < facts.actor.moment - 2 * SETTLED and number(row, "days") > 1:
                people.add(text(row, "actor") or text(row, "person"))
    return len(people - {facts.actor.identity, *facts.actor.people}) > 1


def _two_places(facts: Facts, place: AddressCheck, scale: float) -> Iterator[Signal]:
    """The actor's usual address in use at the same time as the new one."""
    usual: set[str] = set()
    for entry in facts.read("known_address", "address", "days", "first_seen"):
        for row in entry.rows:
            if is_usual(facts, row):
                usual.add(text(row, "address"))
    usual.discard(place.address)
    for name in ("person_signins", "actor_before", "actor_after"):
        for entry in facts.named(name):
            for row in entry.rows:
                first, last = moment(row, "first_seen"), moment(row, "last_seen")
                address = text(row, "address")
                if address not in usual or not is_address(address) or first is None or last is None:
                    continue
                if first <= facts.actor.last + AT_ONCE and last >= facts.actor.moment - AT_ONCE:
                    sentence = (
                        f"{plain(address)}, a usual address of {facts.who}, was in use within two hours of the new one."
                    )
                    yield signal("two_places", sentence, [entry], scale=scale)
                    return


def sign_ins(facts: Facts) -> Iterator[Signal]:
    """Refused sign-ins and second factors that end in a success."""
    rows = (row for entry in facts.read("known_address", "address", "days", "first_seen") for row in entry.rows)
    yield from attempts.sign_ins(facts, frozenset(text(row, "address") for row in rows if facts.settled(row)))


def staff(facts: Facts) -> Iterator[Signal]:
    """For traffic that identifies no person: whether an employee is signed in at the address."""
    if not is_address(facts.actor.identity):
        return
    for entry in facts.read("staff_address", "person", "address", "second_factor_lately"):
        for row in entry.rows:
            if _is_verified(row):
                sentence = _factor_given(text(row, "person"), entry, plain(text(row, "address")))
                yield signal("staff_address", sentence, [entry])
                return
