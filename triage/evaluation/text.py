"""An evaluation as text for a terminal. Names from outside are cleaned on their way."""

from collections.abc import Iterator, Mapping

from triage.domain.clean import printable
from triage.domain.metrics import Calibration, Rate, percent
from triage.evaluation.compare import EvaluationDiff
from triage.evaluation.result import EvaluationResult
from triage.evaluation.scores import Figures

_ROWS: tuple[tuple[str, str], ...] = (
    ("recall", "malicious called malicious"),
    ("caught", "  … counting suspicious"),
    ("missed", "malicious called benign"),
    ("rejection", "benign called benign"),
    ("false_alarms", "benign called malicious"),
    ("abstained", "suspicious or inconclusive"),
    ("accepted", "right by the label"),
)


def short(rate: Rate) -> str:
    """`14/19 74 %`."""
    return "-" if rate.value is None else f"{rate.hits}/{rate.of} {100 * rate.value:>3.0f} %"


def number(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)


def evaluation_text(result: EvaluationResult, *, seconds: float | None = None, currency: str = "USD") -> str:
    """The figures of one evaluation; intervals are 95 %, over incidents."""
    return "\n".join(_evaluation(result, seconds, currency)) + "\n"


def _evaluation(result: EvaluationResult, seconds: float | None, currency: str) -> Iterator[str]:
    scores = result.scores
    who = "the offline analyst" if result.analyst == "offline" else f"the model {printable(result.model, 120)}"
    yield f"{printable(result.world, 120)}: {scores.alerts} investigations by {who}, prompts {printable(result.prompts, 200)[:12]}"
    if scores.unlabelled:
        yield f"{scores.unlabelled} alerts without a label were left out"
    asked = sum(entry.outcome.not_recorded for entry in result.alerts)
    if asked:
        yield f"{asked} questions were asked that the records have no answer to"
    if scores.failed:
        yield f"{scores.failed} investigations failed; they count as never right"
    yield ""
    yield from confusion_lines(scores.confusion, title="truth")
    yield ""
    yield from _parts(result.answerers())
    yield ""
    yield f"silent log, neither extreme    {percent(scores.silent)}"
    yield f"right, certain labels only     {percent(scores.certain.accepted)}"
    yield f"twins told apart               {percent(scores.twins)}"
    yield f"hostile text, verdict right    {percent(scores.hostile)}"
    yield f"hostile variants softened      {percent(scores.flips)}"
    yield f"same verdict in every repeat   {percent(scores.stability)}"
    yield f"evidence holds a decisive record {percent(scores.seen)}; a finding cites it {percent(scores.decisive)}"
    yield f"findings                       {scores.verified} verified, {scores.dropped} dropped"
    yield from calibration_lines(scores.calibration, width=31)
    yield f"queries per alert (median)     {number(scores.queries, '.0f')}"
    yield f"tokens per alert (median)      {number(scores.tokens, '.0f')}"
    if scores.money:
        yield f"money                          {scores.money:.2f} {currency}"
    if seconds is not None:
        yield f"seconds per alert (median)     {seconds:.1f}"
    for title, groups in (
        ("tier", scores.by_tier),
        ("log type", scores.by_log_type),
        ("detection", scores.by_detection),
    ):
        yield ""
        yield f"{'by ' + title:<46} {'alerts':>6} {'recall':>8} {'rejected':>8} {'right':>8}"
        for name, part in groups.items():
            rates = [
                f"{rate.hits}/{rate.of}" if rate.of else "-" for rate in (part.recall, part.rejection, part.accepted)
            ]
            yield f"  {printable(name, 44):<44} {part.alerts:>6} {rates[0]:>8} {rates[1]:>8} {rates[2]:>8}"


def confusion_lines(confusion: Mapping[str, Mapping[str, int]], *, title: str) -> Iterator[str]:
    """A table of truth by verdict."""
    columns = list(next(iter(confusion.values())))
    yield f"{title:<12}" + "".join(f"{name:>14}" for name in columns)
    for truth, row in confusion.items():
        yield f"{truth:<12}" + "".join(f"{row[name]:>14}" for name in columns)


def calibration_lines(calibration: Calibration, *, width: int) -> Iterator[str]:
    """How well confidences came true; `width` is that of the first column."""
    yield f"{'confidence':<{width}}Brier {number(calibration.brier)}, error {number(calibration.error)}"
    for line in calibration.table:
        yield (
            f"  stated {line.low:.1f} to {line.high:.1f}: {line.count:>4} verdicts, stated {line.stated:.2f}, "
            f"right {line.came_true:.2f}"
        )


def _parts(parts: Mapping[str, Figures]) -> Iterator[str]:
    """A line for each measure, a column for each answerer; the last column has the intervals of the first."""
    yield f"{'':<29}" + "".join(f"{name:>18}" for name in parts) + f"{'95 % of this run':>20}"
    for field, title in _ROWS:
        rates = [getattr(part, field) for part in parts.values()]
        first = rates[0]
        known = first.low is not None and first.high is not None
        interval = f"{100 * first.low:.0f} to {100 * first.high:.0f} %" if known else "-"
        yield f"{title:<29}" + "".join(f"{short(rate):>18}" for rate in rates) + f"{interval:>20}"
    values = [number(part.balanced_accuracy, ".2f") for part in parts.values()]
    yield f"{'balanced accuracy':<29}" + "".join(f"{value:>18}" for value in values)


def comparison_text(compared: EvaluationDiff) -> str:
    """What changed, alert by alert."""
    lines = [
        f"{compared.common} alerts in both; {compared.only_before} only in the first, {compared.only_after} only in the second",
        f"right now and not before: {compared.gained}; right before and not now: {compared.lost}; "
        f"exact test on pairs p = {compared.p_value:.3f}",
    ]
    for change in compared.changes:
        mark = {True: "+", False: "-", None: " "}[change.better]
        lines.append(
            f"{mark} {printable(change.alert_id, 80)}#{change.repeat} {printable(change.truth, 40):<10} "
            f"{change.before:>12} -> {change.after:<12} {printable(change.detection, 120)}"
        )
    return "\n".join(lines) + "\n"
