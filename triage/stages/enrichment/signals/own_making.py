"""Whether the act is about something that the same actor had made shortly before: theirs to delete, change or copy.

An identity is none of these: a user or a role that was made minutes ago is a way in. Nor does it matter who made
what is then given to others.
"""

from collections.abc import Iterator
from datetime import timedelta

from triage.domain.base import Row
from triage.domain.evidence import Evidence
from triage.domain.question import ActionClass
from triage.domain.signal import Signal
from triage.logtypes import Harm, harmful_action, terms_of
from triage.logtypes.terms import take
from triage.questions.classes import is_of_class, says_it_creates
from triage.stages.enrichment.signals import calls
from triage.stages.enrichment.signals.facts import Facts, done, moment, number, signal, text
from triage.stages.enrichment.signals.place import check_addresses
from triage.stages.enrichment.signals.wording import did, earlier, named, on_object

A_DAY = timedelta(days=1)
_TAKES = {Harm.DESTRUCTION, Harm.COLLECTION}
_WAYS_IN = {Harm.PERSISTENCE, Harm.PRIVILEGE, Harm.CREDENTIALS}


def own_making(facts: Facts) -> Iterator[Signal]:
    """The target, or what the act copies, was created by the same actor within a day before."""
    actor = facts.actor
    if not actor.identity or not actor.actions or actor.refused:
        return
    if facts.off_schedule or check_addresses(facts).unfamiliar or _gives_away(facts):
        return
    if (cited := _owned(facts)) is not None:
        yield signal("own_making", f"All that the alert's acts are about belongs to {facts.who}.", [cited])
        return
    if all(_creates(actor.log_type, action) for action in actor.actions):
        source = _copied(facts)
        found = [each for entry in facts.named("actor_before") for each in _makings(facts, entry, source)]
        about = "of which the alert's act makes a copy"
    else:
        source = actor.targets[0] if len(actor.targets) == 1 else ""
        found = [each for entry in facts.named("target_history") for each in _of_targets(facts, entry)]
        about = "what the alert's act is about" if source else f"of which the alert's act is about {len(actor.targets)}"
    if found:
        row, entry = found[0]
        made = moment(row, "first_seen") or actor.moment
        sentence = f"{earlier(facts, made)} {facts.who} {did(text(row, 'action'), entry.log_type)}{on_object(source)}, {about}."
        yield signal("own_making", sentence, [entry])


def others_property(facts: Facts) -> Iterator[Signal]:
    """What the alert's acts take or destroy belongs to one other person."""
    note = next(
        (note for action in facts.actor.actions if (note := calls.harm_of_alert(facts, facts.actor.log_type, action))),
        None,
    )
    owners, cited = _owners(facts)
    if note is None or note.harm not in _TAKES or cited is None or len(owners) != 1:
        return
    (owner,) = owners
    if owner and owner not in _names(facts) and not cited.truncated:
        yield signal("others_property", f"All that the alert's acts are about belongs to {named(owner)}.", [cited])


def _owned(facts: Facts) -> Evidence | None:
    """The alert's events, where each of them says that the actor owns what it is about; else `None`."""
    owners, cited = _owners(facts)
    return cited if cited is not None and owners <= _names(facts) and not cited.truncated else None


def _names(facts: Facts) -> set[str]:
    return {facts.actor.identity.casefold(), *(name.casefold() for name in facts.actor.aliases)}


def _owners(facts: Facts) -> tuple[set[str], Evidence | None]:
    """Who owns what the alert's events are about; an empty name where an event doesn't say."""
    found = list(calls.alert_events(facts))
    owners = {
        take(row, term.take).casefold() if (term := terms_of(text(row, "p_log_type")).get("owner")) is not None else ""
        for row, _ in found
    }
    return owners, found[0][1] if found else None


def _gives_away(facts: Facts) -> bool:
    """Whether the alert's act lets others have something: then it decides who they are, not who made it."""
    own = (calls.harm_of_alert(facts, facts.actor.log_type, action) for action in facts.actor.actions)
    return any(note is not None and note.harm is Harm.EXPOSURE for note in own)


def _of_targets(facts: Facts, entry: Evidence) -> Iterator[tuple[Row, Evidence]]:
    """The creation of all of the alert's targets, before which nobody did anything to them."""
    if not entry.complete or "targets" not in entry.columns:
        return
    firsts = [first for row in entry.rows if (first := moment(row, "first_seen")) is not None]
    for row in entry.rows:
        own = text(row, "actor") in (facts.actor.identity, *facts.actor.aliases)
        whole = number(row, "targets") == len(facts.actor.targets)
        if own and whole and _made_lately(facts, entry, row) and moment(row, "first_seen") == min(firsts):
            yield row, entry


def _makings(facts: Facts, entry: Evidence, source: str) -> Iterator[tuple[Row, Evidence]]:
    """The creation of one object by the actor."""
    for row in entry.rows:
        one = number(row, "targets") == 1 and text(row, "target").casefold() == source.casefold()
        if source and one and _made_lately(facts, entry, row):
            yield row, entry


def _made_lately(facts: Facts, entry: Evidence, row: Row) -> bool:
    first, action = moment(row, "first_seen"), text(row, "action")
    note = harmful_action(entry.log_type, action)
    return (
        first is not None
        and facts.actor.moment - A_DAY <= first < facts.actor.moment
        and done(row) > 0
        and says_it_creates(action)
        and not is_of_class(entry.log_type, action, ActionClass.ACCOUNT_CREATION)
        and not is_of_class(entry.log_type, action, ActionClass.KEY_CREATION)
        and (note is None or note.harm not in _WAYS_IN)
    )


def _creates(log_type: str, action: str) -> bool:
    return is_of_class(log_type, action, ActionClass.CREATION)


def _copied(facts: Facts) -> str:
    """The one object of which the alert's acts make a copy, such as the database of a snapshot; empty if there is none.

    What a call makes is the first that the log type's file calls its target, and what it is made of comes next.
    """
    found = set()
    for row, _ in calls.alert_events(facts):
        log_type = text(row, "p_log_type")
        terms = terms_of(log_type)
        note = harmful_action(log_type, take(row, terms["action"].take)) if "target" in terms else None
        if note is None or note.harm is not Harm.COLLECTION:
            return ""
        named = list(dict.fromkeys(value for each in terms["target"].take if (value := take(row, (each,)))))
        found.add(named[1] if len(named) > 1 else "")
    return found.pop() if len(found) == 1 else ""
