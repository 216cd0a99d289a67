"""What followed: harm, routine, nothing, or the change taken back."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from triage.domain.clean import plain
from triage.domain.signal import Signal
from triage.logtypes import Harm, knows_harmful_actions
from triage.logtypes.parameters import from_lake
from triage.logtypes.parties import harm_of_call
from triage.stages.enrichment.signals import calls, companions, quiet, runs, teardown
from triage.stages.enrichment.signals.derived import looked_at, looked_at_names
from triage.stages.enrichment.signals.facts import Facts, done, moment, number, plural, signal, text
from triage.stages.enrichment.signals.followups import Step, steps
from triage.stages.enrichment.signals.inverses import inverses
from triage.stages.enrichment.signals.networks import novelty
from triage.stages.enrichment.signals.place import check_addresses
from triage.stages.enrichment.signals.reversal import Object, acts_of_alert, left_undone, object_of, opposites
from triage.stages.enrichment.signals.runs import NAMED
from triage.stages.enrichment.signals.wording import clock, did, earlier, later, log_name, on_object, times

SETTLING = timedelta(hours=2)
"""What a watch over the aftermath should have lasted to count in full."""
SETTING_UP = {Harm.PERSISTENCE, Harm.PRIVILEGE, Harm.EXECUTION, Harm.EXPOSURE}
_CREATION = re.compile(r"(?i)(create|add|register)(?!.*(key|login|user|credential|mfa))")
UNCERTAIN = 0.5
"""What is left of an opposite act whose object is unknown, or that took back only a part."""
REPLACED = 0.9
"""What is left where another setting of the same resource took the place of the one before: what it does isn't known."""
SET_UP = timedelta(minutes=15)
"""Creating something and equipping it is done within this."""
_COMPLETE = {Harm.COLLECTION, Harm.CREDENTIALS, Harm.EXPOSURE}


def aftermath(facts: Facts) -> Iterator[Signal]:
    """Harm that followed, by kind; else what its absence is worth."""
    followed = steps(facts)
    graded = list(weighed(facts, followed))
    by_kind: dict[Harm, tuple[Step, float]] = {}
    for step, serious in counted(graded):
        by_kind.setdefault(step.harm, (step, serious))
    for index, (step, serious) in enumerate(list(by_kind.values())[:4]):
        # In another run of the role it weighs the same: a new session is opened in a moment.
        name = "other_run_harm" if step.run == runs.OTHER else "harmful_aftermath"
        yield signal(f"{name}_more" if index else name, _told(facts, step), [step.entry], scale=serious)
    yield from _other_runs(facts, [step for step, serious in graded if step.run == runs.OTHER and not serious])
    routine = [step for step in followed if step.routine and step.run != runs.OTHER]
    if routine and not by_kind:
        step = routine[0]
        who = f"this run of {facts.who}" if step.run == runs.THIS else facts.who
        days = plural(calls.earlier_days(facts)[step.action], "earlier day")
        sentence = f"{later(facts, step.first)} {who} {performed(step)}, as on at least {days}."
        yield signal("routine_aftermath", sentence, [step.entry])
    if not by_kind:
        if quiet.quiet_allowed(facts):
            yield from _quiet(facts)
        yield from _reverted(facts)


def weighed(facts: Facts, followed: Sequence[Step]) -> Iterator[tuple[Step, float]]:
    """Each step with what is left of its seriousness once habit has excused what it can.

    A stolen session does its owner's work as a cover: from an unknown place, or at an hour at which a program never
    ran, routine excuses only half. So it does where the habit is that of other runs of a role.
    """
    unfamiliar = check_addresses(facts).unfamiliar
    run = runs.compare(facts)
    moving = novelty(facts)
    for step in followed:
        left = 1.0
        if step.routine:
            # Another log has a rhythm of its own, which nobody has asked for, and may not say from where.
            own_log = step.entry.log_type == facts.actor.log_type
            here = unfamiliar and (own_log or bool(step.address))
            strange = here if step.run != runs.OTHER else runs.is_strange_place(facts, step.address)
            # A new place says little of a role that has one at every run, where the run itself is no new one.
            known = step.run == runs.OTHER or (run is not None and run.same)
            apart = step.run != runs.OTHER and run is not None and step.action in run.apart
            odd = facts.off_schedule and step.run != runs.OTHER and own_log
            left = 0.5 if odd or apart else 0.5 * (moving if known else 1.0) if strange else 0.0
        elif step.run != runs.OTHER and _is_explained(facts, step):
            left = companions.LEFT
        yield step, step.seriousness * left


