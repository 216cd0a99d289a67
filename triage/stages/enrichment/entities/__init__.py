"""Who and what an alert is about, taken from its events by code.

The same events give the same entities in the same order, and no event is an error: what can't be read is left out.
"""

from triage.stages.enrichment.entities.choose import is_service, primary_actor, source_addresses, targets
from triage.stages.enrichment.entities.extract import extract_entities, extract_event, log_type_of
from triage.stages.enrichment.entities.fields import known_log_types

__all__ = [
    "extract_entities",
    "extract_event",
    "is_service",
    "known_log_types",
    "log_type_of",
    "primary_actor",
    "source_addresses",
    "targets",
]
