"""What usually comes with the alert's act, by whoever does it: whether it came now, and what that explains.

Whoever sets up a bucket blocks public access and then writes its policy. The second step by itself looks like harm to
whoever never saw it; on every earlier occasion it came within the hour. And where it always came and did not come now,
somebody did a part of the work only. An occasion is a day on which one actor did the act, before the dwell time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.evidence import Evidence, Source
from triage.domain.question import ActionClass
from triage.domain.signal import Signal
from triage.questions import is_of_class
from triage.stages.enrichment.signals import calls
from triage.stages.enrichment.signals.facts import Facts, done, moment, number, plural, signal, text
from triage.stages.enrichment.signals.place import check_addresses
from triage.stages.enrichment.signals.precedent import Standing, standing_of

ACT = "(the act itself)"
"""Stands in the answer for the alert's own actions, taken together."""
WITHIN = timedelta(hours=1)
"""A companion comes within this; the question looks as far."""
DAYS = 3
"""Days, and occasions, from which a companion is usual."""
MOST = 0.5
"""It came on more than this share of the occasions."""
NEARLY_ALL = 0.8
"""The share from which its absence says something."""
OCCASIONS = 4
"""Occasions with it from which its absence says something."""
OF_THE_ACT = 0.5
"""The share of the companion's own days that must be days of the act: what is done every day belongs to no act."""
LEFT = 0.2
"""What is left of the weight of a follow-up that is explained: an intruder can do just what colleagues do."""


@dataclass(frozen=True, slots=True)
class Companion:
    """One action that followed the act on earlier occasions."""

    action: str
    occasions: int
    """Those on which it followed."""
    of: int
    """All occasions of the act."""
    days: int
    """Days of those on which it followed, less those on which an alert on the act is open or was handled."""
    all_days: int
    """The same without leaving any out: a day that excuses nothing still shows what belongs to the work."""
    others: int
    """Actors other than the alert's that did it so."""
    on_target: int
    """Occasions on which it was on the act's own target."""
    own_days: int
    """Days on which one of these actors did it at all."""
    most: int
    """How often it was done on one occasion at the most."""
    just_before: int
    """How often it was done in the hour before the alert's first event."""
    since: int
    """How often it was done from the alert's first event to an hour after its last."""
    since_on_target: int
    """How often of those on the act's own target."""
    since_own: int
    """How often of those by the alert's actor."""
    last: str
    """The last day on which it followed."""
    entry: Evidence

    @property
    def explains(self) -> bool:
        """Whether it is usual enough, and not only by the alert's own actor, to explain that it came now."""
        return (
            self.days >= DAYS
            and self.occasions >= DAYS
            and self.occasions > MOST * self.of
            and self.others > 0
            and self.since_own > 0
            and self.since <= self.most
            and (self.since_on_target == self.since or self.on_target <= MOST * self.occasions)
        )

    @property
    def missed(self) -> bool:
        """Whether it came nearly always, with this act rather than any, and did not come now."""
        return (
            self.occasions >= OCCASIONS
            and self.all_days >= DAYS
            and self.occasions >= NEARLY_ALL * self.of
            and self.occasions >= OF_THE_ACT * self.own_days
            and not self.since_own
            and not self.just_before
        )


def companions(facts: Facts) -> Iterator[Companion]:
    """What followed on earlier occasions, from complete answers."""
    for entry in facts.named("usual_followups"):
        if not entry.complete:
            continue
        of = sum(number(row, "occasions") for row in entry.rows if text(row, "action") == ACT)
        spoilt = _spoilt_days(facts)
        for row in entry.rows:
            action = text(row, "action")
            if of and action != ACT and action not in facts.actor.actions:
                yield _companion(row, action, of, spoilt, entry)


def _companion(row: Row, action: str, of: int, spoilt: frozenset[date], entry: Evidence) -> Companion:
    first, last = text(row, "first_day")[:10], text(row, "last_day")[:10]
    between = sum(first <= day.isoformat() <= last for day in spoilt)
    return Companion(
        action=action,
        occasions=min(of, number(row, "occasions")),
        of=of,
        days=max(0, number(row, "old_days") - between),
        all_days=number(row, "old_days"),
        others=number(row, "others"),
        on_target=number(row, "on_target"),
        own_days=number(row, "any_occasions"),
        most=number(row, "most"),
        just_before=number(row, "just_before"),
        since=number(row, "since"),
        since_on_target=number(row, "since_on_target"),
        since_own=number(row, "since_own"),
        last=last,
        entry=entry,
    )


