"""One whole investigation of an invented alert, against the configured model and nothing else: `triage check --model`."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pydantic import JsonValue

from triage.domain.alert import Alert, DetectionOrigin, Kind, Severity, Status
from triage.domain.argument import argue_alert
from triage.domain.detection import Detection
from triage.domain.dossier import Dossier
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, Source
from triage.domain.signal import Direction, Signal
from triage.domain.verdict import Usage, Verdict
from triage.pipeline.judgement import check_conclusion, facts_for, judge, objections
from triage.ports import Observer, QueryLimits, ToolCall
from triage.stages.decision import adjudicate_with_model
from triage.stages.investigation import ToolAnswer, run_investigation
from triage.stages.investigation.values import UNNUMBERED
from triage.stages.model_calls import ModelContext

_SIGN_IN: dict[str, JsonValue] = {
    "eventName": "ConsoleLogin",
    "userIdentity": {"type": "IAMUser", "userName": "rehearsal.user"},
    "sourceIPAddress": "203.0.113.77",
    "additionalEventData": {"MFAUsed": "No"},
    "responseElements": {"ConsoleLogin": "Success"},
}
_QUESTIONS = frozenset({"ask", "query_lake", "search_indicators", "more_events"})


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How it went."""

    verdict: Verdict
    failed: str
    """Why the model gave no result; empty if it gave one."""
    turns: int
    tool_calls: int
    judged: str
    """What the judge said, or why it said nothing."""
    has_opinion: bool
    usage: Usage
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Exercise:
    """The model's tools: every question has the same answer, and nothing is asked of anybody."""

    async def run(self, call: ToolCall, limits: QueryLimits) -> ToolAnswer:
        if call.name not in _QUESTIONS:
            return ToolAnswer(call_id=call.id, content="There is nothing more in this exercise.")
        rows: tuple[dict[str, JsonValue], ...] = (
            {"eventName": "ConsoleLogin", "sourceIPAddress": "198.51.100.20", "calls": 41},
            {"eventName": "ListBuckets", "sourceIPAddress": "203.0.113.77", "calls": 3},
        )
        kept = rows[: limits.rows]
        question = "What did rehearsal.user do in the 30 days before?"
        answer = Evidence(
            id=UNNUMBERED,
            source=Source.TOOL,
            key=f"tool.{call.name}",
            question=question,
            log_type="AWS.CloudTrail",
            rows=kept,
            row_count=len(kept),
        )
        return ToolAnswer(call_id=call.id, evidence=answer, queries=1, bytes=200)


async def rehearse(context: ModelContext, *, observe: Observer) -> Rehearsal:
    """Let the model investigate an invented alert with tools that answer from a script, and judge it.

    Args:
        context: The model, and a journal that need not keep anything.
        observe: Called with each step.

    Raises:
        ModelError: The endpoint does not answer; the text says what to change.
        StoreError: What is known of the endpoint can't be read or written.
    """
    dossier = _dossier(context)
    conclusion = await run_investigation(
        dossier,
        context,
        toolbox=_Exercise(),
        nonce=context.clock.token(8),
        check=partial(objections, argument=argue_alert(dossier)),
        observe=observe,
    )
    checked = check_conclusion(dossier, conclusion)
    adjudication, spent = await adjudicate_with_model(
        facts_for(dossier, conclusion, checked), context, before=conclusion.usage
    )
    opinion = adjudication.opinion
    return Rehearsal(
        verdict=judge(dossier, conclusion, checked=checked, opinion=opinion),
        failed=conclusion.failed,
        turns=conclusion.usage.turns,
        tool_calls=conclusion.usage.tool_calls,
        judged=opinion.disposition.value if opinion is not None else "; ".join(adjudication.notes),
        has_opinion=opinion is not None,
        usage=conclusion.usage.plus(spent),
        notes=conclusion.notes,
    )


def _dossier(context: ModelContext) -> Dossier:
    now = context.clock.now()
    moment = now - timedelta(hours=2)
    event = {"p_event_time": moment.isoformat(), **_SIGN_IN}
    return Dossier(
        alert=Alert(
            id="0" * 32,
            title="Console sign-in without MFA: rehearsal.user",
            severity=Severity.MEDIUM,
            status=Status.OPEN,
            kind=Kind.RULE,
            created_at=moment,
            first_event_at=moment,
            origin=DetectionOrigin(id="Rehearsal.Console.SignIn"),
        ),
        detection=Detection(
            id="Rehearsal.Console.SignIn",
            name="Console sign-in without MFA",
            description="An invented alert with which the configured model is tried.",
            runbook=(
                "1. Ask what rehearsal.user did in the 30 days before the alert.\n"
                "2. Then ask what else came from 203.0.113.77."
            ),
        ),
        now=now,
        log_types=("AWS.CloudTrail",),
        entities=(
            Entity(kind=EntityKind.USER, value="rehearsal.user", role=Role.ACTOR),
            Entity(kind=EntityKind.IP, value="203.0.113.77", role=Role.SOURCE),
        ),
        evidence=(
            Evidence(
                id="E1",
                source=Source.EVENTS,
                key="events",
                question="What are the alert's events?",
                log_type="AWS.CloudTrail",
                rows=(event,),
                row_count=1,
            ),
        ),
        signals=(
            Signal(
                name="new_address",
                direction=Direction.MALICIOUS,
                weight=1.0,
                sentence="203.0.113.77 is new for rehearsal.user.",
                evidence=("E1",),
            ),
        ),
    )
