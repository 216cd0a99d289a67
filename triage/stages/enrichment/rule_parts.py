"""What a detection itself asks, from its text: the rules that a correlation names, what it waits for, what it counts.

Source: Panther's correlation rules, `Detection` with `Group` or `Sequence`, each part a `RuleID`, one that must not match
with `Absence`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from triage.domain.detection import Detection
from triage.domain.question import ActionClass
from triage.questions import is_of_class

_RULE = r"[\"']?RuleID[\"']?\s*:\s*[\"']?(?P<id>[\w.\- ]+?)[\"']?\s*(?=[,}\n]|$)"
_ANY = re.compile(_RULE)
_ABSENT = re.compile(_RULE + r"(?:(?!RuleID)[^{}])*?[\"']?Absence[\"']?\s*:\s*true", re.IGNORECASE)
_IN_ID = re.compile(r"(?i)\bNOT[._ -]FOLLOWED[._ -]BY[._ -](.+)$")
_IN_ORDER = re.compile(r"(?i)[\"']?EventEvaluationOrder[\"']?\s*:\s*[\"']?Chronological|[\"']?Sequence[\"']?\s*:")
MAX_CHARS = 200_000
"""A longer text names no parts."""
MAX_PARTS = 12
MANY = 12
"""Events of an alert from which their number is a question, whatever the threshold."""


class When(StrEnum):
    """What an alert may be about, of which some questions are asked only."""

    ABSENCE = "absence"
    """Something failed to follow or to come."""
    AMOUNT = "amount"
    """How many there were."""
    CHANGE = "change"
    """Something was changed, rather than read or signed in to."""
    GIVING = "giving"
    """Somebody was given rights, a share or a key."""


_GIVING = (ActionClass.GRANT, ActionClass.SHARING, ActionClass.KEY_CREATION)


@dataclass(frozen=True, slots=True)
class SubRule:
    """One part of a correlation."""

    id: str
    absent: bool = False
    """The alert says that it did not match."""


@lru_cache(maxsize=256)
def sub_rules(body: str) -> tuple[SubRule, ...]:
    """The rules that a correlation's text names, each once; empty for a text that is no correlation."""
    if len(body) > MAX_CHARS:
        return ()
    absent = {match["id"] for match in _ABSENT.finditer(body)}
    named = dict.fromkeys(match["id"] for match in _ANY.finditer(body))
    return tuple(SubRule(name, name in absent) for name in named)[:MAX_PARTS]


def awaited_names(detection_id: str, body: str) -> tuple[str, ...]:
    """The rules whose absence raised an alert; what the detection's own name says, where its text is not known."""
    found = tuple(part.id for part in sub_rules(body) if part.absent)
    in_id = _IN_ID.search(detection_id)
    return found or ((in_id.group(1),) if in_id is not None else ())


def comes_after(detection_id: str, body: str) -> bool:
    """Whether what is awaited would come after the other parts; else it may have come at any time around them."""
    return _IN_ID.search(detection_id) is not None or _IN_ORDER.search(body[:MAX_CHARS]) is not None


def is_about(when: When, detection: Detection, *, log_type: str, actions: Sequence[str], events: int) -> bool:
    """Whether an alert is of a kind.

    Args:
        when: The kind.
        detection: With its text and its threshold.
        log_type: Of the alert's events.
        actions: What one actor of the alert did.
        events: How many events of that actor the alert has.
    """
    match when:
        case When.ABSENCE:
            return bool(awaited_names(detection.id, detection.body))
        case When.AMOUNT:
            return (detection.threshold or 1) > 1 or events >= MANY
        case When.CHANGE:
            return any(is_of_class(log_type, action, ActionClass.CHANGE) for action in actions)
        case When.GIVING:
            return any(is_of_class(log_type, action, each) for action in actions for each in _GIVING)
