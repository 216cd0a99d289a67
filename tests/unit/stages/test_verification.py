"""Which claims hold."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import COVERED, evidence
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence
from triage.domain.finding import AbsenceCitation, CountCitation, Finding, IssueCode, LacksCitation, ValueCitation
from triage.domain.negation import denies
from triage.domain.question import Question
from triage.domain.trust import Trust
from triage.stages.verification import invented_value, verify

ROW: dict[str, Any] = {"eventName": "StopLogging", "n": 3, "ok": True, "user": {"name": "kim", "tags": ["a"]}}


def value(column: str, said: Any, *, row: int = 0, of: str = "E1") -> ValueCitation:
    return ValueCitation(evidence=of, row=row, column=column, value=said)


def codes(citation: Any, *entries: Evidence, text: str = "It happened.") -> set[IssueCode]:
    (checked,) = verify([Finding(text=text, citations=(citation,))], entries or [evidence(1, ROW)])
    assert checked.verified is not bool(checked.issues)
    return {issue.code for issue in checked.issues}


def test_each_citation_is_looked_up() -> None:
    """A citation holds only if the stored rows say exactly what it says."""
    cases = [
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
    ]
    for citation, expected in cases:
        assert codes(citation) == expected, citation


def test_a_sentence_without_citation_is_dropped() -> None:
    """What can't be checked isn't shown."""
    (checked,) = verify([Finding(text="Trust me.")], [evidence(1, ROW)])
    assert not checked.verified
    assert checked.issues[0].code is IssueCode.NO_CITATION


def test_an_absence_needs_coverage() -> None:
    """No rows prove nothing where rows would not have been seen, however the absence is worded."""
    cases = [
        Coverage(),
        COVERED.model_copy(update={"source_healthy": False}),
        COVERED.model_copy(update={"table_has_rows": False}),
        COVERED.model_copy(update={"source_reached_window": False}),
        COVERED.model_copy(update={"control_has_rows": False}),
    ]
    for coverage in cases:
        empty = evidence(1, coverage=coverage)
        zero = evidence(2, {"n": 0}, measured=True, coverage=coverage)
        for citation in (
            AbsenceCitation(evidence="E1"),
            CountCitation(evidence="E1", number=0),
            CountCitation(evidence="E1", comparison="<", number=5),
            value("n", 0, of="E2"),
        ):
            assert codes(citation, empty, zero) == {IssueCode.UNPROVEN_ABSENCE}, coverage


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


def test_a_sentence_names_only_what_its_citations_hold() -> None:
    """A real citation can't carry an invented address, person or key along."""
    cases = [
        "The call came from 203.0.113.9.",
        "mallory@corp.example did it.",
        "It used arn:aws:iam::123456789012:role/x.",
        "The key AKIAABCDEFGHIJKLMNOP was used.",
    ]
    for text in cases:
        assert codes(value("eventName", "StopLogging"), text=text) == {IssueCode.INVENTED_VALUE}, text
        assert invented_value(text, [evidence(1, ROW)]) is not None, text


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


