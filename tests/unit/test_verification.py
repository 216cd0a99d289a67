"""Which claims hold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import COVERED, evidence
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence
from triage.domain.finding import AbsenceCitation, CountCitation, Finding, IssueCode, ValueCitation
from triage.domain.trust import Trust
from triage.stages.verification import invented_value, verify

ROW: dict[str, Any] = {"eventName": "StopLogging", "n": 3, "ok": True, "user": {"name": "kim", "tags": ["a"]}}


def value(column: str, said: Any, *, row: int = 0, of: str = "E1") -> ValueCitation:
    return ValueCitation(evidence=of, row=row, column=column, value=said)


def codes(citation: Any, *entries: Evidence, text: str = "It happened.") -> set[IssueCode]:
    (checked,) = verify([Finding(text=text, citations=(citation,))], entries or [evidence(1, ROW)])
    assert checked.verified is not bool(checked.issues)
    return {issue.code for issue in checked.issues}


@pytest.mark.parametrize(
    ("citation", "expected"),
    [
        (value("eventName", "StopLogging"), set()),
        (value("user.name", "kim"), set()),
        (value("user.tags.0", "a"), set()),
        (value("n", 3), set()),
        (value("n", 3.0), set()),
        (value("ok", True), set()),
        (value("ok", 1), {IssueCode.WRONG_VALUE}),
        (value("n", "3"), {IssueCode.WRONG_VALUE}),
        (value("eventName", "stoplogging"), {IssueCode.WRONG_VALUE}),
        (value("missing", None), {IssueCode.UNKNOWN_COLUMN}),
        (value("user.tags.1", "a"), {IssueCode.UNKNOWN_COLUMN}),
        (value("eventName", "StopLogging", row=1), {IssueCode.UNKNOWN_ROW}),
        (value("eventName", "StopLogging", of="E9"), {IssueCode.UNKNOWN_EVIDENCE}),
        (CountCitation(evidence="E1", comparison="==", number=1), set()),
        (CountCitation(evidence="E1", comparison=">", number=1), {IssueCode.WRONG_COUNT}),
        (AbsenceCitation(evidence="E1"), {IssueCode.NOT_ABSENT}),
    ],
)
def test_each_citation_is_looked_up(citation: Any, expected: set[IssueCode]) -> None:
    """A citation holds only if the stored rows say exactly what it says."""
    assert codes(citation) == expected


def test_a_sentence_without_citation_is_dropped() -> None:
    """What can't be checked isn't shown."""
    (checked,) = verify([Finding(text="Trust me.")], [evidence(1, ROW)])
    assert not checked.verified
    assert checked.issues[0].code is IssueCode.NO_CITATION


@pytest.mark.parametrize(
    "coverage",
    [
        Coverage(),
        COVERED.model_copy(update={"source_healthy": False}),
        COVERED.model_copy(update={"table_has_rows": False}),
        COVERED.model_copy(update={"source_reached_window": False}),
        COVERED.model_copy(update={"control_has_rows": False}),
    ],
)
def test_an_absence_needs_coverage(coverage: Coverage) -> None:
    """No rows prove nothing where rows would not have been seen, however the absence is worded."""
    empty = evidence(1, coverage=coverage)
    zero = evidence(2, {"n": 0}, measured=True, coverage=coverage)
    for citation in (
        AbsenceCitation(evidence="E1"),
        CountCitation(evidence="E1", number=0),
        CountCitation(evidence="E1", comparison="<", number=5),
        value("n", 0, of="E2"),
    ):
        assert codes(citation, empty, zero) == {IssueCode.UNPROVEN_ABSENCE}


def test_a_covered_absence_is_measured() -> None:
    """With coverage an absence counts, as a measurement of ours."""
    (checked,) = verify([Finding(text="Nothing.", citations=(AbsenceCitation(evidence="E1"),))], [evidence(1)])
    assert checked.verified
    assert checked.trust == {Trust.MEASURED}


def test_a_cut_answer_gives_lower_bounds_only() -> None:
    """Where rows were cut, their exact number is not known."""
    cut = evidence(1, ROW, truncated=True)
    assert codes(CountCitation(evidence="E1", comparison="==", number=1), cut) == {IssueCode.CUT_COUNT}
    assert codes(CountCitation(evidence="E1", comparison=">=", number=1), cut) == set()


def test_a_failed_question_supports_nothing() -> None:
    """Evidence without an answer can't be cited."""
    failed = evidence(1, error="the query timed out")
    assert codes(AbsenceCitation(evidence="E1"), failed) == {IssueCode.UNANSWERED_EVIDENCE}


@pytest.mark.parametrize(
    "text",
    [
        "The call came from 203.0.113.9.",
        "mallory@corp.example did it.",
        "It used arn:aws:iam::123456789012:role/x.",
        "The key AKIAABCDEFGHIJKLMNOP was used.",
    ],
)
def test_a_sentence_names_only_what_its_citations_hold(text: str) -> None:
    """A real citation can't carry an invented address, person or key along."""
    assert codes(value("eventName", "StopLogging"), text=text) == {IssueCode.INVENTED_VALUE}
    assert invented_value(text, [evidence(1, ROW)]) is not None


def test_a_named_value_may_come_from_any_cited_row() -> None:
    """The sentence may name another field of the rows it cites."""
    entry = evidence(1, {**ROW, "sourceIPAddress": "203.0.113.9"})
    assert codes(value("eventName", "StopLogging"), entry, text="It came from 203.0.113.9.") == set()


def test_trust_follows_the_cited_field() -> None:
    """A user agent is the actor's word, an event name the provider's, a count ours."""
    entries = [evidence(1, {"userAgent": "x", "eventName": "y"}), evidence(2, {"n": 4}, measured=True)]
    citations = [value("userAgent", "x"), value("eventName", "y"), value("n", 4, of="E2")]
    checked = verify([Finding(text="x", citations=(citation,)) for citation in citations], entries)
    assert [set(item.trust) for item in checked] == [{Trust.ACTOR}, {Trust.PROVIDER}, {Trust.MEASURED}]


def test_a_query_of_the_models_own_proves_no_trust() -> None:
    """The model can name and count what it likes in its own SQL; that never makes a value the provider's or ours."""
    entry = evidence(1, {"eventName": "x", "n": 4}, source="tool", measured=True)
    citations = (value("eventName", "x"), value("n", 4), CountCitation(evidence="E1", number=1))
    checked = verify([Finding(text="x", citations=(citation,)) for citation in citations], [entry])
    assert [set(item.trust) for item in checked] == [{Trust.ACTOR}] * 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(st.text(), json_values, max_size=5),
    st.text(),
    st.none() | st.booleans() | st.integers() | st.text(),
)
def test_only_a_stored_value_verifies(row: dict[str, Any], column: str, said: Any) -> None:
    """Whatever the rows and the claim, a verified value stands in the rows."""
    entry = evidence(1, row)
    (checked,) = verify([Finding(text="x", citations=(value(column, said),))], [entry])
    if checked.verified:
        assert column in row or "." in column
        if column in row:
            assert row[column] == said
            assert isinstance(row[column], bool) is isinstance(said, bool)
