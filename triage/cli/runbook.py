"""`triage runbook show` and `triage runbook diff`: a runbook's plan beside its text, and what a new text changes."""

import click

from triage.cli.common import note, one_line, print_json
from triage.cli.options import config_option, json_option
from triage.cli.runbook_source import (
    Runbook,
    file_option,
    from_panther,
    log_type_option,
    one_runbook,
    plans_in,
    plans_option,
    settings_of,
)
from triage.cli.runbook_text import asked_text, change_lines, plan_lines, question_sql
from triage.domain.plan import PlannedStep, PlanSource, RunbookPlan
from triage.errors import NotFound
from triage.questions.plan_diff import ChangeKind, plan_changes
from triage.questions.plan_files import question_form
from triage.questions.plans import ChosenPlan, compiled

_SOURCES = {
    PlanSource.GRAMMAR: "by the grammar",
    PlanSource.MODEL: "by the model",
    PlanSource.PERSON: "edited by a person",
}


@click.command("show")
@click.argument("rule", required=False)
@file_option
@log_type_option
@plans_option
@click.option("--sql", is_flag=True, help="The SQL of each question, for each log that it asks.")
@config_option
@json_option
def show(
    rule: str | None,
    file: str | None,
    log_types: tuple[str, ...],
    plans: str | None,
    sql: bool,
    config: str | None,
    as_json: bool,
) -> int:
    """Show the runbook of RULE with its plan: what answers each step, in plain words.

    The plan is that of its file, if there is one, else what the grammar makes of the text.

    Example: triage runbook show AWS.CloudTrail.Stopped --sql
    """
    settings = settings_of(config, needed=not file)
    runbook = one_runbook(settings, rule, file, log_types)
    chosen = plans_in(plans, settings).plan_for(runbook.detection, runbook.text, runbook.log_types)
    if as_json:
        print_json(_document(runbook, chosen, sql=sql))
        return 0
    origin = str(chosen.file) if chosen.file is not None else "made of the text just now"
    click.echo(one_line(f"{runbook.detection} ({', '.join(runbook.log_types) or 'no log type'})"))
    click.echo(one_line(f"plan {_SOURCES[chosen.plan.source]}: {origin}"))
    click.echo()
    for line in plan_lines(chosen.plan, runbook.log_types, sql=sql):
        click.echo(line)
    if not chosen.plan.steps:
        click.echo("the runbook has no steps")
    for text in chosen.notes:
        note(text)
    return 0


@click.command("diff")
@click.argument("rule", required=False)
@file_option
@log_type_option
@plans_option
@config_option
@json_option
def diff(
    rule: str | None,
    file: str | None,
    log_types: tuple[str, ...],
    plans: str | None,
    config: str | None,
    as_json: bool,
) -> int:
    """Show what a new text of the runbook of RULE changes: steps and questions, before and after.

    Before is the plan's file, after what the grammar makes of the text in Panther. With --file, after is what it makes
    of that text; without a plan's file, before is then the text in Panther.

    Example: triage runbook diff AWS.CloudTrail.Stopped --file new.txt
    """
    settings = settings_of(config, needed=not file)
    kept = plans_in(plans, settings)
    runbook = one_runbook(settings, rule, file, log_types)
    after = compiled(runbook.detection, runbook.text, runbook.log_types).plan
    known = kept.files.get(runbook.detection)
    if known is not None:
        before = known[1]
    elif file and rule and settings is not None:
        old = from_panther(settings, rule)
        before = compiled(old.detection, old.text, old.log_types).plan
    else:
        raise NotFound(
            f"there is no plan of {runbook.detection} in a file to compare with; `triage runbook compile` writes one"
        )
    changes = plan_changes(before, after)
    changed = [change for change in changes if change.kind is not ChangeKind.SAME]
    if as_json:
        print_json(
            {
                "detection": runbook.detection,
                "text_changed": before.digest != after.digest,
                "digest": after.digest,
                "steps": [
                    {
                        "change": change.kind.value,
                        "before": _step(change.before) if change.before else None,
                        "after": _step(change.after) if change.after else None,
                    }
                    for change in changes
                ],
            }
        )
        return 0
    same = "the same text" if before.digest == after.digest else "another text"
    click.echo(one_line(f"{runbook.detection}: {same}, {len(changed)} of {len(changes)} steps differ"))
    for line in change_lines(changes):
        click.echo(line)
    if known is not None and before.digest != after.digest:
        click.echo(f"digest of this text: {after.digest}")
    return 0


def _document(runbook: Runbook, chosen: ChosenPlan, *, sql: bool) -> dict[str, object]:
    """`show --json`."""
    steps = []
    for step in chosen.plan.steps:
        document = _step(step)
        if sql:
            document["sql"] = [
                [
                    {"log_type": log_type, "sql": text, "not_asked": why}
                    for log_type, text, why in question_sql(question, runbook.log_types)
                ]
                for question in step.questions
            ]
        steps.append(document)
    return {
        **plan_document(chosen.plan, steps),
        "file": str(chosen.file) if chosen.file is not None else None,
        "outdated": chosen.outdated,
        "notes": list(chosen.notes),
    }


def plan_document(plan: RunbookPlan, steps: list[dict[str, object]] | None = None) -> dict[str, object]:
    """A plan for `--json`, its questions in the form of the file and in plain words."""
    return {
        "detection": plan.detection,
        "digest": plan.digest,
        "source": plan.source.value,
        "steps": [_step(step) for step in plan.steps] if steps is None else steps,
    }


def _step(step: PlannedStep) -> dict[str, object]:
    return {
        "step": step.step,
        "text": step.text,
        "questions": [{"text": asked_text(each), **question_form(each)} for each in step.questions],
        "needs": list(step.needs),
        "person": step.person,
    }
