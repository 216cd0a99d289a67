"""Enrichment: the questions a good analyst asks, asked at once, and what their answers signal."""

from triage.stages.enrichment.cache import SharedCache
from triage.stages.enrichment.enricher import Enricher
from triage.stages.enrichment.playbooks import Playbooks, load_playbooks

__all__ = ["Enricher", "Playbooks", "SharedCache", "load_playbooks"]
