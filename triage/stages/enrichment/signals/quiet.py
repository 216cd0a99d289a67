"""When "nothing harmful followed" may be said: only where nothing that was looked at says otherwise.

A rule that finds harm elsewhere adds itself to `BLOCKERS`.
"""

from collections.abc import Callable, Iterator

from triage.domain.signal import Direction
from triage.logtypes import Harm, harmful_action
from triage.stages.enrichment.signals import attempts, calls, derived, followups, own_question, place, target
from triage.stages.enrichment.signals.facts import Facts, done, moment, number, text

_TAKING = {Harm.COLLECTION, Harm.CREDENTIALS}


def quiet_allowed(facts: Facts) -> bool:
    """Whether no blocker speaks against it."""
    return next(blockers(facts), "") == ""


def blockers(facts: Facts) -> Iterator[str]:
    """What speaks against saying that nothing harmful followed, in words."""
    for find in BLOCKERS:
        why = find(facts)
        if why:
            yield why


def _outsiders(facts: Facts) -> str:
    found = next(target.strangers(facts), None)
    return found.sentence if found is not None else ""


def _derived(facts: Facts) -> str:
    """Identities that the act made or reaches did harm, or could not be looked at."""
    harm = (found.sentence for found in derived.derived_use(facts) if found.direction is Direction.MALICIOUS)
    return derived.unseen(facts) or next(harm, "")


def _recipient(facts: Facts) -> str:
    """Whoever was given something did harm with it."""
    harm = (each.sentence for each in own_question.recipients(facts) if each.direction is Direction.MALICIOUS)
    return next(harm, "")


def _sign_ins(facts: Facts) -> str:
    found = next(place.sign_ins(facts), None)
    return found.sentence if found is not None else ""


def _refusals(facts: Facts) -> str:
    found = next(attempts.refused(facts), None)
    return found.sentence if found is not None else ""


def _parties(facts: Facts) -> str:
    found = next(calls.parties(facts), None)
    return found.sentence if found is not None else ""


def _taking(facts: Facts) -> str:
    """Reading secrets or data afterwards, even where it is routine: stolen sessions do their owners' reading."""
    steps = (step for step in followups.steps(facts) if step.harm in _TAKING)
    return next((f"{step.action} followed" for step in steps), "")


def _target(facts: Facts) -> str:
    """Others did harm to the target, or as the target."""
    for entry in facts.named("target_after"):
        if followups.harm_was_cut(entry):
            return "what was done to the target was cut"
        for row in entry.rows:
            first = moment(row, "first_seen")
            known = text(row, "action") in facts.actor.actions
            if done(row) > 0 and not known and first is not None and first > facts.actor.moment:
                note = harmful_action(entry.log_type, text(row, "action"))
                if note is not None and calls.harm_of(facts, entry.log_type, text(row, "action")) is not None:
                    return f"{text(row, 'actor')} did {text(row, 'action')} to the target"
    return ""


def _cut(facts: Facts) -> str:
    """Answers in which harm may have been cut off, or that failed."""
    for name in ("actor_after", "actor_soon_after"):
        for entry in facts.evidence:
            if entry.key.endswith(f".{name}") and (entry.error or followups.harm_was_cut(entry)):
                return f"{entry.key} is not complete"
    return ""


def _failures(facts: Facts) -> str:
    """The alert's own refusals went on until one succeeded."""
    total = sum(number(row, "refused") for entry in facts.named("actor_after") for row in entry.rows)
    return f"{total} further calls were refused" if total >= 2 * attempts.REFUSED else ""


BLOCKERS: list[Callable[[Facts], str]] = [
    _outsiders,
    _derived,
    _recipient,
    _sign_ins,
    _refusals,
    _failures,
    _parties,
    _taking,
    _target,
    _cut,
]
"""Each says why not; empty where it knows nothing against it."""
