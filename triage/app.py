"""Builds the program from its settings. The only place that knows every edge."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from triage.domain.dossier import Dossier
from triage.domain.redaction import know_own_secrets
from triage.edges.audit import AuditFile
from triage.edges.dialect import TranslatedLake
from triage.edges.llm import StoredCapabilities, open_model
from triage.edges.panther import connect, panther_config
from triage.edges.prompts import load_prompts
from triage.edges.routes import open_destination
from triage.edges.store import open_store
from triage.edges.telemetry import TracedLake, TracedModel, open_tracer
from triage.errors import ConfigError
from triage.pipeline.breaker import ModelBreaker
from triage.pipeline.parts import ToolboxFactory
from triage.pipeline.publisher import Publisher
from triage.pipeline.replies import ReplyReader
from triage.pipeline.routing import Router
from triage.pipeline.run import Pipeline
from triage.ports import (
    ChatModel,
    Clock,
    Comments,
    KnownCapabilities,
    Labels,
    Lake,
    Observer,
    PantherApi,
    Prompts,
    Store,
    Values,
)
from triage.ports.tracing import NO_TRACER, Tracer
from triage.questions.plans import Plans, load_plans
from triage.resources import shipped
from triage.service.route_sender import RouteSender
from triage.settings import InvestigationSettings, Settings
from triage.stages.enrichment import Enricher, Playbooks, SharedCache, load_playbooks
from triage.stages.enrichment.coverage import ToolCoverage
from triage.stages.enrichment.runbook_plan import Plans as RunbookPlans
from triage.stages.investigation import Toolbox
from triage.stages.model_calls import ModelContext
from triage.stages.runbooks import ModelCompiler, PassingJournal
from triage.stages.writeback import AuditedComments, AuditedLabels, CommentGateway, DryRunGateway, Gateway


@dataclass(frozen=True, slots=True)
class App:
    """Everything that a command needs."""

    settings: Settings
    panther: PantherApi
    store: Store
    clock: Clock
    pipeline: Pipeline


def playbook_directories(settings: Settings) -> list[Path]:
    """Where playbooks are: the shipped ones first, then the user's. Raises ConfigError."""
    directories = [shipped("playbooks")]
    if settings.investigation.playbooks:
        own = Path(settings.investigation.playbooks).expanduser()
        if not own.is_dir():
            raise ConfigError(f"investigation.playbooks: {own} is not a directory")
        directories.append(own)
    return directories


def runbook_plans(settings: Settings) -> Plans:
    """The plans of runbooks that people keep in files. Raises ConfigError."""
    if not settings.investigation.runbooks:
        return Plans()
    own = Path(settings.investigation.runbooks).expanduser()
    if not own.exists():
        raise ConfigError(
            f"investigation.runbooks: {own} does not exist; `triage runbook compile --all --out {own}` makes it"
        )
    return load_plans(own)


def audit_path(settings: Settings) -> Path | None:
    """Where the audit log is; `None` where none is kept."""
    return Path(settings.writeback.audit).expanduser() if settings.writeback.audit else None


def audit_log(settings: Settings, values: Values) -> AuditFile | None:
    """The log of every write; `None` if `writeback.audit` names no file."""
    path = audit_path(settings)
    return AuditFile(path, values=values) if path is not None else None


def _audited(panther: PantherApi, settings: Settings, values: Values, clock: Clock) -> tuple[Comments, Labels]:
    """What writes to a Panther, every write logged if `writeback.audit` names a file."""
    log = audit_log(settings, values)
    if log is None:
        return panther.comments, panther.labels
    return AuditedComments(panther.comments, log, clock), AuditedLabels(panther.labels, log, clock)


@asynccontextmanager
async def open_sender(settings: Settings, store: Store, *, clock: Clock, name: str) -> AsyncIterator[RouteSender]:
    """What sends results on; its destinations are closed on exit.

    Args:
        settings: The configuration.
        store: With the outbox.
        clock: Time and chance.
        name: This process, for leases.

    Raises:
        ConfigError: The address of a route is missing or wrong. Nothing has been sent.
    """
    async with AsyncExitStack() as stack:
        destinations = {}
        for route in settings.routes.to:
            destinations[route.name] = open_destination(route, clock)
            stack.push_async_callback(destinations[route.name].close)
        yield RouteSender(
            settings=settings.routes,
            destinations=destinations,
            outbox=store.outbox,
            values=store.values,
            clock=clock,
            name=name,
            audit=audit_log(settings, store.values),
        )


