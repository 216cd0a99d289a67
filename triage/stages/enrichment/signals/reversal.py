"""Whether what followed took the alert's act back: the opposite act, afterwards, and on the same object.

Another key deleted than the one that was made is a rotation, or an attacker who locks the owner out; another log switched
on than the one that was switched off leaves that one off. So an opposite act counts in full only where its object is
known to be what the alert's act made or touched, and counts for nothing where it is known to be another. A setting of a
resource that is written anew under another name is taken for the one before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.domain.derived import Relation
from triage.domain.question import ActionClass
from triage.domain.times import parse_time
from triage.logtypes import Harm, terms_of
from triage.logtypes.terms import take
from triage.questions import is_of_class
from triage.stages.enrichment.signals import calls
from triage.stages.enrichment.signals.facts import Facts
from triage.stages.enrichment.signals.inverses import inverses

_DEPTH = 4
"""Parts of a path from which on it names a resource and a setting of it, rather than a folder of many."""


class Object(StrEnum):
    """What an opposite act was done to, beside the alert's act."""

    SAME = "same"
    REPLACED = "replaced"
    """Another of its kind on the same resource, in place of a protection that was switched off."""
    UNKNOWN = "unknown"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Act:
    """What the alert's actor did, once."""

    action: str
    target: str
    """Empty where the log doesn't tell."""
    at: datetime


def acts_of_alert(facts: Facts) -> tuple[Act, ...]:
    """The acts of the alert, from its events; without these, what is known of the actor."""
    found = []
    for row, _ in calls.alert_events(facts):
        terms = terms_of(str(row.get("p_log_type")))
        if "action" not in terms:
            continue
        target = take(row, terms["target"].take) if "target" in terms else ""
        at = parse_time(row.get("p_event_time")) or facts.actor.moment
        found.append(Act(take(row, terms["action"].take), target, at))
    if found:
        return tuple(found)
    actor = facts.actor
    return tuple(Act(action, target, actor.moment) for action in actor.actions for target in actor.targets or ("",))


def opposites(facts: Facts, action: str, last: datetime) -> tuple[Act, ...]:
    """The acts of the alert that an act undoes by its name, and that it came after."""
    return tuple(act for act in acts_of_alert(facts) if action in inverses(act.action) and last > act.at)


def object_of(
    facts: Facts, undone: Sequence[Act], target: str, *, targets: int = 1, on_target: int | None = None
) -> Object:
    """Whether an opposite act was about what the alert's acts made or touched.

    Args:
        undone: From `opposites`.
        target: Of the opposite act, or one of several; empty if unknown.
        targets: How many it had.
        on_target: How many of the alert's own targets are among them; `None` if unknown.
    """
    if not target:
        return Object.UNKNOWN
    touched = {act.target.casefold() for act in undone if act.target}
    made = [each.value for each in facts.actor.derived if each.relation is Relation.MADE]
    if any(_is_made(target, value) for value in made):
        return Object.SAME if len(made) == 1 else Object.UNKNOWN
    if not touched:
        return Object.UNKNOWN
    if targets <= 1 and any(_replaces(facts, act, target) for act in undone):
        return Object.REPLACED
    if on_target is None:
        if target.casefold() not in touched:
            return Object.OTHER if targets <= 1 else Object.UNKNOWN
    elif not on_target:
        return Object.OTHER
    else:
        targets = on_target
    if any(_is_one_of_many(facts, act) for act in undone):
        # On the same account; which of its keys or factors, the log's target doesn't tell.
        return Object.UNKNOWN
    return Object.SAME if targets >= len(touched) else Object.UNKNOWN


def _is_one_of_many(facts: Facts, act: Act) -> bool:
    """Whether an act was about one of the keys or second factors of its target, which may have several."""
    log_type = facts.actor.log_type
    if is_of_class(log_type, act.action, ActionClass.KEY_CREATION):
        return True
    harm = calls.harm_of_alert(facts, log_type, act.action)
    return harm is not None and harm.harm is Harm.PERSISTENCE and "@" in act.target


def _replaces(facts: Facts, act: Act, target: str) -> bool:
    """Whether a target is another setting of the same resource: a path that differs in its last part alone."""
    harm = calls.harm_of_alert(facts, facts.actor.log_type, act.action)
    if harm is None or harm.harm is not Harm.EVASION or target.casefold() == act.target.casefold():
        return False
    parent, slash, _ = act.target.casefold().rpartition("/")
    return bool(slash) and parent.count("/") >= _DEPTH and target.casefold().rpartition("/")[0] == parent


def _is_made(target: str, value: str) -> bool:
    """Whether a target is what the act made; the last part of a path is the new thing's own id."""
    return target.casefold() == value.casefold() or (
        "/" in value and target.rpartition("/")[2].casefold() == value.rpartition("/")[2].casefold()
    )


def left_undone(facts: Facts, taken_back: Sequence[str]) -> Iterator[str]:
    """Harmful acts of the alert that were not taken back."""
    for action in facts.actor.actions:
        if action not in taken_back and calls.harm_of_alert(facts, facts.actor.log_type, action) is not None:
            yield action
