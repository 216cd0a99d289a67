"""An evaluation as it is kept, compared and printed."""

import math
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from triage.domain.base import Value
from triage.errors import ConfigError
from triage.evaluation.labels import Label
from triage.evaluation.metrics import Rate
from triage.evaluation.outcome import AlertOutcome, EvaluationRun
from triage.evaluation.record import ascii_json
from triage.evaluation.scores import Scores, score


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

    def text(self) -> str:
        """Canonical JSON in ASCII, one document with a last line break."""
        return ascii_json(self)


class LabelledOutcome(Value):
    """An alert, what is right about it, and what was concluded."""

    truth: str
    right: tuple[str, ...]
    absence: bool = False
    outcome: AlertOutcome

    @property
    def accepted(self) -> bool:
        return self.outcome.verdict is not None and self.outcome.verdict.value in self.right


def build_result(
    world: str, labels: tuple[Label, ...], ran: EvaluationRun, alert_only: EvaluationRun | None, *, repeat: int
) -> EvaluationResult:
    """Put labels and outcomes together."""
    known = {label.alert_id: label for label in labels}
    judged = []
    for outcome in ran.outcomes:
        label = known[outcome.alert_id]
        judged.append(
            LabelledOutcome(
                truth=label.verdict.value if label.verdict else "",
                right=tuple(entry.value for entry in label.right),
                absence=label.absence,
                outcome=outcome,
            )
        )
    return EvaluationResult(
        world=world,
        analyst=ran.analyst,
        model=ran.model,
        prompts=ran.prompts,
        repeat=repeat,
        scores=score(labels, ran.outcomes, left_out=ran.unlabelled),
        alert_only=score(labels, alert_only.outcomes, left_out=alert_only.unlabelled) if alert_only else None,
        alerts=tuple(judged),
    )


def load_result(path: Path) -> EvaluationResult:
    """Read what `triage eval run --json` wrote. Raises ConfigError."""
    try:
        return EvaluationResult.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({type(error).__name__})") from error
    except ValidationError as error:
        raise ConfigError(f"{path} is not an evaluation that `triage eval run --json` wrote") from error


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
            # Nothing is below it, so that every run would pass.
            raise ConfigError(f"--fail-under: {name} needs a number, such as {name}=0.9")
        found[name] = least
    return found


MEASURES = (
    "recall",
    "caught",
    "rejection",
    "accepted",
    "balanced_accuracy",
    "not_missed",
    "silent",
    "twins",
    "stability",
)
"""What a threshold can be set on; each is better the higher it is."""


def measure(scores: Scores, name: str) -> float | None:
    """One of `MEASURES`; `None` where nothing was counted."""
    part = scores.whole
    if name == "balanced_accuracy":
        return part.balanced_accuracy
    if name == "not_missed":
        return None if part.missed.value is None else 1 - part.missed.value
    rates: dict[str, Rate] = {
        "recall": part.recall,
        "caught": part.caught,
        "rejection": part.rejection,
        "accepted": part.accepted,
        "silent": scores.silent,
        "twins": scores.twins,
        "stability": scores.stability,
    }
    return rates[name].value


def below(scores: Scores, wanted: dict[str, float]) -> tuple[str, ...]:
    """Each threshold that is missed, in words. A measure over nothing misses its threshold."""
    missed = []
    for name, least in wanted.items():
        value = measure(scores, name)
        if value is None or value < least:
            missed.append(f"{name} is {'unknown' if value is None else f'{value:.3f}'}, wanted {least:g}")
    return tuple(missed)
