"""`triage check`: whether the configuration works."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, repeat
from typing import Literal

import click

from triage.app import panther_config, playbook_directories, runbook_plans
from triage.cli.check_model import check_model
from triage.cli.common import exit_status, note, one_line, print_json, run_async, settings_from, table
from triage.cli.options import age_option, config_option, json_option
from triage.cli.state import opened_store
from triage.edges.clock import SystemClock
from triage.edges.llm import StoredCapabilities, open_model
from triage.edges.panther import open_probes
from triage.edges.prompts import load_prompts
from triage.errors import PantherDenied, TriageError
from triage.ports import Clock
from triage.settings import Settings
from triage.stages.enrichment import load_playbooks

RETRY_SECONDS = (1.0, 2.0, 5.0)
"""Pauses between tries of a token that is not active yet; the last one repeats."""
HTTP_DENIALS = (401, 403)


@dataclass(frozen=True, slots=True)
class Line:
    """The outcome of one check."""

    name: str
    state: Literal["ok", "missing", "failed"]
    text: str
    status: int = 0
    """What it means for the exit status."""


@click.command("check")
@config_option
@age_option("--wait", "Keep trying this long while a new token is not active yet.", zero=True, metavar="DURATION")
@click.option("--model", is_flag=True, help="Try only the model: one whole investigation of an invented alert.")
@json_option
def command(config: str | None, wait: timedelta | None, model: bool, as_json: bool) -> int:
    """Test the configuration, GraphQL, REST, every token permission, the model and the prompts.

    Example: triage check --wait 5m
    """
    settings = settings_from(config)
    if model:
        return run_async(check_model(settings, SystemClock(), as_json=as_json))
    lines = run_async(_check(settings, SystemClock(), wait or timedelta(0), quiet=as_json))
    if as_json:
        print_json([{"check": line.name, "state": line.state, "text": line.text} for line in lines])
    else:
        click.echo("\n".join(table((line.state, line.name, line.text) for line in lines)))
    return max(line.status for line in lines)


async def _check(settings: Settings, clock: Clock, patience: timedelta, *, quiet: bool) -> list[Line]:
    lines = [Line("configuration", "ok", "parsed")]
    lines.append(await _try("prompts", lambda: _prompts(settings)))
    lines.append(await _try("playbooks", lambda: _playbooks(settings)))
    if settings.investigation.runbooks:
        lines.append(await _try("runbooks", lambda: _runbooks(settings)))
    deadline = clock.monotonic() + patience.total_seconds()
    for pause in chain(RETRY_SECONDS, repeat(RETRY_SECONDS[-1])):
        found = await _panther(settings, clock)
        denied = any(line.state == "missing" for line in found)
        if not denied or clock.monotonic() + pause > deadline:
            break
        if not quiet:
            note(f"not active yet; next try in {pause:.0f} s")
        await clock.sleep(pause)
    lines += found
    lines.append(await _model(settings, clock))
    lines.append(await _try("store", lambda: _store(settings)))
    return lines


async def _prompts(settings: Settings) -> str:
    return f"digest {load_prompts(settings.investigation.prompts).digest[:12]}"


async def _playbooks(settings: Settings) -> str:
    books = load_playbooks(playbook_directories(settings)).books
    return f"{sum(len(book.questions) for book in books)} questions"


async def _runbooks(settings: Settings) -> str:
    return f"{len(runbook_plans(settings).files)} plans"


async def _try(name: str, work: Callable[[], Awaitable[str | None]]) -> Line:
    try:
        return Line(name, "ok", await work() or "")
    except PantherDenied as error:
        return Line(name, "missing", one_line(str(error)), exit_status(error))
    except TriageError as error:
        return Line(name, "failed", one_line(str(error)), exit_status(error))


async def _panther(settings: Settings, clock: Clock) -> list[Line]:
    """Try each permission by a harmless call; a second token, if there is one, has to be allowed to write."""
    second = settings.writeback.token.get_secret_value()
    writing = settings.writeback.enabled
    async with open_probes(panther_config(settings), clock=clock) as probes:
        first = await _token(probes.reading[0].run)
        if first is not None:
            return [first]
        tried = (*probes.reading, probes.writing) if writing and not second else probes.reading
        lines = list(await asyncio.gather(*(_try(f"{probe.label} ({probe.api})", probe.run) for probe in tried)))
    if writing and second:
        async with open_probes(panther_config(settings, token=second), clock=clock) as writer:
            probe = writer.writing
            lines.append(await _try(f"{probe.label} ({probe.api}, writeback.token)", probe.run))
    return lines


async def _token(run: Callable[[], Awaitable[None]]) -> Line | None:
    """One line if nothing else is worth trying: the token is refused, or Panther can't be reached."""
    try:
        await run()
    except PantherDenied as error:
        if error.status in HTTP_DENIALS:
            hint = "a new token needs a few minutes to become active: triage check --wait 5m"
            return Line("panther.token", "missing", f"{one_line(str(error))} ({hint})", exit_status(error))
    except TriageError as error:
        return Line("panther.url", "failed", one_line(str(error)), exit_status(error))
    return None


async def _model(settings: Settings, clock: Clock) -> Line:
    if not settings.uses_llm:
        return Line(
            "model", "ok", "none is set: the offline analyst decides (set llm.api_key or llm.base_url to use one)"
        )

    async def work() -> str:
        async with opened_store(settings) as store, open_model(settings.llm, clock=clock, values=store.values) as model:
            # Probed anew, and stored for later runs.
            found = await StoredCapabilities(model, settings.llm, store.values, clock).probe()
        price = "" if settings.llm.price is not None else "; no price in llm.prices, so money is not counted"
        return f"{model.name}: {found.describe()}{price}"

    return await _try("model", work)


async def _store(settings: Settings) -> str:
    async with opened_store(settings):
        return settings.store.url.partition("://")[0]
