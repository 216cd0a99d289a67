"""Who and what an alert is about, taken from its events by code.

The same events give the same entities in the same order, and no event is an error: what can't be read is left out.
`extract.py` walks the events along the paths of their log types, `names.py` judges the fields that no file names,
`values.py` reads a text (`aws.py` and `addresses.py` know the two notations), and `found.py` puts what was found in order.
"""

from triage.stages.enrichment.entities.extract import extract_entities, log_type_of

__all__ = ["extract_entities", "log_type_of"]
