"""Whether the actor's name was at work at another place after the alert, where they had never been."""

from collections.abc import Iterator

from triage.domain.clean import plain
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import Facts, done, is_address, moment, signal, text
from triage.stages.enrichment.signals.followups import HOURS
from triage.stages.enrichment.signals.place import PLACES, check_addresses
from triage.stages.enrichment.signals.wording import before, did, later

FEW = 1
"""Least settled addresses from which on another one says something."""


def elsewhere(facts: Facts) -> Iterator[Signal]:
    """What followed under the actor's name from an address that they had not used, and not at the alert's own.

    A token that was stolen is used where the thief is; the alert's own act may have come from the owner's desk.
    """
    actor = facts.actor
    if actor.is_role or actor.runs or not actor.addresses:
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
            sentence = (
                f"{later(facts, first)} {facts.who} {did(text(row, 'action'), entry.log_type)} from {plain(address)}, which "
                f"they had not used {before(facts, [known])}."
            )
            yield signal("elsewhere_after", sentence, [entry, known])
            return