def _spoilt_days(facts: Facts) -> frozenset[date]:
    """Days of alerts on the act that are open or were handled, by whomever: those of the actor, and the detection's."""
    found = set(facts.matches.spoilt_days(facts.actor.actions))
    for entry in facts.evidence:
        if entry.source is Source.HISTORY and entry.key == "history":
            for row in entry.rows:
                when = moment(row, "created_at")
                if when is not None and standing_of(row) in (Standing.UNSETTLED, Standing.CONFIRMED):
                    found.add(when.date())
    return frozenset(found)


def judgements_known(facts: Facts) -> bool:
    """Whether no day of an open alert can have been overlooked."""
    unread = (entry.error or entry.truncated for entry in facts.evidence if entry.key == "history")
    return facts.matches.known and not any(unread)


def explained(facts: Facts) -> dict[str, Companion]:
    """The follow-ups that usually come with the act, by action; none at a place or an hour that is not the actor's."""
    if facts.off_schedule or facts.actor.refused or check_addresses(facts).unfamiliar or not judgements_known(facts):
        return {}
    return {found.action: found for found in companions(facts) if found.explains}


def is_explained(facts: Facts, action: str, first: datetime, times: int) -> bool:
    """Whether a follow-up is what usually comes with the act: within the hour, and no more of it than ever."""
    found = explained(facts).get(action)
    return found is not None and first <= facts.actor.last + WITHIN and times <= found.most


def what_usually_follows(facts: Facts) -> Iterator[Signal]:
    """The usual companion came, or the one that nearly always comes did not."""
    came = sorted(
        (found for found in explained(facts).values() if _needs_explaining(facts, found)),
        key=lambda found: (-found.occasions, found.action),
    )
    if came:
        found = came[0]
        more = f" and {plural(len(came) - 1, 'further action')}" if len(came) > 1 else ""
        sentence = (
            f"{plain(found.action)}{more} followed {_own_act(facts)} within an hour, as usual: {plain(found.action)} did so on "
            f"{_occasions(found)}."
        )
        yield signal("usual_companion", sentence, [came[0].entry])
    if facts.actor.refused:
        return
    for found in sorted(companions(facts), key=lambda found: (-found.occasions / found.of, -found.occasions)):
        if found.missed and _changes(found) and not _by_others(facts, found.action):
            sentence = (
                f"{plain(found.action)} did not follow {_own_act(facts)} by {facts.who} within an hour, although it did on "
                f"{_occasions(found)}."
            )
            until = facts.actor.last + WITHIN
            yield signal("missing_companion", sentence, [found.entry], absence=True, absent_until=until)
            return


def _own_act(facts: Facts) -> str:
    return plain(facts.actor.actions[0]) if facts.actor.actions else "the act"


def _occasions(found: Companion) -> str:
    """On how many occasions of the act it followed, up to when, and whose they were."""
    place = f", {found.on_target} times on the same target" if found.on_target > 1 else ""
    others = f", by {plural(found.others, 'other actor')}" if found.others else ""
    return f"{found.occasions} of {plural(found.of, 'earlier occasion')} (up to {found.last}{others}{place})"


def _changes(found: Companion) -> bool:
    """Whether the companion is a step of the work, rather than a look at something."""
    return is_of_class(found.entry.log_type, found.action, ActionClass.CHANGE)


def _needs_explaining(facts: Facts, found: Companion) -> bool:
    """Whether it would be read as harm, or is a step that this actor has not been used to doing."""
    used = calls.earlier_days(facts).get(found.action, 0) >= calls.ROUTINE_DAYS
    harm = calls.harm_of(facts, found.entry.log_type, found.action)
    return not used and (harm is not None or _changes(found))


def _by_others(facts: Facts, action: str) -> bool:
    """Whether somebody else did it to the target, or might have: an answer that was cut may lack it."""
    answers = [entry for entry in facts.evidence if entry.key.endswith(".target_after")]
    return any(
        not entry.complete or any(text(row, "action") == action and done(row) > 0 for row in entry.rows)
        for entry in answers
    )
