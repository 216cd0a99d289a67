"""Alerts on something that did not happen: whether it did, later than the rule waited, to the same target.

A correlation rule can raise an alert because one act was not followed by another (a bucket opened and not closed
again). The rule looks over a fixed time; an analyst looks whether the awaited act came after all.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from triage.domain.signal import Signal
from triage.stages.enrichment.signals.facts import Facts, done, moment, number, plain, signal, text

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_IN_ID = re.compile(r"(?i)\bNOT[._ -]FOLLOWED[._ -]BY[._ -](.+)$")
_RULE = r"[\"']?RuleID[\"']?\s*:\s*[\"']?(?P<id>[\w.\- ]+?)[\"']?\s*[,}\n]"
_ABSENT = re.compile(_RULE + r"(?:(?!RuleID)[^{}])*?[\"']?Absence[\"']?\s*:\s*true", re.IGNORECASE)
LONG = 6
"""A single word shorter than this names no act."""


def words(name: str) -> frozenset[str]:
    """The words of a name, whatever joins them: `repo.archived`, `RepoArchived`, `repo_archived`. A final s is dropped."""
    return frozenset(word.lower().removesuffix("s") for word in _WORD.findall(name))


@lru_cache(maxsize=256)
def awaited(detection_id: str, body: str, log_type: str) -> tuple[frozenset[str], ...]:
    """What the detection waited for in vain, as the words of each rule's name that aren't the provider's."""
    names = [match["id"] for match in _ABSENT.finditer(body)]
    in_id = _IN_ID.search(detection_id)
    if not names and in_id is not None:
        names = [in_id.group(1)]
    # `GitHub.Audit` is written Github, too.
    provider = words(log_type) | {part.lower().removesuffix("s") for part in log_type.split(".")}
    found = (words(name) - provider for name in names)
    return tuple(each for each in found if len(each) > 1 or any(len(word) >= LONG for word in each))


def is_awaited(facts: Facts, log_type: str, action: str) -> bool:
    """Whether an act is the one whose absence raised the alert."""
    wanted = awaited(facts.alert.detection_id, facts.detection.body, log_type)
    return any(each <= words(action) for each in wanted)


def came_after_all(facts: Facts) -> Iterator[Signal]:
    """The awaited act followed, and on nothing but the alert's own target."""
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
                sentence = (
                    f"{plain(text(row, 'action'))}, whose absence raised the alert, happened later on the same target."
                )
                yield signal("awaited_came", sentence, [entry])
                return
