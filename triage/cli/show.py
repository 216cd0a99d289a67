"""`triage show`."""

from typing import TYPE_CHECKING

import click

from triage.cli.common import colour, print_json, settings_from, write_file
from triage.cli.lazy import require
from triage.cli.options import alert_argument, config_option, json_option, page_option
from triage.cli.page import alert_page
from triage.cli.state import in_store
from triage.cli.text import evidence_text, investigation_text
from triage.domain.verdict import Investigation
from triage.errors import NotFound
from triage.ports import AlertRecord, State, Store
from triage.service.stored import record_of, with_investigation
from triage.settings import Price
from triage.stages.reporting.page import Turn
from triage.stages.reporting.records import to_json

if TYPE_CHECKING:
    from triage.service.transcript import Transcript

_JUDGED = (State.DONE, State.IMPORTED)


@click.command("show")
@alert_argument
@config_option
@page_option
@click.option("--evidence", is_flag=True, help="Every question with its window, rows and coverage.")
@click.option("--sql", is_flag=True, help="The same, with each question's SQL as it runs in Data Explorer.")
@click.option("--transcript", is_flag=True, help="Every turn of the model and every tool call, with tokens and money.")
@json_option
def command(
    alert: str, config: str | None, html: str | None, evidence: bool, sql: bool, transcript: bool, as_json: bool
) -> int:
    """Show one investigation: what happened, the flags and what answers them, what to do next.

    Example: triage show ALERT --evidence
    """
    settings = settings_from(config, needs_token=False)
    currency = settings.llm.currency
    if transcript:
        steps = in_store(settings, lambda store: _transcript(store, alert, settings.llm.price))
        if as_json:
            print_json(steps.rows())
        else:
            click.echo(steps.text(currency))
        return 0
    record, investigation = in_store(settings, lambda store: _load(store, alert))
    if html:
        done = _investigated(record, investigation)
        steps = in_store(settings, lambda store: _load_transcript(store, done.run_id, settings.llm.price))
        turns = tuple(Turn(f"{step.key}, {step.facts(currency)}", step.lines) for step in steps.steps)
        write_file(html, alert_page(settings, record, done, turns), "--html")
    elif as_json:
        print_json(to_json(record, investigation, investigation.case if investigation is not None else None))
    elif evidence or sql:
        click.echo(evidence_text(record.alert, _investigated(record, investigation), sql=sql))
    else:
        click.echo(
            investigation_text(record, investigation, currency, settings.report.timezone, click.style), color=colour()
        )
    return 0


def _investigated(record: AlertRecord, investigation: Investigation | None) -> Investigation:
    if investigation is None:
        raise NotFound(f"alert {record.alert.id} has no investigation yet ({record.state.value})")
    return investigation


async def _load(store: Store, alert_id: str) -> tuple[AlertRecord, Investigation | None]:
    """As `with_investigation`, by the id or its unique beginning. Raises NotFound."""
    return await with_investigation(store.records, await record_of(store.records, alert_id))


async def _transcript(store: Store, alert_id: str, price: Price | None) -> "Transcript":
    record = await record_of(store.records, alert_id)
    alert_id = record.alert.id
    if record.leader is not None:
        raise NotFound(
            f"alert {alert_id} takes its verdict from {record.leader}; `triage show {record.leader} --transcript`"
        )
    if not record.run_id:
        raise NotFound(f"alert {alert_id} has not been investigated yet ({record.state.value})")
    # A run that began to look again and found the alert closed has no conversation.
    investigation = await store.records.investigation(alert_id) if record.state in _JUDGED else None
    return await _load_transcript(store, investigation.run_id if investigation else record.run_id, price)


async def _load_transcript(store: Store, run_id: str, price: Price | None) -> "Transcript":
    # Reading a conversation needs the investigation's modules, and they take as long to import as all the rest.
    transcript: Transcript = await require("triage.service.transcript").Transcript.load(store.journal, run_id, price)
    return transcript
