"""Whether what a protection was on is gone as well: deleted within the hour, as after the same act on earlier days.

Whoever tears a network down deletes its flow logs first. That is the actor's way only where every earlier occasion of
their own ended so, on separate days before the dwell time; whoever does it for the first time may be covering tracks.
"""

from collections.abc import Iterator
from datetime import date

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.globs import any_glob
from triage.domain.signal import Signal
from triage.logtypes import protections_taken
from triage.stages.enrichment.signals.companions import ACT, judgements_known
from triage.stages.enrichment.signals.facts import Facts, number, plural, signal, text
from triage.stages.enrichment.signals.history import HABIT_SPAN
from triage.stages.enrichment.signals.place import check_addresses
from triage.stages.enrichment.signals.precedent import WEEKLY_DAYS, Standing
from triage.stages.enrichment.signals.tampering import switched_off


def torn_down(facts: Facts) -> Iterator[Signal]:
    """What the alert's act took a protection from was deleted, as on the actor's earlier occasions."""
    found = _usual_end(facts)
    if found is not None:
        row, entry = found
        sentence = (
            f"{plain(text(row, 'action'))} followed within an hour, as on {plural(number(row, 'own_days'), 'day')} "
            f"from {text(row, 'own_first')[:10]} to {text(row, 'own_last')[:10]}: {facts.who} takes "
            f"{plain(facts.actor.actions[0])} as the first step of a teardown."
        )
        yield signal("torn_down", sentence, [entry])


def is_usual_end(facts: Facts, action: str) -> bool:
    """Whether a follow-up is the end of the actor's usual teardown, which says what the act was for."""
    found = _usual_end(facts)
    return found is not None and text(found[0], "action") == action


def _usual_end(facts: Facts) -> tuple[Row, Evidence] | None:
    """The follow-up by which the actor's teardowns end, and the answer that shows it."""
    actor = facts.actor
    if not actor.actions or actor.refused or not actor.log_type:
        return None
    if {action for action, _ in switched_off(facts)} != set(actor.actions):
        return None
    if facts.off_schedule or check_addresses(facts).unfamiliar or not judgements_known(facts):
        return None
    for entry in facts.named("usual_followups"):
        if not entry.complete or "own_days" not in entry.columns:
            continue
        act = next((row for row in entry.rows if text(row, "action") == ACT), None)
        found = [row for row in entry.rows if act is not None and _is_usual_end(facts, act, row)]
        if found:
            return max(found, key=lambda each: (number(each, "own_days"), text(each, "action"))), entry
    return None


def _is_usual_end(facts: Facts, act: Row, row: Row) -> bool:
    """Whether a follow-up deletes what the protection was on, did so on each earlier occasion, and does so now."""
    action = text(row, "action")
    for taken in facts.actor.actions:
        known = [each for each in protections_taken(facts.actor.log_type, taken) if any_glob(action, each.gone_by)]
        if not known:
            return False
        if all(each.same_target for each in known) and not 0 < number(row, "since") == number(row, "since_on_target"):
            return False
    now, before = number(row, "since"), number(row, "own_days")
    if before != number(act, "own_days") or not 0 < number(act, "since") <= now <= number(row, "most"):
        return False
    try:
        first, last = (date.fromisoformat(text(row, name)[:10]) for name in ("own_first", "own_last"))
    except ValueError:
        return False
    spoilt = sum(first <= day <= last for day in _spoilt_days(facts))
    return last - first >= HABIT_SPAN and before - spoilt >= WEEKLY_DAYS


def _spoilt_days(facts: Facts) -> set[date]:
    """Days with an alert on the act that is open or was handled, unless people closed another on the same act as invalid.

    One event raises several detections, and whoever closes one of the alerts has judged the event.
    """
    about = [match for match in facts.matches.found if match.action in ("", *facts.actor.actions)]
    dismissed = {match.day for match in about if match.standing is Standing.DISMISSED}
    return {match.day for match in about if match.spoils} - dismissed
