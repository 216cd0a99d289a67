"""What the rule itself asks: how many it is beside how many it usually is, which part came from whom, who was given it."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.signal import Direction, Signal
from triage.logtypes import Harm
from triage.stages.enrichment.rule_parts import awaited_names
from triage.stages.enrichment.signals import calls, derived
from triage.stages.enrichment.signals.facts import Facts, moment, number, plural, signal, text
from triage.stages.enrichment.signals.followups import BULK, HOURS
from triage.stages.enrichment.signals.history import BURST_EVENTS, BURST_FACTOR
from triage.stages.enrichment.signals.precedent import HABIT_DAYS
from triage.stages.enrichment.signals.wording import did, did_own, later, log_name, named, times

PARTS = 3
"""Matches that a sentence names."""


def amounts(facts: Facts) -> Iterator[Signal]:
    """The count of the alert's day beside those of the actor's days, and of others', before the dwell time.

    The alert has only the events that raised it; the day may have many more.
    """
    if facts.actor.refused or not facts.actor.identity:
        return
    for entry in facts.named("usual_amount"):
        if not entry.complete:
            continue
        rows: Mapping[str, Row] = {text(row, "whose"): row for row in entry.rows}
        own, others = rows.get("actor", {}), rows.get("others", {})
        now, days = number(own, "times_now"), facts.own_days({"old_days": own.get("days")}, facts.actor.actions)
        if days >= HABIT_DAYS and 0 < now <= number(own, "most"):
            sentence = (
                f"{facts.who} {did_own(facts)} {plural(now, 'time')} on the day of the alert, and up to "
                f"{plural(number(own, 'most'), 'time')} a day on {plural(days, 'day')} by {facts.dwell_start:%Y-%m-%d}."
            )
            yield signal("usual_amount", sentence, [entry])
        elif now >= max(BURST_EVENTS, BURST_FACTOR * max(number(own, "most"), number(others, "most"))) and (
            days or number(others, "days") >= HABIT_DAYS
        ):
            sentence = (
                f"{facts.who} {did_own(facts)} {now} times on one day of the alert, and by {facts.dwell_start:%Y-%m-%d} never "
                f"more than {plural(number(own, 'most'), 'time')} a day; {plural(number(others, 'actors'), 'other actor')} "
                f"reached at most {number(others, 'most')} a day."
            )
            yield signal("unusual_amount", sentence, [entry])


def parts(facts: Facts) -> Iterator[Signal]:
    """Which part of a correlation matched on whom; no fact for or against anyone."""
    absent = awaited_names(facts.alert.detection_id, facts.detection.body)
    for entry in facts.named("rule_parts"):
        rows = [row for row in entry.rows if text(row, "rule") not in absent]
        # Others who work from the same address count only where nobody is named.
        rows = [row for row in rows if number(row, "by_name")] or rows
        if rows:
            more = f" and {plural(len(rows) - PARTS, 'more match')}" if len(rows) > PARTS else ""
            yield signal("rule_parts", f"The rule's parts: {'; '.join(map(_part, rows[:PARTS]))}{more}.", [entry])
            return


def _part(row: Row) -> str:
    names, places = text(row, "names"), text(row, "addresses")
    first = moment(row, "first_seen")
    when = f", first at {first:%Y-%m-%d %H:%M} UTC" if first is not None else ""
    where = f" from {plain(places)}" if places else ""
    return f"{plain(text(row, 'rule'))} matched{times(number(row, 'times'))} on {named(names)}{where}{when}"


def recipients(facts: Facts) -> Iterator[Signal]:
    """What the party that was given something was here before, and what harm that is new for it it did since."""
    if any(found.direction is Direction.MALICIOUS for found in derived.derived_use(facts)):
        # What the log type's file knows that an act makes or reaches is a fact of its own.
        return
    for entry in facts.named("recipient_acts"):
        days = max((facts.old_days(row) for row in entry.rows), default=0)
        done = harm_of_recipient(facts, entry)
        if done is not None:
            row, kind, serious = done
            first = moment(row, "first_since") or facts.actor.last
            sentence = (
                f"{later(facts, first)} {named(text(row, 'actor'))}, who had received something from {facts.who}, "
                f"{did(text(row, 'action'), entry.log_type)}{times(number(row, 'since'))} ({kind}), new since {facts.dwell_start:%Y-%m-%d}."
            )
            yield signal("recipient_harm", sentence, [entry], scale=serious)
        elif days >= HABIT_DAYS and entry.complete:
            row = max(entry.rows, key=facts.old_days)
            sentence = (
                f"{named(text(row, 'actor'))}, who had received something from {facts.who}, had worked in {log_name(entry)} on "
                f"at least {days} days by {facts.dwell_start:%Y-%m-%d}."
            )
            yield signal("recipient_works_here", sentence, [entry])


def harm_of_recipient(facts: Facts, entry: Evidence) -> tuple[Row, str, float] | None:
    """The gravest harm that a recipient did after the act and never before the dwell time: the row, its kind, how grave."""
    found: list[tuple[float, Row, str]] = []
    for row in entry.rows:
        first: datetime | None = moment(row, "first_since")
        if first is None or first > facts.actor.last + HOURS or facts.old_days(row) or not number(row, "since"):
            continue
        kind, serious = _harm(facts, entry.log_type, text(row, "action"))
        few = kind == Harm.COLLECTION.value and number(row, "since") < BULK
        if kind:
            found.append((serious * (0.5 if few else 1.0), row, kind))
    if not found:
        return None
    serious, gravest, kind = max(found, key=lambda each: each[0])
    return gravest, kind, serious


def _harm(facts: Facts, log_type: str, action: str) -> tuple[str, float]:
    """What an action can be good for, and how grave that is."""
    note = calls.harm_of(facts, log_type, action)
    return (note.harm.value, note.seriousness) if note is not None else ("", 0.0)
