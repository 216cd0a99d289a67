"""`triage eval run|compare`."""

import json
import os
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median
from types import ModuleType

import click

from triage.cli.common import UNFINISHED, json_option, log_to_stderr, note, run_async, write_file
from triage.cli.lazy import require
from triage.errors import ConfigError
from triage.evaluation.compare import compare as compare_published
from triage.evaluation.labels import load_labels
from triage.evaluation.recorded import evaluate_records, load_records
from triage.evaluation.result import EvaluationResult, below, build_result, load_result, thresholds
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
  model: ${TRIAGE_MODEL:-gpt-5-mini}
"""


@click.command("run")
@click.option("--config", "config", default=None, metavar="FILE", help="Whose model, prompts and limits are used.")
@click.option(
    "--world", "world", default=None, metavar="DIR", help="A world directory; without one, the set that ships."
)
@click.option("--truth", "truth", default=None, metavar="FILE", help="The labels; default: truth.ndjson in DIR.")
@click.option("--alerts", "alerts", default=None, metavar="DIR", help="Records of `eval record export`, replayed.")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1), help="Investigations of each alert.")
@click.option("--offline", is_flag=True, help="The offline analyst, whatever the configuration says.")
@click.option("--alert-only/--no-alert-only", default=True, show_default=True, help="Also without the data lake.")
@click.option("--fail-under", "fail_under", default=None, metavar="recall=0.9,…", help="Exit 1 below these.")
@json_option
@click.option("--html", "html", default=None, metavar="FILE", help="Write the figures as one HTML page with plots.")
def run(
    config: str | None,
    world: str | None,
    truth: str | None,
    alerts: str | None,
    repeat: int,
    offline: bool,
    alert_only: bool,
    fail_under: str | None,
    as_json: bool,
    html: str | None,
) -> int:
    """Measure the configured investigator on labelled alerts; nothing of your Panther is touched."""
    log_to_stderr(verbose=False)
    wanted = thresholds(fail_under) if fail_under else {}
    if alerts and world:
        raise ConfigError("--alerts and --world: choose one")
    # Missing extras are named before an hour is spent on the figures.
    page = require("triage.evaluation.page", extra="eval") if html else None
    runner = None if alerts else require("triage.evaluation.runner", extra="sandbox")
    settings = _settings(config or click.get_current_context().find_root().obj)
    if offline:
        settings = settings.offline()
    published, seconds = _measure(
        settings, world, truth, alerts, repeat=repeat, alert_only=alert_only, quiet=as_json, runner=runner
    )
    if as_json:
        click.echo(published.text(), nl=False)
    else:
        click.echo(evaluation_text(published, seconds=seconds, currency=settings.llm.currency), nl=False)
    # After the figures, so that a page that can't be written doesn't lose them.
    if html and page is not None:
        write_file(html, page.evaluation_page(published), "--html")
    missed = below(published.scores, wanted)
    for line in missed:
        note(f"below its threshold: {line}")
    return UNFINISHED if missed or published.scores.failed else 0


@click.command("compare")
@click.argument("before", metavar="A.json")
@click.argument("after", metavar="B.json")
@json_option
def compare(before: str, after: str, as_json: bool) -> int:
    """Show what changed between two results of `triage eval run --json`, alert by alert."""
    compared = compare_published(load_result(Path(before)), load_result(Path(after)))
    click.echo(json.dumps(asdict(compared), indent=1) + "\n" if as_json else comparison_text(compared), nl=False)
    return 0


def _settings(config: str | None) -> Settings:
    """The named file, else `config.yaml` if there is one here, else the environment alone."""
    if config or Path("config.yaml").is_file():
        return load_settings(Path(config or "config.yaml"))
    return parse_settings(CONFIG, name="the environment", environment=os.environ)


def _measure(
    settings: Settings,
    world: str | None,
    truth: str | None,
    alerts: str | None,
    *,
    repeat: int,
    alert_only: bool,
    quiet: bool,
    runner: ModuleType | None,
) -> tuple[EvaluationResult, float]:
    """The figures, and the median seconds of an alert."""

    def progress(text: str) -> None:
        if not quiet:
            note(text)

    with ExitStack() as stack:
        if alerts is not None or world is not None:
            path = Path(alerts or world or "")
            name = path.resolve().name
        elif truth:
            raise ConfigError("--truth: labels belong to a world or to records; name it with --world or --alerts")
        else:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triage-eval-world-")))
            path = unpack_world(Shipped.EVALUATION, scratch)
            name = "the shipped set"
        labels = load_labels(Path(truth) if truth else path / "truth.ndjson")
        if not any(label.counts for label in labels):
            raise ConfigError(f"{truth or path / 'truth.ndjson'}: no label says malicious or benign")
        evaluation = partial(evaluate_records, load_records(path)) if runner is None else partial(runner.evaluate, path)
        ran = run_async(evaluation(labels, settings, repeat=repeat, progress=progress))
        alone = None
        if alert_only:
            progress("again, from the alerts alone")
            alone = run_async(evaluation(labels, settings, alert_only=True))
    return build_result(name, labels, ran, alone, repeat=repeat), median(ran.seconds.values())
