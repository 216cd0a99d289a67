"""From the text of a `conclude` call to a draft: every problem is named at once, nothing is guessed."""

import json
import math
from collections.abc import Sequence
from typing import Annotated, Literal, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from triage.domain.evidence import MISSING, Evidence, lookup
from triage.domain.finding import (
    AbsenceCitation,
    Citation,
    Comparison,
    CountCitation,
    Finding,
    JsonScalar,
    ValueCitation,
)
from triage.domain.signal import Direction
from triage.domain.untrusted import uncut
from triage.domain.verdict import Action, ActionKind, AnswerState, Disposition, Draft, RunbookAnswer

MAX_CHARS = 200_000
"""Characters of a result that are read at all."""
_MOST_PROBLEMS = 25
_MOST_OBJECTS = 50
"""Opening braces in a reply's prose that are tried."""
_ID = r"^E[1-9][0-9]{0,4}$"


class DraftInvalid(ValueError):
    """A text is no draft; `problems` says all that is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems, each one line."""
        super().__init__("; ".join(problems)[:2_000])
        self.problems = tuple(problems)


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _none_as_empty(value: object) -> object:
    return [] if value is None else value


def _none_as_text(value: object) -> object:
    return "" if value is None else value


EvidenceName = Annotated[str, BeforeValidator(_upper), Field(pattern=_ID, description="Evidence id such as E3")]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WireCitation(_Wire):
    """One citation; which fields count depends on `kind`."""

    kind: Annotated[Literal["value", "count", "absence"], BeforeValidator(_lower)]
    evidence: EvidenceName
    row: int | None = Field(default=None, ge=0, description="value: row number as shown in brackets")
    column: str | None = Field(default=None, max_length=300, description="value: column name or dotted path")
    value: JsonScalar = Field(default=None, description="value: the exact value in that row and column")
    comparison: Comparison | None = Field(default=None, description="count: how the number of rows compares")
    number: int | None = Field(default=None, ge=0, description="count: the number compared with")


class WireFinding(_Wire):
    """One checkable sentence."""

    text: str = Field(min_length=1, max_length=800)
    direction: Annotated[Direction, BeforeValidator(_lower)] = Field(description="The verdict that it supports")
    citations: list[WireCitation] = Field(max_length=20)


class WireAnswer(_Wire):
    """The answer to one step of the runbook."""

    step: int = Field(ge=1, description="Number of the step, from 1")
    state: Annotated[AnswerState, BeforeValidator(_lower)]
    answer: str = Field(max_length=800)
    evidence: Annotated[list[EvidenceName], BeforeValidator(_none_as_empty)] = Field(
        default_factory=list, max_length=20
    )


class WireAction(_Wire):
    """A recommended next step for a person."""

    kind: Annotated[ActionKind, BeforeValidator(_lower)]
    entity: Annotated[str, BeforeValidator(_none_as_text)] = Field(
        default="", max_length=300, description="The one concrete entity it concerns"
    )


