"""`triage cases`."""

from collections.abc import Sequence
from datetime import timedelta

import click

from triage.cli.common import print_json, settings_from
from triage.cli.options import age_option, config_option, json_option, now_option
from triage.cli.state import in_store
from triage.cli.text import case_lines
from triage.domain.case import Case
from triage.pipeline.cases import stored_cases
from triage.ports import Clock
from triage.stages.reporting.records import case_row


@click.command("cases")
@age_option("--since", "Only cases with an event in the last 24h, 7d, …")
@config_option
@now_option
@json_option
def command(since: timedelta | None, config: str | None, clock: Clock, as_json: bool) -> int:
    """List the cases: alerts of different detections that belong to one incident, and why.

    Alerts join by what was measured: one event, one session or key, an identity that one of them made or changed, or
    one person within a short time; never by an address alone. `*` marks the alert that carries the analysis.

    Example: triage cases --since 7d
    """
    start = clock.now() - since if since is not None else None
    cases = in_store(settings_from(config, needs_token=False), lambda store: stored_cases(store.records, since=start))
    if as_json:
        print_json([case_row(case) for case in cases])
    else:
        click.echo(_text(cases))
    return 0


def _text(cases: Sequence[Case]) -> str:
    if not cases:
        return "no stored alerts belong together"
    return "\n\n".join("\n".join(case_lines(case)) for case in cases)
