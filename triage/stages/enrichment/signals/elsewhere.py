"""Whether the actor's name was at work at another place after the alert, where they had never been."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.question import ActionClass
from triage.domain.signal import Signal
from triage.questions import is_of_class
from triage.stages.enrichment.signals.facts import Facts, done, is_address, moment, signal, text
from triage.stages.enrichment.signals.followups import HOURS
from triage.stages.enrichment.signals.place import PLACES, check_addresses
from triage.stages.enrichment.signals.wording import before, did, either, later, service

UNCONFIRMED = 1.6
"""How much more it says where a log of sign-ins would have shown who it was."""
ITSELF = timedelta(minutes=2)
"""The steps of a sign-in lie within this."""
FEW = 1
"""Least settled addresses from which on another one says something."""


def elsewhere(facts: Facts) -> Iterator[Signal]:
    """What followed under the actor's name from an address that they had not used, and not at the alert's own.

    A token that was stolen is used where the thief is; the alert's own act may have come from the owner's desk.
    """
    actor = facts.actor
    if actor.is_role or actor.runs or not actor.addresses or _lets_a_program_in(facts):
        return
    known = next(facts.named("actor_addresses"), None)
    if known is None or known.truncated or known.error:
        return
    settled = {text(row, "address") for row in known.rows if facts.settled(row) and is_address(text(row, "address"))}
    if not FEW <= len(settled) < PLACES or check_addresses(facts).unfamiliar:
        # At an unfamiliar place already, nothing is added; who is everywhere is nowhere new.
        return
    old = {text(row, "address") for row in known.rows if (at := moment(row, "first_seen")) and at < actor.moment}
    for entry in facts.named("actor_after"):
        for row in entry.rows:
            address, first = text(row, "address"), moment(row, "first_seen")
            new = is_address(address) and address not in old and address not in actor.addresses
            if not new or first is None or first > actor.last + HOURS or done(row) <= 0:
                continue
            signed_in = _sign_ins(facts, first)
            if any(_confirms(each, address, first) for each in signed_in):
                continue
            there = (
                f"{later(facts, first)} {facts.who} {did(text(row, 'action'), entry.log_type)} from {plain(address)}"
            )
            unused = f"which they had not used {before(facts, [known])}"
            if signed_in and check_addresses(facts).could_sign_in:
                services = either([service(each) for each in signed_in])
                sentence = f"{there}, {unused}, and no {services} sign-in with a second factor came from it by then."
                yield signal("elsewhere_after", sentence, [entry, known, *signed_in], scale=UNCONFIRMED)
                return
            yield signal("elsewhere_after", f"{there}, {unused}.", [entry, known])
            return


def _lets_a_program_in(facts: Facts) -> bool:
    """Whether the alert's act gave a program a key: it works under the person's name where its own servers are, and what it
    does there is asked of the key."""
    actor = facts.actor
    return any(is_of_class(actor.log_type, action, ActionClass.KEY_CREATION) for action in actor.actions)


def _sign_ins(facts: Facts, by: datetime) -> list[Evidence]:
    """The answers that would show the person's sign-ins up to a time, where the log has delivered past it."""
    return [
        entry
        for entry in facts.read("verified_sign_in", "address", "step", "result")
        if entry.rows and entry.complete and entry.proven_until is not None and entry.proven_until >= by
    ]


def _confirms(entry: Evidence, address: str, by: datetime) -> bool:
    """Whether the person gave a second factor at an address before they worked there, or in that very moment."""
    return any(
        text(row, "address") == address
        and text(row, "result") == "SUCCESS"
        and row.get("second_factor") is True
        and (at := moment(row, "first_seen")) is not None
        and at <= by + ITSELF
        for row in entry.rows
    )
