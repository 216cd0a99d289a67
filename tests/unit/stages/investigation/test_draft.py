"""From what a model writes to a draft, or to the list of everything that is wrong with it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.llm import draft
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import AbsenceCitation, Comparison, CountCitation, Finding, LacksCitation, ValueCitation
from triage.domain.signal import Direction
from triage.domain.verdict import ActionKind, AnswerState, Disposition, Draft
from triage.stages.investigation.draft import (
    WireDraft,
    as_stored,
    inconclusive,
    parse_draft,
)
from triage.stages.investigation.tools import tool_specs
from triage.stages.model_calls import MAX_CHARS, ReplyInvalid, schema_of
from triage.stages.verification import verify

VALUE = {"kind": "value", "evidence": "E1", "row": 0, "column": "state", "value": "open"}
STEPS = ("Look at the door", "Ask the porter")


def finding(*citations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"text": "The door is open.", "direction": "malicious", "citations": list(citations), **more}


def parsed(**changes: Any) -> Draft:
    return parse_draft(json.dumps(draft(**changes)), steps=STEPS)


def problems(text: str, finish_reason: str = "") -> str:
    with pytest.raises(ReplyInvalid) as caught:
        parse_draft(text, steps=STEPS, finish_reason=finish_reason)
    return " | ".join(caught.value.problems)


def outcome(text: str) -> Draft | tuple[str, ...]:
    try:
        return parse_draft(text)
    except ReplyInvalid as error:
        return error.problems


def test_a_whole_result_is_read() -> None:
    """Every part arrives in the program's own types."""
    count = {"kind": "count", "evidence": "E2", "comparison": ">=", "number": 5}
    absence = {"kind": "absence", "evidence": "E3"}
    found = parsed(
        verdict="malicious",
        findings=[finding(VALUE, count, absence)],
        runbook=[{"step": 2, "state": "done", "answer": "He knows nothing.", "evidence": ["E1"]}],
        techniques=["T1098", "T1562.008", "T1098"],
        actions=[{"kind": "isolate_host", "entity": "door-3"}],
    )
    assert found.verdict is Disposition.MALICIOUS
    assert found.findings[0].direction is Direction.MALICIOUS
    assert found.findings[0].citations == (
        ValueCitation(evidence="E1", row=0, column="state", value="open"),
        CountCitation(evidence="E2", comparison=Comparison.AT_LEAST, number=5),
        AbsenceCitation(evidence="E3"),
    )
    assert found.techniques == ("T1098", "T1562.008")
    assert found.actions[0].kind is ActionKind.ISOLATE_HOST


def test_steps_without_an_answer_stay_open() -> None:
    """The text of a step comes from the runbook, never from the model."""
    found = parsed(runbook=[{"step": 2, "state": "for_a_person", "answer": "x", "evidence": []}])
    assert [(entry.text, entry.state) for entry in found.runbook] == [
        ("Look at the door", AnswerState.NO_ANSWER),
        ("Ask the porter", AnswerState.FOR_A_PERSON),
    ]


def test_harmless_wrapping_is_taken_off() -> None:
    """A code fence, white space, or the name of the type around it."""
    cases = ["```json\n{}\n```", "```\n{}\n```", '{{"draft": {}}}', "  {}\n"]
    for wrapped in cases:
        text = json.dumps(draft())
        given = wrapped.replace("{}", text, 1) if "draft" not in wrapped else json.dumps({"draft": draft()})
        assert parse_draft(given).summary == draft()["summary"], wrapped


def test_case_and_null_lists_are_forgiven() -> None:
    """`Suspicious`, `e1` and null for an empty list mean what they say."""
    found = parsed(
        verdict="Suspicious",
        runbook=None,
        techniques=None,
        actions=None,
        findings=[finding({**VALUE, "evidence": " e1 "})],
    )
    assert found.findings[0].citations[0].evidence == "E1"


