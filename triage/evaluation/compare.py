"""What changed between two evaluations of the same alerts."""

from dataclasses import dataclass

from triage.domain.metrics import mcnemar
from triage.errors import ConfigError
from triage.evaluation.result import EvaluationResult, LabelledOutcome


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """An alert whose verdict differs."""

    alert_id: str
    repeat: int
    detection: str
    truth: str
    before: str
    after: str
    better: bool | None
    """Right now but not before; `None` if that didn't change."""


@dataclass(frozen=True, slots=True)
class EvaluationDiff:
    """Two evaluations, alert by alert."""

    common: int
    only_before: int
    only_after: int
    gained: int
    """Alerts that are right now and were not before."""
    lost: int
    p_value: float
    """Of the exact test on pairs. It is optimistic, since alerts of one incident are not independent."""
    changes: tuple[VerdictChange, ...]


def compare(before: EvaluationResult, after: EvaluationResult) -> EvaluationDiff:
    """Pair the alerts of two evaluations by id and repeat.

    Raises ConfigError where they share no alert.
    """
    first = {(entry.outcome.alert_id, entry.outcome.repeat): entry for entry in before.alerts}
    second = {(entry.outcome.alert_id, entry.outcome.repeat): entry for entry in after.alerts}
    common = [key for key in first if key in second]
    if not common:
        raise ConfigError("the two evaluations have no alert in common")
    gained = sum(second[key].accepted and not first[key].accepted for key in common)
    lost = sum(first[key].accepted and not second[key].accepted for key in common)
    return EvaluationDiff(
        common=len(common),
        only_before=len(first) - len(common),
        only_after=len(second) - len(common),
        gained=gained,
        lost=lost,
        p_value=mcnemar(gained, lost),
        changes=tuple(
            _change(first[key], second[key])
            for key in common
            if first[key].outcome.verdict is not second[key].outcome.verdict
        ),
    )


def _change(before: LabelledOutcome, after: LabelledOutcome) -> VerdictChange:
    return VerdictChange(
        alert_id=after.outcome.alert_id,
        repeat=after.outcome.repeat,
        detection=after.outcome.detection,
        truth=after.truth,
        before=before.outcome.verdict.value if before.outcome.verdict else "failed",
        after=after.outcome.verdict.value if after.outcome.verdict else "failed",
        better=None if before.accepted is after.accepted else after.accepted,
    )
