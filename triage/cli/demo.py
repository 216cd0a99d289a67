"""`triage demo`: a generated company on an embedded Panther, its alerts triaged and commented on."""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

import click

from triage.app import open_app
from triage.cli.common import UNFINISHED, cut, note, print_json, run_async, terminal_width
from triage.cli.live import Live, verdict_word
from triage.cli.logs import log_to_stderr
from triage.cli.page import alert_page
from triage.cli.run import ending
from triage.cli.state import opened_store
from triage.domain.alert import Alert
from triage.domain.clean import printable
from triage.domain.verdict import Disposition, Investigation
from triage.edges.clock import SystemClock
from triage.edges.files import write_private
from triage.edges.process import has_ended, process_name
from triage.errors import ConfigError
from triage.ports import AlertRecord, State, Store
from triage.sandbox.server import SandboxServer
from triage.sandbox.shipped import Shipped, unpack_world
from triage.sandbox.world import load_world
from triage.service.loop import Service
from triage.service.stored import with_leader_verdicts
from triage.service.worker import Tally, TurnResult
from triage.settings import Settings, load_settings
from triage.stages.reporting.evidence_view import FOR_TERMINAL
from triage.stages.reporting.records import list_row
from triage.stages.reporting.view import Extent, InvestigationView, investigation_view

STORE, AUDIT, CONFIG_NAME, PAGE = "demo.db", "demo-audit.jsonl", "config.yaml", "alert.html"
MARK = "# Written by `triage demo`"
CONFIG = (
    MARK
    + """, which clears what is beside it and writes it anew.
# list, show, report, status and export read what the demo made. The embedded Panther has ended with it;
# `triage sandbox serve --port {port}` starts one again at this address.
panther:
  url: {url}
  token: sandbox-token
  requests_per_second: 1000
llm:
  base_url: ${{OPENAI_BASE_URL}}
  api_key: ${{OPENAI_API_KEY}}
  model: ${{OPENAI_MODEL:-gpt-5-mini}}
writeback:
  audit: {audit}
store:
  url: sqlite:///{store}
"""
)
_BAR = 40
"""Columns of the longest bar."""
_RECENT = 8
"""Alerts in the live table."""
_REDRAW_SECONDS = 0.2
_ONE_LINE = Extent(entities=0, unchecked=0, story=12, sentences=1)


@click.command("demo")
@click.option("--dir", "directory", default="triage-demo", show_default=True, help="Where the results go.")
@click.option("--world", metavar="DIR", help="A world directory (default: a company that ships).")
@click.option("--json", "as_json", is_flag=True, help="Print the alerts as one JSON document instead.")
def command(directory: str, world: str | None, as_json: bool) -> int:
    """Poll, triage and comment on the alerts of a generated company; nothing leaves this machine without an LLM key.

    Example: triage demo
    """
    log_to_stderr()
    return run_demo(Path(directory), Path(world) if world else None, as_json=as_json)


def cleared(directory: Path) -> tuple[Path, Path]:
    """Paths of the demo's state and audit log, after deleting those of an earlier demo.

    The names differ from the configuration's defaults, so that `--dir .` deletes no real state, and a configuration
    that no demo has written is left alone. Raises ConfigError.
    """
    config = directory / CONFIG_NAME
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if config.exists() and not config.read_text(encoding="utf-8", errors="replace").startswith(MARK):
            raise ConfigError(f"--dir: {config} is not a demo's; name another directory")
        for leftover in (*directory.glob(f"{STORE}*"), *directory.glob(f"{AUDIT}*")):
            leftover.unlink()
    except OSError as error:
        raise ConfigError(f"--dir: {directory} cannot be used ({error.strerror})") from error
    return directory / STORE, directory / AUDIT


def run_demo(directory: Path, world: Path | None, *, as_json: bool) -> int:
    """Start an embedded Panther, triage what it has, write comments, and print what came of it."""
    started = time.monotonic()
    store, audit = cleared(directory)
    with ExitStack() as stack:
        note("loading a company with 30 days of logs ..." if world is None else f"loading {world} ...")
        if world is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triage-demo-")))
            world = unpack_world(Shipped.DEMO, scratch)
        server = stack.enter_context(SandboxServer(load_world(world)))
        config = directory / CONFIG_NAME
        text = CONFIG.format(url=server.url, port=server.port, store=store.resolve(), audit=audit.resolve())
        write_private(config, text)
        settings = load_settings(config)
        note(f"an embedded Panther listens on {server.url}; {_analyst(settings)} triages its alerts")
        return run_async(_tour(settings, server, directory, started, as_json=as_json))


def _analyst(settings: Settings) -> str:
    return f"the model {settings.llm.model}" if settings.uses_llm else "the offline analyst"


@dataclass(slots=True)
class _Watch:
    """What is shown while alerts are triaged: a live table on a terminal, a line per alert elsewhere."""

    started: float
    live: Live = field(default_factory=Live)
    recent: list[tuple[Alert, TurnResult]] = field(default_factory=list)

    def done(self, alert: Alert, result: TurnResult) -> None:
        self.recent = [*self.recent, (alert, result)][-_RECENT:]
        if not self.live.shown:
            note(f"{alert.id}  {alert.severity.value:<8}  {alert.title[:70]}  ->  {ending(result)}")

    async def follow(self, store: Store) -> None:
        """Draw the table again and again, until cancelled."""
        clock = SystemClock()
        while self.live.shown:
            status = await store.queue.status(now=clock.now())
            states = status.by_state
            finished = states.get("done", 0) + states.get("failed", 0) + states.get("linked", 0) - status.links_due
            every = finished + states.get("queued", 0) + states.get("running", 0) + status.links_due
            seconds = time.monotonic() - self.started
            rows = [_row(alert, result) for alert, result in self.recent]
            head = f"{finished} of {every} alerts triaged, {len(status.in_flight)} in work, {seconds:.0f} s"
            self.live.draw([head, *rows])
            await asyncio.sleep(_REDRAW_SECONDS)


