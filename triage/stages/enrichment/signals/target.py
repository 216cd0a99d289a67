"""What became of the target: worked on or reached by strangers."""

import re
from collections.abc import Iterator
from datetime import timedelta

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence, Source
from triage.domain.question import ActionClass
from triage.domain.signal import Signal
from triage.questions.classes import is_of_class
from triage.stages.enrichment.signals.derived_past import past_of
from triage.stages.enrichment.signals.facts import SETTLED, Facts, done, is_address, moment, number, signal, text
from triage.stages.enrichment.signals.followups import HOURS
from triage.stages.enrichment.signals.reversal import opposites
from triage.stages.enrichment.signals.wording import before, did, later, log_name, named, on_object, shown_object

EVERYBODY = 12
"""From how many on, who have long signed in to one application, it is a place where people meet."""
VARYING_DAYS = 3
"""Days of the same act, each with another object, from which a new object says nothing."""


def _existed(facts: Facts, row: Row) -> bool:
    """In use for longer than a day or two, so that a new place is one."""
    return facts.older(row, SETTLED) and is_address(text(row, "address"))


def _since(facts: Facts, row: Row) -> bool:
    """In use after the change, with success, and not for longer than a day before it."""
    first, last = moment(row, "first_seen"), moment(row, "last_seen")
    return (
        first is not None
        and last is not None
        and last > facts.actor.moment
        and facts.actor.moment - timedelta(days=1) < first <= facts.actor.last + HOURS
        and done(row) > 0
        and is_address(text(row, "address"))
    )


def _is_everybodys(facts: Facts) -> bool:
    """Whether the alert is about a sign-in to what so many sign in to that one more who comes has nothing to do with it."""
    actor = facts.actor
    signing_in = all(is_of_class(actor.log_type, action, ActionClass.SIGN_IN) for action in actor.actions)
    if len(actor.targets) != 1 or not actor.actions or not signing_in:
        return False
    actors = {text(row, "actor") for entry in facts.named("target_history") for row in entry.rows if facts.settled(row)}
    return len(actors) >= EVERYBODY


def undone_by_others(facts: Facts) -> Iterator[Signal]:
    """Somebody else took the alert's act back: it was not what they wanted."""
    actor = facts.actor
    if actor.refused:
        return
    for entry in facts.named("target_after"):
        for row in entry.rows:
            first, action, who = moment(row, "first_seen"), text(row, "action"), text(row, "actor")
            own = who in (actor.identity, *actor.aliases)
            if own or not who or first is None or done(row) <= 0 or not opposites(facts, action, first):
                continue
            sentence = f"{later(facts, first)} {named(who)} {did(action, entry.log_type)}, the reverse of what {facts.who} had done."
            yield signal("undone_by_others", sentence, [entry])
            return


def strangers(facts: Facts) -> Iterator[Signal]:
    """After the change someone unknown works on the target, or connects through what was opened."""
    actor = facts.actor
    if _is_everybodys(facts):
        return
    for entry in facts.read("stranger_on_target", "address", "on_target", "first_seen"):
        settled = any(_existed(facts, row) for row in entry.rows)
        fresh = [row for row in entry.rows if settled and _is_stranger(facts, row)]
        unknown = [row for row in fresh if not _is_colleague(facts, row)]
        for row in unknown[:1]:
            first = moment(row, "first_seen")
            new = before(facts, [entry], first if first is not None and first < actor.moment else None)
            where = on_object(actor.targets[0]) if len(actor.targets) == 1 else " on the same targets"
            sentence = (
                f"After the act of {facts.who}, {plain(text(row, 'address'))} worked{where}, an address not seen in "
                f"{log_name(entry)} {new}."
            )
            yield signal("stranger_on_target", sentence, [entry])
        for row in (unknown or fresh)[:1]:
            yield from _known_account(facts, row, entry)
            return
    for entry in facts.read("opened_to_strangers", "target", "port", "first_seen"):
        fresh = [row for row in entry.rows if _opened(facts, row)]
        if fresh and len(fresh) < len(entry.rows):
            row = fresh[-1]
            first = moment(row, "first_seen") or actor.last
            sentence = (
                f"{later(facts, first)} {plain(text(row, 'source'))} connected to {plain(text(row, 'target'))} port "
                f"{number(row, 'port')}, a port with no traffic from outside {before(facts, [entry])}."
            )
            yield signal("opened_to_strangers", sentence, [entry])
            return


def _is_stranger(facts: Facts, row: Row) -> bool:
    """Somebody else, at an address that is new to the log, worked on the target since."""
    other = text(row, "actor") != facts.actor.identity and text(row, "address") not in facts.actor.addresses
    return other and _since(facts, row) and number(row, "on_target") > 0


