"""Verdicts compared with what people did, and the fit that follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stores import NOW, alert
from triage.domain.alert import Actor, Quality, Severity, Status
from triage.domain.brief import Brief
from triage.domain.calibration import ConfidenceMap, Curve, calibrate
from triage.domain.verdict import Disposition, Verdict
from triage.pipeline.agreement import JudgedAlert, PastVerdict, abstain_threshold, agreement, fit, truth_of
from triage.ports import Mark

M, S, N, B = Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.BENIGN
PERSON = Actor(id="u", kind="user", email="p@b.example")


@pytest.mark.parametrize(
    ("status", "by", "severity", "truth"),
    [
        (Status.RESOLVED, PERSON, Severity.HIGH, M),
        (Status.TRIAGED, PERSON, Severity.HIGH, M),
        (Status.CLOSED, PERSON, Severity.HIGH, B),
        (Status.OPEN, PERSON, Severity.HIGH, None),
        (Status.OPEN, None, Severity.HIGH, None),
        (Status.RESOLVED, None, Severity.HIGH, None),
        (Status.RESOLVED, Actor(id="t", kind="api-token"), Severity.HIGH, None),
        (Status.RESOLVED, Actor(id="s", kind="system"), Severity.INFO, None),
        (Status.RESOLVED, PERSON, Severity.INFO, None),
        (Status("ODD"), PERSON, Severity.HIGH, None),
    ],
)
def test_whose_word_counts(status: Status, by: Actor | None, severity: Severity, truth: Disposition | None) -> None:
    """A person's status is an outcome; untouched, resolved by Panther or by a token is nobody's word."""
    found = truth_of(alert(status=status, updated_by=by, severity=severity), None)
    assert (found[0] if found else None) is truth


def test_a_mark_counts_before_a_status() -> None:
    """What somebody said explicitly is the outcome, whatever the status."""
    mark = Mark(alert_id="a", label="malicious", at=NOW)
    assert truth_of(alert(status=Status.CLOSED, updated_by=PERSON), mark) == (M, "mark")


@pytest.mark.parametrize(
    ("quality", "truth"),
    [(Quality.NOISE, (B, "NOISE")), (Quality.USEFUL, (M, "USEFUL")), (Quality("GOLD"), (B, "CLOSED"))],
)
def test_a_quality_counts_between_a_mark_and_a_status(quality: Quality, truth: tuple[Disposition, str]) -> None:
    """What a person gave for a quality outweighs their status, not a mark; a word that is not known says nothing."""
    closed = alert(status=Status.CLOSED, updated_by=PERSON)
    assert truth_of(closed, None, quality) == truth
    assert truth_of(closed, Mark(alert_id="a", label="malicious", at=NOW), quality) == (M, "mark")


def past(name: str, verdict: Disposition, status: Status, confidence: float = 0.8) -> PastVerdict:
    return alert(name, status=status, updated_by=PERSON), Brief(disposition=verdict, confidence=confidence)


def test_agreement_counted_by_hand() -> None:
    """Missed malicious and false alarms by detection, abstentions apart, the unlabelled out."""
    found = agreement(
        [
            past("a", M, Status.RESOLVED, 0.9),
            past("b", B, Status.RESOLVED, 0.7),
            past("c", M, Status.CLOSED, 0.6),
            past("d", B, Status.CLOSED, 0.9),
            past("e", S, Status.CLOSED),
            past("f", M, Status.OPEN),
        ],
        {},
    )
    assert (found.triaged, found.unlabelled) == (6, 1)
    assert (found.agreed.hits, found.agreed.of) == (2, 4)
    assert (found.missed.hits, found.missed.of) == (1, 2)
    assert (found.false_alarms.hits, found.false_alarms.of) == (1, 3)
    assert found.confusion["benign"] == {"malicious": 1, "suspicious": 1, "inconclusive": 0, "benign": 1}
    (counts,) = found.by_detection.values()
    assert (counts.outcomes, counts.agreed, counts.missed, counts.false_alarms) == (5, 2, 1, 1)


def judged(verdict: Disposition, truth: Disposition, confidence: float) -> JudgedAlert:
    return JudgedAlert(
        alert_id="a", detection="d", title="t", verdict=verdict, confidence=confidence, truth=truth, by="mark"
    )


def test_a_fit_needs_outcomes_and_says_how_many() -> None:
    """Below the minimum there is no curve; above it the confidence becomes the share that was right."""
    outcomes = [judged(M, M if number % 4 else B, 0.9) for number in range(40)]
    assert fit(outcomes[:29], at=NOW, max_missed=None).curves == {}
    fitted = fit(outcomes, at=NOW, max_missed=None)
    verdict = calibrate(Verdict(disposition=M, confidence=0.9, summary="It was."), fitted)
    assert verdict.confidence == pytest.approx(0.75)
    assert verdict.stated == 0.9
    assert verdict.calibration == "calibrated on 40 outcomes"
    untouched = Verdict(disposition=S, confidence=0.9, summary="It may be.")
    assert calibrate(untouched, fitted) == untouched


OUTCOMES = st.lists(
    st.builds(judged, st.sampled_from([M, S, B]), st.sampled_from([M, B]), st.floats(0, 1)), max_size=60
)


@given(OUTCOMES, st.floats(0, 1))
def test_the_threshold_keeps_the_bound_and_no_lower_one_does(outcomes: list[JudgedAlert], bound: float) -> None:
    """With the threshold in force no more malicious alerts are called benign than allowed; without it more would be."""
    malicious = sum(entry.truth is M for entry in outcomes)
    threshold = abstain_threshold(outcomes, bound)

    def missed(least: float) -> int:
        return sum(entry.truth is M and entry.verdict is B and entry.confidence >= least for entry in outcomes)

    if threshold is None:
        assert missed(0.0) <= bound * malicious + 1e-6
        return
    assert missed(threshold) <= bound * malicious + 1e-6
    assert missed(0.0) > bound * malicious - 1e-6


@given(OUTCOMES, st.floats(0, 1))
def test_a_second_fit_on_the_same_outcomes_is_the_first(outcomes: list[JudgedAlert], bound: float) -> None:
    """What a fit turned into an abstention still counts as what it was: else the next fit would see no miss."""
    first = fit(outcomes, at=NOW, max_missed=bound, sample=1)
    shown = [
        calibrate(Verdict(disposition=entry.verdict, confidence=entry.confidence, summary="It was."), first)
        for entry in outcomes
    ]
    people = {
        str(number): Mark(alert_id=str(number), label=entry.truth.value, at=NOW)
        for number, entry in enumerate(outcomes)
    }
    found = agreement(
        [
            (
                alert(str(number)),
                Brief.model_validate(
                    verdict.model_dump(include={"disposition", "confidence", "stated", "uncalibrated"})
                ),
            )
            for number, verdict in enumerate(shown)
        ],
        people,
    )
    assert fit(found.outcomes, at=NOW, max_missed=bound, sample=1) == first


def test_an_unsure_benign_becomes_inconclusive() -> None:
    """The abstain threshold looks at the confidence as it was stated, and never touches another verdict."""
    fitted = ConfidenceMap(
        fitted_at=NOW, curves={B: Curve(outcomes=50, points=((0.5, 0.9),))}, abstain_below=0.8, max_missed=0.01
    )
    unsure = calibrate(Verdict(disposition=B, confidence=0.79, summary="It seems so."), fitted)
    assert unsure.disposition is N
    assert "Abstained" in unsure.reason
    sure = calibrate(Verdict(disposition=B, confidence=0.8, summary="It is."), fitted)
    assert (sure.disposition, sure.confidence) == (B, 0.9)
    bad = calibrate(Verdict(disposition=M, confidence=0.1, summary="It is."), fitted)
    assert bad.disposition is M