MALFORMED: list[tuple[str, str, str]] = [
    ("nothing", "", "empty"),
    ("prose", "The verdict is benign.", "not JSON"),
    ("cut", '{"verdict": "benign", "conf', "not JSON"),
    ("a list", "[]", "the result"),
    ("a number", "7", "the result"),
    ("null", "null", "the result"),
    ("an empty object", "{}", "verdict: is missing | confidence: is missing | summary: is missing | findings: is missing"),
    ("an unknown verdict", json.dumps(draft(verdict="harmless")), "verdict"),
    ("no share", json.dumps(draft(confidence=850)), "confidence"),
    ("a mark out of ten", json.dumps(draft(confidence=7)), "confidence"),
    ("not a number", '{"verdict": "benign", "confidence": NaN, "summary": "x", "findings": []}', "not JSON"),
    ("infinity", '{"verdict": "benign", "confidence": 1e999, "summary": "x", "findings": []}', "not JSON"),
    ("an unknown field", json.dumps(draft(note="x")), "note: is not a field of the schema"),
    ("findings as text", json.dumps(draft(findings="many")), "findings"),
    ("an unknown direction", json.dumps(draft(findings=[finding(direction="bad")])), "findings.0.direction"),
    ("no citations", json.dumps(draft(findings=[{"text": "x", "direction": "neutral"}])), "findings.0.citations: is missing"),
    ("an unknown kind", json.dumps(draft(findings=[finding({**VALUE, "kind": "guess"})])), "citations.0.kind"),
    ("a strange id", json.dumps(draft(findings=[finding({**VALUE, "evidence": "E0"})])), "citations.0.evidence"),
    ("no row", json.dumps(draft(findings=[finding({**VALUE, "row": None})])), "needs row, column and value"),
    ("a negative row", json.dumps(draft(findings=[finding({**VALUE, "row": -1})])), "citations.0.row"),
    ("no number", json.dumps(draft(findings=[finding({"kind": "count", "evidence": "E1"})])), "needs comparison and number"),
    ("a list as value", json.dumps(draft(findings=[finding({**VALUE, "value": [1]})])), "citations.0.value"),
    ("a step too many", json.dumps(draft(runbook=[{"step": 9, "state": "done", "answer": "x", "evidence": []}])), "there is no step 9"),
    ("a bad technique", json.dumps(draft(techniques=["phishing"])), "techniques.0"),
    ("an unknown action", json.dumps(draft(actions=[{"kind": "delete_everything", "entity": ""}])), "actions.0.kind"),
    ("a long summary", json.dumps(draft(summary="x" * 9_999)), "summary"),
    ("too many findings", json.dumps(draft(findings=[finding()] * 99)), "findings"),
    ("huge", "x" * (MAX_CHARS + 1), "characters"),
    ("deep", "[" * 100_000, "nested too deeply"),
    ("a lone surrogate", '{"verdict": "benign", "confidence": 0.5, "summary": "\\ud800", "findings": []}', "not JSON"),
    ("a number too long to read", '{"verdict": ' + "9" * 5_000 + "}", "not JSON"),
]  # fmt: skip


def test_what_is_wrong_is_said() -> None:
    """In words that a model can act on; never an exception of another kind."""
    for name, text, said in MALFORMED:
        assert said in problems(text), name


def test_every_problem_is_named_at_once() -> None:
    """One repair turn has to do."""
    text = json.dumps(draft(verdict="x", confidence=7, findings=[finding({**VALUE, "row": -1})], more=1))
    assert problems(text).count(" | ") == 3


def test_a_cut_reply_says_why() -> None:
    """Where the server stopped at its limit, the remedy is to write less."""
    assert "write less" in problems('{"verdict": "ben', finish_reason="length")


@given(st.text(max_size=400))
def test_any_text_is_a_draft_or_a_list_of_problems(text: str) -> None:
    """Nothing else comes out."""
    assert outcome(text) is not None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(WireDraft.model_fields, anything)))
def test_any_json_is_a_draft_or_a_list_of_problems(value: dict[str, Any]) -> None:
    """Wrong types in every place; what passes can be journalled."""
    found = outcome(json.dumps(value))
    if isinstance(found, Draft):
        assert Draft.model_validate_json(found.model_dump_json()) == found
    else:
        assert all(found)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)


@given(scalars)
def test_a_cited_value_keeps_its_type(value: Any) -> None:
    """`1`, `1.0`, `"1"` and `true` are four values."""
    found = parsed(findings=[finding({**VALUE, "value": value})]).findings[0].citations[0]
    assert isinstance(found, ValueCitation)
    assert found.value == value
    assert type(found.value) is type(value)


