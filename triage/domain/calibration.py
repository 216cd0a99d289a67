"""What confidences are worth: fitted on past outcomes, applied to later verdicts. Pure."""

from collections.abc import Sequence
from itertools import pairwise

from pydantic import Field

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.domain.verdict import Disposition, Verdict


class Curve(Value):
    """How often one verdict was right, by the confidence it was given."""

    outcomes: int
    """Labelled alerts that it was fitted on."""
    points: tuple[tuple[float, float], ...] = Field(min_length=1)
    """Stated confidence and share that was right; neither ever falls."""


class ConfidenceMap(Value):
    """A fit, with its date."""

    fitted_at: Moment
    curves: dict[Disposition, Curve]
    """For `malicious` and `benign`, if there were enough outcomes."""
    abstain_below: float | None = None
    """`benign` with less than this confidence, as stated, becomes `inconclusive`."""
    max_missed: float | None = None
    """The share of malicious alerts called benign that the threshold was set for."""


def interpolate(curve: Sequence[tuple[float, float]], position: float) -> float:
    """Read a curve between its points in straight lines, flat beyond its ends. Raises ValueError for an empty curve."""
    if not curve:
        raise ValueError("an empty curve has no values")
    if position <= curve[0][0]:
        return curve[0][1]
    for (left, low), (right, high) in pairwise(curve):
        if position <= right:
            return low + (high - low) * ((position - left) / (right - left))
    return curve[-1][1]


def calibrate(verdict: Verdict, fit: ConfidenceMap | None) -> Verdict:
    """Give a verdict the confidence that its past has borne out; abstain if the fit says so.

    A verdict without a curve keeps its confidence and stays `uncalibrated`.
    """
    if fit is None:
        return verdict
    below = fit.abstain_below is not None and verdict.confidence < fit.abstain_below
    if verdict.disposition is Disposition.BENIGN and below:
        reason = (
            f"Abstained: `benign` with a stated confidence under {fit.abstain_below:.2f} has missed malicious alerts "
            f"before. {verdict.reason}"
        )
        return verdict.model_copy(
            update={
                "disposition": Disposition.INCONCLUSIVE,
                "reason": reason.strip(),
                # The next fit has to see what this one hides, or it would find no miss and drop the threshold.
                "stated": verdict.confidence,
                "uncalibrated": verdict.disposition,
            }
        )
    curve = fit.curves.get(verdict.disposition)
    if curve is None:
        return verdict
    return verdict.model_copy(
        update={
            "confidence": min(1.0, max(0.0, interpolate(curve.points, verdict.confidence))),
            "stated": verdict.confidence,
            "calibration": f"calibrated on {curve.outcomes} outcomes",
        }
    )
