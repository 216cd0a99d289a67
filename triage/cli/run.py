"""`triage run`."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import click

from triage.app import open_app
from triage.cli.common import (
    UNFINISHED,
    clock_at,
    config_option,
    dry_run_option,
    json_option,
    log_to_stderr,
    note,
    now_option,
    observer,
    print_json,
    run_async,
    say,
    settings_from,
    verbose_option,
)
from triage.cli.lazy import require
from triage.domain.alert import Alert
from triage.domain.selection import Linked, Selected, Skipped
from triage.domain.verdict import Investigation
from triage.edges.process import has_ended, process_name
from triage.errors import ConfigError
from triage.ports import Clock
from triage.service.loop import Service, TurnResult
from triage.settings import Settings


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
    "--listen", default="", metavar="[HOST:]PORT", help="Serve /metrics and /healthz there; this host only by default."
)
@click.option("--write", is_flag=True, help="Write the findings back as comments (as writeback.enabled does).")
@dry_run_option
@json_option
@now_option
@verbose_option
def command(
    config: str | None,
    once: bool,
    no_poll: bool,
    workers: int | None,
    listen: str,
    write: bool,
    dry_run: bool,
    as_json: bool,
    now: str | None,
    verbose: bool,
) -> int:
    """Poll Panther, triage what the filters select, and optionally comment on the alerts.

    Several processes, on one host or many, may share a PostgreSQL database: one of them polls, all work. SIGTERM or
    SIGINT ends the work in good order within ten seconds, a second one at once.
    """
    settings = settings_from(config)
    if no_poll and workers == 0:
        raise ConfigError("--no-poll and --workers 0 together leave nothing to do")
    if once and listen:
        raise ConfigError("--listen is for a process that stays; leave out --once")
    log_to_stderr(verbose=verbose)
    writing = write or settings.writeback.enabled
    return run_async(
        run(
            settings,
            clock_at(now),
            once=once,
            polls=not no_poll,
            workers=workers,
            listen=listen,
            write=writing,
            dry_run=dry_run,
            as_json=as_json,
            verbose=verbose,
        )
    )


async def run(
    settings: Settings,
    clock: Clock,
    *,
    once: bool,
    write: bool,
    as_json: bool,
    verbose: bool,
    polls: bool = True,
    workers: int | None = None,
    listen: str = "",
    dry_run: bool = False,
) -> int:
    async with AsyncExitStack() as stack:
        metrics = None
        if listen:
            web = require("triage.web.server")
            socket = stack.enter_context(web.bound(*web.address(listen)))
            metrics = require("triage.web.metrics").Metrics(settings.llm.currency)
        app = await stack.enter_async_context(
            open_app(settings, clock=clock, write=write, dry_run=say if dry_run else None)
        )

        def done(alert: Alert, result: TurnResult) -> None:
            if metrics is not None:
                metrics.ended(result)
            if not as_json:
                note(f"{alert.id}  {alert.severity.value:<8}  {alert.title[:70]}  ->  {ending(result)}")

        if not as_json:
            analyst = (
                f"the model {settings.llm.model}" if settings.uses_llm else "the offline analyst (no model is set)"
            )
            note(f"analyst: {analyst}; comments are {_writing(write=write, dry_run=dry_run)}")
        service = Service(
            settings=settings,
            pipeline=app.pipeline,
            alerts=app.panther.alerts,
            store=app.store,
            clock=clock,
            observe=observer(quiet=as_json or not verbose),
            name=process_name(),
            has_ended=has_ended,
            on_done=done,
        )
        if once:
            tally = await service.run_once(polls=polls, workers=workers)
            if polls and not tally.polled:
                note("another process polls; what it has queued was worked on")
        else:
            if metrics is not None:
                await stack.enter_async_context(web.serving(socket, app.store, service.health, metrics, clock))
                note(f"metrics: {web.url_of(socket)}/metrics")
            with stopping() as (stop, hurry):
                tally = await service.run_forever(stop, hurry=hurry, polls=polls, workers=workers)
        status = await app.store.queue.status(now=clock.now())
    if as_json:
        print_json(
            {
                "done": tally.done,
                "linked": tally.linked,
                "skipped": tally.skipped,
                "failed": tally.failed,
                "unwritten": tally.unwritten,
                "errors": tally.errors,
                "states": dict(status.by_state),
            }
        )
    else:
        states = ", ".join(f"{count} {state}" for state, count in sorted(status.by_state.items())) or "none"
        note(f"{tally.done} investigated, {tally.failed} unfinished; alerts known: {states}")
        for alert_id, reason in tally.errors.items():
            note(f"{alert_id}: {reason}")
    return UNFINISHED if tally.unfinished else 0


def _writing(*, write: bool, dry_run: bool) -> str:
    if dry_run:
        return "printed, not written (--dry-run)"
    return "written" if write else "not written (--write)"


def ending(result: TurnResult) -> str:
    """How an alert's turn ended, in one line."""

    if isinstance(result, str):
        return f"unfinished: {result}"
    if isinstance(result, Skipped):
        return f"skipped: {result.reason}"
    if isinstance(result, Investigation):
        verdict = result.verdict
        seconds = (result.finished_at - result.started_at).total_seconds()
        return f"{verdict.disposition.value} ({verdict.confidence:.0%}) in {seconds:.1f} s"
    if result.verdict is not None and isinstance(result.decision, Linked):
        return f"{result.verdict.value}, as alert {result.decision.leader}"
    words = {Selected: "queued for itself", Linked: "linked", Skipped: "skipped"}
    return f"{words[type(result.decision)]}: {result.decision.reason}"


@contextmanager
def stopping() -> Iterator[tuple[asyncio.Event, asyncio.Event]]:
    """Give two events that the first and the second SIGINT or SIGTERM set; a third ends the process as usual."""
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