def enrichment_settings(settings: Settings) -> InvestigationSettings:
    """How enrichment asks. Batches are only for Snowflake: another lake would refuse each, and be asked again."""
    if settings.panther.lake == "snowflake":
        return settings.investigation
    return settings.investigation.model_copy(update={"questions_per_query": 1})


def assemble(
    settings: Settings,
    panther: PantherApi,
    *,
    clock: Clock,
    store: Store,
    prompts: Prompts,
    model: ChatModel | None,
    capabilities: KnownCapabilities | None = None,
    publisher: Publisher | None = None,
    router: Router | None = None,
    reads_replies: bool = False,
    toolbox: ToolboxFactory | None = None,
    playbooks: Playbooks | None = None,
    tracer: Tracer | None = None,
) -> Pipeline:
    """Wire the stages.

    Args:
        settings: The configuration.
        panther: Where the alerts and their evidence come from.
        clock: Time and chance.
        store: Journal and results.
        prompts: The templates.
        model: `None`: the offline analyst answers.
        capabilities: What the model's endpoint can do.
        publisher: `None`: nothing is written to Panther.
        router: `None`: results are not sent on.
        reads_replies: What people answer to comments is read, where the configuration says so.
        toolbox: The model's tools; `None`: those over Panther.
        playbooks: What enrichment asks; `None`: those of the configuration.
        tracer: Told where time goes; `None`: nobody is.

    Raises:
        ConfigError: a playbook is wrong.
    """
    if playbooks is None:
        playbooks = load_playbooks(playbook_directories(settings), proven=[shipped("playbooks")])

    return Pipeline(
        settings=settings,
        alerts=panther.alerts,
        store=store,
        clock=clock,
        enricher=Enricher(
            panther,
            playbooks,
            enrichment_settings(settings),
            clock,
            SharedCache(clock),
            plans=runbook_plans(settings).current,
        ),
        prompts=prompts,
        toolbox=toolbox or _toolbox_over(panther, enrichment_settings(settings)),
        model=model,
        publisher=publisher,
        router=router,
        replies=ReplyReader(panther.comments, panther.users, store, settings.replies, clock)
        if reads_replies and settings.replies.enabled
        else None,
        capabilities=capabilities,
        breaker=model if isinstance(model, ModelBreaker) else None,
        tracer=tracer or NO_TRACER,
    )


def _toolbox_over(panther: PantherApi, settings: InvestigationSettings) -> ToolboxFactory:
    """The model's tools over a Panther."""

    def toolbox(dossier: Dossier) -> Toolbox:
        coverage = ToolCoverage(
            dossier,
            lake=panther.lake,
            sources=panther.sources,
            history=settings.history,
            seconds=settings.query_seconds,
            batch=settings.questions_per_query,
        )
        return Toolbox(
            dossier,
            lake=panther.lake,
            alerts=panther.alerts,
            rules=panther.rules,
            settings=settings,
            coverage=coverage,
        )

    return toolbox


async def run_runbook(
    settings: Settings, alert_id: str, plans: RunbookPlans, *, clock: Clock, observe: Observer
) -> Dossier:
    """Ask what the runbook of an alert's detection asks, and nothing else. Nothing is stored or written.

    Args:
        settings: The configuration.
        alert_id: In Panther.
        plans: Which plan counts for the runbook's text, such as `Plans.current`.
        clock: Time and chance.
        observe: Receives progress.

    Raises:
        NotFound, PantherError: The alert is not there, or Panther can't be asked.
    """
    async with connect(panther_config(settings), clock=clock) as panther:
        snowflake = settings.panther.lake == "snowflake"
        lake = panther.lake if snowflake else TranslatedLake(panther.lake, settings.panther.lake, clock)
        asked = replace(panther, lake=lake)
        enricher = Enricher(asked, Playbooks(()), enrichment_settings(settings), clock, SharedCache(clock), plans=plans)
        alert = await panther.alerts.alert(alert_id)
        return await enricher.enrich(alert, now=clock.now(), journal=PassingJournal(), observe=observe)


