"""What followed: harm, routine, nothing, or the change taken back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
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
from triage.stages.enrichment.signals.harmful import BULK, Harm, note_on
from triage.stages.enrichment.signals.place import place_of

HOURS = timedelta(hours=12)
"""How long after the alert's last event a follow-up is taken for one."""
SETTLING = timedelta(hours=2)
"""What a watch over the aftermath should have lasted to count in full."""
ROUTINE_DAYS = 2
"""Earlier days from which a follow-up is part of the actor's work."""
REFUSED = 3
_READING = (Harm.COLLECTION, Harm.CREDENTIALS)
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
    subject = facts.subject
    profile = _profile(facts)
    found = []
    for entry in facts.read("harmful_aftermath", "action", "address", "first_seen"):
        if "days" in entry.columns:
            continue
        for row in entry.rows:
            action = text(row, "action")
            first = moment(row, "first_seen")
            note = note_on(entry.log_type, action)
            if note is None or done(row) <= 0 or first is None or first > subject.last + HOURS:
                continue
            if action in subject.actions:
                continue
            seriousness = note.seriousness
            if note.harm in _READING and done(row) < BULK:
                seriousness *= 0.5
            routine = profile.get(action, 0) >= ROUTINE_DAYS
            found.append(_Step(action, note.harm, seriousness, done(row), routine, entry))
    return found


def _profile(facts: Facts) -> dict[str, int]:
    """Earlier days on which the actor did each action, from before the days that may belong to an intrusion."""
    return {
        text(row, "action"): number(row, "days")
        for entry in facts.read("routine_aftermath", "action", "days")
        for row in entry.rows
        if (first := moment(row, "first_seen")) is not None and first < facts.subject.moment - SETTLED
    }


def aftermath(facts: Facts) -> Iterator[Signal]:
    """Harm that followed, by kind; else what its absence is worth."""
    stranger = place_of(facts).stranger
    steps = _steps(facts)
    # A stolen session does its owner's work as a cover: from an unknown place routine excuses only half.
    weighed = [(step, step.seriousness * (0.0 if step.routine and not stranger else 0.5 if step.routine else 1.0)) for step in steps]
    by_kind: dict[Harm, tuple[_Step, float]] = {}
    for step, serious in sorted(weighed, key=lambda item: -item[1]):
        if serious > 0:
            by_kind.setdefault(step.harm, (step, serious))
    for index, (step, serious) in enumerate(list(by_kind.values())[:4]):
        name = "harmful_aftermath" if index == 0 else "harmful_aftermath_more"
        sentence = f"{plain(step.action)} followed ({step.harm.value}), {plural(step.times, 'time')}."
        yield signal(name, sentence, [step.entry], scale=serious)
    routine = [step for step in steps if step.routine]
    if routine and not by_kind:
        sentence = f"{plain(routine[0].action)} followed, as on earlier days of this actor."
        yield signal("routine_aftermath", sentence, [routine[0].entry])
    if not by_kind:
        yield from _quiet(facts)
        yield from _reverted(facts)


def _quiet(facts: Facts) -> Iterator[Signal]:
    entry = facts.first("quiet_aftermath", "action", "address", "first_seen")
    if entry is None or entry.end is None or not facts.subject.actor:
        return
    watched = entry.end - facts.subject.last
    scale = min(1.0, max(0.0, watched / SETTLING))
    if scale > 0:
        hours = round(watched.total_seconds() / 3600)
        sentence = f"Nothing harmful that is new for this actor followed within {plural(hours, 'hour')}."
        yield signal("quiet_aftermath", sentence, [entry], scale=scale, absence=True)


def _reverted(facts: Facts) -> Iterator[Signal]:
    wanted = {inverse for action in facts.subject.actions for inverse in _inverses(action)}
    for entry in facts.read("reverted", "action", "first_seen"):
        for row in entry.rows:
            first = moment(row, "first_seen")
            if text(row, "action") in wanted and first is not None and first > facts.subject.moment and done(row) > 0:
                if first <= facts.subject.last + SETTLING:
                    yield signal("reverted", f"{plain(text(row, 'action'))} took the change back.", [entry])
                    return


def _inverses(action: str) -> Iterator[str]:
    for one, other in _INVERSE:
        for here, there in ((one, other), (other, one)):
            # Whole words only: at the start of a name in capitals, or between dots, slashes or blanks.
            pattern = rf"^{here}(?=[A-Z])|(?<![a-z]){here}(?![a-z])"
            changed = re.sub(pattern, there, action, count=1)
            if changed != action:
                yield changed


def target_use(facts: Facts) -> Iterator[Signal]:
    """What was changed is used at once, from the changer's place or from an unknown one."""
    subject = facts.subject
    here = set(subject.addresses)
    for entry in facts.read("target_aftermath", "actor", "action", "address"):
        for row in entry.rows:
            first = moment(row, "first_seen")
            if first is None or first <= subject.moment or text(row, "actor") not in subject.targets:
                continue
            if text(row, "address") in here and place_of(facts).stranger:
                sentence = f"{plain(text(row, 'actor'))}, the target, was then used from {plain(text(row, 'address'))} too."
                yield signal("target_used", sentence, [entry])
                return
    for entry in facts.read("new_credential_use", "address", "action"):
        strange = [row for row in entry.rows if is_address(text(row, "address")) and text(row, "address") not in here]
        if strange:
            row = strange[0]
            sentence = f"The new key was used from {plain(text(row, 'address'))} for {plain(text(row, 'action'))}."
            yield signal("target_used", sentence, [entry], scale=0.6)


def refused(facts: Facts) -> Iterator[Signal]:
    """Calls refused around the alert, of kinds that were not refused before."""
    before = {
        text(row, "action")
        for entry in facts.read("first_seen_actor", "action", "refused")
        for row in entry.rows
        if number(row, "refused")
    }
    for entry in facts.read("refused", "action", "address", "refused"):
        if "days" in entry.columns:
            continue
        rows = [row for row in entry.rows if number(row, "refused") and text(row, "action") not in before]
        total = sum(number(row, "refused") for row in rows)
        if total >= REFUSED:
            kinds = plural(len(rows), "kind")
            sentence = f"{total} calls of {kinds} were refused, such as {plain(text(rows[0], 'action'))}."
            yield signal("refused", sentence, [entry], scale=1.0 if len(rows) >= 2 else 0.6)
            return
