"""The floor rules."""

from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import evidence, signal
from triage.domain.coverage import Coverage
from triage.domain.evidence import by_id
from triage.domain.finding import CheckedFinding, Finding, Issue, IssueCode, ValueCitation
from triage.domain.signal import Direction, net_weight
from triage.domain.trust import Trust
from triage.domain.verdict import ActionKind, Disposition, Draft, Verdict
from triage.stages.decision import Opinion, adjudicate
from triage.stages.decision.proven import Pseudonyms, proven_sentence
from triage.stages.verification import verify

B, S, I, M = Disposition.BENIGN, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.MALICIOUS  # noqa: E741
ORDER = [B, I, S, M]


def finding(direction: Direction, *trust: Trust, verified: bool = True, number: int = 1) -> CheckedFinding:
    return CheckedFinding(
        finding=Finding(text="It is so.", direction=direction), number=number, verified=verified, trust=frozenset(trust)
    )


GOOD = (finding(Direction.BENIGN, Trust.MEASURED), finding(Direction.BENIGN, Trust.PROVIDER, number=2))
VOUCHED = signal(0.0, Direction.BENIGN, name="routine", vouches=True)
"""Nobody under suspicion can have made it."""
INJECTIONS = (Issue(code=IssueCode.INJECTION, message="E1 row 0 ua tries to instruct its reader", fatal=False),)
BAD = (finding(Direction.MALICIOUS, Trust.PROVIDER),)


def draft(verdict: Disposition, confidence: float = 0.9) -> Draft:
    return Draft(verdict=verdict, confidence=confidence, summary="As proposed.")


def test_the_floor_rules() -> None:
    """Benign needs proof; unexplained signals and injected instructions raise the floor; malicious needs some ground."""
    cases = [
        (B, GOOD, (), False, B),
        (B, GOOD[:1], (), False, I),
        (B, (finding(Direction.BENIGN, Trust.PROVIDER),) * 2, (), False, I),
        (B, (finding(Direction.BENIGN, Trust.MEASURED), finding(Direction.BENIGN, Trust.ACTOR)), (), False, I),
        (B, (finding(Direction.BENIGN, Trust.MEASURED, verified=False), *GOOD[1:]), (), False, I),
        (B, (*GOOD[:1], *BAD), (), False, S),
        (B, (), (), False, I),
        (B, GOOD, (signal(2.0),), False, S),
        (B, GOOD, (signal(2.0), signal(2.0, Direction.BENIGN)), False, B),
        (B, GOOD, (), True, S),
        (I, (), (), False, I),
        (I, (), (), True, S),
        (I, (), (signal(1.5),), False, S),
        (S, (), (), False, S),
        (M, BAD, (), False, M),
        (M, (), (signal(3.0),), False, M),
        (M, (), (), False, S),
    ]
    for proposed, findings, signals, injected, expected in cases:
        verdict = adjudicate(
            draft(proposed),
            findings,
            (*signals, VOUCHED),
            [evidence(1, {"a": 1})],
            injections=INJECTIONS if injected else (),
        )
        assert verdict.disposition is expected, proposed
        assert verdict.proposed is proposed, proposed
        assert bool(verdict.reason) is (expected is not proposed), proposed


def test_an_overruled_summary_is_not_shown() -> None:
    """A downgraded draft can't soften by its summary; what code can say of its proven findings takes its place."""
    cited = ValueCitation(evidence="E1", row=0, column="eventName", value="GetObject")
    held = CheckedFinding(
        finding=Finding(text="All is well.", direction=Direction.BENIGN, citations=(cited,)),
        number=1,
        verified=True,
        trust=frozenset({Trust.PROVIDER}),
    )
    verdict = adjudicate(draft(B), (held,), (), [evidence(1, {"eventName": "GetObject"})])
    assert "As proposed." not in verdict.summary
    assert "All is well." not in verdict.summary
    assert "eventName is GetObject" in verdict.summary


def test_a_measured_sentence_stays_in_a_new_summary() -> None:
    """What a signal says is code's own, and reads better than a citation."""
    fact = signal(0.2, sentence="Seen once.")
    held = CheckedFinding(finding=Finding(text=fact.sentence, direction=Direction.MALICIOUS), number=1, verified=True)
    assert fact.sentence in adjudicate(draft(B), (held,), (fact,), [evidence(1, {"a": 1})]).summary


def test_a_summary_is_not_shown_where_log_text_spoke_to_the_model() -> None:
    """Even one that the rules agree with: its words may be the attacker's."""
    assert "As proposed." not in adjudicate(draft(S), BAD, (), [evidence(1, {"a": 1})], injections=INJECTIONS).summary


