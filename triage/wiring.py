"""Settings in, a working program out. The only place that knows every edge."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from triage.domain.dossier import Dossier
from triage.edges.llm import open_model
from triage.edges.panther import Panther, PantherConfig, connect
from triage.edges.prompts import load_prompts
from triage.edges.store import open_store
from triage.errors import ConfigError
from triage.pipeline import Pipeline
from triage.ports import ChatModel, Clock, Comments, Prompts, Store
from triage.resources import shipped
from triage.settings import Settings
from triage.stages.enrichment import Enricher, load_playbooks
from triage.stages.investigation import Toolbox
from triage.stages.writeback import Writer


@dataclass(frozen=True, slots=True)
class App:
    """Everything that a command needs."""

    settings: Settings
    panther: Panther
    store: Store
    clock: Clock
    pipeline: Pipeline


def panther_config(settings: Settings, *, token: str | None = None) -> PantherConfig:
    """The client's view of the configuration. Raises ConfigError."""
    panther = settings.panther
    return PantherConfig(
        url=panther.url,
        token=panther.token.get_secret_value() if token is None else token,
        auth=panther.auth,
        rest_url=panther.rest_url,
        read_seconds=panther.timeout.total_seconds(),
        requests_per_second=panther.requests_per_second,
    )


def prompts_of(settings: Settings) -> Prompts:
    """The templates, the user's own first. Raises PromptError, ConfigError."""
    return load_prompts(_own(settings.investigation.prompts, "investigation.prompts"))


def playbook_directories(settings: Settings) -> list[Path]:
    """Where playbooks lie, the shipped ones first. Raises ConfigError."""
    return [shipped("playbooks"), *_own(settings.investigation.playbooks, "investigation.playbooks")]


def _own(directory: str, key: str) -> list[Path]:
    if not directory:
        return []
    path = Path(directory).expanduser()
    if not path.is_dir():
        raise ConfigError(f"{key}: {path} is not a directory")
    return [path]


@asynccontextmanager
async def open_app(settings: Settings, *, clock: Clock, write: bool) -> AsyncIterator[App]:
    """Open every edge; closes them on exit.

    Args:
        settings: The configuration.
        clock: Time and chance.
        write: Comments are written to Panther.

    Raises:
        ConfigError, PromptError, StoreError: something local is wrong. Panther is not asked yet.
    """
    async with AsyncExitStack() as stack:
        panther = await stack.enter_async_context(connect(panther_config(settings), clock=clock))
        store = await open_store(settings.store.url)
        stack.push_async_callback(store.close)
        prompts = prompts_of(settings)
        model: ChatModel | None = None
        if settings.uses_llm:
            model = await stack.enter_async_context(open_model(settings.llm, clock=clock))
        comments: Comments = panther.comments
        second = settings.writeback.token.get_secret_value()
        if write and second:
            config = panther_config(settings, token=second)
            comments = (await stack.enter_async_context(connect(config, clock=clock))).comments
        enricher = Enricher(
            alerts=panther.alerts,
            lake=panther.lake,
            rules=panther.rules,
            sources=panther.sources,
            comments=panther.comments,
            playbooks=load_playbooks(playbook_directories(settings)),
            settings=settings.investigation,
            clock=clock,
        )

        def toolbox(dossier: Dossier) -> Toolbox:
            return Toolbox(
                dossier,
                lake=panther.lake,
                alerts=panther.alerts,
                rules=panther.rules,
                settings=settings.investigation,
            )

        pipeline = Pipeline(
            settings=settings,
            alerts=panther.alerts,
            store=store,
            clock=clock,
            enricher=enricher,
            prompts=prompts,
            toolbox=toolbox,
            model=model,
            writer=Writer(comments, store, settings.writeback, clock) if write else None,
        )
        yield App(settings=settings, panther=panther, store=store, clock=clock, pipeline=pipeline)
