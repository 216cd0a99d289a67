"""The schema of a result, and its way from the text of a `conclude` call to a draft.

Every problem is named at once, so that one repair can fix them all; nothing is guessed.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from triage.domain.evidence import Evidence, by_id, lookup
from triage.domain.finding import (
    AbsenceCitation,
    Citation,
    Comparison,
    CountCitation,
    Finding,
    JsonScalar,
    LacksCitation,
    ValueCitation,
)
from triage.domain.signal import Direction
from triage.domain.untrusted import uncut
from triage.domain.verdict import Action, ActionKind, AnswerState, Disposition, Draft, RunbookAnswer
from triage.stages.investigation.shown_rows import is_cut_time
from triage.stages.model_calls import Lowered, ReplyInvalid, Share, read_json, validated

_MAX_PROBLEMS = 25
_WORTH_SAYING = timedelta(minutes=15)
"""An absence over less of its window says nothing."""
_ID = r"^E[1-9][0-9]{0,4}$"


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _none_as_empty(value: object) -> object:
    return [] if value is None else value


def _none_as_text(value: object) -> object:
    return "" if value is None else value


EvidenceName = Annotated[str, BeforeValidator(_upper), Field(pattern=_ID)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WireCitation(_Wire):
    """One citation; the instructions say which fields each `kind` has."""

    kind: Annotated[Literal["value", "count", "absence", "lacks"], Lowered]
    evidence: EvidenceName
    row: int | None = Field(default=None, ge=0, description="As shown in brackets")
    column: str | None = Field(default=None, max_length=300, description="Name or dotted path")
    value: JsonScalar = None
    comparison: Comparison | None = None
    number: int | None = Field(default=None, ge=0)


class WireFinding(_Wire):
    """One checkable sentence."""

    text: str = Field(min_length=1, max_length=800)
    direction: Annotated[Direction, Lowered] = Field(description="The verdict that it supports")
    citations: list[WireCitation] = Field(max_length=20)


class WireAnswer(_Wire):
    """The answer to one step of the runbook."""

    step: int = Field(ge=1, description="Number of the step, from 1")
    state: Annotated[AnswerState, Lowered]
    answer: str = Field(max_length=800)
    evidence: Annotated[list[EvidenceName], BeforeValidator(_none_as_empty)] = Field(
        default_factory=list, max_length=20
    )


class WireAction(_Wire):
    """A recommended next step for a person."""

    kind: Annotated[ActionKind, Lowered]
    entity: Annotated[str, BeforeValidator(_none_as_text)] = Field(
        default="", max_length=300, description="The one concrete entity it concerns"
    )


class WireDraft(_Wire):
    """The whole result."""

    verdict: Annotated[Disposition, Lowered]
    confidence: Annotated[float, Share] = Field(ge=0, le=1, description="Between 0 and 1")
    summary: str = Field(min_length=1, max_length=3_000)
    findings: list[WireFinding] = Field(max_length=40)
    runbook: Annotated[list[WireAnswer], BeforeValidator(_none_as_empty)] = Field(default_factory=list, max_length=40)
    techniques: Annotated[
        list[Annotated[str, BeforeValidator(_upper), Field(pattern=r"^T[0-9]{4}(\.[0-9]{3})?$")]],
        BeforeValidator(_none_as_empty),
    ] = Field(default_factory=list, max_length=30, description="MITRE ATT&CK ids such as T1098 or T1562.008")
    actions: Annotated[list[WireAction], BeforeValidator(_none_as_empty)] = Field(default_factory=list, max_length=20)


def parse_draft(text: str, *, steps: Sequence[str] = (), finish_reason: str = "") -> Draft:
    """Read the arguments of a `conclude` call.

    Args:
        text: JSON as the model wrote it; a surrounding code fence is tolerated.
        steps: The runbook's steps; unanswered ones are open in the draft.
        finish_reason: As the server gave it; explains JSON that breaks off.

    Raises:
        ReplyInvalid: with every problem.
    """
    value = read_json(text, finish_reason=finish_reason)
    if isinstance(value, dict) and set(value) == {"draft"}:
        # Some models wrap the result in the name of the type.
        value = value["draft"]
    wire = validated(WireDraft, value)
    problems: list[str] = []
    findings = tuple(_finding(entry, number, problems) for number, entry in enumerate(wire.findings, 1))
    runbook = _runbook_answers(wire.runbook, steps, problems)
    if problems:
        raise ReplyInvalid(problems[:_MAX_PROBLEMS])
    return Draft(
        verdict=wire.verdict,
        confidence=wire.confidence,
        summary=wire.summary,
        findings=findings,
        runbook=runbook,
        techniques=tuple(dict.fromkeys(wire.techniques)),
        actions=tuple(Action(kind=entry.kind, entity=entry.entity) for entry in wire.actions),
    )


def _finding(entry: WireFinding, number: int, problems: list[str]) -> Finding:
    citations: list[Citation] = []
    for place, cited in enumerate(entry.citations):
        name = f"findings.{number - 1}.citations.{place}"
        match cited.kind:
            case "value" if cited.row is None or not cited.column:
                problems.append(f"{name}: a value citation needs row, column and value")
            case "lacks" if not cited.column or cited.value is None:
                problems.append(f"{name}: a lacks citation needs column and value")
            case "value" | "lacks" if isinstance(cited.value, float) and not math.isfinite(cited.value):
                problems.append(f"{name}: {cited.value} is not a JSON number")
            case "value":
                assert cited.row is not None
                assert cited.column
                citations.append(
                    ValueCitation(evidence=cited.evidence, row=cited.row, column=cited.column, value=cited.value)
                )
            case "lacks":
                assert cited.column
                citations.append(LacksCitation(evidence=cited.evidence, column=cited.column, value=cited.value))
            case "count" if cited.number is None:
                problems.append(f"{name}: a count citation needs comparison and number")
            case "count":
                assert cited.number is not None
                comparison = cited.comparison or Comparison.EQUAL
                citations.append(CountCitation(evidence=cited.evidence, comparison=comparison, number=cited.number))
            case "absence":
                citations.append(AbsenceCitation(evidence=cited.evidence))
    return Finding(text=entry.text, direction=entry.direction, citations=tuple(citations))


def _runbook_answers(
    given: Sequence[WireAnswer], steps: Sequence[str], problems: list[str]
) -> tuple[RunbookAnswer, ...]:
    by_step: dict[int, WireAnswer] = {}
    for place, entry in enumerate(given):
        if entry.step > len(steps):
            problems.append(f"runbook.{place}: there is no step {entry.step}; the runbook has {len(steps)}")
        by_step.setdefault(entry.step, entry)
    return tuple(
        RunbookAnswer(
            step=number,
            text=text,
            state=by_step[number].state if number in by_step else AnswerState.NO_ANSWER,
            answer=by_step[number].answer if number in by_step else "",
            evidence=tuple(by_step[number].evidence) if number in by_step else (),
        )
        for number, text in enumerate(steps, 1)
    )


def as_stored(draft: Draft, evidence: Sequence[Evidence]) -> Draft:
    """The draft with its citations as the evidence has them.

    A value that is quoted as it was shown, cut, becomes the stored one. An absence in a log that has not delivered to
    the end of the window becomes one up to the moment where it is proven: the rest is said, not refused.
    """
    entries = by_id(evidence)

    def restored(citation: Citation) -> Citation:
        entry = entries.get(citation.evidence)
        if isinstance(citation, AbsenceCitation) and entry is not None:
            return citation.model_copy(update={"until": _shown_until(entry)})
        if isinstance(citation, LacksCitation) and isinstance(citation.value, str) and entry is not None:
            # Otherwise a time that stands in the table would be lacking.
            times = (lookup(row, citation.column) for row in entry.rows)
            there = (each for each in times if isinstance(each, str) and is_cut_time(citation.value, each))
            return citation.model_copy(update={"value": next(there, citation.value)})
        if not isinstance(citation, ValueCitation) or not isinstance(citation.value, str):
            return citation
        if entry is None or citation.row >= len(entry.rows):
            return citation
        stored = lookup(entry.rows[citation.row], citation.column)
        if not isinstance(stored, str) or not (uncut(citation.value, stored) or is_cut_time(citation.value, stored)):
            return citation
        return citation.model_copy(update={"value": stored})

    def found(finding: Finding) -> Finding:
        citations = tuple(restored(citation) for citation in finding.citations)
        ends = [each.until for each in citations if isinstance(each, AbsenceCitation) and each.until is not None]
        known = f" (known up to {min(ends):%Y-%m-%d %H:%M} UTC)" if ends else ""
        return finding.model_copy(update={"text": finding.text + known, "citations": citations})

    return draft.model_copy(update={"findings": tuple(map(found, draft.findings))})


def _shown_until(entry: Evidence) -> datetime | None:
    """Up to when an answer without rows shows an absence; `None` where it shows it throughout, or hardly anywhere."""
    until = entry.proven_until
    if entry.proves_absence or until is None or entry.start is None or until - entry.start < _WORTH_SAYING:
        return None
    return until


def inconclusive(reason: str, *, steps: Sequence[str] = ()) -> Draft:
    """The draft of an investigation that gave no result."""
    return Draft(
        verdict=Disposition.INCONCLUSIVE,
        confidence=0.0,
        summary=f"The model gave no usable result: {reason}. A person should look at this alert.",
        runbook=tuple(
            RunbookAnswer(step=number, text=text, state=AnswerState.NO_ANSWER) for number, text in enumerate(steps, 1)
        ),
        actions=(Action(kind=ActionKind.ESCALATE),),
    )
