"""What is known of the identities that the alert's act made or reached: what they did since, and before."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.base import Row
from triage.domain.derived import DerivedIdentity
from triage.domain.evidence import Evidence
from triage.domain.identity import IdentityKind
from triage.logtypes import harmful_action
from triage.stages.enrichment.signals.facts import SETTLED, Facts, done, is_address, moment, number, text

HOURS = timedelta(hours=12)
"""How long after the alert's last event a use still counts as a follow-up."""
A_DAY = timedelta(days=1)
"""An address that was first used less than this before the act may belong to the same intrusion."""
CREDENTIALS = {IdentityKind.AWS_ACCESS_KEY, IdentityKind.GCP_KEY}
"""Kinds that belong to somebody, whose habits are theirs too."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one identity did from one address since the act."""

    identity: DerivedIdentity
    address: str
    first: datetime
    rows: tuple[Row, ...]
    """By action; refused ones too."""
    entry: Evidence

    @property
    def harm(self) -> tuple[tuple[str, float], ...]:
        """Harmful acts that succeeded, the most serious first."""
        found = {
            action: note.seriousness
            for row in self.rows
            if done(row) > 0 and (note := harmful_action(self.entry.log_type, action := text(row, "action")))
        }
        return tuple(sorted(found.items(), key=lambda item: -item[1]))


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of an identity from before the act."""

    rows: tuple[Row, ...]
    entry: Evidence | None
    """The answer; `None` where nothing is known, not even that there was nothing."""
    settled: frozenset[str]
    """Addresses in use since before the dwell time."""
    existed: frozenset[str]
    """Addresses in use for days, so that another one is new."""
    recent: frozenset[str]
    """Addresses in use for more than a day before it."""

    def usual(self, action: str) -> bool:
        """Whether it had done this before on more than one day."""
        return any(text(row, "action") == action and number(row, "days") > 1 for row in self.rows)


def uses_of(facts: Facts, identity: DerivedIdentity) -> list[Use]:
    """What it did since the act, by address, the first first."""
    by_address: dict[str, list[Row]] = {}
    answer: Evidence | None = None
    for entry in facts.named("derived_after"):
        for row in entry.rows:
            last = moment(row, "last_seen")
            if text(row, "identity") == identity.value and last is not None and last >= identity.moment:
                by_address.setdefault(text(row, "address"), []).append(row)
                answer = entry
    if answer is None:
        return []
    uses = []
    for address, rows in by_address.items():
        first = min(at for row in rows if (at := moment(row, "first_seen")) is not None)
        if first <= facts.actor.last + HOURS:
            uses.append(Use(identity, address, max(first, identity.moment), tuple(rows), answer))
    return sorted(uses, key=lambda use: use.first)


def past_of(facts: Facts, identity: DerivedIdentity) -> Past:
    """The past of an identity; that of a key is its owner's too."""
    names = {identity.value}
    if identity.identity.kind in CREDENTIALS:
        names |= {
            other.value
            for other in facts.actor.derived
            if (other.action, other.moment) == (identity.action, identity.moment)
        }
    entry = next((each for each in facts.named("derived_before") if not each.truncated), None)
    rows = [row for row in entry.rows if text(row, "identity") in names] if entry is not None else []
    settled = {text(row, "address") for row in rows if facts.settled(row)}
    existed = {text(row, "address") for row in rows if facts.older(row, SETTLED)}
    recent = {
        text(row, "address")
        for row in rows
        if (first := moment(row, "first_seen")) is not None and first < facts.actor.moment - A_DAY
    }
    if identity.identity.kind in CREDENTIALS and len(names) == 1:
        # Someone's own key, or a session: it works where its maker does, and does the same.
        rows += [row for each in facts.read("routine_aftermath", "action", "days") for row in each.rows]
        own = {
            text(row, "address")
            for each in facts.read("known_address", "address", "days", "first_seen")
            for row in each.rows
            if facts.settled(row)
        }
        recent |= own
    return Past(tuple(rows), entry, *(frozenset(filter(is_address, each)) for each in (settled, existed, recent)))


def places_of(facts: Facts) -> Evidence | None:
    return next((each for each in facts.named("derived_places") if not each.truncated), None)


def others_places(facts: Facts, places: Evidence | None) -> set[str]:
    """The addresses at which several have worked since before the dwell time, but for the actor's own."""
    rows = places.rows if places is not None else ()
    known = {text(row, "address") for row in rows if facts.settled(row) and number(row, "actors") > 1}
    return known - {*facts.actor.addresses}
