"""`triage eval`."""

import os
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click

from triage.cli.common import UNFINISHED, log_to_stderr, note, run_async, write_file
from triage.cli.sandbox import need_sandbox
from triage.errors import ConfigError
from triage.settings import AnalystChoice, Settings, load_settings, parse_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from triage.evaluation.outcome import Ran
    from triage.evaluation.published import Published

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""The moment of the generated set: the same seed gives the same alerts."""

CONFIG = """\
panther:
  url: http://127.0.0.1:1/public/graphql
  token: evaluation
llm:
  base_url: ${OPENAI_BASE_URL:-}
  api_key: ${OPENAI_API_KEY}
  model: ${TRIAGE_MODEL:-gpt-5-mini}
"""


@click.command("eval")
@click.option("--config", "config", default=None, metavar="FILE", help="Whose model, prompts and limits are used.")
@click.option(
    "--world", "world", default=None, metavar="DIR", help="A world directory; without one, the generated set."
)
@click.option("--truth", "truth", default=None, metavar="FILE", help="The labels; default: truth.ndjson in DIR.")
@click.option("--alerts", "alerts", default=None, metavar="DIR", help="Records of `triage record export`, replayed.")
@click.option("--seed", default=1, show_default=True, help="Seed of the generated set.")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1), help="Investigations of each alert.")
@click.option("--offline", is_flag=True, help="The offline analyst, whatever the configuration says.")
@click.option("--alert-only/--no-alert-only", default=True, show_default=True, help="Also without the data lake.")
@click.option("--fail-under", "fail_under", default=None, metavar="recall=0.9,…", help="Exit 1 below these.")
@click.option("--compare", "compare", nargs=2, default=None, metavar="A.json B.json", help="Show what changed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout and nothing else.")
@click.option("--html", "html", default=None, metavar="FILE", help="Write the figures as one HTML page with plots.")
def command(
    config: str | None,
    world: str | None,
    truth: str | None,
    alerts: str | None,
    seed: int,
    repeat: int,
    offline: bool,
    alert_only: bool,
    fail_under: str | None,
    compare: tuple[str, str] | None,
    as_json: bool,
    html: str | None,
) -> int:
    """Measure the configured investigator on labelled alerts; nothing of your Panther is touched."""
    log_to_stderr(verbose=False)
    if compare:
        if world or truth or alerts or offline or fail_under or html:
            raise ConfigError("--compare shows two finished evaluations; of the other options it takes --json alone")
        return _compare(*compare, as_json=as_json)
    from triage.evaluation.published import below, thresholds  # noqa: PLC0415 - start-up time

    wanted = thresholds(fail_under) if fail_under else {}
    if alerts and world:
        raise ConfigError("--alerts and --world: choose one")
    if not alerts:
        need_sandbox()
    if html:
        from triage.evaluation.plots import need_plots  # noqa: PLC0415

        need_plots()
    settings = _settings(config or click.get_current_context().find_root().obj)
    if offline:
        chosen = settings.investigation.model_copy(update={"analyst": AnalystChoice.OFFLINE})
        settings = settings.model_copy(update={"investigation": chosen})
    published, seconds = _run(
        settings, world, truth, alerts, seed=seed, repeat=repeat, alert_only=alert_only, quiet=as_json
    )
    if as_json:
        click.echo(published.text(), nl=False)
    else:
        from triage.evaluation.text import evaluation_text  # noqa: PLC0415

        click.echo(evaluation_text(published, seconds=seconds, currency=settings.llm.currency), nl=False)
    # Behind the figures, which a page that can't be written doesn't take along.
    if html:
        from triage.evaluation.page import evaluation_page  # noqa: PLC0415

        write_file(html, evaluation_page(published), "--html")
    missed = below(published.scores, wanted)
    for line in missed:
        note(f"below its threshold: {line}")
    return UNFINISHED if missed or published.scores.failed else 0


def _settings(config: str | None) -> Settings:
    """The named file, else `config.yaml` where it lies here, else the environment alone."""
    if config or Path("config.yaml").is_file():
        return load_settings(Path(config or "config.yaml"))
    return parse_settings(CONFIG, name="the environment", environment=os.environ)


def _run(
    settings: Settings,
    world: str | None,
    truth: str | None,
    alerts: str | None,
    *,
    seed: int,
    repeat: int,
    alert_only: bool,
    quiet: bool,
) -> "tuple[Published, float]":
    from triage.evaluation.labels import load_labels  # noqa: PLC0415 - start-up time
    from triage.evaluation.published import publish  # noqa: PLC0415

    def progress(text: str) -> None:
        if not quiet:
            note(text)

    with ExitStack() as stack:
        if alerts is not None:
            path = Path(alerts)
            name = path.resolve().name
        elif world is not None:
            path = Path(world)
            name = path.resolve().name
        elif truth:
            raise ConfigError("--truth: labels belong to a world or to records; name it with --world or --alerts")
        else:
            from triage.sandbox.generator import Set, generate  # noqa: PLC0415

            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triage-eval-world-")))
            generate(path, seed=seed, now=NOW, which=Set.EVALUATION)
            name = f"generated, seed {seed}"
        labels = load_labels(Path(truth) if truth else path / "truth.ndjson")
        if not any(label.counts for label in labels):
            raise ConfigError(f"{truth or path / 'truth.ndjson'}: no label says malicious or benign")
        evaluation = _over_records(path) if alerts is not None else _over_world(path)
        ran = run_async(evaluation(labels, settings, repeat=repeat, progress=progress))
        alone = None
        if alert_only:
            progress("again, from the alerts alone")
            alone = run_async(evaluation(labels, settings, alert_only=True))
    return publish(name, labels, ran, alone, repeat=repeat), median(ran.seconds.values())


def _over_world(path: Path) -> "Callable[..., Coroutine[Any, Any, Ran]]":
    from triage.evaluation.runner import evaluate  # noqa: PLC0415 - start-up time

    return partial(evaluate, path)


def _over_records(path: Path) -> "Callable[..., Coroutine[Any, Any, Ran]]":
    from triage.evaluation.recorded import evaluate_records, load_records  # noqa: PLC0415 - start-up time

    return partial(evaluate_records, load_records(path))


def _compare(before: str, after: str, *, as_json: bool) -> int:
    import json  # noqa: PLC0415 - start-up time
    from dataclasses import asdict  # noqa: PLC0415

    from triage.evaluation.compare import compare  # noqa: PLC0415
    from triage.evaluation.published import load_published  # noqa: PLC0415
    from triage.evaluation.text import comparison_text  # noqa: PLC0415

    compared = compare(load_published(Path(before)), load_published(Path(after)))
    click.echo(json.dumps(asdict(compared), indent=1) + "\n" if as_json else comparison_text(compared), nl=False)
    return 0
