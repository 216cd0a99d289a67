"""`triage run`."""

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import click

from triage.app import open_app, open_sender
from triage.cli.common import (
    UNFINISHED,
    exit_status,
    note,
    note_lines,
    print_json,
    run_async,
    settings_from,
)
from triage.cli.lazy import require
from triage.cli.logs import LogFormat, log_progress, log_to_stderr, run_log
from triage.cli.options import config_option, dry_run_option, json_option, now_option, verbose_option
from triage.domain.alert import Alert
from triage.domain.selection import Linked, Selected, Skipped
from triage.domain.verdict import Investigation
from triage.edges.process import has_ended, process_name
from triage.errors import ConfigError, TriageError
from triage.ports import Clock, QueueStatus
from triage.service.announced import AnnouncedAlerts
from triage.service.loop import Service
from triage.service.worker import Tally, TurnResult
from triage.settings import Settings


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How `triage run` works and what it prints."""

    once: bool = False
    polls: bool = True
    workers: int | None = None
    """Alerts worked on at once; `None`: as configured."""
    listen: str = ""
    """`[HOST:]PORT` of /metrics, /healthz and the webhook; empty: not served."""
    pages: bool = False
    """The team's pages are served there as well."""
    write: bool = False
    dry_run: bool = False
    as_json: bool = False
    log_format: LogFormat = "human"


@click.command("run")
@config_option
@click.option("--once", is_flag=True, help="Triage what is there now, then exit.")
@click.option("--no-poll", is_flag=True, help="Only work on what is queued; another process polls.")
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=None,
    metavar="N",
    help="Alerts worked on at once (default: investigation.concurrency); 0 only polls.",
)
@click.option(
    "--listen",
    default="",
    metavar="[HOST:]PORT",
    help="Serve /metrics, /healthz and, with webhook.secret, Panther's calls there; this host only by default.",
)
@click.option("--web", "pages", is_flag=True, help="Serve the team's pages there too, as `triage web` does.")
@click.option("--write", is_flag=True, help="Write the findings back as comments (as writeback.enabled does).")
@dry_run_option
@json_option
@now_option
@click.option(
    "--log-format",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="Of the lines on stderr; json has time, level, event and alert_id.",
)
@click.option("-q", "--quiet", is_flag=True, help="Log only what goes wrong.")
@verbose_option
def command(
    config: str | None,
    once: bool,
    no_poll: bool,
    workers: int | None,
    listen: str,
    pages: bool,
    write: bool,
    dry_run: bool,
    as_json: bool,
    clock: Clock,
    log_format: LogFormat,
    quiet: bool,
    verbose: bool,
) -> int:
    """Poll Panther, triage the alerts that the filters select, and optionally comment on them.

    Several processes, on one host or many, may share a PostgreSQL database: one of them polls, all work. The first
    SIGTERM or SIGINT finishes what is in flight, within ten seconds; the second stops at once.

    Example: triage run --write --listen 9100
    """
    settings = settings_from(config)
    if no_poll and workers == 0:
        raise ConfigError("--no-poll and --workers 0 together leave nothing to do")
    if once and listen:
        raise ConfigError("--listen is for a process that keeps running; leave out --once")
    if pages and not listen:
        raise ConfigError("--web needs an address: add --listen 9465")
    if quiet and verbose:
        raise ConfigError("-q and -v contradict each other")
    options = RunOptions(
        once=once,
        polls=not no_poll,
        workers=workers,
        listen=listen,
        pages=pages,
        write=write or settings.writeback.enabled,
        dry_run=dry_run,
        as_json=as_json,
        log_format=log_format,
    )
    # With --json the document is what is asked for.
    log_to_stderr(verbose=verbose, quiet=False, log_format=log_format)
    if quiet or (as_json and not verbose):
        run_log.setLevel(logging.WARNING)
    try:
        return run_async(run(settings, clock, options))
    except TriageError as error:
        if log_format == "human":
            raise
        run_log.error("ended with an error", extra={"error": str(error)})
        return exit_status(error)


