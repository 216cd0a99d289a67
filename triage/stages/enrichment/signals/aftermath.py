"""What followed: harm, routine, nothing, or the change taken back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from triage.domain.base import Row
from triage.domain.evidence import Evidence
from triage.domain.signal import Direction, Signal
from triage.logtypes import Harm, harmful_action, is_self_service, knows_harmful_actions
from triage.stages.enrichment.signals.awaited import is_awaited
from triage.stages.enrichment.signals.derived import derived_use, looked_at, unseen
from triage.stages.enrichment.signals.facts import (
    SETTLED,
    Facts,
    done,
    is_address,
    moment,
    number,
    plain,
    plural,
    signal,
    text,
)
from triage.stages.enrichment.signals.place import check_addresses

HOURS = timedelta(hours=12)
"""How long after the alert's last event an action still counts as a follow-up."""
SETTLING = timedelta(hours=2)
"""What a watch over the aftermath should have lasted to count in full."""
ROUTINE_DAYS = 2
"""Earlier days from which a follow-up is part of the actor's work."""
REFUSED = 3
BULK = 5
"""From how many on reading counts in full: one document opened is work, dozens are a haul."""
_READING = (Harm.COLLECTION,)
_COMPLETE = {Harm.COLLECTION, Harm.CREDENTIALS, Harm.EXPOSURE}
_INVERSE = (
    ("Stop", "Start"),
    ("Delete", "Put"),
    ("Delete", "Create"),
    ("Remove", "Add"),
    ("Detach", "Attach"),
    ("Disable", "Enable"),
    ("Revoke", "Authorize"),
    ("Deregister", "Register"),
    ("disable", "enable"),
    ("destroy", "create"),
    ("delete", "create"),
    ("remove", "add"),
    ("deactivate", "activate"),
    ("revoke", "grant"),
    ("deactivate", "reactivate"),
    ("suspend", "unsuspend"),
    ("delete", "write"),
)


@dataclass(frozen=True, slots=True)
class _Step:
    """A follow-up that the catalogue knows."""

    action: str
    harm: Harm
    seriousness: float
    times: int
    routine: bool
    entry: Evidence


def _steps(facts: Facts) -> list[_Step]:
    """Follow-ups of the actor with a note in the catalogue."""
    actor = facts.actor
    profile = _profile(facts)
    undone = {inverse for action in actor.actions for inverse in _inverses(action)}
    usual = _usual_addresses(facts)
    found = []
    for entry in facts.read("harmful_aftermath", "action", "address", "first_seen"):
        if "days" in entry.columns:
            continue
        for row in entry.rows:
            action = text(row, "action")
            first = moment(row, "first_seen")
            note = harmful_action(entry.log_type, action)
            if note is None or done(row) <= 0 or first is None or first > actor.last + HOURS:
                continue
            if action in actor.actions or action in undone:
                continue
            if text(row, "target") in actor.targets and is_awaited(facts, entry.log_type, action):
                continue
            seriousness = note.seriousness
            if is_self_service(entry.log_type, action) and text(row, "address") in usual:
                seriousness *= 0.25
            if note.harm in _READING and done(row) < BULK:
                seriousness *= 0.5
            routine = profile.get(action, 0) >= ROUTINE_DAYS
            found.append(_Step(action, note.harm, seriousness, done(row), routine, entry))
    return found


def _usual_addresses(facts: Facts) -> set[str]:
    return {
        text(row, "address")
        for entry in facts.read("known_address", "address", "days", "first_seen")
        for row in entry.rows
        if facts.settled(row)
    }


def _profile(facts: Facts) -> dict[str, int]:
    """Earlier days on which the actor did each action, from before the days that may belong to an intrusion."""
    return {
        text(row, "action"): facts.own_days(row, (text(row, "action"),))
        for entry in facts.read("routine_aftermath", "action", "days")
        for row in entry.rows
        if facts.settled(row)
    }


def aftermath(facts: Facts) -> Iterator[Signal]:
    """Harm that followed, by kind; else what its absence is worth."""
    odd = check_addresses(facts).unfamiliar or facts.off_schedule
    steps = _steps(facts)
    # A stolen session does its owner's work as a cover: from an unknown place, or at an hour at which a program never
    # ran, routine excuses only half.
    weighed = [
        (step, step.seriousness * (0.0 if step.routine and not odd else 0.5 if step.routine else 1.0)) for step in steps
    ]
    by_kind: dict[Harm, tuple[_Step, float]] = {}
    for step, serious in sorted(weighed, key=lambda item: -item[1]):
        if serious > 0:
            by_kind.setdefault(step.harm, (step, serious))
    for index, (step, serious) in enumerate(list(by_kind.values())[:4]):
        name = "harmful_aftermath" if index == 0 else "harmful_aftermath_more"
        sentence = f"Afterwards this actor did {plain(step.action)} ({step.harm.value}), {plural(step.times, 'time')}."
        yield signal(name, sentence, [step.entry], scale=serious)
    routine = [step for step in steps if step.routine]
    if routine and not by_kind:
        sentence = f"Afterwards this actor did {plain(routine[0].action)}, as on earlier days."
        yield signal("routine_aftermath", sentence, [routine[0].entry])
    if not by_kind:
        if not unseen(facts) and not any(_is_harm(each) for each in derived_use(facts)):
            yield from _quiet(facts)
        yield from _reverted(facts)


