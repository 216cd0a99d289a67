"""`triage demo`: a generated company on an embedded Panther, its alerts triaged and commented on."""

import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click

from triage.cli.common import log_to_stderr, note, print_json, run_async
from triage.cli.page import alert_page
from triage.cli.run import RunOptions, run
from triage.cli.state import opened_store, with_leader_verdicts
from triage.cli.text import alert_table
from triage.domain.verdict import Disposition
from triage.edges.clock import SystemClock
from triage.edges.prompts import load_prompts
from triage.errors import ConfigError
from triage.ports import AlertRecord, State
from triage.sandbox.server import SandboxServer
from triage.sandbox.shipped import Shipped, unpack_world
from triage.sandbox.world import load_world
from triage.settings import Settings, parse_settings
from triage.stages.reporting import build_report, list_row

STORE, AUDIT = "demo.db", "demo-audit.jsonl"

CONFIG = """\
panther:
  url: {url}
  token: sandbox-token
  requests_per_second: 1000
ingest:
  severities: [CRITICAL, HIGH, MEDIUM]
llm:
  base_url: ${{OPENAI_BASE_URL:-}}
  api_key: ${{OPENAI_API_KEY}}
  model: ${{OPENAI_MODEL:-gpt-5-mini}}
writeback:
  audit: {audit}
store:
  url: sqlite:///{store}
"""


@click.command("demo")
@click.option("--dir", "directory", default="triage-demo", show_default=True, help="Where the results go.")
@click.option("--json", "as_json", is_flag=True, help="Print the alerts as one JSON document instead.")
def command(directory: str, as_json: bool) -> int:
    """Poll, triage and comment on the alerts of a generated company; nothing leaves this machine without an LLM key.

    Example: triage demo
    """
    log_to_stderr(verbose=False)
    return run_demo(Path(directory), as_json=as_json)


def cleared(directory: Path) -> tuple[Path, Path]:
    """Paths of the demo's state and audit log, after deleting those of an earlier demo.

    The names differ from the configuration's defaults, so that `--dir .` deletes no real state. Raises ConfigError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in (*directory.glob(f"{STORE}*"), *directory.glob(f"{AUDIT}*")):
            leftover.unlink()
    except OSError as error:
        raise ConfigError(f"--dir: {directory} cannot be used ({error.strerror})") from error
    return directory / STORE, directory / AUDIT


def run_demo(directory: Path, *, as_json: bool) -> int:
    """Start an embedded Panther, run `triage run --once --write` on it and print what came of it."""
    started = time.monotonic()
    store, audit = cleared(directory)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triage-demo-")))
        note("loading a company with 30 days of logs ...")
        server = stack.enter_context(SandboxServer(load_world(unpack_world(Shipped.DEMO, scratch))))
        text = CONFIG.format(url=server.url, store=store.resolve(), audit=audit.resolve())
        settings = parse_settings(text, name="demo", environment=os.environ)
        note(f"an embedded Panther listens on {server.url}")
        return run_async(_tour(settings, server, directory, started, as_json=as_json))


async def _tour(settings: Settings, server: SandboxServer, directory: Path, started: float, *, as_json: bool) -> int:
    status = await run(settings, SystemClock(), RunOptions(once=True, write=True))
    async with opened_store(settings) as store:
        records = await with_leader_verdicts(store.records, await store.records.newest())
        done = sorted((record for record in records if record.state is State.DONE), key=_gravity)
        investigation = await store.records.investigation(done[0].alert.id) if done else None
    if as_json:
        print_json([list_row(record) for record in records])
        return status
    click.echo(alert_table(records))
    if investigation is None:
        return status
    example = done[0]
    click.echo(f"\nThe comment on {example.alert.id}, as the analyst reads it in Panther (plain-text form):\n")
    report = build_report(
        example.alert,
        investigation,
        prompts=load_prompts(settings.investigation.prompts),
        settings=settings.writeback,
        currency=settings.llm.currency,
        zone=settings.report.timezone,
    )
    click.echo(report.text)
    html = directory / "alert.html"
    html.write_text(alert_page(settings, example, investigation), encoding="utf-8")
    written = sum(bool(server.comments(record.alert.id)) for record in done)
    click.echo(f"\n{len(done)} alerts triaged, {written} carry a comment. {time.monotonic() - started:.0f} s in total.")
    if settings.uses_llm:
        click.echo(f"The model {settings.llm.model} investigated.")
    else:
        click.echo(
            "The offline analyst decided: signals and runbook evidence, no language model.\n"
            "Set OPENAI_API_KEY, or OPENAI_BASE_URL for your own server, to have an LLM investigate."
        )
    click.echo(f"Kept: {settings.store.url.removeprefix('sqlite:///')} (state), {html} (one alert as a page).")
    return status


def _gravity(record: AlertRecord) -> tuple[int, float]:
    """Sorts the worst verdict first, and the surest of equals."""
    return -(record.verdict or Disposition.BENIGN).gravity, -(record.confidence or 0)
