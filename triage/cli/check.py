"""`triage check`: whether the configuration works."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path
from shlex import quote
from typing import Literal

import click

from triage.app import panther_config, playbook_directories, runbook_plans
from triage.cli.check_model import check_model
from triage.cli.common import WRONG, colour, log_to_stderr, note, one_line, print_json, run_async, settings_from
from triage.cli.options import age_option, config_option, json_option
from triage.cli.state import opened_store
from triage.edges.clock import SystemClock
from triage.edges.files import readable_by_others
from triage.edges.llm import StoredCapabilities, open_model
from triage.edges.panther import Probe, connect, open_probes
from triage.edges.prompts import load_prompts
from triage.errors import PantherDenied, PantherError, QueryFailed, TriageError
from triage.ingest.reach import unmatched
from triage.ports import Clock
from triage.settings import Settings, organisation_of
from triage.stages.enrichment import load_playbooks

RETRY_SECONDS = (1.0, 2.0, 5.0)
"""Pauses between tries of a token that is not active yet; the last one repeats."""
HTTP_DENIALS = (401, 403)
NEXT = "triage queue select --explain --since 7d"
_WIDTH = 28
"""Columns of a check's name; the second token's is longer."""


@dataclass(frozen=True, slots=True)
class Line:
    """The outcome of one check."""

    name: str
    state: Literal["ok", "warning", "untested", "refused", "missing", "failed"]
    """`refused`: the token or key itself; `missing`: a permission of a token that is accepted."""
    text: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the configuration or the access has to change."""
        return self.state in ("refused", "missing", "failed")


_COLOURS = {"ok": "green", "warning": "yellow", "untested": "yellow"}


@click.command("check")
@config_option
@age_option("--wait", "Keep trying this long while a new token is not active yet.", zero=True, metavar="DURATION")
@click.option("--model", is_flag=True, help="Try only the model: one whole investigation of an invented alert.")
@json_option
def command(config: str | None, wait: timedelta | None, model: bool, as_json: bool) -> int:
    """Test the configuration, GraphQL, REST, every token permission, the filters, the model and the prompts.

    Each line is printed as soon as it is known. Exit status: 0 ready, 2 the configuration or the access is wrong.

    Example: triage check --wait 5m
    """
    settings = settings_from(config)
    if model:
        return run_async(check_model(settings, SystemClock(), as_json=as_json))
    log_to_stderr(verbose=False)
    # An address that can't be the API's is refused like any other wrong value, before the first line.
    panther_config(settings)
    lines = run_async(_collect(_check(settings, SystemClock(), wait or timedelta(0), quiet=as_json), show=not as_json))
    wrong = sum(line.wrong for line in lines)
    if as_json:
        print_json([{"check": line.name, "state": line.state, "text": line.text} for line in lines])
    elif wrong:
        click.echo(f"not ready: {wrong} of {len(lines)} lines say what to change")
    else:
        click.echo(f"ready; next: {NEXT}{f' --config {quote(config)}' if config else ''}")
    return WRONG if wrong else 0


async def _collect(lines: AsyncIterator[Line], *, show: bool) -> list[Line]:
    found = []
    async for line in lines:
        found.append(line)
        if show:
            state = click.style(f"{line.state:<8}", fg=_COLOURS.get(line.state, "red"))
            click.echo(f"{state}  {line.name:<{_WIDTH}}  {line.text}".rstrip(), color=colour())
    return found


async def _check(settings: Settings, clock: Clock, patience: timedelta, *, quiet: bool) -> AsyncIterator[Line]:
    yield Line("configuration", "ok", "parsed")
    yield await _try("prompts", lambda: _prompts(settings))
    yield await _try("playbooks", lambda: _playbooks(settings))
    if settings.investigation.runbooks:
        yield await _try("runbooks", lambda: _runbooks(settings))
    yield await _try("store", lambda: _store(settings))
    for line in _wide_files(settings):
        yield line
    async for line in _panther(settings, clock, patience, quiet=quiet):
        yield line
    if settings.uses_llm:
        yield Line("alert data", "ok", f"goes to {settings.llm.endpoint}, secrets redacted, names not")
        yield await _try("model", lambda: _model(settings, clock))
    else:
        text = "none is set: the offline analyst decides (set llm.api_key or llm.base_url to use one)"
        yield Line("alert data", "ok", "goes to no one: no model is set")
        yield Line("model", "ok", text)


