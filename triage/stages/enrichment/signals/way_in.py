"""Where the actor had signed in from, for acts in a log that holds no addresses itself."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import Facts, done, enrolled_lately, is_address, moment, signal, text
from triage.stages.enrichment.signals.place import FRESH_SIGN_IN
from triage.stages.enrichment.signals.wording import before, service


def way_in(facts: Facts) -> Iterator[Signal]:
    """A sign-in shortly before the act, from a place of the actor's or from another.

    The answers have one row of each address and kind of sign-in: `address`, `password_alone` (no further factor, no key
    and no other service vouched), `times`, `refused`, `first_seen`, `last_seen`.
    """
    if facts.actor.addresses:
        return
    for entry in facts.read("known_address", "address", "password_alone", "first_seen", "last_seen"):
        rows = [row for row in entry.rows if is_address(text(row, "address")) and done(row) > 0]
        usual = {text(row, "address") for row in rows if facts.settled(row)}
        lately = [row for row in rows if _is_fresh(facts, row)]
        strange = [row for row in lately if text(row, "address") not in usual]
        if not usual:
            continue
        if strange:
            yield _from_elsewhere(facts, entry, strange, [row for row in rows if text(row, "address") in usual])
        elif lately and entry.complete:
            # The session may have come from any of them; all are the actor's.
            row = max(lately, key=lambda row: (not row.get("password_alone"), text(row, "last_seen")))
            sentence = (
                f"{facts.who} signed in to {service(entry)} only from addresses used since before the last "
                f"{facts.dwell.days} days, such as {plain(text(row, 'address'))}."
            )
            confirmed = not row.get("password_alone") and not enrolled_lately(facts)
            yield signal("known_address", sentence, [entry], vouches=confirmed)


def _is_fresh(facts: Facts, row: Row) -> bool:
    """Whether a row's sign-ins can have opened the session of the act: some may lie shortly before it."""
    first, last = moment(row, "first_seen"), moment(row, "last_seen")
    return first is not None and last is not None and first <= facts.actor.last and last >= _since(facts)


def _since(facts: Facts) -> datetime:
    return facts.actor.moment - FRESH_SIGN_IN


def _from_elsewhere(facts: Facts, entry: Evidence, strange: Sequence[Row], usual: Sequence[Row]) -> Signal:
    """The sign-in from a new place; where it gave less than the usual ones give, it is a stranger's way in."""
    row = min(strange, key=lambda row: (not row.get("password_alone"), text(row, "first_seen")))
    address = plain(text(row, "address"))
    weaker = bool(row.get("password_alone")) and not all(one.get("password_alone") for one in usual)
    how = " with a password alone" if row.get("password_alone") else ""
    contrast = ", where the usual sign-ins show more than a password" if weaker else ""
    sentence = (
        f"{facts.who} signed in to {service(entry)} from {address}{how}{contrast}, and had not used {address} "
        f"{before(facts, [entry], _first(facts, row))}."
    )
    return signal("new_address_without_sign_in" if weaker else "new_address", sentence, [entry])


def _first(facts: Facts, row: Row) -> datetime | None:
    """The day of the first use, where it lies before the alert's."""
    first = moment(row, "first_seen")
    return first if first is not None and first < _since(facts) else None