def _is_harm(found: Signal) -> bool:
    return found.direction is Direction.MALICIOUS


def _quiet(facts: Facts) -> Iterator[Signal]:
    entry = facts.first("quiet_aftermath", "action", "address", "first_seen")
    if entry is None or entry.end is None or not facts.actor.identity or not knows_harmful_actions(entry.log_type):
        return
    until = min(each.proven_until or entry.end for each in (entry, *looked_at(facts)))
    watched = until - facts.actor.last
    if any(not each.complete for each in facts.read("harmful_aftermath", "action", "address", "first_seen")):
        return
    scale = min(1.0, max(0.0, watched / SETTLING))
    done_already = {note.harm for action in facts.actor.actions if (note := harmful_action(entry.log_type, action))}
    if done_already & _COMPLETE:
        # Whoever took or gave away data has nothing left to do.
        scale *= 0.4
    if scale > 0:
        minutes = round(watched.total_seconds() / 60)
        span = plural(round(minutes / 60), "hour") if watched >= SETTLING else plural(minutes, "minute")
        sentence = f"This actor did nothing harmful that was new for them within {span} of the alert."
        yield signal(
            "quiet_aftermath", sentence, [entry, *looked_at(facts)], scale=scale, absence=True, absent_until=until
        )


def _reverted(facts: Facts) -> Iterator[Signal]:
    wanted = {inverse for action in facts.actor.actions for inverse in _inverses(action)}
    for entry in facts.read("reverted", "action", "first_seen"):
        for row in entry.rows:
            first = moment(row, "first_seen")
            back = text(row, "action") in wanted and done(row) > 0
            if back and first is not None and facts.actor.moment < first <= facts.actor.last + SETTLING:
                yield signal("reverted", f"{plain(text(row, 'action'))} undid the change.", [entry])
                return


def _inverses(action: str) -> Iterator[str]:
    for one, other in _INVERSE:
        for here, there in ((one, other), (other, one)):
            # Whole words only: at the start of a name in capitals, or between dots, slashes or blanks.
            pattern = rf"^{here}(?=[A-Z])|(?<![a-z]){here}(?![a-z])"
            changed = re.sub(pattern, there, action, count=1)
            if changed != action:
                yield changed


def _before(facts: Facts, row: Row) -> bool:
    return facts.settled(row) and is_address(text(row, "address"))


def _existed(facts: Facts, row: Row) -> bool:
    """In use for longer than a day or two, so that a new place is one."""
    return facts.older(row, SETTLED) and is_address(text(row, "address"))


def _since(facts: Facts, row: Row) -> bool:
    """In use after the change, with success, and not for longer than a day before it."""
    first, last = moment(row, "first_seen"), moment(row, "last_seen")
    return (
        first is not None
        and last is not None
        and last > facts.actor.moment
        and facts.actor.moment - timedelta(days=1) < first <= facts.actor.last + HOURS
        and done(row) > 0
        and is_address(text(row, "address"))
    )


def strangers(facts: Facts) -> Iterator[Signal]:
    """After the change someone unknown works on the target, or connects through what was opened."""
    actor = facts.actor
    for entry in facts.read("stranger_on_target", "address", "on_target", "first_seen"):
        settled = any(_existed(facts, row) for row in entry.rows)
        for row in entry.rows:
            if settled and _since(facts, row) and number(row, "on_target") and text(row, "actor") != actor.identity:
                address = text(row, "address")
                if address not in actor.addresses:
                    sentence = f"Afterwards {plain(address)}, not seen in this log before, worked on the same target."
                    yield signal("stranger_on_target", sentence, [entry])
                    return
    for entry in facts.read("opened_to_strangers", "target", "port", "first_seen"):
        fresh = [row for row in entry.rows if _opened(facts, row)]
        if fresh and len(fresh) < len(entry.rows):
            row = fresh[-1]
            sentence = (
                f"After the change {plain(text(row, 'source'))} connected to {plain(text(row, 'target'))} port "
                f"{number(row, 'port')}, which no outside address had reached before."
            )
            yield signal("opened_to_strangers", sentence, [entry])
            return


def _opened(facts: Facts, row: Row) -> bool:
    first = moment(row, "first_seen")
    return first is not None and facts.actor.moment < first <= facts.actor.last + HOURS


def _refused_before(facts: Facts, row: Row) -> bool:
    if "old_refused" in row:
        return number(row, "old_refused") > 0
    return number(row, "refused") > 0 and facts.settled(row)


def refused(facts: Facts) -> Iterator[Signal]:
    """Calls refused around the alert, of kinds that were not refused before and that are not the alert itself."""
    known = set(facts.actor.actions) if facts.actor.refused else set()
    for entry in facts.read("first_seen_actor", "action", "refused"):
        if not entry.complete:
            return
        known |= {text(row, "action") for row in entry.rows if _refused_before(facts, row)}
    for entry in facts.read("refused", "action", "address", "refused"):
        if "days" in entry.columns:
            continue
        rows = [row for row in entry.rows if number(row, "refused") and text(row, "action") not in known]
        total = sum(number(row, "refused") for row in rows)
        if total >= REFUSED:
            kinds = plural(len(rows), "kind")
            sentence = f"{total} calls of {kinds} were refused, such as {plain(text(rows[0], 'action'))}."
            yield signal("refused", sentence, [entry], scale=1.0 if len(rows) > 1 else 0.6)
            return
