"""What `triage check` tries, one line each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from shlex import quote

from triage.app import playbook_directories, runbook_plans
from triage.cli.check import Line
from triage.cli.common import note, one_line
from triage.cli.panther_schema import is_fine, summary
from triage.cli.state import opened_store
from triage.edges.clock import SystemClock
from triage.edges.files import readable_by_others, writable_by_others
from triage.edges.llm import StoredCapabilities, open_model
from triage.edges.panther import Probe, Probes, connect, open_probes, panther_config
from triage.edges.prompts import load_prompts
from triage.edges.routes import open_destination
from triage.errors import PantherDenied, PantherError, QueryFailed, TriageError
from triage.ingest.reach import unmatched
from triage.ports import Clock, Delivery
from triage.resources import shipped
from triage.settings import RouteSettings, Settings, organisation_of
from triage.stages.enrichment import load_playbooks

RETRY_SECONDS = (1.0, 2.0, 5.0)
"""Pauses between tries of a token that is not active yet; the last one repeats."""
HTTP_DENIALS = (401, 403)
_DELIVERIES = {
    Delivery.LOOKED_UP: "each result exactly once",
    Delivery.DEDUPLICATED: "each result at least once, with a key that makes repeats one",
    Delivery.AT_MOST_ONCE: "each result at most once",
}
_BESIDE = ("", ".head", "-wal", "-shm")
"""What stands beside a state database or an audit log, by the end of its name."""


async def checked(
    settings: Settings, patience: timedelta, *, quiet: bool, log_sources: bool = False
) -> AsyncIterator[Line]:
    """Every check but the first, each as soon as it is known.

    Args:
        settings: What is checked.
        patience: How long a token is tried that is not active yet.
        quiet: Nothing is said while that lasts.
        log_sources: Whether the permission to change log sources is tried as well.
    """
    clock = SystemClock()
    yield await _try("prompts", lambda: _prompts(settings))
    yield await _try("playbooks", lambda: _playbooks(settings))
    if settings.investigation.runbooks:
        yield await _try("runbooks", lambda: _runbooks(settings))
    yield await _try("store", lambda: _store(settings))
    for line in _wide_files(settings):
        yield line
    for route in settings.routes.to:
        if not settings.routes.enabled and not route.url.get_secret_value():
            yield Line(f"route {route.name}", "untested", "off: routes.enabled is false, and its address is not set")
            continue
        yield await _try(f"route {route.name}", partial(_route_line, settings, route, clock))
    async for line in _panther(settings, clock, patience, quiet=quiet, log_sources=log_sources):
        yield line
    if settings.uses_llm:
        text = f"goes to {settings.llm.endpoint}{_onwards(settings)}, secrets redacted, names not"
        yield Line("alert data", "ok", text)
        yield await _try("model", lambda: _model(settings, clock))
    else:
        text = "none is set: the offline analyst decides (set llm.api_key or llm.base_url to use one)"
        onwards = _onwards(settings)
        nobody = "goes to no one: no model is set"
        yield Line("alert data", "ok", f"no model is set{onwards}, secrets redacted" if onwards else nobody)
        yield Line("model", "ok", text)


def _wide_files(settings: Settings) -> list[Line]:
    """A warning where others may read or replace what a run has written; nothing where all is well."""
    audit = Path(settings.writeback.audit).expanduser() if settings.writeback.audit else None
    store = Path(settings.store.url.removeprefix("sqlite:///")) if settings.store.url.startswith("sqlite:///") else None
    known = [path for path in (store, audit) if path is not None]
    read = readable_by_others([path.with_name(path.name + end) for path in known for end in _BESIDE])
    written = writable_by_others(dict.fromkeys(path.absolute().parent for path in known))
    found = [f"others may read them: chmod 600 {_quoted(read)}"] * bool(read)
    found += [f"others may replace them: chmod 700 {_quoted(written)}"] * bool(written)
    return [Line("files", "warning", "; ".join(found))] if found else []


def _quoted(paths: Iterable[Path]) -> str:
    return " ".join(quote(str(path)) for path in paths)


async def _route_line(settings: Settings, route: RouteSettings, clock: Clock) -> str:
    """The destination of a route, which is read but not asked."""
    destination = open_destination(route, clock)
    await destination.close()
    off = "" if settings.routes.enabled else "; off: routes.enabled is false"
    return f"{destination.kind}, {_DELIVERIES[destination.delivery]}; nothing was sent{off}{_wide_address(route)}"


def _onwards(settings: Settings) -> str:
    """Where results go besides, for the line about alert data; empty where nothing is sent on."""
    names = [route.name for route in settings.routes.to] if settings.routes.enabled else []
    return f"; results go to {', '.join(names)}" if names else ""


def _wide_address(route: RouteSettings) -> str:
    """A warning where others may read the file with a route's address."""
    read = readable_by_others([Path(route.url_file).expanduser()]) if route.url_file else ()
    return f"; others may read it: chmod 600 {_quoted(read)}" if read else ""


async def _prompts(settings: Settings) -> str:
    return f"digest {load_prompts(settings.investigation.prompts).digest[:12]}"


async def _playbooks(settings: Settings) -> str:
    # What ships is proven by the tests; of one's own directory each query is checked here.
    books = load_playbooks(playbook_directories(settings), proven=[shipped("playbooks")]).books
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


async def _panther(
    settings: Settings, clock: Clock, patience: timedelta, *, quiet: bool, log_sources: bool
) -> AsyncIterator[Line]:
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
        if log_sources:
            others.append(probes.log_sources)
        running = [asyncio.create_task(_probed(probe)) for probe in others]
        for done in asyncio.as_completed(running):
            yield await done
        yield await _schema(probes)
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


async def _schema(probes: Probes) -> Line:
    """How this Panther's API differs from what the program sends; never wrong, since the program works around it."""
    try:
        drift = await probes.drift()
    except PantherError as error:
        return Line("schema", "untested", one_line(str(error)))
    return Line("schema", "ok" if is_fine(drift) else "warning", one_line(summary(drift)))


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