def test_what_an_attacker_would_try() -> None:
    """Other spellings, types that compare equal, numbers too large to write, counts that hold of anything."""
    cases = [
        # One spelling per value.
        (value("user.tags.00", "a"), evidence(1, ROW), {IssueCode.UNKNOWN_COLUMN}),
        (value("user.tags.\u0660", "a"), evidence(1, ROW), {IssueCode.UNKNOWN_COLUMN}),
        (value("user.tags.-1", "a"), evidence(1, ROW), {IssueCode.UNKNOWN_COLUMN}),
        (value("user.tags." + "9" * 5_000, "a"), evidence(1, ROW), {IssueCode.UNKNOWN_COLUMN}),
        (value("EVENTNAME", "StopLogging"), evidence(1, ROW), {IssueCode.UNKNOWN_COLUMN}),
        (value("\uff45ventName", "StopLogging"), evidence(1, ROW), {IssueCode.UNKNOWN_COLUMN}),
        (value("user..name", "kim"), evidence(1, ROW), {IssueCode.UNKNOWN_COLUMN}),
        (value("", "kim"), evidence(1, ROW), {IssueCode.UNKNOWN_COLUMN}),
        # Values of other types, or that only look alike.
        (value("eventName", "\uff33topLogging"), evidence(1, ROW), {IssueCode.WRONG_VALUE}),
        (value("eventName", "StopLogging "), evidence(1, ROW), {IssueCode.WRONG_VALUE}),
        (value("n", 3.0000001), evidence(1, ROW), {IssueCode.WRONG_VALUE}),
        (value("n", True), evidence(1, {"n": 1}), {IssueCode.WRONG_VALUE}),
        (value("n", 0), evidence(1, {"n": False}), {IssueCode.WRONG_VALUE}),
        (value("n", 9007199254740992.0), evidence(1, {"n": 9007199254740993}), {IssueCode.WRONG_VALUE}),
        (value("n", float("nan")), evidence(1, {"n": float("nan")}), {IssueCode.WRONG_VALUE}),
        (value("n", 10**6_000), evidence(1, ROW), {IssueCode.WRONG_VALUE}),
        (value("user", "{'name': 'kim'}"), evidence(1, ROW), {IssueCode.WRONG_VALUE}),
        # Counts that say nothing, or more than is known.
        (CountCitation(evidence="E1", comparison=">=", number=0), evidence(1, ROW), {IssueCode.WRONG_COUNT}),
        (
            CountCitation(evidence="E1", comparison="<=", number=9),
            evidence(1, ROW, truncated=True),
            {IssueCode.CUT_COUNT},
        ),
        (CountCitation(evidence="E1", comparison="==", number=10**6_000), evidence(1, ROW), {IssueCode.WRONG_COUNT}),
        (AbsenceCitation(evidence="E1"), evidence(1, truncated=True), {IssueCode.UNPROVEN_ABSENCE}),
        (AbsenceCitation(evidence="E1"), evidence(1, row_count=3), {IssueCode.NOT_ABSENT}),
    ]
    for citation, entry, expected in cases:
        assert codes(citation, entry) == expected, citation


def test_a_measured_nothing_is_an_absence() -> None:
    """Our own "no" rests on rows that were not there, and needs coverage like any absence."""
    for found in (False, "", [], {}):
        bare = evidence(1, {"seen": found}, measured=True, coverage=Coverage())
        if isinstance(found, list | dict):
            assert codes(value("seen", "x"), bare) == {IssueCode.WRONG_VALUE}, found
        else:
            assert codes(value("seen", found), bare) == {IssueCode.UNPROVEN_ABSENCE}, found


def test_that_the_alert_has_events_is_no_measurement() -> None:
    """Every alert has some: a count of them can't be the measured fact that a benign verdict needs."""
    entries = [evidence(1, ROW, source="events"), evidence(2, ROW)]
    citations = [CountCitation(evidence=name, number=1) for name in ("E1", "E2")]
    checked = verify([Finding(text="x", citations=(citation,)) for citation in citations], entries)
    assert [set(item.trust) for item in checked] == [{Trust.PROVIDER}, {Trust.MEASURED}]


def test_an_absence_in_a_query_of_the_models_own_is_no_measurement() -> None:
    """A query can be written so that nothing matches."""
    entry = evidence(1, source="tool", question="Was 203.0.113.9 seen?")
    (checked,) = verify([Finding(text="Not seen.", citations=(AbsenceCitation(evidence="E1"),))], [entry])
    assert checked.verified
    assert checked.trust == {Trust.ACTOR}