def _is_colleague(facts: Facts, row: Row) -> bool:
    """Whether only an account uses the address that was at work on the target before the dwell time, that the alert's act
    has not touched, and that no late alert of the detection names: from where it works is no consequence of this act."""
    who = text(row, "actor")
    actor = facts.actor
    touched = {each.value for each in actor.derived} | {each.identity.value for each in actor.derived}
    if number(row, "actors") != 1 or not who or who in {*touched, *actor.recipients, *actor.targets}:
        return False
    raised = (moment(other, "created_at") for other, _ in _alerts_naming(facts, who))
    if any(when is None or when >= facts.dwell_start for when in raised):
        return False
    return any(
        text(other, "actor") == who and facts.settled(other) and done(other) > 0
        for found in facts.named("target_history")
        for other in found.rows
    )


def _alerts_naming(facts: Facts, who: str) -> list[tuple[Row, Evidence]]:
    """Other alerts of the detection with an account in their title."""
    whole = re.compile(rf"(?<![\w.@-]){re.escape(who)}(?![\w@-])", re.IGNORECASE)
    return [
        (other, found)
        for found in facts.evidence
        if found.source is Source.HISTORY and found.key == "history" and not found.error
        for other in found.rows
        if whole.search(text(other, "title")) and text(other, "alert_id") != facts.alert.id
    ]


def _known_account(facts: Facts, row: Row, entry: Evidence) -> Iterator[Signal]:
    """Whose account it was that came from an unknown address, where it is one that was here before or has alerts.

    It answers nothing, since an account can be stolen: the alerts of that account are to be read beside this one.
    """
    who = text(row, "actor")
    if number(row, "actors") != 1 or not who:
        return
    before_dwell = [
        (other, found)
        for found in (*facts.named("target_history"), entry)
        for other in found.rows
        if text(other, "actor") == who and facts.older(other, SETTLED)
    ]
    alerts = _alerts_naming(facts, who)
    if not before_dwell and not alerts:
        return
    said = [f"{plain(text(row, 'address'))} was used by {named(who)}"]
    if before_dwell:
        first = min(moment(other, "first_seen") or facts.actor.moment for other, _ in before_dwell)
        said.append(f"an account at work on the target since {first:%Y-%m-%d} or earlier")
    if alerts:
        last = max((other for other, _ in alerts), key=lambda each: text(each, "created_at"))
        many = (
            f"{len(alerts)} other alerts of this detection name"
            if len(alerts) > 1
            else "another alert of this detection names"
        )
        said.append(f"whom {many}, the last of {text(last, 'created_at')[:10]} ({plain(text(last, 'alert_id'))})")
    cited = list(dict.fromkeys(found.id for _, found in (*before_dwell[:1], *alerts)))
    yield signal(
        "stranger_known",
        f"{', '.join(said)}.",
        [entry, *(each for each in facts.evidence if each.id in cited and each is not entry)],
    )


def new_target(facts: Facts) -> Iterator[Signal]:
    """What was acted on, or who was let in, never occurs in this log before; what the act itself creates is new anyway."""
    actor = facts.actor
    if not actor.targets or actor.refused:
        return
    if any(is_of_class(actor.log_type, action, ActionClass.CREATION) for action in actor.actions):
        return
    if actor.actions and all(is_of_class(actor.log_type, action, ActionClass.DELETION) for action in actor.actions):
        # What is deleted was there before, whether or not the log names what made it.
        return
    if _varies(facts) or _are_known_people(facts):
        return
    for entry in facts.named("target_history"):
        if not entry.row_count:
            many = f"any of the {len(actor.targets)} targets"
            shown = shown_object(actor.targets[0]) if len(actor.targets) == 1 else many
            sentence = f"{log_name(entry)} has no action on {shown or 'the target'} {before(facts, [entry])}."
            yield signal("new_target", sentence, [entry], absence=True)
            return


def _are_known_people(facts: Facts) -> bool:
    """Whether the act was on the actor themselves, or on somebody who was at work here before: nobody new, though nobody
    had done anything to them yet."""
    actor = facts.actor
    known = {actor.identity, *actor.aliases, *actor.people}
    known |= {each.value for each in actor.derived if past_of(facts, each).existed}
    return {target.casefold() for target in actor.targets} <= {name.casefold() for name in known}


def _varies(facts: Facts) -> bool:
    """Whether the actor's same act was on another object each day: tonight's snapshot is new, as last night's was."""
    rows = [
        row
        for entry in facts.named("actor_profile")
        for row in entry.rows
        if text(row, "action") in facts.actor.actions and done(row) > 0
    ]
    return any(number(row, "targets") >= number(row, "days") >= VARYING_DAYS and facts.settled(row) for row in rows)


def _opened(facts: Facts, row: Row) -> bool:
    first = moment(row, "first_seen")
    return first is not None and facts.actor.moment < first <= facts.actor.last + HOURS
