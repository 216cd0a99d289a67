"""The floor rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.make import evidence, signal
from triage.domain.coverage import Coverage
from triage.domain.finding import CheckedFinding, Finding
from triage.domain.signal import Direction
from triage.domain.trust import Trust
from triage.domain.verdict import ActionKind, Disposition, Draft
from triage.stages.adjudication import adjudicate, net_weight

B, S, I, M = Disposition.BENIGN, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.MALICIOUS  # noqa: E741
ORDER = [B, I, S, M]


def finding(direction: Direction, *trust: Trust, verified: bool = True, number: int = 1) -> CheckedFinding:
    return CheckedFinding(
        finding=Finding(text="It is so.", direction=direction), number=number, verified=verified, trust=frozenset(trust)
    )


GOOD = (finding(Direction.BENIGN, Trust.MEASURED), finding(Direction.BENIGN, Trust.PROVIDER, number=2))
BAD = (finding(Direction.MALICIOUS, Trust.PROVIDER),)


def draft(verdict: Disposition, confidence: float = 0.9) -> Draft:
    return Draft(verdict=verdict, confidence=confidence, summary="As proposed.")


@pytest.mark.parametrize(
    ("proposed", "findings", "signals", "injected", "expected"),
    [
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
    ],
)
def test_the_floor_rules(proposed: Any, findings: Any, signals: Any, injected: bool, expected: Disposition) -> None:
    """Benign needs proof; unexplained signals and injected instructions raise the floor; malicious needs some ground."""
    verdict = adjudicate(draft(proposed), findings, signals, [evidence(1, {"a": 1})], injected=injected)
    assert verdict.disposition is expected
    assert verdict.proposed is proposed
    assert bool(verdict.reason) is (expected is not proposed)


def test_an_overruled_summary_is_not_shown() -> None:
    """A downgraded draft can't soften by its summary; proven sentences take its place."""
    verdict = adjudicate(draft(B), GOOD[:1], (), [evidence(1, {"a": 1})])
    assert "As proposed." not in verdict.summary
    assert "It is so." in verdict.summary


def test_a_summary_with_invented_values_is_not_shown() -> None:
    """A summary that names what no evidence holds is left out, the disposition stays."""
    verdict = adjudicate(draft(S), BAD, (), [evidence(1, {"a": 1})], summary_holds=False)
    assert verdict.disposition is S
    assert "As proposed." not in verdict.summary


def test_an_unproven_absence_weighs_nothing() -> None:
    """A signal that rests on missing rows counts only where coverage proves them missing."""
    calm = signal(3.0, Direction.BENIGN, absence=True)
    assert net_weight([calm], [evidence(1)]) == -3.0
    assert net_weight([calm], [evidence(1, coverage=Coverage())]) == 0.0


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
    verdict = adjudicate(draft(proposed), findings, (signal(weight),), [evidence(1, {"a": 1})], injected=injected)
    if verdict.disposition is B:
        solid = [item for item in verdict.verified if item.finding.direction is Direction.BENIGN]
        assert len([item for item in solid if item.trust - {Trust.ACTOR}]) >= 2
        assert any(Trust.MEASURED in item.trust for item in solid)
        assert not injected
        assert weight < 1.0
    assert 0 <= verdict.confidence <= 1
    if proposed is not M:
        assert ORDER.index(verdict.disposition) >= ORDER.index(proposed)
