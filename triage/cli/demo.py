"""`triage demo`: a generated company, an embedded Panther, the whole way of an alert."""

import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click

from triage.cli.common import log_to_stderr, note, print_json, run_async
from triage.cli.run import run
from triage.cli.state import opened_store, with_leader_verdicts
from triage.cli.text import alert_table
from triage.domain.verdict import Disposition
from triage.edges.clock import SystemClock
from triage.edges.prompts import load_prompts
from triage.errors import ConfigError
from triage.ports import State
from triage.sandbox.server import SandboxServer
from triage.sandbox.shipped import Shipped, unpack_world
from triage.sandbox.world import load_world
from triage.settings import Settings, parse_settings
from triage.stages.reporting import build_report, list_row, page

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
  model: ${{TRIAGE_MODEL:-gpt-5-mini}}
writeback:
  audit: {audit}
store:
  url: sqlite:///{store}
"""


@click.command("demo")
@click.option("--dir", "directory", default="triage-demo", show_default=True, help="Where the results are kept.")
@click.option("--json", "as_json", is_flag=True, help="The alerts as JSON instead of the tour.")
def command(directory: str, as_json: bool) -> int:
    """Poll, triage and comment on the alerts of a generated company; nothing leaves this machine without an LLM key."""
    log_to_stderr(verbose=False)
    return run_demo(Path(directory), as_json=as_json)


def cleared(directory: Path) -> tuple[Path, Path]:
    """Where the demo keeps its state and its audit log; what an earlier one left there is gone.

    No default of the configuration bears these names: `--dir .` must not cost anybody their real state. Raises ConfigError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in (*directory.glob(f"{STORE}*"), *directory.glob(f"{AUDIT}*")):
            leftover.unlink()
    except OSError as error:
        raise ConfigError(f"--dir: {directory} cannot be used ({error.strerror})") from error
    return directory / STORE, directory / AUDIT


def run_demo(directory: Path, *, as_json: bool) -> int:
    """Set the stage and run `triage run --once --write` on it."""
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
    status = await run(settings, SystemClock(), once=True, write=True, as_json=False, verbose=False)
    async with opened_store(settings) as store:
        records = await with_leader_verdicts(store.records, await store.records.newest())
        done = [record for record in records if record.state is State.DONE]
        order = [Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.INCONCLUSIVE, Disposition.BENIGN]
        done.sort(key=lambda record: (order.index(record.verdict or Disposition.BENIGN), -(record.confidence or 0)))
        if as_json:
            print_json([list_row(record) for record in records])
            return status
        click.echo(alert_table(records))
        if not done:
            return status
        example = done[0]
        click.echo(f"\nThe comment on {example.alert.id}, as the analyst reads it in Panther (plain-text form):\n")
        investigation = await store.records.investigation(example.alert.id)
        assert investigation is not None

        report = build_report(
            example.alert,
            investigation,
            prompts=load_prompts(settings.investigation.prompts),
            settings=settings.writeback,
            currency=settings.llm.currency,
        )
        click.echo(report.text)
        html = directory / "alert.html"
        html.write_text(
            page(
                example.alert,
                example,
                investigation,
                prompts=load_prompts(settings.investigation.prompts),
                console_url=settings.writeback.console_url,
                currency=settings.llm.currency,
            ),
            encoding="utf-8",
        )
        written = sum(bool(server.comments(record.alert.id)) for record in done)
        click.echo(
            f"\n{len(done)} alerts triaged, {written} carry a comment. {time.monotonic() - started:.0f} s in all."
        )
        if settings.uses_llm:
            click.echo(f"The model {settings.llm.model} investigated.")
        else:
            click.echo(
                "The offline analyst was at work: signals and runbook evidence, no language model.\n"
                "Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, to put an LLM in its place."
            )
        click.echo(f"Kept: {settings.store.url.removeprefix('sqlite:///')} (state), {html} (one alert as a page).")
        return status