def _is_explained(facts: Facts, step: Step) -> bool:
    """Whether the step is what usually comes with the act, soon after it or, out of order, soon before."""
    soon = facts.actor.moment - step.first <= companions.WITHIN
    ends = step.first >= facts.actor.moment and teardown.is_usual_end(facts, step.action)
    return soon and (ends or companions.is_explained(facts, step.action, step.first, step.times))


def _told(facts: Facts, step: Step) -> str:
    """What was done when, and in whose run."""
    when, what = later(facts, step.first), f"{performed(step)} ({step.harm.value})"
    match step.run:
        case runs.OTHER:
            known = "" if step.routine else f", new for the role since {facts.dwell_start:%Y-%m-%d}"
            place = f" from {plain(step.address)}" if step.address else ""
            return f"{when} another run of {facts.who} {what}{place}{known}."
        case runs.THIS:
            run = runs.compare(facts)
            apart = run is not None and step.routine and step.action in run.apart
            usual = ", so far the work of other runs of the role" if apart else ""
            return f"{when} this run of {facts.who} {what}{usual}."
        case runs.UNKNOWN:
            return f"{when} {facts.who} {what}, in this run or another."
    return f"{when} {facts.who} {what}."


def performed(step: Step) -> str:
    """The act as a verb, how often if more than once, and on which object."""
    known = step.targets > 0 or step.times == 1
    return f"{did(step.action, step.entry.log_type)}{times(step.times)}{on_object(step.target, step.targets - 1) if known else ''}"


def _other_runs(facts: Facts, steps: Sequence[Step]) -> Iterator[Signal]:
    """What other runs of the role did as usual in the meantime: seen, and no fact about this one."""
    if steps:
        acts = list(dict.fromkeys(plain(step.action) for step in steps))
        more = f" and {len(acts) - NAMED} more" if len(acts) > NAMED else ""
        days = plural(calls.ROUTINE_DAYS, "earlier day")
        sentence = (
            f"After the alert other runs of {facts.who} did {', '.join(acts[:NAMED])}{more}, as on at least {days}."
        )
        yield signal("other_runs", sentence, [steps[0].entry])


def counted(graded: Sequence[tuple[Step, float]]) -> Iterator[tuple[Step, float]]:
    """The steps that count, the gravest first. The calls that set one new thing up are one act, told by its gravest."""
    made = [step.first for step, _ in graded if step.harm in SETTING_UP and makes(step)]
    told: list[Step] = []
    for step, serious in sorted(graded, key=lambda item: -item[1]):
        part = step.harm in SETTING_UP and any(abs(first - step.first) <= SET_UP for first in made)
        if serious <= 0 or (part and any(abs(other.first - step.first) <= SET_UP for other in told)):
            continue
        yield step, serious
        if part:
            told.append(step)


def makes(step: Step) -> bool:
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
        sentence = (
            f"From the alert until {clock(facts, until)}, {log_name(entry)} shows no harmful action that was new for "
            f"{looked_at_names(facts)}."
        )
        yield signal(
            "quiet_aftermath", sentence, [entry, *looked_at(facts)], scale=scale, absence=True, absent_until=until
        )


