"""Has this actor done this before, and does anybody else?"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise

from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.question import ActionClass
from triage.domain.signal import Signal
from triage.logtypes import is_detection_event, is_emergency_account
from triage.questions import is_of_class
from triage.stages.enrichment.signals import companions
from triage.stages.enrichment.signals.facts import Facts, day, done, moment, number, plural, signal, text
from triage.stages.enrichment.signals.parties import new_recipient
from triage.stages.enrichment.signals.place import check_addresses
from triage.stages.enrichment.signals.precedent import HABIT_DAYS, WEEKLY_DAYS
from triage.stages.enrichment.signals.wording import before, did_own, event_of, log_name, named, on_object, over

LIKE_EXTENT = 4
"""A day counts as the same if it had at least this fraction (one in …) of the alert's events."""
BURST_FACTOR = 4
BURST_EVENTS = 12
LOOKING_AROUND = 3
"""New kinds of action within the hour around."""
FLEET = 3
"""On so many other hosts, on as many days, a command is that of a program that was rolled out."""
HABIT_SPAN = timedelta(days=6)
"""They must spread over this much, so that a few days in a row are none."""
TEAM_DAYS = 2
"""Days of others before the dwell time from which a rota is one."""
COMMON_DAYS = 4
ROUND_THE_CLOCK = 20
"""Hours of the day at which only a machine is at work."""
COMMONS = 8
"""From how many actors on a target belongs to everybody, and whose turn it is says nothing."""


_AMOUNTS = {
    "rows_a_day": ("read", "rows"),
    "items_a_day": ("opened", "items"),
    "vault_use": ("opened", "items"),
    "sent_a_day": ("sent", "bytes"),
}
"""By question, what its amounts are of."""
_HABITS = {
    "routine",
    "seen_before",
    "known_automation",
    "team_routine",
    "common_here",
    "same_command",
    "routine_aftermath",
    "run_as_before",
    "torn_down",
}
_FIRSTS = {"first_seen_action", "rare_among_peers"}


def only_habits(found: Iterable[Signal], facts: Facts) -> list[Signal]:
    """Signals without those about a habit where there can be none.

    An account for emergencies has none that excuses its use. And that a product reported the actor before is nothing
    that the actor did, whether it is the first time or not.
    """
    actor = facts.actor
    reported = bool(actor.actions) and all(is_detection_event(actor.log_type, action) for action in actor.actions)
    dropped: set[str] = set()
    if reported:
        dropped = _HABITS | _FIRSTS
    elif is_emergency_account(actor.log_type, actor.identity):
        dropped = _HABITS
    return [signal for signal in found if signal.name not in dropped]


def habit_days(facts: Facts) -> list[date]:
    """The days that make the act a habit of the actor; none where they don't."""
    for entry in facts.read("routine", "day", "times"):
        found = sorted({old for row in entry.rows if done(row) > 0 and (old := day(row)) and facts.is_precedent(old)})
        if len(found) >= WEEKLY_DAYS and found[-1] - found[0] >= HABIT_SPAN:
            return found
    return []


