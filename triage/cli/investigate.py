"""`triage investigate`."""

import click

from triage.app import App, open_app, open_sender
from triage.cli.common import (
    UNFINISHED,
    colour,
    note,
    note_lines,
    observer,
    print_json,
    run_async,
    settings_from,
    write_file,
)
from triage.cli.logs import log_to_stderr
from triage.cli.options import (
    alert_argument,
    config_option,
    dry_run_option,
    json_option,
    now_option,
    page_option,
    verbose_option,
)
from triage.cli.page import alert_page
from triage.cli.text import investigation_text
from triage.domain.verdict import Investigation
from triage.edges.process import has_ended, process_name
from triage.errors import TriageError
from triage.pipeline.single import claim_alert
from triage.ports import AlertRecord, Clock
from triage.service.stored import record_of
from triage.service.worker import LEASE_SECONDS, Tally, Worker
from triage.stages.reporting.records import to_json


@click.command("investigate")
@alert_argument
@config_option
@click.option("--write", is_flag=True, help="Write the finding back as a comment.")
@dry_run_option
@page_option
@json_option
@now_option
@verbose_option
def command(
    alert: str,
    config: str | None,
    write: bool,
    dry_run: bool,
    html: str | None,
    as_json: bool,
    clock: Clock,
    verbose: bool,
) -> int:
    """Triage one ALERT, given by its ID or its console URL, whatever the filters say.

    Example: triage investigate ALERT --dry-run
    """
    settings = settings_from(config)
    log_to_stderr(verbose=verbose)

    async def work() -> tuple[AlertRecord, Investigation, Tally]:
        writing = write or settings.writeback.enabled
        async with open_app(settings, clock=clock, write=writing, dry_run=note_lines if dry_run else None) as app:
            done = await _investigate(app, clock, alert, quiet=as_json)
            if settings.routes.enabled and not dry_run:
                name = f"{process_name()}/investigate"
                async with open_sender(settings, app.store, clock=clock, name=name) as sender:
                    await sender.drain()
            return done

    record, investigation, tally = run_async(work())
    if html:
        write_file(html, alert_page(settings, record, investigation), "--html")
    if as_json:
        print_json(to_json(record, investigation, investigation.case))
    else:
        click.echo(
            investigation_text(record, investigation, settings.llm.currency, settings.report.timezone, click.style),
            color=colour(),
        )
    for reason in tally.errors.values():
        note(reason)
    return UNFINISHED if tally.unfinished else 0


async def _investigate(
    app: App, clock: Clock, alert_id: str, *, quiet: bool
) -> tuple[AlertRecord, Investigation, Tally]:
    # Panther knows whole ids only; of a stored alert the beginning will do.
    stored = await app.store.records.ids(alert_id, limit=2)
    alert_id = stored[0] if len(stored) == 1 else alert_id
    alert = await app.panther.alerts.alert(alert_id)
    if not quiet:
        note(f"{alert.severity.value} {alert.title} ({alert.detection_id or 'no detection'})")
    # Don't wait for the lease of a process that was killed while it worked on this alert.
    await app.store.queue.release_ended(has_ended, now=clock.now())
    claim = await claim_alert(
        app.store.queue,
        alert,
        reason="requested by ID",
        worker=f"{process_name()}/investigate",
        clock=clock,
        lease_seconds=LEASE_SECONDS,
        fresh=True,
    )
    tally = Tally()
    await Worker(app.pipeline, observer(quiet=quiet)).finish(claim, tally, forced=True)
    record = await record_of(app.store.records, alert_id)
    investigation = await app.store.records.investigation(alert_id)
    if tally.failed or investigation is None or tally.skipped:
        raise TriageError(tally.errors.get(alert_id) or record.error or f"alert {alert_id} was not investigated")
    return record, investigation, tally
