"""`triage show`."""

import click

from triage.cli.common import alert_id_of, config_option, json_option, print_json, run_async, settings_from, write_file
from triage.cli.state import opened_store
from triage.cli.text import evidence_text, investigation_text
from triage.cli.transcript import Transcript
from triage.domain.selection import Linked
from triage.domain.verdict import Investigation
from triage.edges.prompts import load_prompts
from triage.errors import NotFound
from triage.ports import AlertRecord, Records
from triage.settings import Settings
from triage.stages.reporting import Turn, page, to_json


@click.command("show")
@click.argument("alert")
@config_option
@click.option("--html", "html", default=None, metavar="FILE", help="Write the investigation as one HTML page.")
@click.option("--evidence", is_flag=True, help="Every question with its SQL, window, rows and coverage.")
@click.option("--transcript", is_flag=True, help="Every turn of the model and every tool call, with tokens and money.")
@json_option
def command(alert: str, config: str | None, html: str | None, evidence: bool, transcript: bool, as_json: bool) -> int:
    """Show one investigation in full: verdict, findings, evidence with its SQL."""
    settings = settings_from(config)
    if transcript:
        return run_async(_transcript(settings, alert_id_of(alert), as_json=as_json))
    record, investigation = run_async(_load(settings, alert_id_of(alert)))

    if html:
        done = _investigated(record, investigation)
        body = page(
            record.alert,
            record,
            done,
            prompts=load_prompts(settings.investigation.prompts),
            console_url=settings.writeback.console_url,
            currency=settings.llm.currency,
            transcript=run_async(_turns(settings, done.run_id)),
        )
        write_file(html, body, "--html")
        return 0
    if as_json:
        print_json(to_json(record, investigation))
        return 0
    if evidence:
        click.echo(evidence_text(record.alert, _investigated(record, investigation)))
        return 0

    click.echo(investigation_text(record, investigation, settings.llm.currency))
    return 0


def _investigated(record: AlertRecord, investigation: Investigation | None) -> Investigation:
    if investigation is None:
        raise NotFound(f"alert {record.alert.id} has no investigation yet ({record.state.value})")
    return investigation


async def _record(records: Records, alert_id: str) -> AlertRecord:
    record = await records.find(alert_id)
    if record is None:
        raise NotFound(f"alert {alert_id} was never seen here; `triage investigate {alert_id}` investigates it")
    return record


async def _load(settings: Settings, alert_id: str) -> tuple[AlertRecord, Investigation | None]:
    async with opened_store(settings) as store:
        record = await _record(store.records, alert_id)
        wanted = alert_id
        if isinstance(record.decision, Linked):
            leader = await store.records.find(record.decision.leader)
            if leader is not None:
                wanted = leader.alert.id
                record = record.model_copy(update={"verdict": leader.verdict, "confidence": leader.confidence})
        return record, await store.records.investigation(wanted)


async def _turns(settings: Settings, run_id: str) -> tuple[Turn, ...]:
    """The conversation for the page; empty where no model was used."""
    async with opened_store(settings) as store:
        found = Transcript.of(await store.journal.entries(run_id), settings.llm.price)
    return tuple(Turn(f"{step.key}, {step.facts(settings.llm.currency)}", step.lines) for step in found.steps)


async def _transcript(settings: Settings, alert_id: str, *, as_json: bool) -> int:
    async with opened_store(settings) as store:
        record = await _record(store.records, alert_id)
        if isinstance(record.decision, Linked):
            leader = record.decision.leader
            raise NotFound(f"alert {alert_id} takes its verdict from {leader}; `triage show {leader} --transcript`")
        if not record.run_id:
            raise NotFound(f"alert {alert_id} has not been investigated yet ({record.state.value})")
        found = Transcript.of(await store.journal.entries(record.run_id), settings.llm.price)
    if as_json:
        print_json(found.rows())
    else:
        click.echo(found.text(settings.llm.currency))
    return 0