def own_history(facts: Facts) -> Iterator[Signal]:
    """Routine, seen before, or first time: of the same act with the same result, to the same extent."""
    actor = facts.actor
    did_it = did_own(facts)
    unfamiliar = check_addresses(facts).unfamiliar
    fresh_recipient = new_recipient(facts) is not None
    for entry in facts.read("routine", "day", "times"):
        counted: dict[date, int] = {}
        for row in entry.rows:
            found = day(row)
            if found is not None and found < actor.moment.date():
                times = number(row, "refused") if actor.refused else done(row)
                counted[found] = counted.get(found, 0) + times
        # What a suspect may have written in the meantime neither excuses the act nor makes it less of a first time.
        old = {found: times for found, times in counted.items() if facts.is_precedent(found)}
        most = max((old or counted).values(), default=0)
        # A day with a tenth of the extent is no precedent for a haul.
        enough = max(1, actor.events // LIKE_EXTENT)
        earlier = sorted(found for found, times in old.items() if times >= enough)
        since = sorted(found for found, times in counted.items() if times)
        counting = _counting(facts, since, earlier, enough)
        if most and not actor.refused and actor.events >= max(BURST_EVENTS, BURST_FACTOR * most) and entry.complete:
            days = sorted(old or counted)
            sentence = (
                f"{facts.who} {did_it} {actor.events} times in this alert, and never more than {plural(most, 'time')} a day "
                f"on {plural(len(days), 'earlier day')} up to {days[-1]}."
            )
            yield signal("burst", sentence, [entry])
        if not earlier:
            if entry.complete and not any(map(facts.is_old, counted)):
                yield from _first_time(facts, entry, since)
        elif len(earlier) >= WEEKLY_DAYS and earlier[-1] - earlier[0] >= HABIT_SPAN and not fresh_recipient:
            # A stolen session does its owner's work, so habit says less at an unfamiliar address.
            scale = (1.2 if len(earlier) >= 2 * HABIT_DAYS else 1.0 if len(earlier) >= HABIT_DAYS else 0.8) * (
                0.5 if unfamiliar or facts.off_schedule else 1.0
            )
            sentence = f"{facts.who} {did_it} on {plural(len(since), 'day')} from {since[0]} to {since[-1]}{counting}."
            yield signal("routine", sentence, [entry], scale=scale, vouches=facts.matches.known)
        else:
            when = (
                f"1 earlier day, {since[0]}" if len(since) == 1 else f"{len(since)} earlier days, first on {since[0]}"
            )
            sentence = f"{facts.who} {did_it} on {when}{counting}."
            yield signal("seen_before", sentence, [entry], scale=0.3 if fresh_recipient else 0.5 if unfamiliar else 1.0)


def _counting(facts: Facts, since: list[date], earlier: list[date], enough: int) -> str:
    """Which of the days count as precedents, and why the others don't; empty where all do. `enough`: times a day."""
    if len(earlier) == len(since):
        return ""
    old = [found for found in since if facts.is_old(found)]
    why = [f"before the last {facts.dwell.days} days"] if len(old) < len(since) else []
    precedents = [found for found in old if facts.is_precedent(found)]
    why += ["clear of open or handled alerts"] if len(precedents) < len(old) else []
    why += [f"at least {enough} times a day"] if len(earlier) < len(precedents) else []
    return f"; {len(earlier)} of them {' and '.join(why)}"


def _first_time(facts: Facts, entry: Evidence, since: list[date]) -> Iterator[Signal]:
    """Never before the dwell time. `since`: the days after it, which say when it began."""
    if facts.actor.refused:
        # Being refused is not something that an actor does.
        return
    known = facts.first("first_seen_actor", "action", "days")
    event = event_of(facts.actor.actions[0], facts.actor.log_type) if facts.actor.actions else "such event"
    if known is not None and any(facts.settled(row) for row in known.rows):
        active = _otherwise_active(facts, known)
        # Of the day of the alert it is not known whether the like came before the alert itself.
        today = any(done(row) > 0 and day(row) == facts.actor.moment.date() for row in entry.rows)
        tried = entry.row_count and not today
        lacking = "successful {1} of {0}".format(*event.rsplit(" ", 1)) if tried else event
        period = before(facts, [entry], facts.actor.moment if today else None)
        sentence = f"{facts.who} had no {lacking} {period}, though {active}."
        if since:
            sentence = f"{facts.who} first {did_own(facts)} {before(facts, [entry])} on {since[0]}, though {active}."
        yield signal("first_seen_action", sentence, [entry, known], absence=entry.row_count == 0)
    elif known is not None:
        firsts = sorted(first for row in known.rows if (first := moment(row, "first_seen")) is not None)
        period = before(facts, [known], firsts[0] if firsts else None)
        if not firsts and known.end is not None and known.end < facts.actor.moment:
            period = f"{over(known, known.end).strip()} up to {known.end:%Y-%m-%d %H:%M} UTC".strip()
        sentence = f"{facts.who} had no activity in {log_name(known)} {period}."
        yield signal("first_seen_actor", sentence, [known], absence=True)


def _otherwise_active(facts: Facts, known: Evidence) -> str:
    """What an actor had done before the dwell time besides the alert's act."""
    others = {text(row, "action") for row in known.rows if facts.settled(row)} - set(facts.actor.actions)
    least = "" if known.complete else "at least "
    return f"active with {least}{plural(len(others), 'other action')}" if others else "active for longer"


def automation(facts: Facts) -> Iterator[Signal]:
    """A service identity at its usual place, at an act it did before, that works by the calendar or around the clock."""
    actor = facts.actor
    place = check_addresses(facts)
    if actor.people or not actor.identity or place.unfamiliar or place.known is None or facts.off_schedule:
        return
    for entry in facts.read("routine", "day", "times"):
        earlier = sorted(
            {found for row in entry.rows if done(row) > 0 and (found := day(row)) and facts.is_precedent(found)}
        )
        if not earlier:
            return
        if _steady(earlier):
            days = f"{plural(len(earlier), 'day')} from {earlier[0]} to {earlier[-1]}"
            sentence = (
                f"{facts.who}, a service identity at its usual address, {did_own(facts)} on {days} at a steady rhythm."
            )
            yield signal("known_automation", sentence, [entry])
            return
        for hours_entry in facts.read("off_hours", "hour", "days"):
            if len(hours_entry.rows) >= ROUND_THE_CLOCK:
                sentence = (
                    f"{facts.who}, a service identity at its usual address, was active at {len(hours_entry.rows)} of the 24 "
                    f"hours of the day{_until(hours_entry)}."
                )
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
        old = [amount for found, amount in amounts.items() if facts.is_old(found)]
        # A haul in pieces raises the most of the last days only.
        earlier = old if len(old) >= HABIT_DAYS else earlier
        now = max((amount for found, amount in amounts.items() if first <= found <= last), default=0)
        if len(earlier) >= HABIT_DAYS and entry.complete and now >= BURST_FACTOR * max(earlier) > 0:
            verb, what = _AMOUNTS.get(entry.key.rpartition(".")[2], ("reached", "in all"))
            sentence = (
                f"{facts.who} {verb} {now} {what} on the day of the alert, and at most {max(earlier)} a day on "
                f"{len(earlier)} earlier days."
            )
            yield signal("volume_burst", sentence, [entry])


def _until(entry: Evidence) -> str:
    """The period of an answer that ends before the alert."""
    return "" if entry.end is None else f"{over(entry, entry.end)} up to {entry.end:%Y-%m-%d}"


def _steady(days: list[date]) -> bool:
    """Whether most gaps between the days are alike."""
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    if len(gaps) < HABIT_DAYS - 1:
        return False
    middle = sorted(gaps)[len(gaps) // 2]
    return sum(abs(gap - middle) <= 1 for gap in gaps) >= 0.75 * len(gaps)


def peers(facts: Facts) -> Iterator[Signal]:
    """Who else does this, and to the same target."""
    actor = facts.actor
    if actor.refused:
        return
    did_it = did_own(facts)
    # What colleagues do on a rota excuses less from an unfamiliar address, or towards an unknown recipient.
    scale = 0.4 if check_addresses(facts).unfamiliar or new_recipient(facts) is not None else 1.0
    for entry in facts.read("team_routine", "actor", "on_target"):
        settled = [row for row in entry.rows if facts.settled(row)]
        on_target = _target_days(facts)
        if on_target is not None and on_target[1] >= TEAM_DAYS:
            history, days, who = on_target
            where = on_object(actor.targets[0]) if len(actor.targets) == 1 else " on the same targets"
            sentence = (
                f"Other actors {did_it}{where} on up to {plural(days, 'day')} by {facts.dwell_start:%Y-%m-%d}, most often "
                f"{named(who)}."
            )
            yield signal("team_routine", sentence, [history], scale=scale)
        elif (
            len(settled) > 1 and (days := sum(map(facts.old_days, settled))) >= HABIT_DAYS and _is_of_few(facts, entry)
        ):
            sentence = (
                f"Other actors {did_it}, an act on the whole rather than on one thing, on up to {plural(days, 'day')} by "
                f"{facts.dwell_start:%Y-%m-%d}, most often {named(text(settled[0], 'actor'))}."
            )
            yield signal("team_routine", sentence, [entry], scale=scale)
        elif len(settled) > 1 and sum(map(facts.old_days, settled)) >= COMMON_DAYS:
            first = settled[0]
            sentence = (
                f"{plural(len(settled), 'other actor')} {did_it} by {facts.dwell_start:%Y-%m-%d}, among them "
                f"{named(text(first, 'actor'))} on {plural(facts.old_days(first), 'day')}."
            )
            yield signal("common_here", sentence, [entry], scale=scale)
        elif not entry.rows:
            sentence = f"No other actor {did_it} {before(facts, [entry])}."
            yield signal("rare_among_peers", sentence, [entry], absence=True)


def same_command(facts: Facts) -> Iterator[Signal]:
    """The very same command, letter by letter, ran on other hosts before anybody under suspicion can have been here."""
    for entry in facts.read("same_command", "actor", "old_days"):
        # A host on which it ran for the first time today may be the intruder's next.
        before = facts.actor.moment - timedelta(days=1)
        began = [(at, row) for row in entry.rows if (at := moment(row, "first_seen")) is not None and at < before]
        others, firsts = [row for _, row in began], sorted(at for at, _ in began)
        if len({at.date() for at in firsts}) < FLEET:
            continue
        settled = [row for row in others if facts.settled(row)]
        sentence = (
            f"The very same command ran on {plural(len(others), 'other host')} since {firsts[0]:%Y-%m-%d}, the last from {firsts[-1]:%Y-%m-%d} on, "
            f"on {len(settled)} of them by {facts.dwell_start:%Y-%m-%d}."
        )
        # What is spread within the dwell time may be an intruder's spreading.
        old = len(settled) >= FLEET
        yield signal("same_command", sentence, [entry], scale=1.0 if old else 0.5, vouches=old)


def looking_around(facts: Facts) -> Iterator[Signal]:
    """Several kinds of action within the hour around that the actor never did on earlier days."""
    profile = facts.first("first_seen_actor", "action", "days")
    if profile is None or not profile.rows:
        return
    if profile.truncated and facts.settled(profile.rows[-1]):
        # The oldest come first: where they alone fill the answer, an act that is missing may have been cut.
        return
    known = {text(row, "action") for row in profile.rows if facts.settled(row)}
    if not known:
        return
    fresh: dict[str, Evidence] = {}
    for name in ("actor_before", "actor_after"):
        for entry in facts.named(name):
            for row in entry.rows:
                first, action = moment(row, "first_seen"), text(row, "action")
                if first is not None and abs(first - facts.actor.moment) <= timedelta(hours=1) and action not in known:
                    fresh.setdefault(action, entry)
    # What colleagues always do with the same act is no looking around.
    usual = companions.explained(facts)
    fresh = {action: entry for action, entry in fresh.items() if action not in usual}
    others = [action for action in fresh if action not in facts.actor.actions]
    if len(others) >= LOOKING_AROUND - 1 and len(fresh) >= LOOKING_AROUND:
        sentence = (
            f"Within an hour of the alert {facts.who} used {len(fresh)} actions that are new since "
            f"{facts.dwell_start:%Y-%m-%d}, such as {plain(others[0])}."
        )
        scale = 1.0 if check_addresses(facts).unfamiliar else 0.6
        yield signal("first_time_burst", sentence, [fresh[others[0]]], scale=scale)


def _is_of_few(facts: Facts, entry: Evidence) -> bool:
    """Whether an act that names no object is the work of a few: a setting of the whole, and not what everybody does."""
    actor = facts.actor
    signs_in = any(is_of_class(actor.log_type, action, ActionClass.SIGN_IN) for action in actor.actions)
    changes = all(is_of_class(actor.log_type, action, ActionClass.CHANGE) for action in actor.actions)
    return not actor.targets and bool(actor.actions) and changes and not signs_in and len(entry.rows) <= COMMONS


def _target_days(facts: Facts) -> tuple[Evidence, int, str] | None:
    """Days on which others did the same to the same target, from elsewhere: a second account is easily had."""
    actor = facts.actor
    shared = check_addresses(facts).known is not None
    for entry in facts.read("team_routine", "action", "actor", "days"):
        if "on_target" in entry.columns:
            continue
        alike = {text(row, "actor") for row in entry.rows if text(row, "action") in actor.actions}
        if len(alike) > COMMONS:
            # What everyone does there, such as signing in.
            continue
        rows = [
            row
            for row in entry.rows
            if text(row, "action") in actor.actions
            and text(row, "actor") not in (actor.identity, *actor.aliases)
            and facts.settled(row)
            and (shared or number(row, "from_here") < number(row, "times"))
        ]
        if rows:
            return entry, sum(map(facts.old_days, rows)), text(rows[0], "actor")
    return None


def hours(facts: Facts) -> Iterator[Signal]:
    """Whether the actor works at this time of day at all."""
    entry = facts.unusual_hour
    if entry is not None:
        hour = facts.actor.moment.hour
        sentence = f"{facts.who} was never active between {(hour - 1) % 24:02}:00 and {(hour + 2) % 24:02}:00 UTC{_until(entry)}."
        yield signal("off_hours", sentence, [entry], scale=2.0 if facts.off_schedule else 1.0)
