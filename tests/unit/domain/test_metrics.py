"""Measures against hand-computed cases and a reference implementation."""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.calibration import interpolate
from triage.domain.metrics import (
    balanced_accuracy,
    brier,
    calibration_error,
    clustered,
    isotonic,
    mcnemar,
    reliability,
    wilson,
)

REASON = "scikit-learn is a reference in the tests only"

PREDICTIONS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@pytest.fixture(scope="module")
def brier_score_loss() -> Callable[..., float]:
    """The reference for the Brier score; slow to import, so once."""
    return cast("Callable[..., float]", pytest.importorskip("sklearn.metrics", reason=REASON).brier_score_loss)


@pytest.fixture(scope="module")
def reference_isotonic() -> Callable[..., Any]:
    """The reference for isotonic regression."""
    return cast("Callable[..., Any]", pytest.importorskip("sklearn.isotonic", reason=REASON).IsotonicRegression)


def test_wilson_matches_a_published_example() -> None:
    """81 of 263 gives 0.255 to 0.366 (R. Newcombe, 1998, method 3)."""
    low, high = wilson(81 / 263, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@given(st.integers(1, 200), st.data())
def test_an_interval_holds_its_share(size: int, data: st.DataObject) -> None:
    """The interval lies in [0, 1] and around the share, whatever was counted."""
    hits = data.draw(st.integers(0, size))
    low, high = wilson(hits / size, size)
    assert 0 <= low <= hits / size + 1e-12
    assert hits / size - 1e-12 <= high <= 1


def test_independent_trials_are_their_own_clusters() -> None:
    """With one trial a cluster the interval is at least as wide as Wilson's on all of them, and close to it."""
    outcomes = [(number, number % 3 == 0) for number in range(90)]
    share = clustered(outcomes)
    assert (share.hits, share.of, share.clusters) == (30, 90, 90)
    low, high = wilson(30 / 90, 90)
    assert share.low == pytest.approx(low, abs=0.002)
    assert share.high == pytest.approx(high, abs=0.002)


def test_a_large_incident_widens_the_interval() -> None:
    """Ten alerts of one incident that were all found are not ten independent successes."""
    one_incident = [("a", True)] * 10 + [(number, False) for number in range(10)]
    apart = [(f"a{number}", True) for number in range(10)] + [(number, False) for number in range(10)]
    wide, narrow = clustered(one_incident), clustered(apart)
    assert wide.value == narrow.value == 0.5
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.high is not None
    assert narrow.high is not None
    assert wide.high - wide.low > narrow.high - narrow.low


def test_perfect_clusters_count_once_each() -> None:
    """Where nothing varies, the number of incidents is what the interval rests on."""
    share = clustered([(number % 4, True) for number in range(40)])
    assert share.low == pytest.approx(wilson(1.0, 4)[0])


def test_the_design_effect_by_hand() -> None:
    """Clusters of (2 of 2), (0 of 2), (1 of 2): share 1/2, between-variance 1/12, so three effective trials."""
    outcomes = [("a", True), ("a", True), ("b", False), ("b", False), ("c", True), ("c", False)]
    # k/(k-1) * sum((hits - share * size)^2) / n^2 = 3/2 * 2 / 36; independent: 1/4 / 6.
    between, independent = Fraction(3, 2) * 2 / 36, Fraction(1, 24)
    effective = 6 * independent / between
    assert effective == 3
    share = clustered(outcomes)
    assert (share.low, share.high) == pytest.approx(wilson(0.5, 3))


def test_nothing_counted_has_no_share() -> None:
    """No trial gives no proportion rather than zero."""
    assert clustered([]).value is None
    assert brier([]) is None
    assert calibration_error([]) is None
    assert balanced_accuracy(None, 1.0) is None


def test_brier_and_calibration_error_by_hand() -> None:
    """Two verdicts at 0.9, one wrong, and one at 0.4 that is right."""
    predictions = [(0.9, True), (0.9, False), (0.4, True)]
    assert brier(predictions) == pytest.approx((0.01 + 0.81 + 0.36) / 3)
    assert calibration_error(predictions) == pytest.approx((2 * abs(0.5 - 0.9) + abs(1 - 0.4)) / 3)
    assert [(line.count, line.came_true) for line in reliability(predictions)] == [(1, 1.0), (2, 0.5)]


def test_exact_test_on_pairs_by_hand() -> None:
    """One against nine of ten pairs: 2 * (1 + 10) / 1024; equal numbers and no pairs tell nothing."""
    assert mcnemar(1, 9) == pytest.approx(22 / 1024)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(9, 1) == mcnemar(1, 9)


@given(PREDICTIONS)
def test_brier_is_that_of_scikit_learn(
    brier_score_loss: Callable[..., float], predictions: list[tuple[float, bool]]
) -> None:
    """The same number as the reference implementation."""
    expected = brier_score_loss([hit for _, hit in predictions], [p for p, _ in predictions], pos_label=True)
    assert brier(predictions) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1), st.integers(1, 5)), min_size=1, max_size=40))
def test_isotonic_is_that_of_scikit_learn(
    reference_isotonic: Callable[..., Any], points: list[tuple[int, float, int]]
) -> None:
    """The same fitted values as the reference implementation, ties and weights included."""
    reference = reference_isotonic(out_of_bounds="clip")
    reference.fit([p for p, _, _ in points], [v for _, v, _ in points], sample_weight=[w for _, _, w in points])
    curve = isotonic([(float(p), v, float(w)) for p, v, w in points])
    for position, value in curve:
        assert value == pytest.approx(float(reference.predict([position])[0]), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans().map(float), st.just(1.0)), min_size=1, max_size=50))
def test_isotonic_never_falls(points: list[tuple[float, float, float]]) -> None:
    """The fit is non-decreasing and keeps the weighted mean."""
    curve = isotonic(points)
    values = [value for _, value in curve]
    assert all(later >= earlier - 1e-12 for earlier, later in itertools.pairwise(values))
    fitted = math.fsum(interpolate(curve, position) * weight for position, _, weight in points)
    assert fitted == pytest.approx(math.fsum(value * weight for _, value, weight in points), abs=1e-9)


def test_a_curve_is_flat_beyond_its_ends() -> None:
    """Between its points a curve is straight, and it meets each of them, however close; outside it keeps its last value."""
    assert interpolate(((0.0, 0.0), (5e-324, 0.5)), 5e-324) == 0.5
    curve = ((0.2, 0.1), (0.6, 0.5))
    assert interpolate(curve, 0.0) == 0.1
    assert interpolate(curve, 0.4) == pytest.approx(0.3)
    assert interpolate(curve, 1.0) == 0.5
    with pytest.raises(ValueError, match="empty"):
        interpolate((), 0.5)
