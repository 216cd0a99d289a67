"""`triage run`."""

import asyncio
import os
import signal
import socket

import click

from triage.cli.common import (
    UNFINISHED,
    clock_at,
    config_option,
    json_option,
    log_to_stderr,
    note,
    now_option,
    observer,
    print_json,
    run_async,
    settings_from,
    verbose_option,
)
from triage.domain.alert import Alert
from triage.domain.selection import Skipped
from triage.domain.verdict import Investigation
from triage.ports import Clock
from triage.settings import Settings


@click.command("run")
@config_option
@click.option("--once", is_flag=True, help="Triage what is there now, then exit.")
@click.option("--write", is_flag=True, help="Write the findings back as comments (as writeback.enabled does).")
@json_option
@now_option
@verbose_option
def command(config: str | None, once: bool, write: bool, as_json: bool, now: str | None, verbose: bool) -> int:
    """Poll Panther, triage what the filters select, and optionally comment on the alerts."""
    settings = settings_from(config)
    log_to_stderr(verbose=verbose)
    writing = write or settings.writeback.enabled
    return run_async(_run(settings, clock_at(now), once=once, write=writing, as_json=as_json, verbose=verbose))


async def _run(settings: Settings, clock: Clock, *, once: bool, write: bool, as_json: bool, verbose: bool) -> int:
    from triage.service import Service  # noqa: PLC0415 - start-up time
    from triage.wiring import open_app  # noqa: PLC0415

    def done(alert: Alert, result: Investigation | Skipped | str) -> None:
        if as_json:
            return
        if isinstance(result, Investigation):
            verdict = result.verdict
            seconds = (result.finished_at - result.started_at).total_seconds()
            ending = f"{verdict.disposition.value} ({verdict.confidence:.0%}) in {seconds:.1f} s"
        else:
            ending = f"skipped: {result.reason}" if isinstance(result, Skipped) else f"unfinished: {result}"
        note(f"{alert.id}  {alert.severity.value:<8}  {alert.title[:70]}  ->  {ending}")

    async with open_app(settings, clock=clock, write=write) as app:
        if not as_json:
            analyst = (
                f"the model {settings.llm.model}" if settings.uses_llm else "the offline analyst (no model is set)"
            )
            note(f"analyst: {analyst}; comments are {'written' if write else 'not written (--write)'}")
        service = Service(
            settings=settings,
            pipeline=app.pipeline,
            alerts=app.panther.alerts,
            store=app.store,
            clock=clock,
            observe=observer(quiet=as_json or not verbose),
            name=f"{socket.gethostname()}/{os.getpid()}",
            on_done=done,
        )
        if once:
            tally = await service.run_once()
        else:
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop.set)
            tally = await service.run_forever(stop)
        status = await app.store.queue_status(now=clock.now())
    if as_json:
        print_json(
            {
                "done": tally.done,
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
