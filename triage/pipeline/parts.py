"""What a pipeline is made of, shared by the runs of all its alerts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from triage.domain.dossier import Dossier
from triage.pipeline.breaker import ModelBreaker
from triage.pipeline.journal import ClaimJournal
from triage.pipeline.publisher import Publisher
from triage.pipeline.replies import ReplyReader
from triage.pipeline.routing import Router
from triage.pipeline.spending import PendingSpend, StoreMeter
from triage.ports import AlertSource, ChatModel, Claim, Clock, KnownCapabilities, Prompts, Store
from triage.ports.tracing import NO_TRACER, Tracer
from triage.settings import LlmFallback, Settings
from triage.stages.enrichment import Enricher
from triage.stages.investigation import Toolbox

ToolboxFactory = Callable[[Dossier], Toolbox]
"""Makes the model's tools for one dossier."""


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """The stages and what they need."""

    settings: Settings
    alerts: AlertSource
    store: Store
    clock: Clock
    enricher: Enricher
    prompts: Prompts
    toolbox: ToolboxFactory
    model: ChatModel | None
    """`None`: the offline analyst answers."""
    publisher: Publisher | None
    """`None`: nothing is written to Panther."""
    capabilities: KnownCapabilities | None = None
    """What the model's endpoint can do; `None`: what most can."""
    router: Router | None = None
    """`None`: results are not sent on."""
    replies: ReplyReader | None = None
    """`None`: what people answer is not read."""
    breaker: ModelBreaker | None = None
    """The same as `model`, where it may be taken out of use."""
    tracer: Tracer = NO_TRACER
    """Told where time goes."""
    pending: PendingSpend = field(default_factory=PendingSpend)
    """Model calls under way."""

    @property
    def model_waits(self) -> str:
        """Why no alert can be investigated now, since the model is out of use and nobody stands in; empty if one can."""
        if self.breaker is None or self.settings.llm.fallback is not LlmFallback.NONE:
            return ""
        return self.breaker.out_of_use

    def journal(self, claim: Claim) -> ClaimJournal:
        """The journal of one claim."""
        return ClaimJournal(self.store.journal, claim, self.clock)

    def meter(self, claim: Claim) -> StoreMeter:
        """Books one claim's model calls, within the day's budget."""
        return StoreMeter(self.store.ledger, claim, self.clock, self.settings, self.pending)