def test_a_named_value_is_held_whole() -> None:
    """Part of another value is not it."""
    cases = [
        ("It came from 10.0.0.1.", "10.0.0.12"),
        ("It came from 10.0.0.1.", "110.0.0.1"),
        ("a@corp.example did it.", "ba@corp.example"),
        ("It came from \uff11\uff10.0.0.1.", "10.0.0.2"),
        ("From 2001:db8::1.", "2001:db8::12"),
        ("Account 123456789012.", "1234567890123"),
        ("Hash d41d8cd98f00b204e9800998ecf8427e.", "d41d8cd98f00b204e9800998ecf8427f"),
        ("Session 6f1c2a52-2d3a-4a83-9d2e-6a4e0a4d2f10.", "6f1c2a52-2d3a-4a83-9d2e-6a4e0a4d2f11"),
        ("See https://harbor.example/ok", "https://harbor.example/"),
    ]
    for text, held in cases:
        entry = evidence(1, {"eventName": "x", "other": held})
        assert codes(value("eventName", "x"), entry, text=text) == {IssueCode.INVENTED_VALUE}, text


def test_a_named_value_may_end_a_clause() -> None:
    """Times are no addresses, and punctuation is no part of a value."""
    for text in ("At 09:01:30 it began.", "From 10.0.0.1 to 10.0.0.2.", "By a@corp.example, then."):
        entry = evidence(1, {"eventName": "x", "who": "a@corp.example", "ips": ["10.0.0.1", "10.0.0.2"]})
        assert codes(value("eventName", "x"), entry, text=text) == set(), text


def test_a_models_own_query_does_not_hold_what_it_asked_for() -> None:
    """A value that stands in the question only was not found."""
    entry = evidence(1, {"n": 1}, source="tool", question="Is 203.0.113.9 approved?", sql="SELECT '203.0.113.9' AS n")
    assert codes(value("n", 1), entry, text="203.0.113.9 is approved.") == {IssueCode.INVENTED_VALUE}


citations_strategy = st.one_of(
    st.builds(
        ValueCitation,
        evidence=st.sampled_from(["E1", "E2", "E9"]),
        row=st.integers(0, 3),
        column=st.text(max_size=12) | st.sampled_from(["a", "a.b", "a.0", "a.b.c", ""]),
        value=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    ),
    st.builds(
        CountCitation,
        evidence=st.sampled_from(["E1", "E2", "E9"]),
        comparison=st.sampled_from(["==", ">=", "<=", ">", "<"]),
        number=st.integers(0, 4),
    ),
    st.builds(AbsenceCitation, evidence=st.sampled_from(["E1", "E2", "E9"])),
)
row_strategy = st.dictionaries(st.text(max_size=4) | st.sampled_from(["a", "b"]), json_values, max_size=4)


