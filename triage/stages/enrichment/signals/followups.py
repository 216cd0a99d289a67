"""What followed, as the catalogue of harmful actions reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.evidence import Evidence
from triage.logtypes import Harm, is_self_service
from triage.stages.enrichment.signals import calls, reversal, runs
from triage.stages.enrichment.signals.awaited import is_awaited
from triage.stages.enrichment.signals.facts import Facts, done, enrolled_lately, moment, number, text
from triage.stages.enrichment.signals.place import check_addresses
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
    found: list[Step] = []
    for call in _calls(facts):
        if call.first > actor.last + HOURS or _undoes(facts, call):
            continue
        if call.target in actor.targets and is_awaited(facts, call.entry.log_type, call.action):
            continue
        found += _steps(facts, call, since=True)
    return found


def earlier_steps(facts: Facts) -> list[Step]:
    """The same of the hours before the alert's first event, each at the last time that it was done.

    Not of a role that works in runs: what this run did before the alert is compared with earlier ones as a whole.
    """
    if facts.actor.runs:
        return []
    run = runs.UNKNOWN if facts.actor.is_role else ""
    calls_before = [
        call
        for entry in facts.named("actor_before")
        for call in _calls_in(entry, run)
        if facts.actor.moment - HOURS <= call.last < facts.actor.moment
    ]
    return [step for call in calls_before for step in _steps(facts, call, since=False)]


def _steps(facts: Facts, call: RunCall, *, since: bool) -> Iterator[Step]:
    """A call that the catalogue knows, and that the alert itself is not about."""
    if call.times <= 0 or call.action in facts.actor.actions:
        return
    note = calls.harm_of(facts, call.entry.log_type, call.action, since=since)
    if note is None:
        return
    seriousness = note.seriousness
    if is_self_service(call.entry.log_type, call.action) and call.address in _own_addresses(facts):
        seriousness *= 0.25
    if note.harm in _READING and call.times < BULK:
        seriousness *= 0.5
    routine = calls.earlier_days(facts).get(call.action, 0) >= calls.ROUTINE_DAYS
    about = (call.times, routine, call.first if since else call.last, call.entry, call.address, call.run, call.target)
    yield Step(call.action, note.harm, seriousness, *about, call.targets)


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
        if "days" not in entry.columns:
            yield from _calls_in(entry, run)


def _calls_in(entry: Evidence, run: str) -> Iterator[RunCall]:
    for row in entry.rows:
        first = moment(row, "first_seen")
        if first is not None:
            where, what = text(row, "address"), text(row, "target")
            objects, last = number(row, "targets"), moment(row, "last_seen") or first
            yield RunCall(run, text(row, "action"), where, what, done(row), first, entry, last, objects)


def _own_addresses(facts: Facts) -> set[str]:
    """Where the actor has long worked, or where somebody of the organisation has just given a second factor."""
    usual = {
        text(row, "address")
        for entry in facts.read("known_address", "address", "days", "first_seen")
        for row in entry.rows
        if facts.settled(row)
    }
    place = check_addresses(facts)
    return usual | ({place.address} if place.verified is not None and not enrolled_lately(facts) else set())
