"""Is this where the actor works, and did anybody vouch for the place?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import (
    SETTLED,
    Facts,
    is_address,
    moment,
    number,
    plain,
    plural,
    signal,
    text,
)

FRESH_SIGN_IN = timedelta(hours=14)
"""A second factor older than a long working day vouches for nobody."""
AT_ONCE = timedelta(hours=2)
POOL = 8
"""From how many settled addresses on an actor has no usual place."""
FAILURES = 5
DENIED_PROMPTS = 3


@dataclass(frozen=True, slots=True)
class Place:
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
    could_sign_in: bool = False
    """A sign-in log was asked about this person and knows them."""
    pool: bool = False

    @property
    def stranger(self) -> bool:
        """New to the actor, and nobody signed in there with a second factor."""
        return bool(self.address) and self.known is None and self.verified is None


def place_of(facts: Facts) -> Place:
    """Judge the alert's addresses; the least known of them counts."""
    judged = [_judge(facts, address) for address in facts.subject.addresses]
    strangers = [place for place in judged if place.stranger]
    return strangers[0] if strangers else judged[0] if judged else Place()


def _judge(facts: Facts, address: str) -> Place:
    subject = facts.subject
    known: Evidence | None = None
    verified: Evidence | None = None
    signed_in: Evidence | None = None
    asked: list[Evidence] = []
    could = False
    pool = False
    for entry in facts.read("known_address", "address", "days", "first_seen"):
        asked.append(entry)
        settled = [
            row for row in entry.rows if (first := moment(row, "first_seen")) and first < subject.moment - SETTLED
        ]
        pool = pool or sum(is_address(text(row, "address")) for row in settled) >= POOL
        could = could or (bool(entry.rows) and entry.key.endswith(".person_places"))
        if known is None and any(text(row, "address") == address for row in settled):
            known = entry
    for entry in facts.read("verified_sign_in", "address", "step", "result"):
        asked.append(entry)
        could = could or bool(entry.rows)
        for row in entry.rows:
            first = moment(row, "first_seen")
            here = text(row, "address") == address and text(row, "result") == "SUCCESS"
            if here and first is not None and subject.moment - FRESH_SIGN_IN <= first <= subject.moment:
                signed_in = entry
                verified = entry if row.get("second_factor") is True else verified
    return Place(address, known, verified, signed_in, tuple(asked), could, pool)


def addresses(facts: Facts) -> Iterator[Signal]:
    """New or known, vouched for or not."""
    place = place_of(facts)
    if not place.address:
        return
    shown = plain(place.address)
    if place.known is not None:
        yield signal("known_address", f"{shown} is an address that this actor used before.", [place.known])
    if place.verified is not None and place.known is None:
        sentence = f"A second factor was given at {shown} shortly before."
        yield signal("verified_sign_in", sentence, [place.verified])
    if not place.stranger or not place.asked:
        return
    shared = _shared(facts)
    scale = 0.3 if place.pool else 0.4 if shared else 1.0
    if place.signed_in is not None:
        sentence = f"{shown} is new for this actor; there was a sign-in, without a second factor."
        yield signal("new_address", sentence, [place.signed_in], scale=scale * 0.8)
    elif place.could_sign_in:
        sentence = f"{shown} is new for this actor, and the person did not sign in from there."
        yield signal("new_address_without_sign_in", sentence, place.asked[:3], scale=scale)
    else:
        sentence = f"{shown} is new for this actor."
        yield signal("new_address", sentence, place.asked[:1], scale=scale * (1.0 if facts.subject.people else 1.6))
    yield from _two_places(facts, place, scale)


def _shared(facts: Facts) -> bool:
    """Whether several others have worked from the address for long."""
    people: set[str] = set()
    for entry in (*facts.named("address_others"), *facts.named("address_signins")):
        for row in entry.rows:
            first = moment(row, "first_seen")
            if first is not None and first < facts.subject.moment - 2 * SETTLED and number(row, "days") >= 2:
                people.add(text(row, "actor") or text(row, "person"))
    return len(people - {facts.subject.actor, *facts.subject.people}) >= 2


