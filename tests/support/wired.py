"""The program wired as `triage.app` does it, with places to look in, and without loading the playbooks each time."""

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from triage.app import assemble
from triage.edges.llm import StoredCapabilities, open_model
from triage.edges.panther import connect, panther_config
from triage.edges.prompts import load_prompts
from triage.edges.store import open_store
from triage.pipeline.breaker import ModelBreaker
from triage.pipeline.publisher import Publisher
from triage.pipeline.routing import Router
from triage.pipeline.run import Pipeline
from triage.ports import Clock, Comments, PantherApi, Prompts, Store
from triage.resources import shipped
from triage.settings import Settings
from triage.stages.enrichment import Playbooks, load_playbooks
from triage.stages.writeback import CommentGateway, Timing

TIMING = Timing(lease=0.5, lease_wait=20, lease_pause=0.05, reads=(0.05, 0.1, 0.2, 0.4), settle=0.3)
"""The sandbox acts on a request at once or never, so nobody has to wait as long as for a real Panther."""


@functools.cache
def prompts() -> Prompts:
    return load_prompts()


@functools.cache
def playbooks() -> Playbooks:
    return load_playbooks([shipped("playbooks")])


@dataclass(frozen=True)
class Wired:
    settings: Settings
    panther: PantherApi
    store: Store
    pipeline: Pipeline


@asynccontextmanager
async def wired(
    settings: Settings,
    clock: Clock,
    *,
    seen_store: Callable[[Store], Store] = lambda store: store,
    seen_comments: Callable[[Comments], Comments] = lambda comments: comments,
    timing: Timing = TIMING,
) -> AsyncIterator[Wired]:
    """Open every edge; what writes to the store and to Panther goes through what is given."""
    async with AsyncExitStack() as stack:
        panther = await stack.enter_async_context(connect(panther_config(settings), clock=clock))
        opened = await open_store(settings.store.url)
        stack.push_async_callback(opened.close)
        model, capabilities = None, None
        if settings.uses_llm:
            opening = open_model(settings.llm, clock=clock, values=opened.values)
            model = ModelBreaker(await stack.enter_async_context(opening), settings.llm, clock, opened.values)
            capabilities = StoredCapabilities(model, settings.llm, opened.values, clock)
        store, comments = seen_store(opened), seen_comments(panther.comments)
        gateway = CommentGateway(
            comments, panther.labels, panther.alerts, store.values, settings.writeback, clock, timing
        )
        pipeline = assemble(
            settings,
            panther,
            clock=clock,
            store=store,
            prompts=prompts(),
            model=model,
            capabilities=capabilities,
            publisher=Publisher(
                gateway, prompts(), settings.writeback, settings.llm.currency, replies=settings.replies
            ),
            reads_replies=True,
            router=Router(settings, store.outbox, prompts(), clock) if settings.routes.enabled else None,
            playbooks=playbooks(),
        )
        yield Wired(settings, panther, store, pipeline)
