"""Signals: what the answers say, as weighed facts. Pure functions from evidence."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from triage.domain.alert import Alert
from triage.domain.detection import Detection
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.settings import AllowedActivity
from triage.stages.enrichment.signals import aftermath, history, others, place
from triage.stages.enrichment.signals.facts import Facts
from triage.stages.enrichment.subject import Subject

RULES: tuple[Callable[[Facts], Iterator[Signal]], ...] = (
    others.allowed,
    history.own_history,
    history.peers,
    history.hours,
    history.recipients,
    history.flows,
    place.addresses,
    place.sessions,
    place.sign_ins,
    place.staff,
    aftermath.aftermath,
    aftermath.target_use,
    aftermath.refused,
    others.other_alerts,
    others.outcomes,
    others.generic,
)
"""In the order in which their signals are listed."""


def measure(
    alert: Alert,
    detection: Detection,
    subject: Subject,
    evidence: Sequence[Evidence],
    *,
    allowed: Sequence[AllowedActivity] = (),
    now: datetime,
) -> tuple[Signal, ...]:
    """Read the evidence of one alert.

    Args:
        alert: The alert itself.
        detection: The detection behind it.
        subject: Who did what, as the questions asked it.
        evidence: All answers, numbered.
        allowed: The operator's list.
        now: The present moment.
    """
    facts = Facts(alert, detection, subject, tuple(evidence), now, tuple(allowed))
    found = [signal for rule in RULES for signal in rule(facts)]
    if any(signal.name == "routine" for signal in found):
        # Whose duty it is needs no colleague's example.
        found = [signal for signal in found if signal.name not in {"common_here", "team_routine"}]
    return tuple(found)


__all__ = ["measure"]
