"""What a pipeline is made of, shared by the runs of all its alerts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from triage.domain.dossier import Dossier
from triage.pipeline.journal import ClaimJournal
from triage.pipeline.publisher import Publisher
from triage.pipeline.spending import PendingSpend, StoreMeter
from triage.ports import AlertSource, ChatModel, Claim, Clock, KnownCapabilities, Prompts, Store
from triage.settings import Settings
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
    pending: PendingSpend = field(default_factory=PendingSpend)
    """Model calls under way."""

    def journal(self, claim: Claim) -> ClaimJournal:
        """The journal of one claim."""
        return ClaimJournal(self.store.journal, claim, self.clock)

    def meter(self, claim: Claim) -> StoreMeter:
        """Books one claim's model calls, within the day's budget."""
        return StoreMeter(self.store.ledger, claim, self.clock, self.settings, self.pending)