def test_a_cut_value_is_put_back() -> None:
    """A citation that quotes what was shown, cut, becomes the stored value; others stay as they are."""
    entry = Evidence(id="E1", source=Source.EVENTS, key="events", question="?", rows=({"ua": "abcdefgh"},), row_count=1)
    given = Draft(
        verdict=Disposition.BENIGN,
        confidence=0.5,
        summary="x",
        findings=(
            Finding(
                text="x",
                citations=(
                    ValueCitation(evidence="E1", row=0, column="ua", value="abc…[+5 characters]"),
                    ValueCitation(evidence="E1", row=0, column="ua", value="xyz…[+5 characters]"),
                    ValueCitation(evidence="E1", row=4, column="ua", value="abc…[+5 characters]"),
                    ValueCitation(evidence="E9", row=0, column="ua", value="abc…[+5 characters]"),
                ),
            ),
        ),
    )
    values = [
        cited.value for cited in as_stored(given, [entry]).findings[0].citations if isinstance(cited, ValueCitation)
    ]
    assert values == ["abcdefgh", "xyz…[+5 characters]", "abc…[+5 characters]", "abc…[+5 characters]"]


@pytest.mark.parametrize(("second", "lacks"), [("2026-01-31 12:00:00", False), ("2026-01-31 12:00:01", True)])
def test_a_time_of_the_table_is_not_lacking(second: str, lacks: bool) -> None:
    """A table shows times to the second, so that they are quoted so."""
    row = {"first_seen": "2026-01-31 12:00:00.123"}
    entry = Evidence(
        id="E1", source=Source.HISTORY, key="k", question="?", rows=(row,), row_count=1, columns=("first_seen",)
    )
    cited = LacksCitation(evidence="E1", column="first_seen", value=second)
    given = Draft(
        verdict=Disposition.BENIGN, confidence=0.5, summary="x", findings=(Finding(text="x", citations=(cited,)),)
    )
    (checked,) = verify(as_stored(given, [entry]).findings, [entry])
    assert checked.verified is lacks


@pytest.mark.parametrize(
    ("minutes", "known"),
    [
        pytest.param(45, " (known up to 2026-11-20 12:45 UTC)", id="most of the window"),
        pytest.param(5, "", id="hardly any of it"),
    ],
)
def test_an_absence_is_one_up_to_where_it_is_proven(minutes: int, known: str) -> None:
    """A log that has not delivered to the window's end shows what is missing up to then, and the finding says so."""
    start = datetime(2026, 11, 20, 12, tzinfo=UTC)
    until = start + timedelta(minutes=minutes)
    coverage = Coverage(
        source_healthy=True, last_event_at=until, proven_until=until, open_until=until, control_has_rows=True,
        table_has_rows=True, value_fits=True,
    )  # fmt: skip
    entry = Evidence(
        id="E1", source=Source.QUERY, key="after", question="?", start=start, end=start + timedelta(hours=6),
        coverage=coverage, row_count=0,
    )  # fmt: skip
    given = Draft(
        verdict=Disposition.BENIGN,
        confidence=0.5,
        summary="x",
        findings=(Finding(text="Nothing followed.", citations=(AbsenceCitation(evidence="E1"),)),),
    )
    finding = as_stored(given, [entry]).findings[0]
    assert finding.text == f"Nothing followed.{known}"
    assert finding.citations == (AbsenceCitation(evidence="E1", until=until if known else None),)
    checked = verify((finding,), (entry,))[0]
    assert checked.verified is bool(known)


def test_the_honest_end_says_why() -> None:
    """No finding, no confidence, all steps open, a person asked."""
    found = inconclusive("it refused", steps=STEPS)
    assert found.verdict is Disposition.INCONCLUSIVE
    assert found.confidence == 0
    assert "it refused" in found.summary
    assert [entry.state for entry in found.runbook] == [AnswerState.NO_ANSWER, AnswerState.NO_ANSWER]


def test_schemas_are_plain() -> None:
    """No references, titles or defaults: the least that every server understands."""
    for tool in tool_specs():
        text = json.dumps(tool.parameters)
        for word in ("$ref", "$defs", '"title"', '"default"', "discriminator"):
            assert word not in text
        assert tool.parameters["additionalProperties"] is False


def test_a_strict_schema_requires_everything() -> None:
    """OpenAI's strict mode wants each property listed as required."""

    def check(node: Any) -> None:
        if isinstance(node, dict):
            if "properties" in node:
                assert node["required"] == list(node["properties"])
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    check(schema_of(WireDraft, strict=True))
