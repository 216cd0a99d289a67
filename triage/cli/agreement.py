"""`triage eval agreement`."""

from collections.abc import Iterator
from datetime import timedelta

import click

from triage.app import panther_config
from triage.cli.common import (
    age_of,
    clock_at,
    config_option,
    json_option,
    log_to_stderr,
    note,
    now_option,
    one_line,
    print_json,
    run_async,
    settings_from,
)
from triage.cli.state import opened_store
from triage.domain.calibration import ConfidenceMap
from triage.edges.panther import connect
from triage.errors import ConfigError
from triage.evaluation.agreement import Agreement, agreement, fit, gather
from triage.evaluation.text import number, percent
from triage.pipeline.calibration import load_fit, save_fit
from triage.ports import Clock
from triage.settings import Settings

PROBLEMS_SHOWN = 5
"""What was wrong with the alert list, in lines."""


@click.command("agreement")
@config_option
@click.option("--since", default="30d", show_default=True, metavar="AGE", help="Alerts created in the last 7d, 30d, …")
@click.option("--calibrate", is_flag=True, help="Fit confidences to the outcomes and use them from now on.")
@click.option("--forget", is_flag=True, help="Drop the fit: confidences are uncalibrated again.")
@click.option(
    "--max-missed",
    default=None,
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="With --calibrate: abstain where `benign` would miss more of the malicious alerts than this.",
)
@click.option("--min-sample", default=30, show_default=True, type=click.IntRange(1), help="Outcomes that a fit needs.")
@json_option
@now_option
def command(
    config: str | None,
    since: str,
    calibrate: bool,
    forget: bool,
    max_missed: float | None,
    min_sample: int,
    as_json: bool,
    now: str | None,
) -> int:
    """Compare past verdicts with what people did in Panther afterwards, and with `triage eval mark`.

    RESOLVED or TRIAGED by a person counts as a true positive, CLOSED (shown as Invalid) as a false one; untouched or
    auto-resolved alerts count nowhere.
    """
    settings = settings_from(config)
    log_to_stderr(verbose=False)
    age = age_of(since) or timedelta(days=30)
    if calibrate and forget:
        raise ConfigError("--calibrate and --forget: choose one")
    if max_missed is not None and not calibrate:
        raise ConfigError("--max-missed: sets a threshold of --calibrate")
    found, fitted = run_async(
        _agreement(
            settings, clock_at(now), age, calibrate=calibrate, forget=forget, max_missed=max_missed, sample=min_sample
        )
    )
    if as_json:
        print_json(
            {
                "agreement": found.model_dump(mode="json"),
                "calibration": None if fitted is None else fitted.model_dump(mode="json"),
            }
        )
        return 0
    click.echo("\n".join(_text(found, fitted)))
    if calibrate:
        note("the fit is used for every verdict from now on; `triage eval agreement --forget` drops it")
    if forget:
        note("confidences are uncalibrated from now on")
    return 0


async def _agreement(
    settings: Settings,
    clock: Clock,
    age: timedelta,
    *,
    calibrate: bool,
    forget: bool,
    max_missed: float | None,
    sample: int,
) -> tuple[Agreement, ConfidenceMap | None]:
    start = clock.now() - age
    async with opened_store(settings) as store:
        marks = {mark.alert_id: mark for mark in reversed(await store.records.marks())}
        async with connect(panther_config(settings), clock=clock) as panther:
            gathered = await gather(
                panther.alerts, store.records, start=start, end=clock.now(), settings=settings.ingest
            )
        for problem in gathered.problems[:PROBLEMS_SHOWN]:
            note(problem)
        found = agreement(gathered.past, marks)
        if calibrate:
            fitted = fit(found.outcomes, at=clock.now(), max_missed=max_missed, sample=sample)
            if not fitted.curves and fitted.abstain_below is None:
                raise ConfigError(
                    f"{len(found.outcomes)} outcomes are too few for a fit: each verdict needs {sample} (--min-sample)"
                )
            await save_fit(store.values, fitted, now=clock.now())
        elif forget:
            await save_fit(store.values, None, now=clock.now())
        return found, await load_fit(store.values)


def _text(found: Agreement, fitted: ConfidenceMap | None) -> Iterator[str]:
    yield f"{found.triaged} alerts triaged, {found.triaged - found.unlabelled} with an outcome, {found.unlabelled} without"
    yield ""
    columns = list(next(iter(found.confusion.values())))
    yield f"{'people':<12}" + "".join(f"{name:>14}" for name in columns)
    for truth, row in found.confusion.items():
        yield f"{truth:<12}" + "".join(f"{row[name]:>14}" for name in columns)
    yield ""
    yield f"agreement, where it decided      {percent(found.agreed)}"
    yield f"malicious called benign          {percent(found.missed)}"
    yield f"benign called malicious          {percent(found.false_alarms)}"
    yield f"confidence                       Brier {number(found.calibration.brier)}, error {number(found.calibration.error)}"
    for line in found.calibration.table:
        yield (
            f"  stated {line.low:.1f} to {line.high:.1f}: {line.count:>4} verdicts, said {line.stated:.2f}, "
            f"right {line.came_true:.2f}"
        )
    if found.by_detection:
        yield ""
        yield f"{'detection':<52}{'outcomes':>9}{'agreed':>8}{'missed':>8}{'false':>7}"
        for name, counts in found.by_detection.items():
            yield (
                f"{one_line(name, 50):<52}{counts.outcomes:>9}{counts.agreed:>8}{counts.missed:>8}{counts.false_alarms:>7}"
            )
    yield ""
    if fitted is None:
        yield "no calibration is in use (--calibrate makes one)"
        return
    parts = [f"{name.value} on {curve.outcomes} outcomes" for name, curve in fitted.curves.items()]
    yield f"calibration of {fitted.fitted_at:%Y-%m-%d}: {', '.join(parts) or 'no curve'}"
    if fitted.abstain_below is not None:
        yield (
            f"benign below {fitted.abstain_below:.2f} becomes inconclusive: misses at most "
            f"{fitted.max_missed:.1%} of these malicious alerts"
        )