def _wide_files(settings: Settings) -> list[Line]:
    """A warning where others may read what a run has written; nothing where all is well."""
    audit = Path(settings.writeback.audit).expanduser() if settings.writeback.audit else None
    store = Path(settings.store.url.removeprefix("sqlite:///")) if settings.store.url.startswith("sqlite:///") else None
    known = [path for path in (store, audit) if path is not None]
    wide = readable_by_others([each for path in known for each in (path, path.with_name(f"{path.name}.head"))])
    names = " ".join(quote(str(path)) for path in wide)
    return [Line("files", "warning", f"others may read them: chmod 600 {names}")] if wide else []


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
        return Line(name, "missing", one_line(str(error)))
    except TriageError as error:
        return Line(name, "failed", one_line(str(error)))


async def _panther(settings: Settings, clock: Clock, patience: timedelta, *, quiet: bool) -> AsyncIterator[Line]:
    """Try each permission by a harmless call; a second token, if there is one, has to be allowed to write."""
    second = settings.writeback.token.get_secret_value()
    async with open_probes(panther_config(settings), clock=clock) as probes:
        first, *others = probes.reading
        line = await _first(first, clock, patience, quiet=quiet)
        if line.name in ("Panther", "token"):
            yield line
            return
        yield Line("Panther", "ok", _place(settings))
        yield line
        if settings.writeback.enabled and not second:
            others.append(probes.writing)
        running = [asyncio.create_task(_probed(probe)) for probe in others]
        for done in asyncio.as_completed(running):
            yield await done
    if not settings.writeback.enabled:
        text = "write-back is off; it is tested with writeback.enabled: true"
        yield Line(_label(probes.writing), "untested", text)
    elif second:
        async with open_probes(panther_config(settings, token=second), clock=clock) as writer:
            line = await _first(writer.writing, clock, patience, quiet=quiet, key="writeback.token")
            yield Line(f"{writer.writing.label} (writeback.token)", line.state, line.text)
    for line in await _filters(settings, clock):
        yield line


def _place(settings: Settings) -> str:
    url = settings.panther.url
    organisation = organisation_of(url)
    return f"{url}, organisation {organisation}" if organisation else url


def _label(probe: Probe) -> str:
    return f"{probe.label} ({probe.api})"


async def _probed(probe: Probe) -> Line:
    return await _try(_label(probe), probe.run)


async def _first(probe: Probe, clock: Clock, patience: timedelta, *, quiet: bool, key: str = "panther.token") -> Line:
    """The first call with a token, tried again while the token may only be too young.

    Named `token` or `Panther` if nothing else is worth trying: the token is refused, or Panther can't be reached.
    """
    deadline = clock.monotonic() + patience.total_seconds()
    for pause in chain(RETRY_SECONDS, repeat(RETRY_SECONDS[-1])):
        try:
            await probe.run()
        except PantherDenied as error:
            if error.status not in HTTP_DENIALS:
                return Line(_label(probe), "missing", one_line(str(error)))
            if clock.monotonic() + pause > deadline:
                hint = f"a new {key} needs a few minutes to become active: triage check --wait 5m"
                return Line("token", "refused", f"{one_line(str(error))} ({hint})")
            if not quiet:
                note(f"{key} is not active yet; next try in {pause:.0f} s")
            await clock.sleep(pause)
        except PantherError as error:
            return Line("Panther", "failed", one_line(str(error)))
        except TriageError as error:
            return Line(_label(probe), "failed", one_line(str(error)))
        else:
            return Line(_label(probe), "ok")
    raise AssertionError("the pauses never end")


async def _filters(settings: Settings, clock: Clock) -> list[Line]:
    """Whether every name in the filters is one that this Panther has."""
    try:
        async with connect(panther_config(settings), clock=clock) as panther:
            found = await unmatched(panther, settings.ingest, now=clock.now())
    except (PantherError, QueryFailed) as error:
        return [Line("filters", "untested", one_line(str(error)))]
    lines = [Line("filters", "warning", one_line(warning)) for warning in found]
    return lines or [Line("filters", "ok", "every name in ingest is one of Panther's")]


async def _model(settings: Settings, clock: Clock) -> str:
    async with opened_store(settings) as store, open_model(settings.llm, clock=clock, values=store.values) as model:
        # Probed anew, and stored for later runs.
        found = await StoredCapabilities(model, settings.llm, store.values, clock).probe()
    price = "" if settings.llm.price is not None else "; no price in llm.prices, so money is not counted"
    return f"{model.name}: {found.describe()}{price}"


async def _store(settings: Settings) -> str:
    async with opened_store(settings):
        return settings.store.url.partition("://")[0]
