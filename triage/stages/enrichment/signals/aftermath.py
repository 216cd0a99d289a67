"""What followed: harm, routine, nothing, or the change taken back."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from triage.domain.signal import Signal
from triage.logtypes import Harm, knows_harmful_actions
from triage.stages.enrichment.signals import calls, quiet
from triage.stages.enrichment.signals.derived import looked_at, named
from triage.stages.enrichment.signals.facts import (
    Facts,
    done,
    moment,
    plain,
    plural,
    signal,
    text,
)
from triage.stages.enrichment.signals.followups import Step, inverses, steps
from triage.stages.enrichment.signals.place import check_addresses

SETTLING = timedelta(hours=2)
"""What a watch over the aftermath should have lasted to count in full."""
_SETTING_UP = {Harm.PERSISTENCE, Harm.PRIVILEGE, Harm.EXECUTION, Harm.EXPOSURE}
_CREATION = re.compile(r"(?i)(create|add|register)(?!.*(key|login|user|credential|mfa))")
SET_UP = timedelta(minutes=15)
"""Creating something and equipping it is done within this."""
_COMPLETE = {Harm.COLLECTION, Harm.CREDENTIALS, Harm.EXPOSURE}


def aftermath(facts: Facts) -> Iterator[Signal]:
    """Harm that followed, by kind; else what its absence is worth."""
    odd = check_addresses(facts).unfamiliar or facts.off_schedule
    followed = steps(facts)
    # A stolen session does its owner's work as a cover: from an unknown place, or at an hour at which a program never
    # ran, routine excuses only half.
    weighed = [
        (step, step.seriousness * (0.0 if step.routine and not odd else 0.5 if step.routine else 1.0))
        for step in followed
    ]
    by_kind: dict[Harm, tuple[Step, float]] = {}
    for step, serious in _acts(weighed):
        by_kind.setdefault(step.harm, (step, serious))
    for index, (step, serious) in enumerate(list(by_kind.values())[:4]):
        name = "harmful_aftermath" if index == 0 else "harmful_aftermath_more"
        sentence = f"Afterwards this actor did {plain(step.action)} ({step.harm.value}), {plural(step.times, 'time')}."
        yield signal(name, sentence, [step.entry], scale=serious)
    routine = [step for step in followed if step.routine]
    if routine and not by_kind:
        sentence = f"Afterwards this actor did {plain(routine[0].action)}, as on earlier days."
        yield signal("routine_aftermath", sentence, [routine[0].entry])
    if not by_kind:
        if quiet.quiet_allowed(facts):
            yield from _quiet(facts)
        yield from _reverted(facts)


def _acts(weighed: Sequence[tuple[Step, float]]) -> Iterator[tuple[Step, float]]:
    """The steps that count, the gravest first. The calls that set one new thing up are one act, told by its gravest."""
    made = [step.first for step, _ in weighed if step.harm in _SETTING_UP and _makes(step)]
    counted: list[Step] = []
    for step, serious in sorted(weighed, key=lambda item: -item[1]):
        part = step.harm in _SETTING_UP and any(abs(first - step.first) <= SET_UP for first in made)
        if serious <= 0 or (part and any(abs(other.first - step.first) <= SET_UP for other in counted)):
            continue
        yield step, serious
        if part:
            counted.append(step)


def _makes(step: Step) -> bool:
    """Whether a step creates something other than a way in for a person."""
    return bool(_CREATION.match(step.action))


def _quiet(facts: Facts) -> Iterator[Signal]:
    entry = facts.first("quiet_aftermath", "action", "address", "first_seen")
    if entry is None or entry.end is None or not facts.actor.identity or not knows_harmful_actions(entry.log_type):
        return
    until = min(each.proven_until or entry.end for each in (entry, *looked_at(facts)))
    watched = until - facts.actor.last
    scale = min(1.0, max(0.0, watched / SETTLING))
    done_already = {
        note.harm for action in facts.actor.actions if (note := calls.harm_of_alert(facts, entry.log_type, action))
    }
    if done_already & _COMPLETE:
        # Whoever took or gave away data has nothing left to do.
        scale *= 0.4
    if scale > 0:
        minutes = round(watched.total_seconds() / 60)
        span = plural(round(minutes / 60), "hour") if watched >= SETTLING else plural(minutes, "minute")
        sentence = f"{named(facts)} did nothing harmful that was new for them within {span} of the alert."
        yield signal(
            "quiet_aftermath", sentence, [entry, *looked_at(facts)], scale=scale, absence=True, absent_until=until
        )


def _reverted(facts: Facts) -> Iterator[Signal]:
    wanted = {inverse for action in facts.actor.actions for inverse in inverses(action)}
    for entry in facts.read("reverted", "action", "first_seen"):
        for row in entry.rows:
            first = moment(row, "first_seen")
            back = text(row, "action") in wanted and done(row) > 0
            if back and first is not None and facts.actor.moment < first <= facts.actor.last + SETTLING:
                yield signal("reverted", f"{plain(text(row, 'action'))} undid the change.", [entry])
                return
