"""`triage eval run|compare`."""

import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median
from typing import Self

import click

from triage.cli.common import UNFINISHED, note, run_async, write_file
from triage.cli.lazy import require
from triage.cli.live import Live
from triage.cli.logs import log_to_stderr
from triage.cli.options import json_option, seed_option
from triage.errors import ConfigError
from triage.evaluation.compare import compare as compare_results
from triage.evaluation.labels import Label, load_labels
from triage.evaluation.outcome import Finished
from triage.evaluation.recorded import evaluate_records, load_records
from triage.evaluation.result import below, build_result, load_result, thresholds
from triage.evaluation.text import comparison_text, evaluation_text
from triage.sandbox.shipped import Shipped, unpack_world
from triage.settings import Settings, load_settings, parse_settings

CONFIG = """\
panther:
  url: http://127.0.0.1:1/public/graphql
  token: evaluation
llm:
  base_url: ${OPENAI_BASE_URL:-}
  api_key: ${OPENAI_API_KEY}
  model: ${OPENAI_MODEL:-gpt-5-mini}
"""


@click.command("run")
@click.option("--config", metavar="FILE", help="Whose model, prompts and limits are used.")
@click.option("--world", metavar="DIR", help="A world directory (default: the set that ships).")
@click.option("--truth", metavar="FILE", help="The labels; default: truth.ndjson in DIR.")
@click.option("--alerts", metavar="DIR", help="Records of `eval record export`, replayed.")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1), help="Investigations of each alert.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only N of the labelled alerts, evenly spaced.")
@click.option("--offline", is_flag=True, help="Use the offline analyst, whatever the configuration says.")
@click.option("--alert-only/--no-alert-only", default=True, show_default=True, help="Also without the data lake.")
@click.option("--fail-under", metavar="recall=0.9,…", help="Exit 1 below these.")
@json_option
@seed_option
@click.option("--html", metavar="FILE", help="Write the figures as one HTML page with plots.")
def run(
    config: str | None,
    world: str | None,
    truth: str | None,
    alerts: str | None,
    repeat: int,
    limit: int | None,
    offline: bool,
    alert_only: bool,
    fail_under: str | None,
    as_json: bool,
    html: str | None,
) -> int:
    """Measure the configured investigator on labelled alerts; your Panther is not touched.

    Example: triage eval run --fail-under recall=0.9
    """
    log_to_stderr()
    wanted = thresholds(fail_under) if fail_under else {}
    if alerts and world:
        raise ConfigError("--alerts and --world: choose one")
    # A missing extra is reported now, not after an hour of measuring.
    page = require("triage.evaluation.page", extra="eval") if html else None
    runner = None if alerts else require("triage.evaluation.runner", extra="sandbox")
    settings = _settings(config or click.get_current_context().find_root().obj)
    if offline:
        settings = settings.offline()
    with ExitStack() as stack:
        path, name = _material(stack, world or alerts, truth)
        labels = load_labels(Path(truth) if truth else path / "truth.ndjson")
        if not any(label.counts for label in labels):
            raise ConfigError(f"{truth or path / 'truth.ndjson'}: no label says malicious or benign")
        if limit:
            labels, name = _some(labels, limit, name)
        evaluation = partial(evaluate_records, load_records(path)) if runner is None else partial(runner.evaluate, path)
        with _Progress(quiet=as_json, title="alerts") as progress:
            ran = run_async(evaluation(labels, settings, repeat=repeat, progress=progress))
        alone = None
        if alert_only:
            if not as_json:
                note("again, from the alerts alone")
            with _Progress(quiet=as_json, title="alone") as progress:
                alone = run_async(evaluation(labels, settings, alert_only=True, progress=progress))
    result = build_result(name, labels, ran, alone, repeat=repeat)
    if as_json:
        click.echo(result.text(), nl=False)
    else:
        seconds = median(ran.seconds.values())
        click.echo(evaluation_text(result, seconds=seconds, currency=settings.llm.currency), nl=False)
    # After the figures, so that a page that can't be written doesn't lose them.
    if html and page is not None:
        write_file(html, page.evaluation_page(result), "--html")
    missed = below(result.scores, wanted)
    for line in missed:
        note(f"below its threshold: {line}")
    return UNFINISHED if missed or result.scores.failed else 0


@click.command("compare")
@click.argument("before", metavar="A.json")
@click.argument("after", metavar="B.json")
@json_option
def compare(before: str, after: str, as_json: bool) -> int:
    """Show what changed between two results of `triage eval run --json`, alert by alert.

    Example: triage eval compare yesterday.json today.json
    """
    compared = compare_results(load_result(Path(before)), load_result(Path(after)))
    click.echo(json.dumps(asdict(compared), indent=1) + "\n" if as_json else comparison_text(compared), nl=False)
    return 0


def _some(labels: Sequence[Label], limit: int, name: str) -> tuple[tuple[Label, ...], str]:
    """As many of the labels that count, evenly spaced, so that both kinds and all scenarios are among them."""
    counted = [label for label in labels if label.counts]
    if limit >= len(counted):
        return tuple(labels), name
    chosen = tuple(counted[number * len(counted) // limit] for number in range(limit))
    return chosen, f"{name}, {limit} of {len(counted)} alerts"


class _Progress:
    """A bar with an estimate on a terminal, a line per alert elsewhere. A context manager, which takes the bar away."""

    def __init__(self, *, quiet: bool, title: str) -> None:
        self._quiet = quiet
        self._title = title
        self._started = time.monotonic()
        self._live = Live()

    def __enter__(self) -> Self:
        if not self._quiet:
            self._live.draw([f"{self._title}: beginning ..."])
        return self

    def __exit__(self, *_: object) -> None:
        self._live.clear()

    def __call__(self, finished: Finished) -> None:
        """Show one more alert."""
        if self._quiet:
            return
        if not self._live.shown:
            note(str(finished))
            return
        seconds = time.monotonic() - self._started
        left = seconds / finished.number * (finished.of - finished.number)
        bar = ("#" * (_BAR * finished.number // finished.of)).ljust(_BAR, ".")
        self._live.draw(
            [f"{self._title}: {bar} {finished.number}/{finished.of}, {_span(seconds)}, about {_span(left)} left"]
        )


_BAR = 30
_MINUTE = 60


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"


def _settings(config: str | None) -> Settings:
    """The named file, else `config.yaml` if there is one here, else the environment alone."""
    if config or Path("config.yaml").is_file():
        return load_settings(Path(config or "config.yaml"))
    return parse_settings(CONFIG, name="the environment", environment=os.environ)


def _material(stack: ExitStack, directory: str | None, truth: str | None) -> tuple[Path, str]:
    """Where the labelled alerts are, and their name in the report; the shipped set lives as long as the stack."""
    if directory is not None:
        path = Path(directory)
        return path, path.resolve().name
    if truth:
        raise ConfigError("--truth: labels belong to a world or to records; name it with --world or --alerts")
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triage-eval-world-")))
    return unpack_world(Shipped.EVALUATION, scratch), "the shipped set"
