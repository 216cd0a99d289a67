"""`triage runbook test`: what the steps of a runbook answer on one alert."""

from collections.abc import Iterator, Sequence

import click

from triage.app import run_runbook
from triage.cli.common import note, observer, one_line, print_json, run_async, settings_from
from triage.cli.logs import log_to_stderr
from triage.cli.options import alert_id_of, config_option, json_option, now_option
from triage.cli.runbook_source import file_option, from_file, plans_in, plans_option
from triage.domain.clean import printable_sentence
from triage.domain.dossier import Dossier
from triage.domain.evidence import Evidence, by_id
from triage.domain.plan import RunbookPlan
from triage.domain.step import StepOutcome
from triage.domain.verdict import STEP_STATES
from triage.errors import ConfigError
from triage.ports import Clock
from triage.questions.plans import compiled

_CHARS = 800


@click.command("test")
@click.argument("rule")
@click.option("--alert", "alert", required=True, metavar="ALERT", help="An alert of this rule, by ID or console URL.")
@file_option
@plans_option
@click.option("--sql", is_flag=True, help="The SQL of each question.")
@config_option
@json_option
@now_option
def command(
    rule: str,
    alert: str,
    file: str | None,
    plans: str | None,
    sql: bool,
    config: str | None,
    as_json: bool,
    clock: Clock,
) -> int:
    """Run the runbook of RULE on one of its alerts: how each step ends, and on what evidence.

    Only what the runbook asks is asked. With --file it is what the grammar makes of that text. Nothing is stored or written.

    Example: triage runbook test AWS.CloudTrail.Stopped --alert ALERT
    """
    settings = settings_from(config)
    log_to_stderr()
    kept = plans_in(plans, settings)

    def plan_of(text: str, detection_id: str, log_types: Sequence[str]) -> RunbookPlan:
        if detection_id != rule:
            raise ConfigError(f"alert {alert_id_of(alert)} is of {detection_id or 'no detection'}, not of {rule}")
        if file:
            return compiled(rule, from_file(file, rule, tuple(log_types)).text, tuple(log_types)).plan
        return kept.current(text, detection_id, log_types)

    dossier = run_async(
        run_runbook(settings, alert_id_of(alert), plan_of, clock=clock, observe=observer(quiet=as_json))
    )
    if dossier.detection.id != rule:
        raise ConfigError(f"alert {dossier.alert.id} is of {dossier.detection.id or 'no detection'}, not of {rule}")
    if as_json:
        print_json(_document(dossier))
        return 0
    click.echo(one_line(f"{rule} on {dossier.alert.id}: {dossier.alert.title}"))
    click.echo()
    for step in dossier.runbook:
        for line in _lines(step, dossier.evidence, sql=sql):
            click.echo(line)
    if not dossier.runbook:
        click.echo("the runbook has no steps")
    for text in dossier.notes:
        note(text)
    return 0


def _lines(step: StepOutcome, evidence: Sequence[Evidence], *, sql: bool) -> Iterator[str]:
    entries = by_id(evidence)
    yield f"{step.step}. {printable_sentence(step.text, _CHARS)}"
    answer = f": {printable_sentence(step.answer, _CHARS)}" if step.answer else ""
    yield f"   {STEP_STATES[step.state]}{answer}"
    if step.person:
        yield f"   for a person: {printable_sentence(step.person, _CHARS)}"
    for name in step.evidence:
        entry = entries[name]
        rows = f"{entry.row_count} rows" if entry.answered else f"no answer: {printable_sentence(entry.error, 200)}"
        yield f"   {name} {printable_sentence(entry.question, 300)} [{printable_sentence(entry.table, 100)}] {rows}"
        if sql and entry.sql:
            yield f"      {printable_sentence(entry.sql, 20_000)}"


def _document(dossier: Dossier) -> dict[str, object]:
    entries = by_id(dossier.evidence)
    return {
        "detection": dossier.detection.id,
        "alert_id": dossier.alert.id,
        "steps": [
            {
                **step.model_dump(mode="json", exclude={"evidence"}),
                "state": STEP_STATES[step.state],
                "evidence": [
                    entries[name].model_dump(
                        mode="json", include={"id", "question", "table", "sql", "rows", "row_count", "error"}
                    )
                    for name in step.evidence
                ],
            }
            for step in dossier.runbook
        ],
        "notes": list(dossier.notes),
    }
