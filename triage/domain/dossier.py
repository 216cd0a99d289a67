"""What enrichment hands to the analyst: the alert with everything already known about it."""

from triage.domain.actor_values import ActorValues
from triage.domain.alert import Alert, Moment
from triage.domain.base import Row, Value
from triage.domain.detection import Detection
from triage.domain.entity import Entity
from triage.domain.evidence import Evidence
from triage.domain.signal import Signal
from triage.domain.step import StepOutcome


class Dossier(Value):
    """The alert, its detection, entities, numbered evidence and signals."""

    alert: Alert
    detection: Detection
    now: Moment
    """The time the run counts from."""
    log_types: tuple[str, ...] = ()
    entities: tuple[Entity, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    signals: tuple[Signal, ...] = ()
    actors: tuple[ActorValues, ...] = ()
    """Whoever acted, the busiest first, as further questions about them are bound."""
    notes: tuple[str, ...] = ()
    runbook: tuple[StepOutcome, ...] = ()
    """How each step of the detection's runbook ended, as far as code can tell."""

    @property
    def events(self) -> tuple[Row, ...]:
        """The alert's own events, as the first evidence of source `events` holds them."""
        for entry in self.evidence:
            if entry.source == "events":
                return entry.rows
        return ()
