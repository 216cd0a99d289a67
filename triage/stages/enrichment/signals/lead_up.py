"""What the actor did in the hours before the alert: harm that the alert's own act says nothing of."""

from collections.abc import Iterator

from triage.domain.signal import Signal
from triage.logtypes import Harm
from triage.stages.enrichment.signals import aftermath, calls
from triage.stages.enrichment.signals.facts import Facts, signal
from triage.stages.enrichment.signals.followups import Step, earlier_steps
from triage.stages.enrichment.signals.wording import earlier

KINDS = 4
"""Kinds of harm that are told."""


def harm_before(facts: Facts) -> Iterator[Signal]:
    """Harm by kind, read as that of the aftermath is: less what is the actor's usual work."""
    by_kind: dict[Harm, tuple[Step, float]] = {}
    graded = list(aftermath.weighed(facts, earlier_steps(facts)))
    for step, serious in aftermath.counted(graded):
        if not _sets_up(facts, step):
            by_kind.setdefault(step.harm, (step, serious))
    for index, (step, serious) in enumerate(list(by_kind.values())[:KINDS]):
        done = f"{facts.who} {aftermath.performed(step)} ({step.harm.value})"
        name = "harm_before_more" if index else "harm_before"
        yield signal(name, f"{earlier(facts, step.first)} {done}.", [step.entry], scale=serious)


def _sets_up(facts: Facts, step: Step) -> bool:
    """Whether a step creates what the alert's own act then equips: both are one act."""
    if not aftermath.makes(step) or facts.actor.moment - step.first > aftermath.SET_UP:
        return False
    own = (calls.harm_of_alert(facts, facts.actor.log_type, action) for action in facts.actor.actions)
    return step.harm in aftermath.SETTING_UP and any(
        note is not None and note.harm in aftermath.SETTING_UP for note in own
    )