def _two_places(facts: Facts, place: Place, scale: float) -> Iterator[Signal]:
    """The actor's usual address in use at the same time as the new one."""
    usual: set[str] = set()
    for entry in facts.read("known_address", "address", "days", "first_seen"):
        for row in entry.rows:
            first = moment(row, "first_seen")
            if first is not None and first < facts.subject.moment - SETTLED:
                usual.add(text(row, "address"))
    usual.discard(place.address)
    for name in ("person_signins", "actor_before", "actor_after"):
        for entry in facts.named(name):
            for row in entry.rows:
                first, last = moment(row, "first_seen"), moment(row, "last_seen")
                address = text(row, "address")
                if address not in usual or not is_address(address) or first is None or last is None:
                    continue
                if first <= facts.subject.last + AT_ONCE and last >= facts.subject.moment - AT_ONCE:
                    sentence = f"{plain(address)}, the usual address, was in use within two hours of {plain(place.address)}."
                    yield signal("two_places", sentence, [entry], scale=scale)
                    return


def sessions(facts: Facts) -> Iterator[Signal]:
    """One session or key at two addresses."""
    for entry in facts.read("session_two_places", "session", "address"):
        by_session: dict[str, list[str]] = {}
        for row in entry.rows:
            if is_address(text(row, "address")):
                by_session.setdefault(text(row, "session"), []).append(text(row, "address"))
        for found in by_session.values():
            if len(set(found)) >= 2:
                # Long-lived keys of a program may run on several machines, and a laptop may change its network.
                many = len(set(found)) >= POOL
                sentence = f"One session or key was used from {plain(found[0])} and from {plain(found[1])}."
                yield signal("session_two_places", sentence, [entry], scale=0.2 if many else _moved(facts))
                return


def _moved(facts: Facts) -> float:
    """How much two addresses of one session mean: little where the second one is known or vouched for."""
    place = place_of(facts)
    return 1.0 if place.stranger else 0.3


def sign_ins(facts: Facts) -> Iterator[Signal]:
    """Refusals that end in success."""
    place = place_of(facts)
    for entry in facts.read("failed_then_succeeded", "address", "step", "result"):
        failed = [row for row in entry.rows if text(row, "result") not in ("SUCCESS", "ALLOW", "")]
        denied = [row for row in entry.rows if "deny" in text(row, "step")]
        for address in dict.fromkeys(text(row, "address") for row in [*failed, *denied]):
            refusals = sum(number(row, "times") for row in failed if text(row, "address") == address)
            prompts = sum(number(row, "times") for row in denied if text(row, "address") == address)
            if refusals < FAILURES and prompts < DENIED_PROMPTS:
                continue
            after = [
                row
                for row in entry.rows
                if row not in failed
                and row not in denied
                and text(row, "address") == address
                and _later(row, [*failed, *denied])
            ]
            if after:
                usual = _usual(facts, address) and not place.stranger
                sentence = (
                    f"{plural(max(refusals, prompts), 'sign-in')} from {plain(address)} were refused before one succeeded."
                )
                yield signal("failed_then_succeeded", sentence, [entry], scale=0.25 if usual else 1.0)
                return


def _later(row: dict[str, object] | object, failed: list[dict[str, object]] | object) -> bool:
    if not isinstance(row, dict) or not isinstance(failed, list):
        return False
    last = moment(row, "last_seen")
    firsts = [first for other in failed if (first := moment(other, "first_seen")) is not None]
    return last is not None and bool(firsts) and last > min(firsts)


def _usual(facts: Facts, address: str) -> bool:
    return any(
        text(row, "address") == address and (first := moment(row, "first_seen")) and first < facts.subject.moment - SETTLED
        for entry in facts.read("known_address", "address", "days", "first_seen")
        for row in entry.rows
    )


def staff(facts: Facts) -> Iterator[Signal]:
    """For traffic that names no person: whether somebody of the company is signed in at the address."""
    if facts.subject.people or not facts.subject.addresses:
        return
    for entry in facts.read("staff_address", "person", "address", "second_factor"):
        for row in entry.rows:
            first, last = moment(row, "first_seen"), moment(row, "last_seen")
            if number(row, "second_factor") and first and last and first <= facts.subject.moment:
                if last >= facts.subject.moment - FRESH_SIGN_IN and number(row, "failures") < FAILURES:
                    sentence = (
                        f"{plain(text(row, 'person'))} is signed in with a second factor at {plain(text(row, 'address'))}."
                    )
                    yield signal("staff_address", sentence, [entry])
                    return