def _reverted(facts: Facts) -> Iterator[Signal]:
    """The opposite act came soon; in full where it was done to the same object, and to all that the alert harmed."""
    again = _set_again(facts) or _replaced_before(facts)
    if again is not None:
        yield again
        return
    uncertain: Signal | None = None
    for entry in facts.read("reverted", "action", "first_seen"):
        for row in entry.rows:
            action, last = text(row, "action"), moment(row, "last_seen") or moment(row, "first_seen")
            first = moment(row, "first_seen")
            if first is None or last is None or done(row) <= 0 or first > facts.actor.last + SETTLING:
                continue
            undone = opposites(facts, action, last)
            own = number(row, "on_target") if "on_target" in row else None
            about = object_of(facts, undone, text(row, "target"), targets=number(row, "targets") or 1, on_target=own)
            if not undone or about is Object.OTHER:
                continue
            left = next(left_undone(facts, [action, *(act.action for act in undone)]), "")
            if about is Object.REPLACED and not left:
                back = f"{later(facts, first)} {facts.who} {did(action, entry.log_type)}{on_object(text(row, 'target'), 0)}"
                sentence = f"{back}, another of its kind on the same resource."
                yield signal("reverted", sentence, [entry], scale=REPLACED)
                return
            if about is Object.SAME and not left:
                what = f"{facts.who} {did(action, entry.log_type)}"
                several = number(row, "targets") or 1
                if several > 1:
                    # Such a row names one of them only, which need not be the alert's.
                    what = f"{later(facts, first)} {what} on {several} objects, those of the alert among them"
                else:
                    what = f"{later(facts, first)} {what}{on_object(text(row, 'target'), 0)}"
                yield signal("reverted", f"{what}, the reverse of {plain(undone[0].action)}.", [entry])
                return
            if action in facts.actor.actions:
                # A step of the alert's own work, which set up as much as it took back.
                continue
            what = f"{plain(left)} was not taken back" if left else "on which object, the log doesn't tell"
            sentence = f"{later(facts, first)} {facts.who} {did(action, entry.log_type)}, which may have undone the change; {what}."
            uncertain = uncertain or signal("reverted", sentence, [entry], scale=UNCERTAIN)
    if uncertain is not None:
        yield uncertain


def _replaced_before(facts: Facts) -> Signal | None:
    """Before it took a protection away the same actor had made another of its kind, which stands.

    Whether that one covers the same isn't known: a log names what is deleted by its id alone.
    """
    acts = acts_of_alert(facts)
    taken, objects = {act.action for act in acts}, {act.target.casefold() for act in acts}
    harms = [calls.harm_of_alert(facts, facts.actor.log_type, action) for action in taken]
    if not all(harm is not None and harm.harm is Harm.EVASION for harm in harms) or objects <= {""}:
        return None
    for entry in facts.read("reverted", "action", "targets", "on_target"):
        if any(number(row, "targets") > number(row, "on_target") for row in entry.rows if text(row, "action") in taken):
            # The other one may be among them.
            return None
    for entry in facts.read("harm_before", "action", "targets", "on_target", "last_seen"):
        for row in entry.rows:
            action, last = text(row, "action"), moment(row, "last_seen")
            others = number(row, "targets") - number(row, "on_target")
            if last is None or last > min(act.at for act in acts) or done(row) <= 0 or others < len(objects):
                continue
            if taken & {*inverses(action)} and text(row, "target").casefold() not in {"", *objects}:
                made = f"{did(action, entry.log_type)}{on_object(text(row, 'target'), int(others) - 1)}"
                sentence = (
                    f"{earlier(facts, last)} {facts.who} {made}, another of the kind that is taken away, and it stands."
                )
                return signal("reverted", sentence, [entry], scale=REPLACED)
    return None


def _set_again(facts: Facts) -> Signal | None:
    """The same setting was written once more, on the same object and now to something harmless, as its parameters show.

    Soon: while it was off, anybody may have come in, and that is not looked for.
    """
    actor = facts.actor
    if len(actor.targets) != 1 or len(actor.actions) != 1:
        return None
    (action,), (target,) = actor.actions, actor.targets
    for entry in facts.named("harm_parameters"):
        later_calls = [
            (at, row)
            for row in entry.rows
            if text(row, "action") == action
            and text(row, "target").casefold() == target.casefold()
            and (at := moment(row, "first_seen")) is not None
            and at > actor.last
        ]
        if entry.log_type != actor.log_type or entry.truncated or not later_calls:
            continue
        at, row = max(later_calls, key=lambda each: each[0])
        note = harm_of_call(entry.log_type, action, [from_lake(text(row, "parameters"))], calls.organisation(facts))
        if note is None and at <= actor.last + SET_UP and calls.harm_of_alert(facts, entry.log_type, action):
            sentence = (
                f"{later(facts, at)} {facts.who} {did(action, entry.log_type)}{on_object(target)} once more, with settings "
                f"that do no harm."
            )
            return signal("reverted", sentence, [entry])
    return None
