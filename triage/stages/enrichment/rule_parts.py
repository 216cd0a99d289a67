"""What a detection itself asks, from its text: the rules that a correlation names, what it waits for, what it counts.

Source: Panther's correlation rules, `Detection` with `Group` or `Sequence`, each part a `RuleID`, one that must not match
with `Absence`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache

from pydantic import JsonValue

from triage.domain.detection import Detection
from triage.domain.question import ActionClass
from triage.domain.yaml_lines import YamlError, parse_yaml
from triage.questions import is_of_class

_IN_ID = re.compile(r"(?i)\bNOT[._ -]FOLLOWED[._ -]BY[._ -](.+)$")
MAX_CHARS = 200_000
"""A longer text names no parts."""
MAX_PARTS = 12
MAX_LOOKBACK = timedelta(days=30)
"""A longer one is taken for this."""
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
    at_least: int = 1
    """How often it must match."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """What a correlation rule looks for."""

    parts: tuple[SubRule, ...] = ()
    """Each rule once."""
    in_order: bool = False
    """The parts must match one after the other."""
    lookback: timedelta = timedelta()
    """How far back the rule looks for its parts; zero where it doesn't say."""


@lru_cache(maxsize=256)
def correlation(body: str) -> Correlation:
    """Read a correlation's text, JSON or YAML; without parts for a text that is no correlation."""
    if len(body) > MAX_CHARS or "RuleID" not in body:
        return Correlation()
    try:
        nodes = tuple(_mappings(parse_yaml(body).value))
    except YamlError:
        return Correlation()
    parts: dict[str, SubRule] = {}
    for node in nodes:
        name = node.get("RuleID")
        if isinstance(name, str) and name.strip():
            absent, least = node.get("Absence") is True, node.get("MinMatchCount")
            before = parts.get(name)
            parts[name] = SubRule(
                name,
                absent or (before is not None and before.absent),
                least if type(least) is int and least > 1 else 1,
            )
    minutes = [value for node in nodes if type(value := node.get("LookbackWindowMinutes")) is int and value > 0]
    return Correlation(
        parts=tuple(parts.values())[:MAX_PARTS],
        in_order=any("Sequence" in node or node.get("EventEvaluationOrder") == "Chronological" for node in nodes),
        lookback=min(timedelta(minutes=min(max(minutes, default=0), 10**6)), MAX_LOOKBACK),
    )


def _mappings(value: JsonValue) -> Iterator[Mapping[str, JsonValue]]:
    """Every mapping in a value, in the order of the text."""
    waiting: list[JsonValue] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
        if isinstance(each, dict | list):
            waiting += reversed(list(each.values()) if isinstance(each, dict) else each)


def sub_rules(body: str) -> tuple[SubRule, ...]:
    """The rules that a correlation's text names."""
    return correlation(body).parts


def awaited_names(detection_id: str, body: str) -> tuple[str, ...]:
    """The rules whose absence raised an alert; what the detection's own name says, where its text is not known."""
    found = tuple(part.id for part in sub_rules(body) if part.absent)
    in_id = _IN_ID.search(detection_id)
    return found or ((in_id.group(1),) if in_id is not None else ())


def comes_after(detection_id: str, body: str) -> bool:
    """Whether what is awaited would come after the other parts; else it may have come at any time around them."""
    return _IN_ID.search(detection_id) is not None or correlation(body).in_order


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
