"""An evaluation as it is stored, compared and printed."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from triage.domain.base import Value
from triage.errors import ConfigError
from triage.evaluation.labels import Label
from triage.evaluation.outcome import AlertOutcome, EvaluationRun
from triage.evaluation.record import ascii_json, read_document
from triage.evaluation.scores import Figures, Scores, score


class EvaluationResult(Value):
    """One evaluation. The same seed, record and offline analyst give the same bytes."""

    format: Literal["triage-eval/1"] = "triage-eval/1"
    world: str
    analyst: str
    model: str
    prompts: str
    repeat: int
    scores: Scores
    alert_only: Scores | None = None
    """The same investigator without the data lake."""
    alerts: tuple["LabelledOutcome", ...]

    def answerers(self) -> dict[str, Figures]:
        """The figures of this run and of everything it is compared with, by name; this run first."""
        alert_only = {"alert only": self.alert_only.whole} if self.alert_only else {}
        return {"this run": self.scores.whole, **alert_only, **self.scores.baselines}

    def text(self) -> str:
        """Canonical JSON in ASCII, one document with a last line break."""
        return ascii_json(self)


class LabelledOutcome(Value):
    """An alert, what is right about it, and what was concluded."""

    truth: str
    right: tuple[str, ...]
    absence: bool = False
    outcome: AlertOutcome

    @classmethod
    def of(cls, label: Label, outcome: AlertOutcome) -> "LabelledOutcome":
        return cls(
            truth=label.verdict.value if label.verdict else "",
            right=tuple(entry.value for entry in label.right),
            absence=label.absence,
            outcome=outcome,
        )

    @property
    def accepted(self) -> bool:
        return self.outcome.verdict is not None and self.outcome.verdict.value in self.right


def build_result(
    world: str, labels: tuple[Label, ...], ran: EvaluationRun, alert_only: EvaluationRun | None, *, repeat: int
) -> EvaluationResult:
    """Put labels and outcomes together."""
    known = {label.alert_id: label for label in labels}
    return EvaluationResult(
        world=world,
        analyst=ran.analyst,
        model=ran.model,
        prompts=ran.prompts,
        repeat=repeat,
        scores=score(labels, ran.outcomes, left_out=ran.unlabelled),
        alert_only=score(labels, alert_only.outcomes, left_out=alert_only.unlabelled) if alert_only else None,
        alerts=tuple(LabelledOutcome.of(known[outcome.alert_id], outcome) for outcome in ran.outcomes),
    )


def load_result(path: Path) -> EvaluationResult:
    """Read what `triage eval run --json` wrote. Raises ConfigError."""
    return read_document(path, EvaluationResult, "an evaluation that `triage eval run --json` wrote")


def thresholds(text: str) -> dict[str, float]:
    """Read `recall=0.98,rejection=0.5`. Raises ConfigError with the names that exist."""
    found = {}
    for entry in text.split(","):
        name, _, value = entry.partition("=")
        name = name.strip()
        if name not in MEASURES:
            raise ConfigError(f"--fail-under: {name or entry!r} is none of {', '.join(MEASURES)}")
        try:
            least = float(value)
        except ValueError:
            least = math.nan
        if math.isnan(least):
            # Nothing is below NaN, so every run would pass.
            raise ConfigError(f"--fail-under: {name} needs a number, such as {name}=0.9")
        found[name] = least
    return found


MEASURES: Mapping[str, Callable[[Scores], float | None]] = {
    "recall": lambda scores: scores.whole.recall.value,
    "caught": lambda scores: scores.whole.caught.value,
    "rejection": lambda scores: scores.whole.rejection.value,
    "accepted": lambda scores: scores.whole.accepted.value,
    "balanced_accuracy": lambda scores: scores.whole.balanced_accuracy,
    "not_missed": lambda scores: None if scores.whole.missed.value is None else 1 - scores.whole.missed.value,
    "silent": lambda scores: scores.silent.value,
    "twins": lambda scores: scores.twins.value,
    "stability": lambda scores: scores.stability.value,
}
"""What a threshold can be set on; higher is better. `None` if nothing was counted."""


def below(scores: Scores, wanted: dict[str, float]) -> tuple[str, ...]:
    """Each missed threshold, in words. A measure over nothing misses its threshold."""
    missed = []
    for name, least in wanted.items():
        value = MEASURES[name](scores)
        if value is None or value < least:
            missed.append(f"{name} is {'unknown' if value is None else f'{value:.3f}'}, wanted {least:g}")
    return tuple(missed)
