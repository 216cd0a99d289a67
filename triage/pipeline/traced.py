"""What the span of one alert's run says: ids, counts and our own words, never a text of the alert."""

from collections.abc import Mapping

from triage.domain.selection import Skipped
from triage.domain.verdict import Investigation
from triage.ports import Claim
from triage.ports.tracing import Fact

AGENT_SPAN = "invoke_agent triage"
"""Named as OpenTelemetry's conventions for GenAI agents ask."""


def claim_facts(claim: Claim) -> Mapping[str, Fact]:
    """What is known of an alert when its run begins."""
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "triage",
        "gen_ai.conversation.id": claim.run_id,
        "triage.alert.id": claim.alert.id,
        "triage.attempt": claim.attempts,
        "triage.look": claim.look,
    }


def result_facts(result: Investigation | Skipped) -> Mapping[str, Fact]:
    """How the run ended, and what it took over all attempts."""
    if isinstance(result, Skipped):
        return {"triage.outcome": "skipped"}
    usage = result.usage
    return {
        "triage.outcome": "done",
        "triage.verdict": result.verdict.disposition.value,
        "triage.analyst": result.analyst.value,
        "triage.queries": usage.queries,
        "triage.rows": usage.rows,
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
    }