@given(
    st.lists(
        st.builds(Finding, text=st.text(max_size=30), citations=st.lists(citations_strategy, max_size=4).map(tuple))
    ),
    st.lists(row_strategy, max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_verification_never_raises_and_gives_the_same_again(
    findings: list[Finding], rows: list[dict[str, Any]], cut: bool, measured: bool
) -> None:
    """For any findings and rows; and what verifies is literally there."""
    entries = [evidence(1, *rows, truncated=cut, measured=measured), evidence(2, source="tool")]
    first = verify(findings, entries)
    assert verify(findings, entries) == first
    for checked in first:
        if not checked.verified:
            assert checked.issues
            continue
        assert checked.finding.citations
        for citation in checked.finding.citations:
            assert citation.evidence in {"E1", "E2"}
            if isinstance(citation, ValueCitation):
                text = json.dumps(rows[citation.row], ensure_ascii=False)
                assert json.dumps(citation.value, ensure_ascii=False) in text or isinstance(citation.value, int | float)


def test_a_count_that_cannot_fail_is_refused() -> None:
    """A bound beyond every answer that the question can have, or that every alert meets, shows nothing."""
    limited = {"sql": "SELECT a FROM panther_logs.public.t WHERE p_event_time > '2026-03-01' LIMIT 50"}
    cases = [
        ("<=", 10**9, {}, {IssueCode.WRONG_COUNT}),
        ("<", 10**9, {}, {IssueCode.WRONG_COUNT}),
        (">=", 0, {}, {IssueCode.WRONG_COUNT}),
        ("<=", 50, limited, {IssueCode.WRONG_COUNT}),
        ("<", 51, limited, {IssueCode.WRONG_COUNT}),
        ("<", 50, limited, set()),
        ("<=", 49, limited, set()),
        (">=", 1, limited, set()),
        (">=", 1, {"source": "events"}, {IssueCode.WRONG_COUNT}),
        (">", 0, {"source": "detection"}, {IssueCode.WRONG_COUNT}),
        ("==", 1, {"source": "events"}, set()),
        ("<=", 1, {"source": "events"}, set()),
    ]
    for comparison, number, fields, expected in cases:
        citation = CountCitation(evidence="E1", comparison=comparison, number=number)
        assert codes(citation, evidence(1, ROW, **fields)) == expected, (comparison, number, fields)


@given(
    comparison=st.sampled_from(["==", ">=", "<=", ">", "<"]),
    number=st.integers(0, 12) | st.integers(0, 10**9),
    limit=st.integers(0, 10),
    rows=st.integers(0, 10),
    source=st.sampled_from(["query", "tool", "events", "detection", "history"]),
)
def test_every_accepted_count_could_have_failed(
    comparison: str, number: int, limit: int, rows: int, source: str
) -> None:
    """For a count that holds there is a number of rows, within what the question can bring, of which it would not."""
    sql = f"SELECT a FROM panther_logs.public.t LIMIT {limit}" if source in ("query", "tool") else ""
    most = limit if sql else 1_000
    least = 1 if source in ("events", "detection") else 0
    rows = max(least, min(rows, most))
    citation = CountCitation(evidence="E1", comparison=comparison, number=number)
    entry = evidence(1, *[ROW] * rows, source=source, sql=sql)
    if not codes(citation, entry):
        others = [evidence(1, row_count=other, source=source, sql=sql) for other in range(least, most + 1)]
        assert any(IssueCode.WRONG_COUNT in codes(citation, other) for other in others[:20] + others[-20:])


def test_a_whole_part_of_a_longer_name_is_no_invention() -> None:
    """An account number inside an ARN, and an address before a port, are in the evidence."""
    cases = [
        ("Account 123456789012.", "arn:aws:iam::123456789012:role/x", set()),
        ("Account 123456789012.", "arn:aws:iam::1234567890123:role/x", {IssueCode.INVENTED_VALUE}),
        ("Account 123456789012.", "0.123456789012", {IssueCode.INVENTED_VALUE}),
        ("Account 123456789012.", "x-123456789012", {IssueCode.INVENTED_VALUE}),
        ("From 10.0.0.1.", "10.0.0.1:443", set()),
        ("From 10.0.0.1.", "10.0.0.1:443:9", {IssueCode.INVENTED_VALUE}),
        ("From 10.0.0.1.", "10.0.0.1.example", {IssueCode.INVENTED_VALUE}),
        ("By a@corp.example.", "AROAEXAMPLE:a@corp.example", set()),
        ("By a@corp.example.", "a@corp.example.net", {IssueCode.INVENTED_VALUE}),
        ("Key AKIAABCDEFGHIJKLMNOP.", "user/AKIAABCDEFGHIJKLMNOP/last", set()),
        ("Key AKIAABCDEFGHIJKLMNOP.", "AKIAABCDEFGHIJKLMNOPQ", {IssueCode.INVENTED_VALUE}),
    ]
    for text, held, expected in cases:
        entry = evidence(1, {"eventName": "x", "other": held})
        assert codes(value("eventName", "x"), entry, text=text) == expected, (text, held)


def test_a_zero_beside_other_counts_is_a_value() -> None:
    """The row shows that the log delivered; whether it did up to the end decides what the zero is worth."""
    row = {"action": "ListBuckets", "times": 4, "refused": 0}
    bare = Coverage()
    cases = [
        (evidence(1, row, measured=True), {Trust.MEASURED}),
        (evidence(1, row, measured=True, coverage=bare), {Trust.ACTOR}),
        (evidence(1, row, measured=True, truncated=True), {Trust.ACTOR}),
    ]
    for entry, trust in cases:
        (checked,) = verify([Finding(text="x", citations=(value("refused", 0),))], [entry])
        assert checked.verified
        assert checked.trust == trust
    alone = evidence(1, {"refused": 0}, measured=True, coverage=bare)
    assert codes(value("refused", 0), alone) == {IssueCode.UNPROVEN_ABSENCE}


def test_a_value_that_no_row_has() -> None:
    """It is shown by a complete answer that has the column, in a window that the log covered."""
    rows = [{"address": "198.51.100.4", "groups": ["ops"]}, {"address": "198.51.100.5", "groups": []}]
    columns = ("address", "groups")
    new = evidence(2, {"sourceIPAddress": "203.0.113.9"}, source="events")

    def lacks(column: str, said: Any) -> LacksCitation:
        return LacksCitation(evidence="E1", column=column, value=said)

    whole = evidence(1, *rows, columns=columns, measured=True)
    cases = [
        (lacks("address", "203.0.113.9"), whole, set()),
        (lacks("address", "198.51.100.5"), whole, {IssueCode.NOT_LACKING}),
        (lacks("groups", "OPS"), whole, {IssueCode.NOT_LACKING}),
        (lacks("groups", "admins"), whole, set()),
        (lacks("place", "203.0.113.9"), whole, {IssueCode.UNKNOWN_COLUMN}),
        (lacks("address", None), whole, {IssueCode.NOT_LACKING}),
        (lacks("address", "203.0.113.9"), whole.model_copy(update={"truncated": True}), {IssueCode.NOT_LACKING}),
        (lacks("address", "203.0.113.9"), whole.model_copy(update={"row_count": 3}), {IssueCode.NOT_LACKING}),
        (
            lacks("address", "203.0.113.9"),
            whole.model_copy(update={"coverage": Coverage()}),
            {IssueCode.UNPROVEN_ABSENCE},
        ),
    ]
    for citation, entry, expected in cases:
        assert codes(citation, entry, new) == expected, citation
    for said, trust in (("203.0.113.9", Trust.MEASURED), ("203.0.113.77", Trust.ACTOR)):
        finding = Finding(text="Not used before.", citations=(lacks("address", said),))
        (checked,) = verify([finding], [whole, new])
        assert checked.trust == {trust}, said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was never more than 4 times a day.", False),
        ("The actor did not do it more than twice.", False),
        ("There were no more than 12 calls.", False),
        ("It hasn't been used on fewer than 3 days.", False),
        ("It was never more than 4 times a day, and never from there.", True),
        ("There were no more than 0 calls, and nothing followed.", True),
        ("It was never more than a rumour.", True),
        ("It was never used before.", True),
    ],
)
def test_a_bound_on_an_amount_is_no_denial(text: str, expected: bool) -> None:
    """The amount is in the rows; that it never happened is not."""
    assert denies(text) is expected


