"""Enrichment: asks the questions that a good analyst would ask, all at once, and measures what the answers signal.

`enricher.py` runs the waves of questions. `context.py` asks Panther (`context_rows.py` turns its answers into rows),
`actor.py` reads who acted from the events, `questions.py` binds the playbooks' questions, `batches.py` combines them and
`asking.py` sends them, through the journal and `cache.py`. `activity.py` and `coverage.py` say what an absence is worth,
`numbering.py` makes evidence of the answers, and `signals` reads it.
"""

from triage.stages.enrichment.cache import SharedCache
from triage.stages.enrichment.enricher import Enricher
from triage.stages.enrichment.playbooks import Playbooks, load_playbooks

__all__ = ["Enricher", "Playbooks", "SharedCache", "load_playbooks"]