def _row(alert: Alert, result: TurnResult) -> str:
    said = ending(result).partition(" ")[0].rstrip(",:")
    return f"  {verdict_word(said, 13, err=True)} {printable(alert.severity.value, 8):<9} {printable(alert.title, 120)}"


async def _tour(settings: Settings, server: SandboxServer, directory: Path, started: float, *, as_json: bool) -> int:
    watch = _Watch(started)
    tally = await _triage(settings, watch)
    async with opened_store(settings) as store:
        records = await with_leader_verdicts(store.records, await store.records.newest())
        done = sorted((record for record in records if record.state is State.DONE), key=_gravity)
        told = {
            record.alert.id: investigation
            for record in _stories(done)
            if (investigation := await store.records.investigation(record.alert.id)) is not None
        }
    for alert_id, reason in tally.errors.items():
        note(f"{alert_id}: {reason}")
    status = UNFINISHED if tally.unfinished else 0
    if as_json:
        print_json([list_row(record) for record in records])
        return status
    written = sum(bool(server.comments(record.alert.id)) for record in done)
    seconds = time.monotonic() - started
    lines = [f"{len(done)} alerts triaged by {_analyst(settings)} in {seconds:.0f} s; {written} carry a comment.", ""]
    lines += _bars([record.verdict for record in done if record.verdict is not None])
    shown = [(record, told[record.alert.id]) for record in done if record.alert.id in told]
    lines += ["", *(_story(record, investigation, settings) for record, investigation in shown)]
    if shown:
        record, investigation = shown[0]
        page = directory / PAGE
        write_private(page, alert_page(settings, record, investigation))
        lines += ["", f"open {quote(str(page))}", "", *_further(directory / CONFIG_NAME, _short(record, records))]
    if not settings.uses_llm:
        lines += [
            "",
            "Set OPENAI_API_KEY or OPENAI_BASE_URL, and a language model investigates.",
        ]
    width = terminal_width()
    for line in lines:
        click.echo(cut(line, width))
    return status


async def _triage(settings: Settings, watch: _Watch) -> Tally:
    async with open_app(settings, clock=SystemClock(), write=True) as app:
        service = Service(
            pipeline=app.pipeline,
            observe=lambda _progress: None,
            name=process_name(),
            has_ended=has_ended,
            on_done=watch.done,
        )
        drawing = asyncio.create_task(watch.follow(app.store))
        try:
            return await service.run_once()
        finally:
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)
            watch.live.clear()


def _gravity(record: AlertRecord) -> tuple[int, float]:
    """Sorts the worst verdict first, and the surest of equals."""
    return -(record.verdict or Disposition.BENIGN).gravity, -(record.confidence or 0)


def _stories(done: Sequence[AlertRecord]) -> list[AlertRecord]:
    """Up to three alerts worth a line: the surest of three different verdicts, the worst first."""
    wanted = (Disposition.MALICIOUS, Disposition.SUSPICIOUS, Disposition.BENIGN, Disposition.INCONCLUSIVE)
    surest = (next((record for record in done if record.verdict is verdict), None) for verdict in wanted)
    return [record for record in surest if record is not None][:3]


def _bars(verdicts: Sequence[Disposition]) -> list[str]:
    """A bar for each verdict, its length by the number of alerts."""
    counts = {verdict: verdicts.count(verdict) for verdict in sorted(Disposition, key=lambda each: -each.gravity)}
    most = max(1, *counts.values())
    block = "█" if "utf" in (sys.stdout.encoding or "").lower() else "#"
    return [
        f"  {verdict_word(verdict.value, 13)} {number:>3}  {block * round(number * min(_BAR, 2 * most) / most)}".rstrip()
        for verdict, number in counts.items()
    ]


def _story(record: AlertRecord, investigation: Investigation, settings: Settings) -> str:
    view = investigation_view(
        record.alert, investigation, extent=_ONE_LINE, clean=FOR_TERMINAL, zone=settings.report.timezone
    )
    return f"  {verdict_word(view.disposition, 13)} {_what_happened(view)}"


def _what_happened(view: InvestigationView) -> str:
    """The act of most weight; where nothing is told, what the alert is said to be."""
    if view.story:
        line = max(view.story, key=lambda each: each.weight)
        return f"{line.time} {line.text}"
    return view.headline.partition("): ")[2] or view.title


_SHORTEST = 8
"""Characters that the beginning of an id keeps."""


def _short(record: AlertRecord, records: Sequence[AlertRecord]) -> str:
    """As much of an alert's id as no other alert shares."""
    name = record.alert.id
    others = [each.alert.id for each in records if each.alert.id != name]
    size = next(
        (size for size in range(_SHORTEST, len(name)) if not any(each.startswith(name[:size]) for each in others)),
        len(name),
    )
    return printable(name[:size], 40)


def _further(config: Path, alert: str) -> list[str]:
    """The commands that show more of what the demo made, as they can be typed here."""
    name = Path(sys.argv[0])
    called = "triage" if shutil.which("triage") or name.name != "triage" else os.path.relpath(name)
    return [f"{quote(called)} --config {quote(str(config))} {rest}" for rest in ("list", f"show {alert}", "report")]
