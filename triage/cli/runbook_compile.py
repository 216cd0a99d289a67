"""`triage runbook compile`: turns runbooks into plans and keeps them in files."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from dataclasses import replace as changed
from pathlib import Path

import click

from triage.app import open_model_compiler
from triage.cli.common import note, one_line, print_json, run_async
from triage.cli.options import config_option, json_option
from triage.cli.runbook import plan_document
from triage.cli.runbook_source import (
    Runbook,
    all_from_panther,
    file_option,
    log_type_option,
    one_runbook,
    plans_in,
    settings_of,
)
from triage.cli.runbook_text import counts, counts_text
from triage.domain.plan import PlanSource, RunbookPlan, digest_of
from triage.domain.verdict import Usage
from triage.edges.clock import SystemClock
from triage.errors import ConfigError
from triage.questions.plan_files import plan_yaml
from triage.questions.plans import ChosenPlan, Plans, compiled
from triage.settings import Settings
from triage.stages.runbooks import ModelCompiler


@dataclass(frozen=True, slots=True)
class Compiled:
    """One runbook's plan and what became of its file."""

    plan: RunbookPlan
    notes: tuple[str, ...] = ()
    file: Path | None = None
    state: str = ""
    """`written`, `unchanged` or `kept`; empty where plans have no directory."""
    usage: Usage = field(default_factory=Usage)


@click.command("compile")
@click.argument("rule", required=False)
@click.option("--all", "everything", is_flag=True, help="Every rule of this Panther that has a runbook.")
@click.option("--model", "with_model", is_flag=True, help="Compile with the configured model; the grammar stands in.")
@file_option
@log_type_option
@click.option("--out", metavar="DIR", help="Write the plans here (default: investigation.runbooks).")
@click.option("--replace", is_flag=True, help="Replace plans that a person has edited, too.")
@config_option
@json_option
def compile_(
    rule: str | None,
    everything: bool,
    with_model: bool,
    file: str | None,
    log_types: tuple[str, ...],
    out: str | None,
    replace: bool,
    config: str | None,
    as_json: bool,
) -> int:
    """Turn the runbook of RULE into a plan: which questions answer each step, what is missing, what a person does.

    A plan is written to its file in the directory; without one it is printed as YAML. A file that a person has edited
    is kept. With --file and --log-type no Panther is asked.

    Example: triage runbook compile --all --out runbooks
    """
    if everything and (rule or file or log_types):
        raise ConfigError("--all compiles every rule; leave out RULE, --file and --log-type")
    settings = settings_of(config, needed=with_model or not file)
    plans = plans_in(out, settings)
    if everything:
        assert settings is not None
        runbooks: Sequence[Runbook] = all_from_panther(settings)
    else:
        runbooks = [one_runbook(settings, rule, file, log_types)]
    if with_model and everything and settings is not None and not as_json:
        note(f"up to {len(runbooks)} runbooks go to {settings.llm.model}")
    work = _Work(plans, replace=replace, total=len(runbooks), quiet=as_json or not everything)
    done = run_async(work.all(runbooks, settings if with_model else None))
    found = counts(each.plan for each in done)
    if as_json:
        documents = [_document(each) for each in done]
        print_json({"plans": documents, "counts": found} if everything else documents[0])
        return 0
    for each in done:
        if plans.directory is None and not everything:
            click.echo(plan_yaml(each.plan), nl=False)
        elif each.state == "written" or (each.state and not everything):
            click.echo(one_line(f"{each.file} {each.state}"))
        for text in each.notes:
            note(f"{each.plan.detection}: {text}" if everything else text)
    if everything or plans.directory is not None:
        click.echo(counts_text(found))
    if with_model:
        tokens = sum(each.usage.prompt_tokens + each.usage.completion_tokens for each in done)
        note(f"{tokens} tokens" + _money(done, settings))
    return 0


def _money(done: Sequence[Compiled], settings: Settings | None) -> str:
    if settings is None or settings.llm.price is None:
        return ""
    return f", {sum(each.usage.money for each in done):.4f} {settings.llm.currency}"


class _Work:
    """Compiles runbooks and writes each plan as soon as it is there."""

    def __init__(self, plans: Plans, *, replace: bool, total: int, quiet: bool) -> None:
        self._plans = plans
        self._replace = replace
        self._total = total
        self._shown = not quiet and sys.stderr.isatty()
        self._done = 0

    async def all(self, runbooks: Sequence[Runbook], settings: Settings | None) -> list[Compiled]:
        """Every plan, in the order of the runbooks.

        Args:
            runbooks: What to compile.
            settings: Of the model; `None`: only the grammar compiles.

        Raises:
            TriageError: The model can't be reached, or a file can't be written; what was written before stays.
        """
        async with AsyncExitStack() as stack:
            model = None
            if settings is not None:
                model = await stack.enter_async_context(open_model_compiler(settings, clock=SystemClock()))
            slots = asyncio.Semaphore(settings.investigation.concurrency if settings is not None else 1)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._one(each, model, slots)) for each in runbooks]
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
        return [task.result() for task in tasks]

    async def _one(self, runbook: Runbook, model: ModelCompiler | None, slots: asyncio.Semaphore) -> Compiled:
        async with slots:
            made = compiled(runbook.detection, runbook.text, runbook.log_types)
            result = await self._compiled(runbook, made, model)
        self._done += 1
        if self._shown:
            text = f"{self._done}/{self._total} {one_line(runbook.detection, 60)}"
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
        return result

    async def _compiled(self, runbook: Runbook, made: ChosenPlan, model: ModelCompiler | None) -> Compiled:
        path, old = self._plans.files.get(runbook.detection, (None, None))
        if old is not None and not self._replace:
            if old == made.plan and model is None:
                return Compiled(old, made.notes, path, "unchanged")
            why = keep_reason(old, made.plan, runbook)
            if why:
                return Compiled(old, (f"{path} is kept: {why}; --replace overwrites it",), path, "kept")
        plan = Compiled(made.plan, made.notes)
        if model is not None:
            by_model = await model.compile(
                made.plan, runbook.log_types, title=runbook.title, description=runbook.description
            )
            left_out = ChosenPlan(by_model.plan, problems=by_model.problems).notes
            plan = Compiled(by_model.plan, (*by_model.notes, *left_out), usage=by_model.usage)
        if self._plans.directory is None:
            return plan
        if plan.plan == old:
            return changed(plan, file=path, state="unchanged")
        return changed(plan, file=self._plans.write(plan.plan), state="written")


def keep_reason(old: RunbookPlan, grammar: RunbookPlan, runbook: Runbook) -> str:
    """Why a plan's file must not be replaced unasked; empty where a compiler wrote it and nobody has changed it since.

    Args:
        old: The plan in the file.
        grammar: What the grammar makes of the text as it is now.
        runbook: With the text as it is now.
    """
    if old.source is PlanSource.PERSON:
        return "a person has edited it"
    if old.digest != digest_of(runbook.text) or old == grammar:
        return ""
    if old.source is PlanSource.MODEL:
        return "the model has compiled this text already"
    # Somebody may have edited it and forgotten to say so; what an older grammar wrote looks the same.
    return "it differs from what the grammar makes of the same text now"


def _document(each: Compiled) -> dict[str, object]:
    return {
        **plan_document(each.plan),
        "file": str(each.file) if each.file is not None else None,
        "state": each.state,
        "notes": list(each.notes),
    }
