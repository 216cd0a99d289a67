"""Runs of a role that services share: what this one's credential did, and whether whole earlier runs did the same.

Such a role is no person. What another run does in the meantime says nothing of this one, and what another kind of run
does every night is no habit of this one. A new session is opened in a moment, though: what the role never did, or does
from a place where it never was, counts whichever run it is in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.logtypes import harmful_action
from triage.stages.enrichment.signals import calls
from triage.stages.enrichment.signals.facts import Facts, is_address, moment, number, plural, signal, text
from triage.stages.enrichment.signals.networks import novelty, usual_network
from triage.stages.enrichment.signals.place import check_addresses
from triage.stages.enrichment.signals.precedent import HABIT_DAYS, WEEKLY_DAYS

THIS, OTHER, UNKNOWN = "this", "other", "unknown"
"""In whose run a call was made, as the column `run` says; unknown: the event names no credential."""
KNOWN_RUNS = 5
"""Earlier runs with the alert's act from which it means something that an act was in none of them."""
SPAN = timedelta(days=6)
"""Over how long the earlier runs must spread."""
NAMED = 4
"""Acts that a sentence names."""


@dataclass(frozen=True, slots=True)
class RunCall:
    """Successful calls of one name from one address since the alert's first event."""

    run: str
    """Empty for people and keys."""
    action: str
    address: str
    target: str
    times: int
    first: datetime
    entry: Evidence
    last: datetime
    targets: int = 0
    """Objects of these calls; 0 where it isn't known how many."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """This run beside the role's runs before the dwell time."""

    acts: tuple[str, ...]
    """What this run did of the alert's acts and of what can do harm."""
    earlier: Evidence
    around: Evidence
    days: int = 0
    """Earlier days, no precedents left out, on which one run did all of it."""
    first: datetime | None = None
    last: datetime | None = None
    apart: frozenset[str] = frozenset()
    """Acts of the role that none of many earlier runs did together with what the alert is about."""

    @property
    def same(self) -> bool:
        """Whether whole earlier runs did the same, over long enough."""
        wide = self.first is not None and self.last is not None and self.last - self.first >= SPAN
        return self.days >= WEEKLY_DAYS and wide


def calls_since(facts: Facts) -> list[RunCall] | None:
    """Harmful calls since the alert's first event, by run; `None` where they can't be told apart by run."""
    entry = _around(facts)
    if entry is None or entry.truncated:
        return None
    return [
        RunCall(
            text(row, "run"),
            text(row, "action"),
            text(row, "address"),
            text(row, "target"),
            number(row, "since"),
            first,
            entry,
            moment(row, "last_seen") or first,
            int(number(row, "times") == 1),
        )
        for row in entry.rows
        if number(row, "since") and (first := moment(row, "first_since")) is not None
    ]


def is_strange_place(facts: Facts, address: str) -> bool:
    """Whether a role's call came from where it had not worked before the dwell time, as far as is known."""
    if not is_address(address):
        # A service of the provider acts for the role, and is named in place of an address.
        return False
    known = any(
        text(row, "address") == address and facts.settled(row)
        for entry in facts.read("known_address", "address", "days", "first_seen")
        for row in entry.rows
    )
    return not known and usual_network(facts, address) is None


def compare(facts: Facts) -> Comparison | None:
    """This run beside earlier ones; `None` for people and keys, and where nothing is known of runs."""
    around = _around(facts)
    earlier = next(facts.named("earlier_runs"), None)
    if around is None or earlier is None or facts.actor.refused or not _all_own(around):
        return None
    own = list(dict.fromkeys(text(row, "action") for row in around.rows if text(row, "run") != OTHER))
    alerted = [action for action in own if action in facts.actor.actions]
    if not alerted:
        return None
    whole = [row for row in earlier.rows if number(row, "acts") >= len(own) and number(row, "old_days")]
    days = min((facts.own_days(row, own) for row in whole), default=0)
    firsts = [found for row in whole if (found := moment(row, "first_seen")) is not None]
    lasts = [found for row in whole if (found := moment(row, "last_old")) is not None]
    complete = len({text(row, "action") for row in whole}) == len(own)
    return Comparison(
        tuple(own),
        earlier,
        around,
        days if complete else 0,
        max(firsts, default=None),
        min(lasts, default=None),
        _apart(facts, earlier, [action for action in own if action not in alerted], alerted),
    )


def _apart(facts: Facts, earlier: Evidence, others: Sequence[str], alerted: Sequence[str]) -> frozenset[str]:
    """The acts that none of many runs did that did what the alert is about."""
    alike = [row for row in earlier.rows if number(row, "alerted")]
    runs = max((_old_runs(alike, action) for action in alerted), default=0)
    if earlier.truncated or runs < KNOWN_RUNS or len(facts.actor.sessions) > 1:
        return frozenset()
    return frozenset(action for action in others if not _old_runs(alike, action))


def _old_runs(rows: Sequence[Row], action: str) -> int:
    return sum(number(row, "old_runs") for row in rows if text(row, "action") == action)


def _around(facts: Facts) -> Evidence | None:
    return next(facts.named("runs_around"), None) if facts.actor.runs else None


def _all_own(entry: Evidence) -> bool:
    """Whether no call of this run was cut: they come before those of others."""
    return not entry.truncated or (bool(entry.rows) and text(entry.rows[-1], "run") == OTHER)


def whole_run(facts: Facts) -> Iterator[Signal]:
    """The run as a whole is like earlier ones, or did before the alert what none of them did."""
    found = compare(facts)
    if found is None:
        return
    unfamiliar = check_addresses(facts).unfamiliar
    if found.same and not facts.off_schedule:
        # Where a role has one place, its acts from elsewhere are those of whoever has its key.
        scale = (1.0 if found.days >= HABIT_DAYS else 0.8) * (1.0 - novelty(facts) if unfamiliar else 1.0)
        sentence = (
            f"This run of {facts.who} did as a whole what earlier runs did on {plural(found.days, 'day')} up to "
            f"{found.last:%Y-%m-%d}: {_named(found.acts)}."
        )
        if scale > 0:
            vouches = facts.matches.known and not unfamiliar
            yield signal("run_as_before", sentence, [found.around, found.earlier], scale=scale, vouches=vouches)
    yield from _unlike(facts, found)


def _unlike(facts: Facts, found: Comparison) -> Iterator[Signal]:
    """Harm earlier in the same run that is new for the role; what follows the alert is a fact of its own."""
    profile = facts.first("first_seen_actor", "action", "days")
    if profile is None or not profile.complete:
        return
    days = calls.earlier_days(facts)
    fresh: dict[str, float] = {}
    for row in found.around.rows:
        action = text(row, "action")
        note = harmful_action(found.around.log_type, action)
        if text(row, "run") == OTHER or note is None or action in facts.actor.actions or days.get(action, 0):
            continue
        if number(row, "since") < number(row, "times") and calls.harm_of(
            facts, found.around.log_type, action, since=False
        ):
            fresh[action] = note.seriousness
    if fresh:
        acts = sorted(fresh, key=lambda action: -fresh[action])
        sentence = f"Before the alert this run of {facts.who} did {_named(acts)}, new for the role since {facts.dwell_start:%Y-%m-%d}."
        yield signal("run_unlike", sentence, [found.around, profile], scale=fresh[acts[0]])


def _named(acts: Sequence[str]) -> str:
    more = len(acts) - NAMED
    return ", ".join(map(plain, acts[:NAMED])) + (f" and {more} more" if more > 0 else "")
