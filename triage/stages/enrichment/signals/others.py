"""The operator's list, how this detection's alerts ended, other alerts, and log types without a playbook."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from math import log

from triage.domain.evidence import Source
from triage.domain.signal import Signal
from triage.settings import AllowedActivity
from triage.stages.enrichment.actor import AlertActor
from triage.stages.enrichment.signals.facts import Facts, day, moment, plain, plural, signal, text
from triage.stages.enrichment.signals.history import HABIT_DAYS

NAMED = 3
"""Other detections that a sentence names."""
JUDGED = 5
"""Earlier alerts that people must have judged before their outcome says anything."""


def allowed(facts: Facts) -> Iterator[Signal]:
    """The operator's own word; every condition of an entry must hold for every actor and address of the alert."""
    events = next((entry for entry in facts.evidence if entry.source is Source.EVENTS and entry.rows), None)
    if events is None or events.truncated or facts.unexamined:
        return
    for entry in facts.allowed:
        if all(_covers(entry, facts, actor) for actor in facts.actors):
            sentence = f"The configuration allows this: {plain(entry.reason, 200)}."
            yield signal("allowed", sentence, [events])
            return


def unexamined(facts: Facts) -> Iterator[Signal]:
    """Actors about whom nothing was asked."""
    events = next((entry for entry in facts.evidence if entry.source is Source.EVENTS and entry.rows), None)
    if events is not None and facts.unexamined:
        count = plural(len(facts.unexamined), "further actor")
        sentence = f"Nothing was asked about {count} of this alert, such as {plain(facts.unexamined[0])}."
        yield signal("unexamined_actors", sentence, [events])


def _covers(entry: AllowedActivity, facts: Facts, actor: AlertActor) -> bool:
    if entry.until:
        try:
            end = datetime.fromisoformat(entry.until)
        except ValueError:
            return False
        end = end.replace(tzinfo=UTC) if end.tzinfo is None else end
        if actor.moment >= (end + timedelta(days=1) if len(entry.until) <= len("2026-01-31") else end):
            return False
    if not (entry.actors or entry.addresses or entry.detections):
        return False
    if entry.detections and facts.alert.detection_id not in entry.detections:
        return False
    # Only what the log itself calls the actor: other names in an event may be the actor's choice.
    if entry.actors and actor.identity.casefold() not in {name.casefold() for name in entry.actors}:
        return False
    if entry.addresses:
        return bool(actor.addresses) and all(_within(address, entry.addresses) for address in actor.addresses)
    return True


def _within(address: str, networks: tuple[str, ...]) -> bool:
    for network in networks:
        try:
            if ip_address(address) in ip_network(network, strict=False):
                return True
        except (ValueError, TypeError):
            continue
    return False


def outcomes(facts: Facts) -> Iterator[Signal]:
    """How people closed earlier alerts of the detection; alerts that nobody judged count for neither side."""
    for entry in facts.evidence:
        if entry.source is not Source.HISTORY or entry.key != "history" or entry.error:
            continue
        judged = [text(row, "status") for row in entry.rows if row.get("judged") is True]
        wrong = judged.count("CLOSED")
        share = log((wrong + 1) / (len(judged) - wrong + 1))
        if len(judged) >= JUDGED and share > 0:
            sentence = f"People closed {wrong} of {len(judged)} judged earlier alerts of this detection as invalid."
            yield signal("outcome_history", sentence, [entry], scale=min(1.0, share / 2))
        elif len(judged) >= JUDGED and share < 0:
            sentence = f"People handled {len(judged) - wrong} of {len(judged)} judged earlier alerts of this detection."
            yield signal("outcome_handled", sentence, [entry], scale=min(1.0, -share / 2))


def other_alerts(facts: Facts) -> Iterator[Signal]:
    """Other detections on the same actor or address within a day."""
    for entry in facts.read("other_alerts", "rule", "last_seen"):
        near = {
            text(row, "rule")
            for row in entry.rows
            if text(row, "rule") != facts.alert.detection_id
            and (last := moment(row, "last_seen")) is not None
            and last >= facts.actor.moment - timedelta(days=1)
        }
        if near:
            names = ", ".join(map(plain, sorted(near)[:NAMED]))
            more = f" and {len(near) - NAMED} more" if len(near) > NAMED else ""
            sentence = f"Also raised on this actor: {names}{more}."
            yield signal("other_alerts", sentence, [entry])
            return


def generic(facts: Facts) -> Iterator[Signal]:
    """For log types without a playbook of their own."""
    for name, word in (("generic_first_seen", "actor"), ("generic_new_address", "address")):
        for entry in facts.read(name, "day", "times"):
            days = {found for row in entry.rows if (found := day(row)) and found < facts.actor.moment.date()}
            if not entry.rows:
                yield signal(name, f"The {word} does not occur earlier in this log.", [entry], absence=True)
            elif len(days) >= 2 * HABIT_DAYS:
                sentence = f"The {word} occurred in this log on {len(days)} earlier days, the last on {max(days)}."
                yield signal("generic_known", sentence, [entry], scale=1.0 if word == "actor" else 0.6)
    for entry in facts.read("generic_new_hash", "day", "times"):
        days = {found for row in entry.rows if (found := day(row)) and found < facts.actor.moment.date()}
        if not entry.rows:
            yield signal("generic_new_hash", "The file does not occur earlier in this log.", [entry], absence=True)
        elif len(days) >= HABIT_DAYS:
            sentence = f"The file occurred in this log on {len(days)} earlier days, the last on {max(days)}."
            yield signal("generic_known", sentence, [entry], scale=0.6)
