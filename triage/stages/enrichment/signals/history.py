"""Has this actor done this before, and does anybody else?"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

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
from triage.stages.enrichment.signals.place import check_addresses

HABIT_DAYS = 3
"""Separate earlier days from which the same act is a routine."""
LIKE_EXTENT = 4
"""A day counts as the same if it had at least this fraction (one in …) of the alert's events."""
BURST_FACTOR = 4
BURST_EVENTS = 12
LOOKING_AROUND = 3
"""New kinds of action within the hour around."""
HABIT_SPAN = timedelta(days=6)
"""They must spread over this much, so that an intrusion of a few days is none."""
TEAM_DAYS = 3
ROUND_THE_CLOCK = 20
"""Hours of the day at which only a machine is at work."""
COMMONS = 8
"""From how many actors on a target belongs to everybody, and whose turn it is says nothing."""


def own_history(facts: Facts) -> Iterator[Signal]:
    """Routine, seen before, or first time: of the same act with the same result, to the same extent."""
    actor = facts.actor
    what = plain(actor.actions[0]) if actor.actions else "this"
    unfamiliar = check_addresses(facts).unfamiliar
    fresh_recipient = new_recipient(facts) is not None
    for entry in facts.read("routine", "day", "times"):
        counted: dict[date, int] = {}
        for row in entry.rows:
            found = day(row)
            if found is not None and found < actor.moment.date():
                times = number(row, "refused") if actor.refused else done(row)
                counted[found] = counted.get(found, 0) + times
        most = max(counted.values(), default=0)
        # A day with a tenth of the extent is no precedent for a haul.
        enough = max(1, actor.events // LIKE_EXTENT)
        earlier = sorted(found for found, times in counted.items() if times >= enough)
        if (
            most
            and not actor.refused
            and actor.events >= max(BURST_EVENTS, BURST_FACTOR * most)
            and not entry.truncated
        ):
            sentence = f"{actor.events} times in this alert, and never more than {most} on any earlier day."
            yield signal("burst", sentence, [entry])
        if not earlier:
            if not counted:
                yield from _first_time(facts, entry, what)
        elif len(earlier) >= HABIT_DAYS and earlier[-1] - earlier[0] >= HABIT_SPAN and not fresh_recipient:
            # A stolen session does its owner's work, so habit says less at an unfamiliar address.
            scale = (1.2 if len(earlier) >= 2 * HABIT_DAYS else 1.0) * (
                0.5 if unfamiliar or facts.off_schedule else 1.0
            )
            sentence = f"This actor did {what} on {plural(len(earlier), 'earlier day')}, the last on {earlier[-1]}."
            yield signal("routine", sentence, [entry], scale=scale)
        elif actor.moment.date() - earlier[0] > SETTLED:
            sentence = f"This actor did {what} on {plural(len(earlier), 'earlier day')}, first on {earlier[0]}."
            yield signal("seen_before", sentence, [entry], scale=0.3 if fresh_recipient else 0.5 if unfamiliar else 1.0)


def _first_time(facts: Facts, entry: Evidence, what: str) -> Iterator[Signal]:
    if facts.actor.refused:
        # Being refused is not something that an actor does.
        return
    known = facts.first("first_seen_actor", "action", "days")
    if known is not None and known.rows:
        sentence = f"This actor has never done {what} in the history window, though otherwise active."
        yield signal("first_seen_action", sentence, [entry, known], absence=entry.row_count == 0)
    elif known is not None:
        sentence = "This actor has no activity in this log before the day of the alert."
        yield signal("first_seen_actor", sentence, [known], absence=True)


def automation(facts: Facts) -> Iterator[Signal]:
    """A service identity at its usual place, at an act it did before, that works by the calendar or around the clock."""
    actor = facts.actor
    place = check_addresses(facts)
    if actor.people or not actor.identity or place.unfamiliar or place.known is None or facts.off_schedule:
        return
    for entry in facts.read("routine", "day", "times"):
        earlier = sorted(
            {found for row in entry.rows if done(row) > 0 and (found := day(row)) and found < actor.moment.date()}
        )
        if not earlier or actor.moment.date() - earlier[0] <= SETTLED:
            return
        if _steady(earlier):
            yield signal("known_automation", "A service identity at its usual place keeps a steady rhythm.", [entry])
            return
        for hours_entry in facts.read("off_hours", "hour", "days"):
            if len(hours_entry.rows) >= ROUND_THE_CLOCK:
                sentence = f"A service identity at its usual place works at {len(hours_entry.rows)} hours of the day."
                yield signal("known_automation", sentence, [hours_entry])
                return


def volume(facts: Facts) -> Iterator[Signal]:
    """Far more on the alert's day than on any day before: bytes, rows, items."""
    first, last = facts.actor.moment.date(), facts.actor.last.date()
    for entry in facts.read("volume_burst", "day", "amount"):
        amounts: dict[date, int] = {}
        for row in entry.rows:
            found = day(row)
            if found is not None:
                amounts[found] = amounts.get(found, 0) + number(row, "amount")
        earlier = [amount for found, amount in amounts.items() if found < first]
        now = max((amount for found, amount in amounts.items() if first <= found <= last), default=0)
        if len(earlier) >= HABIT_DAYS and not entry.truncated and now >= BURST_FACTOR * max(earlier) > 0:
            sentence = f"{now} on the alert's day, against {max(earlier)} at most on {len(earlier)} earlier days."
            yield signal("volume_burst", sentence, [entry])


def _steady(days: list[date]) -> bool:
    """Whether most gaps between the days are alike."""
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    if len(gaps) < HABIT_DAYS:
        return False
    middle = sorted(gaps)[len(gaps) // 2]
    return sum(abs(gap - middle) <= 1 for gap in gaps) >= 0.75 * len(gaps)


def peers(facts: Facts) -> Iterator[Signal]:
    """Who else does this, and to the same target."""
    actor = facts.actor
    if actor.refused:
        return
    what = plain(actor.actions[0]) if actor.actions else "this"
    # What colleagues do on a rota excuses less from an unfamiliar address, or towards an unknown recipient.
    scale = 0.4 if check_addresses(facts).unfamiliar or new_recipient(facts) is not None else 1.0
    for entry in facts.read("team_routine", "actor", "on_target"):
        settled = [row for row in entry.rows if facts.settled(row)]
        on_target = _target_days(facts)
        if on_target is not None and on_target[1] >= TEAM_DAYS:
            history, days, who = on_target
            sentence = f"Others did {what} to the same target on {days} earlier days, most often {plain(who)}."
            yield signal("team_routine", sentence, [history], scale=scale)
        elif len(settled) > 1 and sum(number(row, "days") for row in settled) >= 2 * TEAM_DAYS:
            first = settled[0]
            sentence = (
                f"{plural(len(settled), 'other actor')} did {what} before; {plain(text(first, 'actor'))} on "
                f"{plural(number(first, 'days'), 'day')}."
            )
            yield signal("common_here", sentence, [entry], scale=scale)
        elif not entry.rows:
            yield signal("rare_among_peers", f"Nobody else did {what} in the history window.", [entry], absence=True)


def looking_around(facts: Facts) -> Iterator[Signal]:
    """Several kinds of action within the hour around that the actor never did on earlier days."""
    profile = facts.first("first_seen_actor", "action", "days")
    if profile is None or not profile.rows or profile.truncated:
        return
    known = {text(row, "action") for row in profile.rows}
    fresh: dict[str, Evidence] = {}
    for name in ("actor_before", "actor_after"):
        for entry in facts.named(name):
            for row in entry.rows:
                first, action = moment(row, "first_seen"), text(row, "action")
                if first is not None and abs(first - facts.actor.moment) <= timedelta(hours=1) and action not in known:
                    fresh.setdefault(action, entry)
    others = [action for action in fresh if action not in facts.actor.actions]
    if len(others) >= LOOKING_AROUND - 1 and len(fresh) >= LOOKING_AROUND:
        sentence = f"{len(fresh)} kinds of action new for this actor within an hour, such as {plain(others[0])}."
        scale = 1.0 if check_addresses(facts).unfamiliar else 0.6
        yield signal("first_time_burst", sentence, [fresh[others[0]]], scale=scale)


def _target_days(facts: Facts) -> tuple[Evidence, int, str] | None:
    """Days on which others did the same to the same target."""
    actor = facts.actor
    for entry in facts.read("team_routine", "action", "actor", "days"):
        if "on_target" in entry.columns:
            continue
        if len({text(row, "actor") for row in entry.rows}) > COMMONS:
            # An application, a role or a project that everyone works with.
            continue
        rows = [
            row
            for row in entry.rows
            if text(row, "action") in actor.actions and text(row, "actor") != actor.identity and facts.settled(row)
        ]
        if rows:
            return entry, sum(number(row, "days") for row in rows), text(rows[0], "actor")
    return None


def hours(facts: Facts) -> Iterator[Signal]:
    """Whether the actor works at this time of day at all."""
    entry = facts.unusual_hour
    if entry is not None:
        hour = facts.actor.moment.hour
        sentence = f"This actor has never worked between {(hour - 1) % 24}:00 and {(hour + 2) % 24}:00 UTC before."
        yield signal("off_hours", sentence, [entry], scale=2.0 if facts.off_schedule else 1.0)


def new_recipient(facts: Facts) -> Evidence | None:
    """The answer that shows a receiving party without a past; `None` where there is none."""
    if not facts.actor.recipients:
        return None
    for entry in facts.read("new_recipient", "recipient", "days"):
        if not any(facts.settled(row) for row in entry.rows):
            return entry
    return None


def recipients(facts: Facts) -> Iterator[Signal]:
    """Whether the receiving party is known."""
    entry = new_recipient(facts)
    if entry is not None:
        who = plain(facts.actor.recipients[0])
        if entry.rows:
            sentence = f"{who} first received anything on {text(entry.rows[0], 'first_seen')[:10]}, with this."
            yield signal("new_recipient", sentence, [entry])
        else:
            yield signal("new_recipient", f"{who} has never received anything before.", [entry], absence=True)
        return
    for entry in facts.read("known_recipient", "recipient", "days"):
        settled = [row for row in entry.rows if facts.settled(row)]
        row = max(settled, key=lambda row: number(row, "days"), default=None)
        if row is not None and number(row, "days") >= HABIT_DAYS:
            sentence = f"{plain(text(row, 'recipient'))} received the same kind of thing on {number(row, 'days')} earlier days."
            yield signal("known_recipient", sentence, [entry])


def flows(facts: Facts) -> Iterator[Signal]:
    """Network peers: known, new, and what a reached machine went on to."""
    actor = facts.actor
    for entry in facts.read("known_peer", "day", "target", "flows"):
        days = {found for row in entry.rows if (found := day(row)) is not None and found < actor.moment.date()}
        if len(days) >= HABIT_DAYS:
            sentence = f"This source sent to the same destination on {len(days)} earlier days, the last on {max(days)}."
            yield signal("known_peer", sentence, [entry])
        elif not entry.rows:
            yield signal("new_peer", "This source never sent to this destination before.", [entry], absence=True)
    for entry in facts.read("lateral_movement", "source", "target", "port"):
        fresh = [row for row in entry.rows if (first := moment(row, "first_seen")) and first >= actor.moment]
        settled = [row for row in entry.rows if facts.settled(row)]
        if fresh and settled:
            row = fresh[0]
            sentence = (
                f"After the alert {plain(text(row, 'source'))} connected to {plain(text(row, 'target'))} port "
                f"{number(row, 'port')}, which it never did before."
            )
            yield signal("lateral_movement", sentence, [entry])