async def run(settings: Settings, clock: Clock, options: RunOptions) -> int:
    """Run the service as the options say and print how it went. Returns the exit status."""
    async with AsyncExitStack() as stack:
        listener = None
        if options.listen:
            serving = require("triage.cli.serving")
            listener = serving.Listener(stack, settings, options.listen, pages=options.pages)
        app = await stack.enter_async_context(
            open_app(settings, clock=clock, write=options.write, dry_run=note_lines if options.dry_run else None)
        )

        def done(alert: Alert, result: TurnResult) -> None:
            if listener is not None:
                listener.ended(alert, result)
            log_ending(alert, result)

        analyst = f"the model {settings.llm.model}" if settings.uses_llm else "the offline analyst (no model is set)"
        facts: dict[str, object] = {"analyst": analyst, "comments": _writing(options)}
        run_log.info("analyst: %s; comments are %s", *facts.values(), extra={"event": "started", **facts})
        sender = None
        if settings.routes.enabled and not options.dry_run:
            opened = open_sender(settings, app.store, clock=clock, name=process_name())
            sender = await stack.enter_async_context(opened)
        announced = None
        if options.listen and settings.webhook.enabled:
            announced = AnnouncedAlerts(app.pipeline.alerts, app.store, settings.ingest, clock)
        service = Service(
            pipeline=app.pipeline,
            observe=log_progress,
            name=process_name(),
            has_ended=has_ended,
            on_done=done,
            sender=sender,
            announced=announced,
        )
        if options.once:
            tally = await service.run_once(polls=options.polls, workers=options.workers)
            if options.polls and not tally.polled:
                run_log.info("another process polls; the alerts it has queued were worked on")
        else:
            if listener is not None:
                await listener.serve(stack, service, app.store, clock)
            with stopping() as (stop, hurry):
                tally = await service.run_forever(stop, hurry=hurry, polls=options.polls, workers=options.workers)
        status = await app.store.queue.status(now=clock.now())
        counts = await app.store.outbox.count_messages() if sender is not None else {}
    if given_up := sum(each.failed for each in counts.values()):
        run_log.warning("%d messages of routes were given up; `triage routes failed` lists them", given_up)
    _print(tally, status, options)
    return UNFINISHED if tally.unfinished or status.comments_open else 0


def log_ending(alert: Alert, result: TurnResult) -> None:
    """One line for an alert whose turn ended; a warning where it is unfinished."""
    text = ending(result)
    failed = isinstance(result, str)
    facts: dict[str, object] = {"alert_id": alert.id, "severity": alert.severity.value, "title": alert.title[:200]}
    facts |= {"error": result} if failed else {"result": text}
    if isinstance(result, Investigation):
        facts["verdict"] = result.verdict.disposition.value
    run_log.log(
        logging.WARNING if failed else logging.INFO,
        "%s  %-8s  %s  ->  %s",
        alert.id,
        alert.severity.value,
        alert.title[:70],
        text,
        extra={"event": "alert unfinished" if failed else "alert ended", **facts},
    )


def _print(tally: Tally, status: QueueStatus, options: RunOptions) -> None:
    states = dict(status.by_state)
    sums: dict[str, object] = {
        "done": tally.done,
        "linked": tally.linked,
        "skipped": tally.skipped,
        "failed": tally.failed,
        "unwritten": tally.unwritten,
        "comments_open": status.comments_open,
        "errors": tally.errors,
        "states": states,
    }
    if options.as_json:
        print_json(sums)
        return
    if options.log_format == "json":
        run_log.info("ended", extra=sums)
        return
    if not run_log.isEnabledFor(logging.INFO):
        return
    known = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    note(f"{tally.done} investigated, {tally.failed} unfinished; alerts known: {known}")
    for alert_id, reason in tally.errors.items():
        note(f"{alert_id}: {reason}")
    if status.comments_open:
        note(f"comments without a known answer: {status.comments_open}; a later run looks for each, and writes it")


def _writing(options: RunOptions) -> str:
    if options.dry_run:
        return "printed, not written (--dry-run)"
    return "written" if options.write else "not written (--write)"


def ending(result: TurnResult) -> str:
    """How work on an alert ended, in one line."""
    if isinstance(result, str):
        return f"unfinished: {result}"
    if isinstance(result, Skipped):
        return f"skipped: {result.reason}"
    if isinstance(result, Investigation):
        verdict = result.verdict
        seconds = (result.finished_at - result.started_at).total_seconds()
        return f"{verdict.disposition.value} ({verdict.sureness}) in {seconds:.1f} s"
    if result.verdict is not None and isinstance(result.decision, Linked):
        return f"{result.verdict.value}, as alert {result.decision.leader}"
    words = {Selected: "queued for its own investigation", Linked: "linked", Skipped: "skipped"}
    return f"{words[type(result.decision)]}: {result.decision.reason}"


@contextmanager
def stopping() -> Iterator[tuple[asyncio.Event, asyncio.Event]]:
    """Two events, set by the first and the second SIGINT or SIGTERM; a third ends the process as usual."""
    stop, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def again() -> None:
        hurry.set()
        for number in numbers:
            loop.remove_signal_handler(number)

    def first() -> None:
        stop.set()
        for number in numbers:
            loop.add_signal_handler(number, again)

    for number in numbers:
        loop.add_signal_handler(number, first)
    try:
        yield stop, hurry
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
