"""What followed, as the catalogue of harmful actions reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.evidence import Evidence
from triage.logtypes import Harm, is_self_service
from triage.stages.enrichment.signals import calls, reversal, runs
from triage.stages.enrichment.signals.awaited import is_awaited
from triage.stages.enrichment.signals.facts import Facts, done, moment, number, text
from triage.stages.enrichment.signals.runs import RunCall

HOURS = timedelta(hours=12)
"""How long after the alert's last event an action still counts as a follow-up."""
BULK = 5
"""From how many on reading counts in full: one document opened is work, dozens are a haul."""
_READING = (Harm.COLLECTION,)


@dataclass(frozen=True, slots=True)
class Step:
    """A follow-up that the catalogue knows."""

    action: str
    harm: Harm
    seriousness: float
    times: int
    routine: bool
    first: datetime
    entry: Evidence
    address: str = ""
    run: str = ""
    """Whose run of a role it was, as `runs` says; empty for people and keys."""
    target: str = ""
    """One of the objects."""
    targets: int = 0
    """How many there are; 0 where that isn't known."""


def harm_was_cut(entry: Evidence) -> bool:
    """Whether an answer may lack harmful calls: it is full, and they are not known to be complete."""
    return entry.truncated and (
        not entry.rows or "harmful" not in entry.columns or number(entry.rows[-1], "harmful") > 0
    )


def steps(facts: Facts) -> list[Step]:
    """Follow-ups of the actor with a note in the catalogue."""
    actor = facts.actor
    profile = calls.earlier_days(facts)
    usual = _usual_addresses(facts)
    found = []
    for call in _calls(facts):
        if call.times <= 0 or call.first > actor.last + HOURS:
            continue
        note = calls.harm_of(facts, call.entry.log_type, call.action)
        if note is None or call.action in actor.actions or _undoes(facts, call):
            continue
        if call.target in actor.targets and is_awaited(facts, call.entry.log_type, call.action):
            continue
        seriousness = note.seriousness
        if is_self_service(call.entry.log_type, call.action) and call.address in usual:
            seriousness *= 0.25
        if note.harm in _READING and call.times < BULK:
            seriousness *= 0.5
        routine = profile.get(call.action, 0) >= calls.ROUTINE_DAYS
        about = (call.times, routine, call.first, call.entry, call.address, call.run, call.target, call.targets)
        found.append(Step(call.action, note.harm, seriousness, *about))
    return found


def _undoes(facts: Facts, call: RunCall) -> bool:
    """Whether a follow-up takes the alert's act back, as far as is known; what it does to another object is its own act."""
    undone = reversal.opposites(facts, call.action, call.last)
    return bool(undone) and reversal.object_of(facts, undone, call.target) is not reversal.Object.OTHER


def _calls(facts: Facts) -> Iterator[RunCall]:
    """What followed: of a role by run where that is known, else all of the actor's."""
    by_run = runs.calls_since(facts)
    if by_run is not None:
        yield from by_run
        return
    run = runs.UNKNOWN if facts.actor.is_role else ""
    for entry in facts.read("harmful_aftermath", "action", "address", "first_seen"):
        if "days" in entry.columns:
            continue
        for row in entry.rows:
            first = moment(row, "first_seen")
            if first is not None:
                where, what = text(row, "address"), text(row, "target")
                objects, last = number(row, "targets"), moment(row, "last_seen") or first
                yield RunCall(run, text(row, "action"), where, what, done(row), first, entry, last, objects)


def _usual_addresses(facts: Facts) -> set[str]:
    return {
        text(row, "address")
        for entry in facts.read("known_address", "address", "days", "first_seen")
        for row in entry.rows
        if facts.settled(row)
    }