class WireDraft(_Wire):
    """The whole result."""

    verdict: Annotated[Disposition, BeforeValidator(_lower)]
    confidence: float = Field(ge=0, le=1, description="Between 0 and 1")
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
        steps: The runbook's steps; unanswered ones stand in the draft as open.
        finish_reason: As the server gave it; explains JSON that breaks off.

    Raises:
        DraftInvalid: with every problem.
    """
    value = read_json(text, finish_reason=finish_reason)
    if isinstance(value, dict) and set(value) == {"draft"}:
        # A model that wraps the result in the name of the type means the result.
        value = value["draft"]
    try:
        wire = WireDraft.model_validate(value)
    except ValidationError as error:
        raise DraftInvalid(explain(error)) from None
    problems: list[str] = []
    findings = tuple(_finding(entry, number, problems) for number, entry in enumerate(wire.findings, 1))
    runbook = _answers(wire.runbook, steps, problems)
    if problems:
        raise DraftInvalid(problems[:_MOST_PROBLEMS])
    return Draft(
        verdict=wire.verdict,
        confidence=wire.confidence,
        summary=wire.summary,
        findings=findings,
        runbook=runbook,
        techniques=tuple(dict.fromkeys(wire.techniques)),
        actions=tuple(Action(kind=entry.kind, entity=entry.entity) for entry in wire.actions),
    )


def read_json(text: str, *, finish_reason: str = "") -> JsonValue:
    """Read strict JSON of a bounded size. Raises DraftInvalid."""
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    if not bare:
        raise DraftInvalid(["it is empty"])
    if len(bare) > MAX_CHARS:
        raise DraftInvalid([f"it has {len(bare)} characters; at most {MAX_CHARS} are read"])
    try:
        value: JsonValue = json.loads(bare, parse_constant=_refuse)
        # Numbers and lone surrogates that JSON proper can't hold would break the journal later.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        cut = "; it was cut at the limit of output tokens: write less" if finish_reason == "length" else ""
        raise DraftInvalid([f"it is not JSON ({error.msg}, character {error.pos}){cut}"]) from error
    except RecursionError as error:
        raise DraftInvalid(["it is nested too deeply"]) from error
    except ValueError as error:
        raise DraftInvalid([f"it is not JSON ({type(error).__name__})"]) from error
    return value


def result_in(text: str) -> str | None:
    """The one result that stands in a reply, bare, fenced, or among prose; `None` where there is none.

    Where several different ones stand there none is taken: the model may be quoting one that it found in a log.
    """
    try:
        return text if isinstance(read_json(text), dict) else None
    except DraftInvalid:
        pass
    found: dict[str, str] = {}
    decoder = json.JSONDecoder()
    place, tries = text.find("{"), 0
    while 0 <= place < MAX_CHARS and tries < _MOST_OBJECTS:
        tries += 1
        end = place + 1
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            pass
        else:
            if isinstance(value, dict) and {"verdict", "summary"} <= set(value):
                found[json.dumps(value, sort_keys=True)] = text[place:end]
        place = text.find("{", end)
    return next(iter(found.values())) if len(found) == 1 else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def explain(error: ValidationError) -> list[str]:
    """Every problem that validation found, one line each: where, what, and what is allowed."""
    found = []
    for entry in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_PROBLEMS]:
        place = ".".join(str(part) for part in entry["loc"]) or "the result"
        words = {"extra_forbidden": "is no field of the schema; leave it out", "missing": "is missing"}
        found.append(f"{place}: {words.get(entry['type'], entry['msg'])}"[:300])
    if error.error_count() > _MOST_PROBLEMS:
        found.append(f"and {error.error_count() - _MOST_PROBLEMS} more")
    return found


def _finding(entry: WireFinding, number: int, problems: list[str]) -> Finding:
    citations: list[Citation] = []
    for place, cited in enumerate(entry.citations):
        name = f"findings.{number - 1}.citations.{place}"
        match cited.kind:
            case "value" if cited.row is None or not cited.column:
                problems.append(f"{name}: a value citation needs row, column and value")
            case "value":
                assert cited.row is not None
                assert cited.column
                value = cited.value
                if isinstance(value, float) and not math.isfinite(value):
                    problems.append(f"{name}: {value} is no JSON number")
                else:
                    citations.append(
                        ValueCitation(evidence=cited.evidence, row=cited.row, column=cited.column, value=value)
                    )
            case "count" if cited.number is None:
                problems.append(f"{name}: a count citation needs comparison and number")
            case "count":
                assert cited.number is not None
                comparison = cited.comparison or Comparison.EQUAL
                citations.append(CountCitation(evidence=cited.evidence, comparison=comparison, number=cited.number))
            case "absence":
                citations.append(AbsenceCitation(evidence=cited.evidence))
    return Finding(text=entry.text, direction=entry.direction, citations=tuple(citations))


def _answers(given: Sequence[WireAnswer], steps: Sequence[str], problems: list[str]) -> tuple[RunbookAnswer, ...]:
    by_step: dict[int, WireAnswer] = {}
    for place, entry in enumerate(given):
        if entry.step > len(steps):
            problems.append(f"runbook.{place}: there is no step {entry.step}; the runbook has {len(steps)}")
        by_step.setdefault(entry.step, entry)
    return tuple(
        RunbookAnswer(
            step=number,
            text=text,
            state=by_step[number].state if number in by_step else AnswerState.OPEN,
            answer=by_step[number].answer if number in by_step else "",
            evidence=tuple(by_step[number].evidence) if number in by_step else (),
        )
        for number, text in enumerate(steps, 1)
    )


def restore_cut_values(draft: Draft, evidence: Sequence[Evidence]) -> Draft:
    """Where a citation quotes a value as it was shown, cut, put the stored value in its place."""
    by_id = {entry.id: entry for entry in evidence}

    def restored(citation: Citation) -> Citation:
        if not isinstance(citation, ValueCitation) or not isinstance(citation.value, str):
            return citation
        entry = by_id.get(citation.evidence)
        if entry is None or citation.row >= len(entry.rows):
            return citation
        stored = lookup(entry.rows[citation.row], citation.column)
        if stored is MISSING or not isinstance(stored, str) or not uncut(citation.value, stored):
            return citation
        return citation.model_copy(update={"value": stored})

    findings = tuple(
        finding.model_copy(update={"citations": tuple(restored(citation) for citation in finding.citations)})
        for finding in draft.findings
    )
    return draft.model_copy(update={"findings": findings})


def inconclusive(reason: str, *, steps: Sequence[str] = ()) -> Draft:
    """The honest end of an investigation that gave no result."""
    return Draft(
        verdict=Disposition.INCONCLUSIVE,
        confidence=0.0,
        summary=f"The model gave no usable result: {reason}. A person should look at this alert.",
        runbook=tuple(
            RunbookAnswer(step=number, text=text, state=AnswerState.OPEN) for number, text in enumerate(steps, 1)
        ),
        actions=(Action(kind=ActionKind.ESCALATE),),
    )
