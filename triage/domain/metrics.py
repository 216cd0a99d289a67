"""Measures on counts and probabilities. Pure arithmetic; each names its source."""

import math
from collections.abc import Hashable, Sequence
from itertools import pairwise

from triage.domain.base import Value

Z95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


class Rate(Value):
    """A proportion with its 95 % interval."""

    hits: int
    of: int
    low: float | None = None
    """Lower end; `None` if nothing was counted."""
    high: float | None = None
    clusters: int = 0
    """Independent groups among `of`."""

    @property
    def value(self) -> float | None:
        return self.hits / self.of if self.of else None


def percent(rate: Rate) -> str:
    """`14/19 (74 %, 51 to 88)`; a dash if nothing was counted."""
    if rate.value is None:
        return "-"
    text = f"{rate.hits}/{rate.of} ({100 * rate.value:.0f} %"
    if rate.low is not None and rate.high is not None:
        text += f", {100 * rate.low:.0f} to {100 * rate.high:.0f}"
    return text + ")"


def wilson(share: float, size: float) -> tuple[float, float]:
    """The score interval of a proportion seen in `size` independent trials.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927).
    """
    square = Z95 * Z95
    centre = (share + square / (2 * size)) / (1 + square / size)
    half = Z95 * math.sqrt(share * (1 - share) / size + square / (4 * size * size)) / (1 + square / size)
    return max(0.0, centre - half), min(1.0, centre + half)


def clustered(outcomes: Sequence[tuple[Hashable, bool]]) -> Rate:
    """A proportion whose trials come in clusters, such as the alerts of one incident.

    The interval is Wilson's on the effective number of trials: their number divided by the design effect, which is
    the between-cluster variance of the ratio estimator over the variance of independent trials. Where the clusters
    show no variance, because all or none hit, the number of clusters is what can be relied on.

    Source: L. Kish, Survey Sampling (1965), the design effect; E. Korn and B. Graubard, Survey Methodology 24 (1998), which
    divides by it before taking a binomial interval.
    """
    hits = sum(hit for _, hit in outcomes)
    size = len(outcomes)
    groups: dict[Hashable, list[bool]] = {}
    for cluster, hit in outcomes:
        groups.setdefault(cluster, []).append(hit)
    count = len(groups)
    if not size:
        return Rate(hits=0, of=0)
    share = hits / size
    effective = float(count)
    if 0 < hits < size and count > 1:
        spread = sum((sum(group) - share * len(group)) ** 2 for group in groups.values())
        between = count / (count - 1) * spread / size**2
        independent = share * (1 - share) / size
        effective = min(float(size), size * independent / between) if between else float(size)
        effective = max(effective, 1.0)
    low, high = wilson(share, effective)
    return Rate(hits=hits, of=size, low=low, high=high, clusters=count)


def brier(predictions: Sequence[tuple[float, bool]]) -> float | None:
    """Mean squared distance of a probability from what happened; 0 is best. Source: G. W. Brier (1950)."""
    if not predictions:
        return None
    return sum((probability - happened) ** 2 for probability, happened in predictions) / len(predictions)


class ReliabilityBin(Value):
    """One line of a reliability table."""

    low: float
    high: float
    count: int
    stated: float
    """Mean probability stated."""
    came_true: float
    """How often it came true."""


def reliability(predictions: Sequence[tuple[float, bool]], *, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Stated probability against what happened, in bins of equal width; empty bins are left out.

    A probability on a border belongs to the bin below it, 0 to the first.
    """
    edges = [number / bins for number in range(bins + 1)]
    found = []
    for low, high in pairwise(edges):
        inside = [(p, hit) for p, hit in predictions if low < p <= high or (p == 0 and low == 0)]
        if inside:
            stated = sum(p for p, _ in inside) / len(inside)
            came_true = sum(hit for _, hit in inside) / len(inside)
            found.append(ReliabilityBin(low=low, high=high, count=len(inside), stated=stated, came_true=came_true))
    return tuple(found)


def calibration_error(predictions: Sequence[tuple[float, bool]], *, bins: int = 10) -> float | None:
    """Expected calibration error: the bins' distance of statement from outcome, weighted by their size.

    Source: M. Naeini, G. Cooper, M. Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning (2015).
    """
    if not predictions:
        return None
    table = reliability(predictions, bins=bins)
    return sum(entry.count * abs(entry.came_true - entry.stated) for entry in table) / len(predictions)


class Calibration(Value):
    """Whether a confidence means what it says; over verdicts that decide."""

    brier: float | None = None
    error: float | None = None
    """Expected calibration error."""
    table: tuple[ReliabilityBin, ...] = ()


def calibration_of(predictions: Sequence[tuple[float, bool]]) -> Calibration:
    """Compare stated confidences with how often they were right."""
    return Calibration(
        brier=brier(predictions),
        error=calibration_error(predictions),
        table=reliability(predictions),
    )


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided p-value that as many pairs would differ by chance.

    Args:
        gained: Pairs that are right now and were not before.
        lost: Pairs that were right before and are not now.

    Source: Q. McNemar (1947), in its exact binomial form.
    """
    total = gained + lost
    if not total:
        return 1.0
    tail = sum(math.comb(total, number) for number in range(min(gained, lost) + 1))
    return float(min(1.0, 2 * tail / 2**total))


def balanced_accuracy(found: float | None, rejected: float | None) -> float | None:
    """The mean of recall and rejection; 0.5 is what a constant answer reaches."""
    return None if found is None or rejected is None else (found + rejected) / 2


def isotonic(points: Sequence[tuple[float, float, float]]) -> tuple[tuple[float, float], ...]:
    """The non-decreasing step function closest to weighted points, by pooling adjacent violators.

    Args:
        points: Position, value and weight; in any order. Points at one position are pooled first.

    Returns:
        Position and fitted value, by position; each position once.

    Source: R. Barlow et al., Statistical Inference under Order Restrictions (1972).
    """
    pooled: dict[float, tuple[float, float]] = {}
    for position, value, weight in points:
        total, heavy = pooled.get(position, (0.0, 0.0))
        pooled[position] = (total + value * weight, heavy + weight)
    blocks: list[tuple[list[float], float, float]] = []
    for position in sorted(pooled):
        total, heavy = pooled[position]
        block = ([position], total, heavy)
        while blocks and blocks[-1][1] / blocks[-1][2] > block[1] / block[2]:
            earlier = blocks.pop()
            block = (earlier[0] + block[0], earlier[1] + block[1], earlier[2] + block[2])
        blocks.append(block)
    return tuple((position, total / heavy) for positions, total, heavy in blocks for position in positions)