@asynccontextmanager
async def open_model_compiler(settings: Settings, *, clock: Clock) -> AsyncIterator[ModelCompiler]:
    """What compiles runbooks with the configured model; closed on exit. No Panther is needed.

    Raises:
        ConfigError, PromptError, StoreError: something local is wrong.
        ModelError: what the endpoint can do is not known yet, and it can't be asked.
    """
    if not settings.uses_llm:
        raise ConfigError("no model is configured: set llm.api_key or llm.base_url, or leave out --model")
    async with AsyncExitStack() as stack:
        store = await open_store(settings.store.url)
        stack.push_async_callback(store.close)
        at_once = settings.investigation.concurrency
        model = await stack.enter_async_context(
            open_model(settings.llm, clock=clock, at_once=at_once, values=store.values)
        )
        context = ModelContext(
            model=model,
            journal=PassingJournal(),
            prompts=load_prompts(settings.investigation.prompts),
            clock=clock,
            settings=settings.investigation,
            max_output_tokens=settings.llm.max_output_tokens,
            capabilities=await StoredCapabilities(model, settings.llm, store.values, clock).known(),
            price=settings.llm.price,
        )
        yield ModelCompiler(context)


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    clock: Clock,
    write: bool,
    lake: Lake | None = None,
    dry_run: Callable[[str], None] | None = None,
) -> AsyncIterator[App]:
    """Open every edge; close them on exit.

    Args:
        settings: The configuration.
        clock: Time and chance.
        write: Comments are written to Panther.
        lake: Replaces Panther's data lake, in an evaluation.
        dry_run: Called with what would be written; then nothing is.

    Raises:
        ConfigError, PromptError, StoreError: something local is wrong. Panther has not been asked yet.
    """
    know_own_secrets(settings.secrets)
    async with AsyncExitStack() as stack:
        tracer = await stack.enter_async_context(open_tracer(settings.telemetry))
        panther = await stack.enter_async_context(connect(panther_config(settings), clock=clock))
        store = await open_store(settings.store.url)
        stack.push_async_callback(store.close)
        prompts = load_prompts(settings.investigation.prompts)
        model: ModelBreaker | None = None
        if settings.uses_llm:
            at_once = settings.investigation.concurrency
            opened: ChatModel = await stack.enter_async_context(
                open_model(settings.llm, clock=clock, at_once=at_once, values=store.values)
            )
            if tracer is not None:
                opened = TracedModel(opened, settings.llm.endpoint, tracer, clock)
            model = ModelBreaker(opened, settings.llm, clock, store.values)
        capabilities = StoredCapabilities(model, settings.llm, store.values, clock) if model is not None else None
        gateway: Gateway | None = None
        if dry_run is not None:
            gateway = DryRunGateway(panther.comments, store.values, settings.writeback, clock, dry_run)
        elif write:
            writer = panther
            second = settings.writeback.token.get_secret_value()
            if second:
                config = panther_config(settings, token=second)
                writer = await stack.enter_async_context(connect(config, clock=clock))
            gateway = CommentGateway(
                *_audited(writer, settings, store.values, clock),
                panther.alerts,
                store.values,
                settings.writeback,
                clock,
            )
        if lake is None and settings.panther.lake != "snowflake":
            lake = TranslatedLake(panther.lake, settings.panther.lake, clock)
        if tracer is not None:
            lake = TracedLake(lake or panther.lake, tracer, clock)
        publisher = None
        if gateway is not None:
            currency, zone = settings.llm.currency, settings.report.timezone
            publisher = Publisher(
                gateway, prompts, settings.writeback, currency, zone, settings.replies, tracer or NO_TRACER
            )
        pipeline = assemble(
            settings,
            panther if lake is None else replace(panther, lake=lake),
            clock=clock,
            store=store,
            prompts=prompts,
            model=model,
            capabilities=capabilities,
            publisher=publisher,
            reads_replies=gateway is not None and dry_run is None,
            router=Router(settings, store.outbox, prompts, clock, dry_run) if settings.routes.enabled else None,
            tracer=tracer,
        )
        yield App(settings=settings, panther=panther, store=store, clock=clock, pipeline=pipeline)
