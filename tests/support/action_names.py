"""The names of actions that occur in the reference data, to see which a filter selects."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.logtypes import terms_in
from tests.support.shared import shared_lines
from triage.domain.globs import any_glob
from triage.domain.question import ActionClass
from triage.logtypes import terms_of
from triage.questions.classes import is_of_class

_ACTION_FIELDS = (
    "eventName",
    "actionName",
    "operationName",
    "methodName",
    "eventType",
    "action",
    "event",
    "type",
    "name",
)
_SERVICE_FIELDS = ("eventSource", "serviceName", "service")


def _first(event: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((value for name in names if isinstance(value := event.get(name), str) and value), "")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


class ActionNames:
    """Actions with their services, by log type: of the published rule tests, and for AWS of TrailDiscover."""

    def __init__(self) -> None:
        """Read them, or skip visibly where the reference data is absent."""
        self._known: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._of_rules: dict[str, set[str]] = defaultdict(set)
        for rule, log_type, event in _events():
            terms = terms_in(event) if terms_of(log_type) else {}
            action = terms.get("action", "")
            service = (
                terms.get("service")
                or _first(event, _SERVICE_FIELDS)
                or _first(event.get("protoPayload") or {}, _SERVICE_FIELDS)
            )
            if action := action or _first(event, _ACTION_FIELDS):
                self._known[log_type].add((action, service))
                if rule:
                    self._of_rules[rule].add(action)
        for line in shared_lines("data/traildiscover.ndjson"):
            self._known["AWS.CloudTrail"].add((line["eventName"], line["eventSource"]))

    def of_rule(self, rule: str) -> frozenset[str]:
        """The actions that a rule matches, by its tests."""
        return frozenset(self._of_rules[rule])

    def fitting(
        self, logs: Sequence[str], classes: Sequence[ActionClass], actions: Sequence[str], words: Sequence[str]
    ) -> frozenset[tuple[str, str]]:
        """The known actions of the logs that a filter selects."""
        plain = [_plain(word) for word in words]
        return frozenset(
            (log, action)
            for log in logs
            for action, service in self._known[log]
            if (not (classes or actions))
            or any_glob(action, actions)
            or any(is_of_class(log, action, each) for each in classes)
            if not plain or any(word in _plain(action) or word in _plain(service) for word in plain)
        )


def _events() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each event with its log type, and the rule where it matches."""
    for test in shared_lines("data/rule_tests.ndjson"):
        event = test["event"]
        if not isinstance(event, dict):
            continue
        log_types = [event.get("p_log_type") or test["event_log_type"]]
        for log_type in log_types if log_types[0] else test["log_types"] or ():
            yield test["rule_id"] if test["expected_result"] else "", log_type, {**event, "p_log_type": log_type}