def test_a_summary_with_invented_values_is_not_shown() -> None:
    """A summary that names what no evidence holds is left out, the disposition stays."""
    verdict = adjudicate(draft(S), BAD, (), [evidence(1, {"a": 1})], summary_holds=False)
    assert verdict.disposition is S
    assert "As proposed." not in verdict.summary


def test_an_unproven_absence_weighs_nothing() -> None:
    """A signal that rests on missing rows counts only where coverage proves them missing."""
    calm = signal(3.0, Direction.BENIGN, absence=True)
    assert net_weight([calm], by_id([evidence(1)])) == -3.0
    assert net_weight([calm], by_id([evidence(1, coverage=Coverage())])) == 0.0


def test_confidence_is_capped_by_what_held() -> None:
    """Dropped findings and unanswered questions lower the confidence."""
    whole = adjudicate(draft(M), BAD, (), [evidence(1, {"a": 1})]).confidence
    half = adjudicate(draft(M), (*BAD, finding(Direction.MALICIOUS, verified=False)), (), [evidence(1)]).confidence
    gaps = adjudicate(draft(M, 1.0), BAD, (), [evidence(1, error="timed out")]).confidence
    assert whole == 0.9
    assert half < whole
    assert gaps == 0.8


def test_what_is_not_benign_names_a_next_step() -> None:
    """Without a recommendation the step is to hand it to a person."""
    assert adjudicate(draft(S), BAD, (), []).actions[0].kind is ActionKind.ESCALATE


findings_strategy = st.lists(
    st.builds(
        finding,
        st.sampled_from(Direction),
        st.sampled_from(Trust),
        verified=st.booleans(),
    ),
    max_size=6,
)


@given(st.sampled_from(Disposition), findings_strategy, st.floats(0, 5), st.booleans())
def test_nothing_unproven_is_benign(proposed: Disposition, findings: Any, weight: float, injected: bool) -> None:
    """A benign verdict always has two solid findings, one measured, no injection and no unexplained signal."""
    verdict = adjudicate(
        draft(proposed), findings, (signal(weight),), [evidence(1, {"a": 1})], injections=INJECTIONS if injected else ()
    )
    if verdict.disposition is B:
        solid = [item for item in verdict.verified if item.finding.direction is Direction.BENIGN]
        assert len([item for item in solid if item.trust - {Trust.ACTOR}]) >= 2
        assert any(Trust.MEASURED in item.trust for item in solid)
        assert not injected
        assert weight < 1.0
    assert 0 <= verdict.confidence <= 1
    if proposed is not M:
        assert ORDER.index(verdict.disposition) >= ORDER.index(proposed)


def opinion(disposition: Disposition, confidence: float = 0.8, reason: str = "Finding [1] decides.") -> Opinion:
    return Opinion(disposition=disposition, confidence=confidence, reason=reason)


def test_a_disagreement_is_suspicious() -> None:
    """Draft and second weighing have to agree; where both agree the floor rules still apply."""
    cases = [
        (B, B, GOOD, B),
        (B, S, GOOD, S),
        (B, M, GOOD, S),
        (B, I, GOOD, S),
        (S, B, BAD, S),
        (S, M, BAD, S),
        (M, M, BAD, M),
        (M, B, BAD, S),
        (I, I, (), I),
        (B, B, (), I),
        (M, M, (), S),
    ]
    for proposed, weighed, findings, expected in cases:
        verdict = adjudicate(draft(proposed), findings, (VOUCHED,), [evidence(1, {"a": 1})], opinion=opinion(weighed))
        assert verdict.disposition is expected, proposed
        assert verdict.weighed is weighed, proposed
        assert verdict.proposed is proposed, proposed


def test_no_model_goes_below_the_measured_facts() -> None:
    """What the rules alone say is the least, whatever is proposed, weighed and cited."""
    every = product(ORDER, ORDER, (*ORDER, None), ((), GOOD, BAD, GOOD + BAD))
    for rules, proposed, weighed, findings in every:
        second = opinion(weighed) if weighed is not None else None
        verdict = adjudicate(draft(proposed, 1.0), findings, (), [evidence(1, {"a": 1})], rules=rules, opinion=second)
        assert ORDER.index(verdict.disposition) >= ORDER.index(rules), (rules, proposed, weighed)
        if verdict.disposition is not proposed:
            assert verdict.confidence <= 0.5
            assert verdict.reason


def test_the_second_weighings_reason_stands_with_its_verdict_only() -> None:
    """A reason for a verdict that the rules have changed would mislead."""
    kept = adjudicate(draft(S), BAD, (), [evidence(1, {"a": 1})], opinion=opinion(S))
    assert kept.reason == "Finding [1] decides."
    lost = adjudicate(draft(B), GOOD, (), [evidence(1, {"a": 1})], opinion=opinion(B), injections=INJECTIONS)
    assert lost.disposition is S
    assert "decides" not in lost.reason


