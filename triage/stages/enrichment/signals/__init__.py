"""Signals: what the answers say, as weighed facts. Pure functions from evidence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from triage.domain.alert import Alert
from triage.domain.citation import cite
from triage.domain.detection import Detection
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.settings import AllowedActivity
from triage.stages.enrichment.actor import AlertActor
from triage.stages.enrichment.signals import (
    aftermath,
    attempts,
    awaited,
    calls,
    companions,
    countries,
    departed,
    derived,
    devices,
    elsewhere,
    history,
    intelligence,
    lead_up,
    others,
    own_making,
    own_question,
    parties,
    place,
    runs,
    sessions,
    tampering,
    target,
    teardown,
    way_in,
)
from triage.stages.enrichment.signals.facts import Facts
from triage.stages.enrichment.signals.precedent import DWELL, read_matches
from triage.stages.enrichment.signals.wording import only_known_names

RULES: tuple[Callable[[Facts], Iterator[Signal]], ...] = (
    others.allowed,
    others.unexamined,
    history.own_history,
    history.peers,
    history.same_command,
    history.looking_around,
    history.hours,
    history.automation,
    history.volume,
    own_question.amounts,
    own_question.parts,
    own_question.recipients,
    parties.recipients,
    parties.given_to_self,
    parties.flows,
    place.addresses,
    way_in.way_in,
    countries.countries,
    intelligence.addresses,
    departed.departed,
    sessions.sessions,
    place.sign_ins,
    devices.devices,
    elsewhere.elsewhere,
    place.staff,
    calls.parties,
    tampering.protections,
    lead_up.harm_before,
    aftermath.aftermath,
    companions.what_usually_follows,
    teardown.torn_down,
    own_making.own_making,
    own_making.others_property,
    runs.whole_run,
    awaited.came_after_all,
    derived.derived_use,
    derived.account_of_pod,
    target.strangers,
    target.undone_by_others,
    target.new_target,
    attempts.refused,
    others.other_alerts,
    others.outcomes,
    others.earlier_judgements,
    others.generic,
)
"""In the order in which their signals are listed."""
ABOUT_THE_ALERT = (others.allowed, others.unexamined, others.outcomes, others.generic)
"""Rules that judge the alert as a whole; they are asked once."""
_OF_THE_ALERT = {"allowed", "unexamined_actors", "outcome_history", "outcome_handled"}


def measure(
    alert: Alert,
    detection: Detection,
    actors: Sequence[AlertActor],
    evidence: Sequence[Evidence],
    *,
    allowed: Sequence[AllowedActivity] = (),
    now: datetime,
    unexamined: Sequence[str] = (),
    dwell: timedelta = DWELL,
) -> tuple[Signal, ...]:
    """Read the evidence of one alert, for each of its actors by itself.

    Args:
        alert: The alert itself.
        detection: The detection behind it.
        actors: Who did what; the busiest first.
        evidence: All answers, numbered.
        allowed: The operator's list.
        now: The present moment.
        dwell: What is younger than this vouches for nobody.
        unexamined: Further actors, about whom not all was asked.
    """
    by_id = {entry.id: entry for entry in evidence}
    found: list[Signal] = []
    for actor in actors:
        about = tuple(entry for entry in evidence if entry.subject in ("", actor.identity))
        facts = Facts(
            alert,
            detection,
            actor,
            about,
            now,
            tuple(allowed),
            tuple(actors),
            tuple(unexamined),
            dwell,
            read_matches(about),
        )
        rules = RULES if actor is actors[0] else tuple(rule for rule in RULES if rule not in ABOUT_THE_ALERT)
        measured = [signal for rule in rules for signal in rule(facts)]
        signals = _balanced(history.only_habits(measured, facts))
        subject = actor.identity if len(actors) > 1 else ""
        found += [
            _cited(_dated(_named(signal, facts, by_id), actor), by_id).model_copy(
                update={"subject": "" if signal.name in _OF_THE_ALERT else subject}
            )
            for signal in signals
        ]
    return tuple(found)


def _balanced(found: list[Signal]) -> list[Signal]:
    """One actor's signals, those that explain each other away made lighter."""
    names = {signal.name for signal in found}
    if "first_seen_actor" in names:
        # What colleagues do explains nothing of somebody whom the log has never seen.
        found = [signal for signal in found if signal.name not in {"common_here", "team_routine"}]
    if "new_device" in names:
        # The owner may have been talked into giving the factor to somebody else's browser.
        found = [
            _lighter(signal.model_copy(update={"vouches": False})) if signal.name == "verified_sign_in" else signal
            for signal in found
        ]
    if "routine" in names:
        # Whose duty it is needs no colleague's example.
        found = [signal for signal in found if signal.name not in {"common_here", "team_routine"}]
        # The whole run's habit holds that of the act.
        found = [_lighter(signal) if signal.name == "run_as_before" else signal for signal in found]
    if "burst" in names:
        found = [signal for signal in found if signal.name not in {"usual_amount", "unusual_amount"}]
        # Others may do it every day; nobody does so much of it.
        found = [_lighter(signal) if signal.name in {"team_routine", "common_here"} else signal for signal in found]
    if any(signal.name in _ABOUT_ANOTHER and signal.weight >= STRONG for signal in found):
        # The actor may have been tricked: what is usual for them says little about what was made of it.
        found = [_lighter(signal) if signal.name in _ABOUT_THE_ACTOR else signal for signal in found]
    return found


JUST_BEFORE = timedelta(hours=1)
"""What a source of a young alert may not have delivered yet, and what no habit depends on."""


def _dated(signal: Signal, actor: AlertActor) -> Signal:
    """An absence is about the time before the alert, unless its rule says up to when it has to be proven."""
    if not signal.absence or signal.absent_until is not None:
        return signal
    return signal.model_copy(update={"absent_until": actor.moment - JUST_BEFORE})


def _named(signal: Signal, facts: Facts, evidence: Mapping[str, Evidence]) -> Signal:
    return only_known_names(signal, facts, [evidence[name] for name in signal.evidence])


def _cited(signal: Signal, evidence: Mapping[str, Evidence]) -> Signal:
    cited = [
        citation
        for name in signal.evidence
        for citation in cite(signal.sentence, evidence[name], until=signal.absent_until)
    ]
    return signal.model_copy(update={"citations": tuple(cited)})


STRONG = 1.5
"""From this weight on, what was made of a change outweighs who made it."""
_ABOUT_ANOTHER = {
    "derived_used",
    "derived_harm",
    "recipient_harm",
    "stranger_on_target",
    "opened_to_strangers",
    "given_to_self",
}
_ABOUT_THE_ACTOR = {
    "routine",
    "seen_before",
    "known_address",
    "quiet_aftermath",
    "routine_aftermath",
    "team_routine",
    "run_as_before",
    "torn_down",
    "usual_amount",
    "recipient_works_here",
}


def _lighter(signal: Signal) -> Signal:
    return signal.model_copy(update={"weight": round(signal.weight * 0.4, 3)})


__all__ = ["measure"]