def test_what_is_missing_may_be_named() -> None:
    """A sentence that says rightly that an address is not there names it, though no row holds it; no other one."""
    whole = evidence(1, {"address": "198.51.100.4"}, columns=("address",), source="history")
    cited = LacksCitation(evidence="E1", column="address", value="203.0.113.9")
    assert codes(cited, whole, text="203.0.113.9 was never used before.") == set()
    assert codes(cited, whole, text="203.0.113.8 was never used before.") == {IssueCode.INVENTED_VALUE}
    wrong = LacksCitation(evidence="E1", column="address", value="198.51.100.4")
    assert IssueCode.NOT_LACKING in codes(wrong, whole, text="198.51.100.4 was never used before.")


def test_an_absence_that_is_proven_in_part_says_until_when() -> None:
    """Up to then it counts, where the citation says so."""
    until = datetime(2026, 10, 14, 14, 37, tzinfo=UTC)
    late = Coverage(source_healthy=True, table_has_rows=True, control_has_rows=True, proven_until=until)
    entry = evidence(1, coverage=late)
    finding = Finding(text="Nothing followed.", citations=(AbsenceCitation(evidence="E1"),))
    (checked,) = verify([finding], [entry])
    assert "the absence is proven until then" in checked.issues[0].message
    dated = Finding(text="Nothing followed.", citations=(AbsenceCitation(evidence="E1", until=until),))
    assert verify([dated], [entry])[0].verified


