"""Has this actor done this before, and does anybody else?"""

from collections.abc import Iterator
from datetime import date, timedelta

from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import (
    SETTLED,
    Facts,
    day,
    done,
    moment,
    number,
    plain,
    plural,
    signal,
    text,
)

HABIT_DAYS = 3
"""Separate earlier days from which the same act is a routine."""
HABIT_SPAN = timedelta(days=6)
"""They must spread over this much, so that an intrusion of a few days is none."""
TEAM_DAYS = 3
KNOWN_DAYS = 2
WORKED_DAYS = 8
"""Days of work from which somebody's hours are known."""


def own_history(facts: Facts) -> Iterator[Signal]:
    """Routine, seen before, or first time."""
    subject = facts.subject
    for entry in facts.read("routine", "day", "times"):
        days = sorted({found for row in entry.rows if done(row) > 0 and (found := day(row)) is not None})
        earlier = [found for found in days if found < subject.moment.date()]
        what = plain(subject.actions[0]) if subject.actions else "this"
        if len(earlier) >= HABIT_DAYS and earlier[-1] - earlier[0] >= HABIT_SPAN:
            scale = 1.2 if len(earlier) >= 2 * HABIT_DAYS else 1.0
            sentence = (
                f"This actor did {what} on {plural(len(earlier), 'earlier day')}, the last on {earlier[-1].isoformat()}."
            )
            yield signal("routine", sentence, [entry], scale=scale)
            if not subject.people and _steady(earlier):
                yield signal("known_automation", f"The earlier {what} keep a steady rhythm.", [entry])
        elif earlier and subject.moment.date() - earlier[0] > SETTLED:
            sentence = f"This actor did {what} on {plural(len(earlier), 'earlier day')}, first on {earlier[0].isoformat()}."
            yield signal("seen_before", sentence, [entry])
        elif not earlier:
            yield from _first_time(facts, entry, what)


def _first_time(facts: Facts, entry: Evidence, what: str) -> Iterator[Signal]:
    known = facts.first("first_seen_actor", "action", "days")
    if known is not None and known.rows:
        sentence = f"This actor has never done {what} in the history window, though otherwise active."
        yield signal("first_seen_action", sentence, [entry, known], absence=entry.row_count == 0)
    elif known is not None:
        sentence = "This actor does nothing at all in this log before the alert's day."
        yield signal("first_seen_actor", sentence, [known], absence=True)


def _steady(days: list[date]) -> bool:
    """Whether most gaps between the days are alike."""
    gaps = [(later - earlier).days for earlier, later in zip(days, days[1:], strict=False)]
    if len(gaps) < HABIT_DAYS:
        return False
    middle = sorted(gaps)[len(gaps) // 2]
    return sum(abs(gap - middle) <= 1 for gap in gaps) >= 0.75 * len(gaps)


def peers(facts: Facts) -> Iterator[Signal]:
    """Who else does this, and to the same target."""
    subject = facts.subject
    what = plain(subject.actions[0]) if subject.actions else "this"
    for entry in facts.read("team_routine", "actor", "on_target"):
        same = [row for row in entry.rows if number(row, "on_target") > 0]
        settled = [row for row in entry.rows if _settled(facts, row)]
        days = sum(number(row, "days") for row in settled)
        if subject.targets and (on_target := _target_days(facts)) is not None and on_target[1] >= TEAM_DAYS:
            history, target_days, actor = on_target
            sentence = f"Others did {what} to the same target on {target_days} earlier days, most often {plain(actor)}."
            yield signal("team_routine", sentence, [history])
        elif same and sum(number(row, "on_target") for row in same) >= 2 * TEAM_DAYS:
            sentence = f"{plain(text(same[0], 'actor'))} did {what} to the same target {number(same[0], 'on_target')} times."
            yield signal("team_routine", sentence, [entry], scale=0.7)
        elif len(settled) >= 2 and days >= 2 * TEAM_DAYS:
            first = settled[0]
            sentence = (
                f"{plural(len(settled), 'other actor')} did {what} before; {plain(text(first, 'actor'))} on "
                f"{plural(number(first, 'days'), 'day')}."
            )
            yield signal("common_here", sentence, [entry])
        elif not entry.rows:
            yield signal("rare_among_peers", f"Nobody else did {what} in the history window.", [entry], absence=True)


def _settled(facts: Facts, row: dict[str, object] | object) -> bool:
    first = moment(row, "first_seen") if isinstance(row, dict) else None
    return first is not None and first < facts.subject.moment - SETTLED


def _target_days(facts: Facts) -> tuple[Evidence, int, str] | None:
    """Days on which others did the same to the same target."""
    subject = facts.subject
    for entry in facts.read("team_routine", "action", "actor", "days"):
        if "on_target" in entry.columns:
            continue
        rows = [
            row
            for row in entry.rows
            if text(row, "action") in subject.actions and text(row, "actor") != subject.actor and _settled(facts, row)
        ]
        if rows:
            return entry, sum(number(row, "days") for row in rows), text(rows[0], "actor")
    return None


def hours(facts: Facts) -> Iterator[Signal]:
    """Whether the actor works at this time of day at all."""
    for entry in facts.read("off_hours", "hour", "days"):
        known = {number(row, "hour"): number(row, "days") for row in entry.rows}
        if sum(known.values()) < 3 * WORKED_DAYS:
            continue
        hour = facts.subject.moment.hour
        if not any(known.get((hour + shift) % 24) for shift in (-1, 0, 1)):
            sentence = f"This actor has never worked between {(hour - 1) % 24}:00 and {(hour + 2) % 24}:00 UTC before."
            yield signal("off_hours", sentence, [entry])


def recipients(facts: Facts) -> Iterator[Signal]:
    """Whether the receiving party is known."""
    if not facts.subject.recipients:
        return
    who = plain(facts.subject.recipients[0])
    for entry in facts.read("new_recipient", "recipient", "days"):
        days = max((number(row, "days") for row in entry.rows if _settled(facts, row)), default=0)
        if not entry.rows:
            yield signal("new_recipient", f"{who} has never been given anything before.", [entry], absence=True)
        elif days >= HABIT_DAYS:
            yield signal("known_recipient", f"{who} received the like on {days} earlier days.", [entry])


def flows(facts: Facts) -> Iterator[Signal]:
    """Network peers: known, new, and what a reached machine went on to."""
    subject = facts.subject
    for entry in facts.read("known_peer", "day", "target", "flows"):
        days = {found for row in entry.rows if (found := day(row)) is not None and found < subject.moment.date()}
        if len(days) >= HABIT_DAYS:
            sentence = f"This source sent to the same destination on {len(days)} earlier days, the last on {max(days)}."
            yield signal("known_peer", sentence, [entry])
        elif not entry.rows:
            yield signal("new_peer", "This source never sent to this destination before.", [entry], absence=True)
    for entry in facts.read("lateral_movement", "source", "target", "port"):
        fresh = [row for row in entry.rows if (first := moment(row, "first_seen")) and first >= subject.moment]
        settled = [row for row in entry.rows if _settled(facts, row)]
        if fresh and settled:
            row = fresh[0]
            sentence = (
                f"After the alert {plain(text(row, 'source'))} connected to {plain(text(row, 'target'))} port "
                f"{number(row, 'port')}, which it never did before."
            )
            yield signal("lateral_movement", sentence, [entry])
