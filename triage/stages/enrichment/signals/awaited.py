"""Alerts on something that did not happen: whether it did, later than the rule waited, to the same target.

A correlation rule can raise an alert because one act was not followed by another (a bucket opened and not closed
again). The rule looks over a fixed time; an analyst looks whether the awaited act came after all.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from triage.domain.base import Row
from triage.domain.clean import plain
from triage.domain.signal import Signal
from triage.stages.enrichment.rule_parts import awaited_names, comes_after
from triage.stages.enrichment.signals.facts import Facts, done, moment, number, signal, text
from triage.stages.enrichment.signals.wording import clock, did, later, named, on_object

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
LONG = 6
"""A single word shorter than this names no act."""


def words(name: str) -> frozenset[str]:
    """The words of a name, whatever joins them: `repo.archived`, `RepoArchived`, `repo_archived`. A final s is dropped."""
    return frozenset(word.lower().removesuffix("s") for word in _WORD.findall(name))


@lru_cache(maxsize=256)
def awaited(detection_id: str, body: str, log_type: str) -> tuple[frozenset[str], ...]:
    """What the detection waited for in vain, as the words of each rule's name that aren't the provider's."""
    names = awaited_names(detection_id, body)
    # `GitHub.Audit` is written Github, too.
    provider = words(log_type) | {part.lower().removesuffix("s") for part in log_type.split(".")}
    found = (words(name) - provider for name in names)
    return tuple(each for each in found if len(each) > 1 or any(len(word) >= LONG for word in each))


def is_awaited(facts: Facts, log_type: str, action: str) -> bool:
    """Whether an act is the one whose absence raised the alert."""
    wanted = awaited(facts.alert.detection_id, facts.detection.body, log_type)
    return any(each <= words(action) for each in wanted)


def came_after_all(facts: Facts) -> Iterator[Signal]:
    """The awaited act came after all: by the actor, by anyone on the alert's own target, or as its own rule saw it."""
    for find in (_by_actor, _on_target, _by_rule):
        found = next(find(facts), None)
        if found is not None:
            yield found
            return


def _by_actor(facts: Facts) -> Iterator[Signal]:
    """The actor did it, and to nothing but the alert's own target."""
    for entry in facts.named("actor_after"):
        for row in entry.rows:
            first = moment(row, "first_seen")
            if (
                is_awaited(facts, entry.log_type, text(row, "action"))
                and first is not None
                and first >= facts.actor.moment
                and done(row) > 0
                and number(row, "targets") == 1
                and text(row, "target") in facts.actor.targets
            ):
                act = f"{did(text(row, 'action'))}{on_object(text(row, 'target'))}"
                sentence = f"{later(facts, first)} {facts.who} {act}; its absence had raised the alert."
                yield signal("awaited_came", sentence, [entry])


def _on_target(facts: Facts) -> Iterator[Signal]:
    """Whoever did it, later than the rule waited, or in time and delivered after it had run."""
    for entry in facts.named("came_late"):
        for row in entry.rows:
            when = _when(facts, row)
            if when and is_awaited(facts, entry.log_type, text(row, "action")) and done(row) == number(row, "times"):
                act = f"{did(text(row, 'action'))}{on_object(text(row, 'target'))}"
                sentence = f"{named(text(row, 'actor'))} {act} {when}; its absence had raised the alert."
                yield signal("awaited_came", sentence, [entry])


def _by_rule(facts: Facts) -> Iterator[Signal]:
    """The awaited rule matched on these identities, in whatever log it reads; on which target, the match doesn't say."""
    names = awaited_names(facts.alert.detection_id, facts.detection.body)
    for entry in facts.named("rule_parts"):
        for row in entry.rows:
            when = _when(facts, row)
            # Many work from one address; that somebody there did it says nothing of this actor.
            if when and text(row, "rule") in names and number(row, "by_name"):
                who = named(text(row, "names") or text(row, "addresses"))
                sentence = f"{plain(text(row, 'rule'))} matched on {who} {when}; its absence had raised the alert."
                yield signal("awaited_came", sentence, [entry], scale=0.6, vouches=False)


def _when(facts: Facts, row: Row) -> str:
    """When an awaited act came; empty where it came in time and was there for the rule to see, or before its time."""
    since, late, delivered = moment(row, "first_since"), moment(row, "first_late"), moment(row, "delivered")
    after = comes_after(facts.alert.detection_id, facts.detection.body)
    in_time = late is not None and late < facts.alert.created_at and (late >= facts.actor.moment or not after)
    if in_time and late is not None and delivered is not None:
        return f"at {clock(facts, late)}, delivered only at {clock(facts, delivered)}, after the rule had run"
    if since is not None and after:
        return f"at {clock(facts, since)}"
    return ""