def test_rows_cannot_carry_a_sentence_that_denies() -> None:
    """That something never happened is a claim about all the rows that are not there."""
    entry = evidence(1, {"address": "198.51.100.4", "times": 3, "refused": 0}, columns=("address", "times", "refused"))
    new = evidence(2, {"sourceIPAddress": "203.0.113.9"}, source="events")
    denials = [
        "This address was never used before.",
        "The actor has not been seen there.",
        "Neither the user nor the role did this earlier.",
        "No earlier sign-in came from there.",
        "Nothing followed.",
        "It happened without any earlier sign-in.",
    ]
    rows = [
        CountCitation(evidence="E1", comparison=">=", number=1),
        value("address", "198.51.100.4"),
        value("times", 3),
    ]
    carriers = [
        CountCitation(evidence="E1", number=1),
        value("refused", 0),
        LacksCitation(evidence="E1", column="address", value="203.0.113.9"),
    ]
    for text in denials:
        for citation in rows:
            assert codes(citation, entry, new, text=text) == {IssueCode.UNSUPPORTED_DENIAL}, (text, citation)
        for citation in carriers:
            assert codes(citation, entry, new, text=text) == set(), (text, citation)
    for text in ("The call was refused.", "It used no MFA.", "The address is new.", "Normal work, as noted in E1."):
        assert codes(value("times", 3), entry, text=text) == set(), text


ASKED = "SELECT {} FROM panther_logs.public.aws_cloudtrail WHERE p_event_time >= '2026-03-01' AND p_event_time <= '2026-03-02' {} LIMIT 50"


def asked(select: str, where: str, *rows: dict[str, Any], **fields: Any) -> Evidence:
    """An answer to a query that the model wrote."""
    columns = tuple(rows[0]) if rows else ()
    sql = ASKED.format(select, where)
    return evidence(2, *rows, **{"source": "tool", "key": "tool.query_lake", "sql": sql, "columns": columns, **fields})


