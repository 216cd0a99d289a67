"""`triage investigate`."""

import click

from triage.app import open_app
from triage.cli.common import (
    UNFINISHED,
    alert_id_of,
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
    write_file,
)
from triage.cli.text import investigation_text
from triage.edges.process import has_ended, process_name
from triage.errors import NotFound, TriageError
from triage.pipeline.single import claim_alert
from triage.ports import Clock
from triage.service.loop import LEASE_SECONDS, Service, Tally
from triage.settings import Settings
from triage.stages.reporting import page, to_json


@click.command("investigate")
@click.argument("alert")
@config_option
@click.option("--write", is_flag=True, help="Write the finding back as a comment.")
@dry_run_option
@click.option("--html", "html", default=None, metavar="FILE", help="Write the investigation as one HTML page.")
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
    now: str | None,
    verbose: bool,
) -> int:
    """Triage one ALERT, given by its id or its console URL, whatever the filters say."""
    settings = settings_from(config)
    log_to_stderr(verbose=verbose)
    writing = write or settings.writeback.enabled
    return run_async(
        _investigate(
            settings, clock_at(now), alert_id_of(alert), write=writing, dry_run=dry_run, html=html, as_json=as_json
        )
    )


async def _investigate(
    settings: Settings, clock: Clock, alert_id: str, *, write: bool, dry_run: bool, html: str | None, as_json: bool
) -> int:
    async with open_app(settings, clock=clock, write=write, dry_run=say if dry_run else None) as app:
        observe = observer(quiet=as_json)
        alert = await app.panther.alerts.alert(alert_id)
        if not as_json:
            note(f"{alert.severity.value} {alert.title} ({alert.detection_id or 'no detection'})")
        name = f"{process_name()}/investigate"
        # The lease of a process that was killed over this alert need not run out first.
        await app.store.queue.release_ended(has_ended, now=clock.now())
        claim = await claim_alert(
            app.store.queue,
            alert,
            reason="asked for by id",
            worker=name,
            clock=clock,
            lease_seconds=LEASE_SECONDS,
            fresh=True,
        )
        service = Service(
            settings=settings,
            pipeline=app.pipeline,
            alerts=app.panther.alerts,
            store=app.store,
            clock=clock,
            observe=observe,
            name=name,
        )
        tally = Tally()
        await service.work(claim, tally, forced=True)
        record = await app.store.records.find(alert_id)
        investigation = await app.store.records.investigation(alert_id)
        if record is None:
            raise NotFound(f"alert {alert_id} is not in the store")
        if tally.failed or investigation is None or tally.skipped:
            raise TriageError(tally.errors.get(alert_id) or record.error or f"alert {alert_id} was not investigated")
        if html:
            body = page(
                record.alert,
                record,
                investigation,
                prompts=app.pipeline.prompts,
                console_url=settings.writeback.console_url,
                currency=settings.llm.currency,
            )
            write_file(html, body, "--html")
    if as_json:
        print_json(to_json(record, investigation))
    else:
        click.echo(investigation_text(record, investigation, settings.llm.currency))
    for reason in tally.errors.values():
        note(reason)
    return UNFINISHED if tally.unfinished else 0
