"""Who received something, or was talked to: known parties and new ones."""

import re
from collections.abc import Callable, Iterator

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import Facts, day, done, moment, number, signal, text
from triage.stages.enrichment.signals.followups import HOURS
from triage.stages.enrichment.signals.place import is_shared
from triage.stages.enrichment.signals.precedent import HABIT_DAYS, WEEKLY_DAYS
from triage.stages.enrichment.signals.wording import before, did, later, log_name, named, shown_object


def new_recipient(facts: Facts) -> Evidence | None:
    """The answer that shows a receiving party without a past; `None` where there is none."""
    if not facts.actor.recipients:
        return None
    for entry in facts.read("new_recipient", "recipient", "days"):
        if not any(facts.settled(row) for row in entry.rows):
            return entry
    return None


def recipients(facts: Facts) -> Iterator[Signal]:
    """Whether the receiving party is known."""
    entry = new_recipient(facts)
    if entry is not None:
        who = _recipient(facts.actor.recipients[0])
        if entry.rows:
            first = min(text(row, "first_seen") for row in entry.rows)[:10]
            sentence = f"{who} first received something in {log_name(entry)} on {first}."
            yield signal("new_recipient", sentence, [entry])
        else:
            sentence = f"{who} had received nothing in {log_name(entry)} {before(facts, [entry])}."
            yield signal("new_recipient", sentence, [entry], absence=True)
        return
    for entry in facts.read("known_recipient", "recipient", "days"):
        settled = [row for row in entry.rows if facts.settled(row)]
        row = max(settled, key=_recipient_days(facts), default=None)
        if row is not None and (days := _recipient_days(facts)(row)) >= WEEKLY_DAYS:
            by = f" from {named(text(row, 'actor'))}" if text(row, "actor") else ""
            sentence = f"{_recipient(text(row, 'recipient'))} had received the like{by} on {days} days by {facts.dwell_start:%Y-%m-%d}."
            yield signal("known_recipient", sentence, [entry])


def _recipient(value: str) -> str:
    """A party by its name; a bare number is an account's as often as a user's."""
    return f"account {value}" if re.fullmatch(r"\d{12}", value) else named(value)


def given_to_self(facts: Facts) -> Iterator[Signal]:
    """An outside recipient works on what they were given from the address that the actor works from.

    A party is outside if its mail domain is neither the actor's own nor that of anyone at work here since before the
    dwell time. Of an address that several colleagues share it says less: the guest may sit beside them.
    """
    outside = {each.casefold() for each in facts.actor.receivers if _is_outside(facts, each)}
    for entry in facts.named("target_after"):
        for row in entry.rows:
            who, first = text(row, "actor"), moment(row, "first_seen")
            here = text(row, "address") in facts.actor.addresses
            if not here or who.casefold() not in outside or first is None or done(row) <= 0:
                continue
            sentence = (
                f"{later(facts, first)} {named(who)}, who had received something from {facts.who}, "
                f"{did(text(row, 'action'), entry.log_type)} from {plain(text(row, 'address'))}, the address of {facts.who}."
            )
            yield signal("given_to_self", sentence, [entry], scale=0.5 if is_shared(facts) else 1.0)
            return


def _is_outside(facts: Facts, party: str) -> bool:
    """Whether a party's e-mail address is of another domain than the actor's, and of those who have long worked here."""
    ours = [*facts.actor.aliases, *facts.actor.people]
    for name in ("recipient_acts", "address_others"):
        ours += [text(row, "actor") for entry in facts.named(name) for row in entry.rows if facts.settled(row)]
    own = {each.rpartition("@")[2].casefold() for each in ours if "@" in each}
    return bool(own) and "@" in party and party.rpartition("@")[2].casefold() not in own


def _came_soon(facts: Facts, row: Row) -> bool:
    """Whether a connection began as a follow-up does: what begins the next day has another reason."""
    first = moment(row, "first_seen")
    return first is None or first <= facts.actor.last + HOURS


def _new_peer(facts: Facts, entry: Evidence) -> str:
    first = min((found for row in entry.rows if (found := day(row)) is not None), default=None)
    return f"{facts.who} never sent traffic to {_destination(facts)} {before(facts, [entry], first)}."


def _destination(facts: Facts) -> str:
    targets = facts.actor.targets
    return shown_object(targets[0]) if len(targets) == 1 else "these destinations"


def _recipient_days(facts: Facts) -> Callable[[Row], int]:
    """Counts a row's days; those of the actor's own gifts as strictly as their habits."""

    def days(row: Row) -> int:
        return (
            facts.own_days(row, facts.actor.actions)
            if text(row, "actor") == facts.actor.identity
            else facts.old_days(row)
        )

    return days


def flows(facts: Facts) -> Iterator[Signal]:
    """Network peers: known, new, and what a reached machine went on to."""
    actor = facts.actor
    for entry in facts.read("known_peer", "day", "target", "flows"):
        days = {found for row in entry.rows if (found := day(row)) is not None and facts.is_precedent(found)}
        if len(days) >= HABIT_DAYS:
            sentence = f"{facts.who} sent traffic to {_destination(facts)} on {len(days)} days from {min(days)} to {max(days)}."
            yield signal("known_peer", sentence, [entry], vouches=facts.matches.known)
        elif not days:
            yield signal("new_peer", _new_peer(facts, entry), [entry], absence=True)
    if actor.refused:
        # What was refused everywhere has reached no machine that could go on.
        return
    for entry in facts.read("lateral_movement", "source", "target", "port"):
        fresh = [
            row
            for row in entry.rows
            if (last := moment(row, "last_seen"))
            and last >= actor.moment
            and not facts.settled(row)
            and _came_soon(facts, row)
        ]
        settled = [row for row in entry.rows if facts.settled(row)]
        if fresh and settled:
            row = fresh[0]
            first = moment(row, "first_seen")
            since = before(facts, [entry], first if first is not None and first < actor.moment else None)
            sentence = (
                f"After the alert {plain(text(row, 'source'))} connected to {plain(text(row, 'target'))} port "
                f"{number(row, 'port')}, and never {since}."
            )
            yield signal("lateral_movement", sentence, [entry])