def test_what_the_model_asks_counts_for_what_it_is() -> None:
    """Cells, counts and absences of its own queries are classified by where they come from."""
    events = evidence(1, {"eventName": "GetObject", "sourceIPAddress": "203.0.113.9"}, source="events")
    from_there = "AND sourceIPAddress = '203.0.113.9'"
    from_nowhere = "AND sourceIPAddress = '203.0.113.99'"
    by_agent = "AND userAgent = 'curl'"
    cases: list[tuple[Evidence, Any, Trust]] = [
        (asked("eventName AS e", "", {"e": "GetObject"}), value("e", "GetObject", of="E2"), Trust.PROVIDER),
        (asked("userAgent AS eventName", "", {"eventName": "x"}), value("eventName", "x", of="E2"), Trust.ACTOR),
        (asked("COUNT(*) AS n", from_there, {"n": 4}), value("n", 4, of="E2"), Trust.MEASURED),
        (asked("COUNT(*) AS n", by_agent, {"n": 4}), value("n", 4, of="E2"), Trust.ACTOR),
        (asked("COUNT(*) AS n", from_there, {"n": 0}), value("n", 0, of="E2"), Trust.MEASURED),
        (asked("COUNT(*) AS n", from_nowhere, {"n": 0}), value("n", 0, of="E2"), Trust.ACTOR),
        (asked("COUNT(*) AS n", from_there, {"n": 0}, coverage=Coverage()), value("n", 0, of="E2"), Trust.ACTOR),
        (asked("eventName", from_there), AbsenceCitation(evidence="E2"), Trust.MEASURED),
        (asked("eventName", from_nowhere), AbsenceCitation(evidence="E2"), Trust.ACTOR),
        (asked("eventName", by_agent), AbsenceCitation(evidence="E2"), Trust.ACTOR),
        (
            asked("eventName", from_there, {"eventName": "x"}),
            CountCitation(evidence="E2", comparison=">=", number=1),
            Trust.MEASURED,
        ),
        (
            asked("eventName", by_agent, {"eventName": "x"}),
            CountCitation(evidence="E2", comparison=">=", number=1),
            Trust.ACTOR,
        ),
        (
            asked("eventName", "AND sourceIPAddress <> '203.0.113.9'", {"eventName": "x"}),
            CountCitation(evidence="E2", comparison="<=", number=1),
            Trust.ACTOR,
        ),
        (
            asked("eventName", from_there, {"eventName": "ListBuckets"}),
            LacksCitation(evidence="E2", column="eventName", value="GetObject"),
            Trust.MEASURED,
        ),
    ]
    for entry, citation, trust in cases:
        (checked,) = verify([Finding(text="x", citations=(citation,))], [events, entry])
        assert checked.verified, (entry.sql, checked.issues)
        assert checked.trust == {trust}, entry.sql


def test_a_value_that_the_question_leaves_out_is_not_missing() -> None:
    """Where a query asks for one action, that another is not among its rows says nothing."""
    events = evidence(1, {"eventName": "StopLogging"}, source="events")
    entry = asked("eventName, sourceIPAddress", "AND eventName = 'GetObject'", {"eventName": "GetObject"})
    citation = LacksCitation(evidence="E2", column="eventName", value="StopLogging")
    assert codes(citation, events, entry) == {IssueCode.NOT_LACKING}


def test_an_only_row_is_no_count() -> None:
    """Aggregates give one row whatever the log holds."""
    entry = asked("COUNT(*) AS n", "", {"n": 4})
    assert codes(CountCitation(evidence="E2", number=1), entry) == {IssueCode.WRONG_COUNT}


def test_the_alerts_own_record_can_be_cited() -> None:
    """How many events it has is Panther's word; its title may quote an event. That it exists shows nothing."""
    entry = evidence(1, {"title": "Sign-in by kim", "event_count": 3, "status": "OPEN"}, source="alert", log_type="")
    for column, said, trust in (("event_count", 3, Trust.PROVIDER), ("title", "Sign-in by kim", Trust.ACTOR)):
        (checked,) = verify([Finding(text="x", citations=(value(column, said),))], [entry])
        assert checked.verified
        assert checked.trust == {trust}
    assert codes(CountCitation(evidence="E1", comparison=">=", number=1), entry) == {IssueCode.WRONG_COUNT}


def test_a_typed_question_may_name_what_it_asked_about() -> None:
    """Its words are code's and its rows are about the value; SQL of the model's own shows only its rows."""
    asked = Question.model_validate({"window": {"from": "-1d", "to": "now"}})
    fields: dict[str, Any] = {"source": "tool", "question": "Who acted with 198.51.100.9?", "measured": True}
    text = "198.51.100.9 was used by kim."
    named = value("user.name", "kim")
    assert codes(named, evidence(1, ROW, asked=asked, **fields), text=text) == set()
    assert codes(named, evidence(1, ROW, **fields), text=text) == {IssueCode.INVENTED_VALUE}
