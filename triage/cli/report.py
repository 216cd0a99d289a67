"""`triage report`."""

from datetime import timedelta

import click

from triage.cli.common import print_json, settings_from, write_file
from triage.cli.options import age_option, config_option, json_option, now_option
from triage.cli.state import in_store
from triage.edges.prompts import load_prompts
from triage.ports import Clock
from triage.service.shift import read_shift
from triage.stages.reporting.shift import shift_json, shift_page, shift_text


@click.command("report")
@age_option("--since", "Alerts created in the last 8h, 7d, …", default="24h")
@click.option("--html", metavar="FILE", help="Write the summary as one HTML page.")
@config_option
@json_option
@now_option
def command(since: timedelta, html: str | None, config: str | None, as_json: bool, clock: Clock) -> int:
    """Summarise a shift: verdicts, noisiest detections, time and cost, what failed, what is waiting for a person.

    Only the state database is read: alert statuses are as of the last poll.

    Example: triage report --since 8h --html shift.html
    """
    settings = settings_from(config, needs_token=False)
    until = clock.now()
    start = until - since
    shift, _ = in_store(
        settings,
        lambda store: read_shift(store.records, since=start, until=until, currency=settings.llm.currency),
    )
    if html:
        write_file(
            html,
            shift_page(
                shift,
                prompts=load_prompts(settings.investigation.prompts),
                console_url=settings.writeback.console_url,
            ),
            "--html",
        )
    if as_json:
        print_json(shift_json(shift))
    elif not html:
        click.echo(shift_text(shift))
    return 0
