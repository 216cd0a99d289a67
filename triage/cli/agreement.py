"""`triage eval agreement`."""

from collections.abc import Iterator
from datetime import timedelta

import click

from triage.cli.common import note, one_line, print_json, settings_from, table
from triage.cli.logs import log_to_stderr
from triage.cli.options import age_option, config_option, json_option, now_option
from triage.cli.state import in_store, latest_marks
from triage.domain.calibration import ConfidenceMap
from triage.domain.metrics import percent
from triage.edges.panther import connect, panther_config
from triage.errors import ConfigError
from triage.evaluation.text import calibration_lines, confusion_lines
from triage.pipeline.agreement import Agreement, agreement, fit, gather, qualities_by_people
from triage.pipeline.calibration import load_fit, save_fit
from triage.ports import Clock, Store, Values

PROBLEMS_SHOWN = 5
"""How many problems of the alert list are printed."""


@click.command("agreement")
@config_option
@age_option("--since", "Alerts created in the last 7d, 30d, …", default="30d")
@click.option("--calibrate", is_flag=True, help="Fit confidences to the outcomes and use them from now on.")
@click.option("--forget", is_flag=True, help="Drop the fit: confidences are uncalibrated again.")
@click.option(
    "--max-missed",
    default=None,
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="With --calibrate: abstain if `benign` would miss more than this share of the malicious alerts.",
)
@click.option("--min-sample", default=30, show_default=True, type=click.IntRange(1), help="Outcomes that a fit needs.")
@json_option
@now_option
def command(
    config: str | None,
    since: timedelta,
    calibrate: bool,
    forget: bool,
    max_missed: float | None,
    min_sample: int,
    as_json: bool,
    clock: Clock,
) -> int:
    """Compare past verdicts with what people did in Panther afterwards, and with `triage mark`.

    A mark counts first, then a quality that a person set (USEFUL, NOISE), then a status: RESOLVED or TRIAGED by a person is
    a true positive, CLOSED (shown as Invalid) a false positive. Untouched and auto-resolved alerts don't count.

    Example: triage eval agreement --since 30d --calibrate
    """
    settings = settings_from(config)
    log_to_stderr()
    if calibrate and forget:
        raise ConfigError("--calibrate and --forget: choose one")
    if max_missed is not None and not calibrate:
        raise ConfigError("--max-missed: sets a threshold of --calibrate")

    marks = latest_marks(settings)

    async def compare(store: Store) -> tuple[Agreement, ConfidenceMap | None]:
        end = clock.now()
        async with connect(panther_config(settings), clock=clock) as panther:
            past, problems = await gather(
                panther.alerts, store.records, start=end - since, end=end, settings=settings.ingest
            )
            qualities = await qualities_by_people(panther.labels, store.values, start=end - since, end=end)
        for problem in problems[:PROBLEMS_SHOWN]:
            note(problem)
        found = agreement(past, marks, qualities)
        if calibrate:
            await _calibrate(store.values, found, clock, max_missed=max_missed, sample=min_sample)
        elif forget:
            await save_fit(store.values, None, now=clock.now())
        return found, await load_fit(store.values)

    found, fitted = in_store(settings, compare)
    if as_json:
        calibration = None if fitted is None else fitted.model_dump(mode="json")
        print_json({"agreement": found.model_dump(mode="json"), "calibration": calibration})
        return 0
    click.echo("\n".join(_text(found, fitted)))
    if calibrate:
        note("the fit is used for every verdict from now on; `triage eval agreement --forget` drops it")
    if forget:
        note("confidences are uncalibrated from now on")
    return 0


async def _calibrate(values: Values, found: Agreement, clock: Clock, *, max_missed: float | None, sample: int) -> None:
    fitted = fit(found.outcomes, at=clock.now(), max_missed=max_missed, sample=sample)
    if not fitted.curves and fitted.abstain_below is None:
        raise ConfigError(
            f"{len(found.outcomes)} outcomes are too few for a fit: each verdict needs {sample} (--min-sample)"
        )
    await save_fit(values, fitted, now=clock.now())


def _text(found: Agreement, fitted: ConfidenceMap | None) -> Iterator[str]:
    yield f"{found.triaged} alerts triaged, {found.triaged - found.unlabelled} with an outcome, {found.unlabelled} without"
    yield ""
    yield from confusion_lines(found.confusion, title="people")
    yield ""
    yield f"agreement, where it decided      {percent(found.agreed)}"
    yield f"malicious called benign          {percent(found.missed)}"
    yield f"benign called malicious          {percent(found.false_alarms)}"
    yield from calibration_lines(found.calibration, width=33)
    if found.by_detection:
        yield ""
        counted = [
            (one_line(name, 50), *map(str, (counts.outcomes, counts.agreed, counts.missed, counts.false_alarms)))
            for name, counts in found.by_detection.items()
        ]
        yield from table([("detection", "outcomes", "agreed", "missed", "false"), *counted], right=range(1, 5))
    yield ""
    if fitted is None:
        yield "no calibration is in use (--calibrate makes one)"
        return
    parts = [f"{name.value} on {curve.outcomes} outcomes" for name, curve in fitted.curves.items()]
    yield f"calibration of {fitted.fitted_at:%Y-%m-%d}: {', '.join(parts) or 'no curve'}"
    if fitted.abstain_below is not None:
        yield (
            f"benign below {fitted.abstain_below:.2f} becomes inconclusive: at most {fitted.max_missed:.1%} of these "
            "malicious alerts are missed"
        )
