"""`triage show`."""

from typing import TYPE_CHECKING

import click

from triage.cli.common import config_option, json_option, print_json, run_async, settings_from, write_file
from triage.cli.investigate import alert_id_of
from triage.domain.selection import Linked
from triage.errors import NotFound
from triage.settings import Settings

if TYPE_CHECKING:
    from triage.domain.verdict import Investigation
    from triage.ports import AlertRecord


@click.command("show")
@click.argument("alert")
@config_option
@click.option("--html", "html", default=None, metavar="FILE", help="Write the investigation as one HTML page.")
@json_option
def command(alert: str, config: str | None, html: str | None, as_json: bool) -> int:
    """Show one investigation whole: verdict, findings, evidence with its SQL."""
    settings = settings_from(config)
    record, investigation = run_async(_load(settings, alert_id_of(alert)))
    from triage.stages.reporting import page, to_json  # noqa: PLC0415 - start-up time

    if html:
        if investigation is None:
            raise NotFound(f"alert {record.alert.id} has no investigation yet ({record.state.value})")
        from triage.wiring import prompts_of  # noqa: PLC0415

        body = page(
            record.alert,
            record,
            investigation,
            prompts=prompts_of(settings),
            console_url=settings.writeback.console_url,
        )
        write_file(html, body, "--html")
        return 0
    if as_json:
        print_json(to_json(record, investigation))
        return 0
    from triage.cli.text import investigation_text  # noqa: PLC0415

    click.echo(investigation_text(record, investigation))
    return 0


async def _load(settings: Settings, alert_id: str) -> "tuple[AlertRecord, Investigation | None]":
    from triage.edges.store import open_store  # noqa: PLC0415 - start-up time

    store = await open_store(settings.store.url)
    try:
        record = await store.record(alert_id)
        if record is None:
            raise NotFound(f"alert {alert_id} was never seen here; `triage investigate {alert_id}` looks at it")
        wanted = alert_id
        if isinstance(record.decision, Linked):
            leader = await store.record(record.decision.leader)
            if leader is not None:
                wanted = leader.alert.id
                record = record.model_copy(update={"verdict": leader.verdict, "confidence": leader.confidence})
        return record, await store.investigation(wanted)
    finally:
        await store.close()
