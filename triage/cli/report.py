"""`triage report`."""

import click

from triage.cli.common import (
    age_of,
    clock_at,
    config_option,
    json_option,
    now_option,
    print_json,
    run_async,
    settings_from,
    write_file,
)
from triage.cli.state import opened_store, walk
from triage.edges.prompts import load_prompts
from triage.ports import Clock
from triage.settings import Settings
from triage.stages.reporting.shift import Shift, shift_json, shift_page, shift_text


@click.command("report")
@click.option("--since", default="24h", show_default=True, metavar="AGE", help="Alerts created in the last 8h, 7d, …")
@click.option("--html", "html", default=None, metavar="FILE", help="Write the summary as one HTML page.")
@config_option
@json_option
@now_option
def command(since: str, html: str | None, config: str | None, as_json: bool, now: str | None) -> int:
    """Sum up a shift: verdicts, noisiest detections, time and cost, what failed, what is waiting for a person.

    Only the state database is read: alert statuses are as of the last poll.
    """
    settings = settings_from(config)
    shift = run_async(_shift(settings, clock_at(now), since))

    if html:
        write_file(html, shift_page(shift, prompts=load_prompts(settings.investigation.prompts)), "--html")
    if as_json:
        print_json(shift_json(shift))
    elif not html:
        click.echo(shift_text(shift))
    return 0


async def _shift(settings: Settings, clock: Clock, since: str) -> Shift:
    age = age_of(since)
    until = clock.now()
    start = until - age if age else None
    async with opened_store(settings) as store:
        marks = {mark.alert_id: mark for mark in reversed(await store.records.marks())}
        shift = Shift(since=start, until=until, currency=settings.llm.currency, marks=marks)
        async for record, investigation in walk(store.records, since=start):
            shift.add(record, investigation)
    return shift
