"""`triage check --model`: one whole investigation of an invented alert against the configured endpoint."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import click

from triage.cli.common import UNFINISHED, exit_status, note, one_line, print_json, table
from triage.cli.state import opened_store
from triage.edges.llm import EndpointModel, StoredCapabilities, first_quirks, open_model, round_trip
from triage.edges.prompts import load_prompts
from triage.errors import ConfigError, ModelError
from triage.pipeline.rehearsal import Rehearsal, rehearse
from triage.ports import ChatReply, ChatRequest, Clock, Progress, Store
from triage.settings import Settings
from triage.stages.model_calls import ModelContext
from triage.stages.runbooks import PassingJournal

WINDOW_CHARS = 60_000
"""Length of a long first prompt."""


@dataclass(slots=True)
class _Counting:
    """The model, and what its calls cost."""

    model: EndpointModel
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def name(self) -> str:
        return self.model.name

    async def complete(self, request: ChatRequest) -> ChatReply:
        reply = await self.model.complete(request)
        self.calls += 1
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        return reply


@dataclass(slots=True)
class _Lines:
    """What was found, printed as it comes."""

    quiet: bool
    found: list[tuple[str, str, str]] = field(default_factory=list)
    """State, name and text."""
    status: int = 0

    def add(self, state: str, name: str, text: str) -> None:
        self.found.append((state, name, one_line(text)))
        if not self.quiet:
            click.echo("\n".join(table(self.found[-1:])))


async def check_model(settings: Settings, clock: Clock, *, as_json: bool) -> int:
    """Try the model, print what was found, and give the exit status.

    Raises:
        ConfigError: No model is configured.
        StoreError: What is learned can't be kept.
    """
    if not settings.uses_llm:
        raise ConfigError("no model is configured: set llm.api_key or llm.base_url")
    lines = _Lines(as_json)
    async with (
        opened_store(settings) as store,
        open_model(settings.llm, clock=clock, values=store.values) as model,
    ):
        try:
            await _try_model(settings, clock, store, model, lines)
        except ModelError as error:
            # One cause, once: what comes after would fail alike.
            lines.add("failed", "model", str(error))
            lines.status = exit_status(error)
        learned = model.quirks.describe(first_quirks(settings.llm))
        lines.add("ok", "llm.quirks", f"learned and kept: {learned}" if learned else "nothing had to be learned")
    if as_json:
        print_json([{"check": name, "state": state, "text": text} for state, name, text in lines.found])
    return lines.status


async def _try_model(settings: Settings, clock: Clock, store: Store, model: EndpointModel, lines: _Lines) -> None:
    start = clock.monotonic()
    counting = _Counting(model)
    capabilities = await StoredCapabilities(counting, settings.llm, store.values, clock).probe()
    lines.add("ok", "model", f"{model.name}: {capabilities.describe()}")
    for problem in capabilities.problems:
        lines.add("missing", "model", problem)
    if capabilities.tools:
        await _line(lines, "two turns with tools", lambda: round_trip(counting))
    await _line(lines, "context window", lambda: model.find_window(WINDOW_CHARS), ok=f"{WINDOW_CHARS:,} characters")
    context = ModelContext(
        model=counting,
        journal=PassingJournal(),
        prompts=load_prompts(settings.investigation.prompts),
        clock=clock,
        settings=settings.investigation,
        max_output_tokens=settings.llm.max_output_tokens,
        capabilities=capabilities,
        price=settings.llm.price,
    )

    def observe(progress: Progress) -> None:
        if not lines.quiet:
            note(f"  {progress.text}")

    found = await rehearse(context, observe=observe)
    _report(found, lines)
    seconds = clock.monotonic() - start
    price = settings.llm.price
    cost = (
        f"{price.cost(prompt=counting.prompt_tokens, completion=counting.completion_tokens):.4f} {settings.llm.currency}"
        if price is not None
        else "no price in llm.prices"
    )
    lines.add(
        "ok",
        "cost",
        f"{counting.calls} calls, {counting.prompt_tokens:,} tokens read, {counting.completion_tokens:,} written, "
        f"{seconds:.0f} s, {cost}",
    )


def _report(found: Rehearsal, lines: _Lines) -> None:
    held = sum(finding.verified for finding in found.verdict.findings)
    text = f"{found.turns} turns, {found.tool_calls} tool calls, "
    if found.failed:
        lines.add("failed", "investigation", f"{text}no result: {found.failed}")
        lines.status = max(lines.status, UNFINISHED)
    else:
        proposed = found.verdict.proposed or found.verdict.disposition
        text += f"proposed {proposed.value}, {held} of {len(found.verdict.findings)} findings hold"
        lines.add("ok", "investigation", text)
    lines.add("ok" if found.has_opinion else "failed", "judge", found.judged)
    if not found.has_opinion:
        lines.status = max(lines.status, UNFINISHED)


async def _line(lines: _Lines, name: str, work: Callable[[], Awaitable[str]], *, ok: str = "") -> None:
    """One check; a refusal of the endpoint is raised, anything else is a line."""
    wrong = await work()
    lines.add("failed" if wrong else "ok", name, wrong or ok)
    if wrong:
        lines.status = max(lines.status, UNFINISHED)
