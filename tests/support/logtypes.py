"""Events of one log type, and what the terms of its file find in them."""

from collections.abc import Mapping
from typing import Any

from tests.support.shared import shared_lines
from triage.logtypes import terms_of
from triage.stages.enrichment.actor import take


def published_events(log_type: str) -> list[dict[str, Any]]:
    """The events of published rule tests that are of one log type alone, or a visible skip."""
    return [
        {**test["event"], "p_log_type": log_type}
        for test in shared_lines("data/rule_tests.ndjson")
        if isinstance(test["event"], dict)
        and log_type in (test["event"].get("p_log_type"), test["event_log_type"] or "".join(test["log_types"] or ()))
    ]


def terms_in(event: Mapping[str, Any]) -> dict[str, str]:
    """What an event says by the terms of its log type; terms without a value are left out."""
    terms = terms_of(event["p_log_type"])
    return {name: value for name, term in terms.items() if (value := take(event, term.take))}