def test_confidence_is_the_second_weighings() -> None:
    """Capped by what held; named uncalibrated."""
    verdict = adjudicate(draft(S, 0.2), BAD, (), [evidence(1, {"a": 1})], opinion=opinion(S, 0.7))
    assert verdict.confidence == 0.7
    assert verdict.calibration == "uncalibrated"
    half = (*BAD, finding(Direction.MALICIOUS, verified=False, number=2))
    assert adjudicate(draft(S), half, (), [evidence(1, {"a": 1})], opinion=opinion(S, 0.99)).confidence == 0.75


def test_a_verdict_of_an_older_version_is_still_read() -> None:
    """Stored verdicts have neither the second weighing nor a word on calibration."""
    old = adjudicate(draft(S), BAD, (), []).model_dump(mode="json", exclude={"weighed", "calibration"})
    assert Verdict.model_validate(old).calibration == "uncalibrated"


def test_benign_needs_a_fact_that_no_suspect_can_have_made() -> None:
    """Facts that come free with a stolen session don't carry it, however many and whoever cites them."""
    free = [signal(2.0, Direction.BENIGN, name=f"free{number}") for number in range(5)]
    kept = adjudicate(draft(B), GOOD, (*free, VOUCHED), [evidence(1, {"a": 1})], opinion=opinion(B))
    lost = adjudicate(draft(B), GOOD, free, [evidence(1, {"a": 1})], opinion=opinion(B))

    assert kept.disposition is B
    assert lost.disposition is I
    assert "could not have made" in lost.reason


def test_a_cut_answer_supports_nothing_benign() -> None:
    """The row that was cut may say the opposite; towards malicious, what was seen was seen."""
    cut = evidence(1, {"a": 1}, truncated=True)

    assert net_weight([signal(1.0, Direction.BENIGN)], by_id([cut])) == 0.0
    assert net_weight([signal(1.0)], by_id([cut])) == 1.0
    assert net_weight([signal(1.0, absence=True)], by_id([cut])) == 0.0
    assert adjudicate(draft(B), GOOD, (VOUCHED,), [cut]).disposition is I


def test_cut_events_and_a_cut_aftermath_are_never_benign() -> None:
    """Whose events were not read, or what followed them, is not known."""
    rows = evidence(1, {"a": 1})
    events = evidence(2, {"a": 1}, source="events", truncated=True)
    after = evidence(2, {"a": 1}, signals=("quiet_aftermath",), truncated=True)

    for entry in (events, after):
        assert adjudicate(draft(B), GOOD, (VOUCHED,), [rows, entry]).disposition is I


def test_the_worst_of_several_actors_decides() -> None:
    """What one did excuses no other, and each needs a fact that vouches for them."""
    rows = [evidence(1, {"a": 1})]
    calm = signal(4.0, Direction.BENIGN, subject="ada", vouches=True)
    stranger = signal(1.5, subject="eve")

    assert net_weight([calm, stranger], by_id(rows)) == 1.5
    assert adjudicate(draft(B), GOOD, (calm, stranger), rows).disposition is S
    unknown = evidence(2, {"a": 1}, subject="eve")
    assert adjudicate(draft(B), GOOD, (calm,), [*rows, unknown]).disposition is I
    assert adjudicate(draft(B), GOOD, (calm,), rows).disposition is B
    assert adjudicate(draft(B), GOOD, (VOUCHED, calm), [*rows, unknown]).disposition is B


def test_the_judge_reads_a_models_own_query_by_its_fields() -> None:
    """What a provider's column holds is shown under that column's name; what was made up is shown as its length."""
    sql = (
        "SELECT t.eventName AS x, userAgent AS eventName, 'granted' AS status, COUNT(*) AS n "
        "FROM panther_logs.public.aws_cloudtrail AS t GROUP BY ALL LIMIT 5"
    )
    row = {"x": "StopLogging", "eventName": "Harmless", "status": "granted", "n": 4}
    entry = evidence(1, row, source="tool", sql=sql, columns=tuple(row))
    cases = [
        ("x", "has eventname StopLogging"),
        ("eventName", "has text that the actor chose, 8 characters"),
        ("status", "has text that the actor chose, 7 characters"),
    ]
    for column, shown in cases:
        citation = ValueCitation(evidence="E1", row=0, column=column, value=row[column])
        (checked,) = verify([Finding(text="x", citations=(citation,))], [entry])
        text = proven_sentence(checked, {"E1": entry}, Pseudonyms())
        assert text == f"row 0 of E1 (a query that the analyst wrote) {shown}"
