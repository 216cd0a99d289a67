"""The operator's list, how this detection's alerts ended, other alerts, and log types without a playbook."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network
from math import log

from triage.domain.clean import plain
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Signal
from triage.settings import AllowedActivity
from triage.stages.enrichment.actor import AlertActor
from triage.stages.enrichment.signals.facts import Facts, day, moment, plural, signal, text
from triage.stages.enrichment.signals.history import habit_days
from triage.stages.enrichment.signals.place import check_addresses
from triage.stages.enrichment.signals.precedent import HABIT_DAYS, WEEKLY_DAYS, Standing
from triage.stages.enrichment.signals.wording import before, clock, log_name, named

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
            sentence = f"The configuration allows this: {plain(entry.reason, 200)} ({_scope(entry)})."
            yield signal("allowed", sentence, [events])
            return


def _scope(entry: AllowedActivity) -> str:
    """What an entry covers, each condition once: what else the alert's actor did is not allowed by it."""
    conditions = (
        ("the actor", "the actors", entry.actors),
        ("the address", "the addresses", entry.addresses),
        ("the detection", "the detections", entry.detections),
    )
    parts = [
        f"{one if len(values) == 1 else several} {', '.join(plain(each) for each in values[:NAMED])}"
        + (f" and {len(values) - NAMED} more" if len(values) > NAMED else "")
        for one, several, values in conditions
        if values
    ]
    return "for " + "; ".join([*parts, f"until {plain(entry.until)}"] if entry.until else parts)


def unexamined(facts: Facts) -> Iterator[Signal]:
    """Actors about whom not all was asked."""
    events = next((entry for entry in facts.evidence if entry.source is Source.EVENTS and entry.rows), None)
    if events is not None and facts.unexamined:
        first, more = named(facts.unexamined[0]), len(facts.unexamined) - 1
        who = (
            f"{first} and {plural(more, 'further actor')} of this alert were"
            if more
            else f"{first}, an actor of this alert, was"
        )
        sentence = f"{who} examined only in part."
        yield signal("unexamined_actors", sentence, [events])


def _covers(entry: AllowedActivity, facts: Facts, actor: AlertActor) -> bool:
    if entry.until:
        try:
            end = datetime.fromisoformat(entry.until)
        except ValueError:
            return False
        end = end.replace(tzinfo=UTC) if end.tzinfo is None else end
        # A date holds to its end. Nothing is added to it: an entry without an end may say 9999-12-31.
        whole_day = timedelta(days=1 if len(entry.until) <= len("2026-01-31") else 0)
        if actor.moment - whole_day >= end:
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
            sentence = f"Of {len(judged)} earlier alerts of this detection that analysts judged, {wrong} were closed as invalid."
            yield signal("outcome_history", sentence, [entry], scale=min(1.0, share / 2))
        elif len(judged) >= JUDGED and share < 0:
            handled = len(judged) - wrong
            sentence = (
                f"Of {len(judged)} earlier alerts of this detection that analysts judged, {handled} were resolved."
            )
            yield signal("outcome_handled", sentence, [entry], scale=min(1.0, -share / 2))


def other_alerts(facts: Facts) -> Iterator[Signal]:
    """Other detections on the same actor or address within a day."""
    for entry in facts.read("other_alerts", "rule", "last_seen"):
        near = {
            text(row, "rule"): last
            for row in entry.rows
            if text(row, "rule") != facts.alert.detection_id
            and (last := moment(row, "last_seen")) is not None
            and last >= facts.actor.moment - timedelta(days=1)
        }
        if near:
            nearest = sorted(near, key=lambda rule: (abs(near[rule] - facts.actor.moment), rule))
            names = ", ".join(f"{plain(rule)} (last {clock(facts, near[rule])})" for rule in nearest[:NAMED])
            more = f" and {len(near) - NAMED} more" if len(near) > NAMED else ""
            sentence = f"Also matched on {facts.who} within a day of the alert: {names}{more}."
            yield signal("other_alerts", sentence, [entry])
            return


def generic(facts: Facts) -> Iterator[Signal]:
    """For log types without a playbook of their own."""
    for name, word in (("generic_first_seen", "actor"), ("generic_new_address", "address")):
        for entry in facts.read(name, "day", "times"):
            days, since = _days(facts, entry)
            if not days:
                sentence = f"{_shown(facts, word)} does not occur in {log_name(entry)} {before(facts, [entry], since)}."
                yield signal(name, sentence, [entry], absence=True)
            elif len(days) >= HABIT_DAYS:
                sentence = f"{_shown(facts, word)} occurred in {log_name(entry)} on {len(days)} days from {min(days)} to {max(days)}."
                yield signal("generic_known", sentence, [entry], scale=1.0 if word == "actor" else 0.6)
    for entry in facts.read("generic_new_hash", "day", "times"):
        days, since = _days(facts, entry)
        if not days:
            sentence = f"The file does not occur in {log_name(entry)} {before(facts, [entry], since)}."
            yield signal("generic_new_hash", sentence, [entry], absence=True)
        elif len(days) >= WEEKLY_DAYS:
            sentence = f"The file occurred in {log_name(entry)} on {len(days)} days from {min(days)} to {max(days)}."
            yield signal("generic_known", sentence, [entry], scale=0.6)


def _shown(facts: Facts, word: str) -> str:
    """The actor, or the alert's address, by name where it is one."""
    if word == "actor":
        return facts.who
    return plain(facts.actor.addresses[0]) if len(facts.actor.addresses) == 1 else "the source address"


def _days(facts: Facts, entry: Evidence) -> tuple[set[date], date]:
    """The days that are precedents, and since when there are any rows."""
    found = {found for row in entry.rows if (found := day(row)) is not None}
    return {day for day in found if facts.is_precedent(day)}, min(found, default=facts.actor.moment.date())


def earlier_judgements(facts: Facts) -> Iterator[Signal]:
    """What people made of this detection's earlier alerts on this actor."""
    same = [match for match in facts.matches.found if match.same_detection]
    confirmed = sorted((match for match in same if match.standing is Standing.CONFIRMED), key=lambda match: match.day)
    dismissed = sorted((match for match in same if match.standing is Standing.DISMISSED), key=lambda match: match.day)
    if confirmed:
        last = confirmed[-1]
        sentence = (
            f"Analysts marked an alert of this detection on {facts.who} of {last.day} as resolved, which says neither that it "
            "was harmless nor that it was harm."
        )
        # Handled may mean looked at and left, where the act has been the actor's work for longer.
        scale = 0.5 if facts.is_old(last.day) or habit_days(facts) else 1.0
        yield signal("confirmed_before", sentence, last.entries, scale=scale)
    elif dismissed:
        last = dismissed[-1]
        count = len({match.alert_id for match in dismissed})
        alerts = f"an alert of this detection on {facts.who} of {last.day} as invalid"
        if count > 1:
            alerts = f"{count} alerts of this detection on {facts.who} as invalid, the last of {last.day}"
        sentence = f"Analysts closed {alerts}."
        yield signal(
            "dismissed_before", sentence, last.entries, scale=0.6 if check_addresses(facts).unfamiliar else 1.0
        )
