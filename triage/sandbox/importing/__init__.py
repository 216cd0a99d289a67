"""Builds a world from a user's own files: CloudTrail, other logs as NDJSON, detections, alerts and labels.

Nothing that is read is executed: rule bodies are kept as text. What cannot be read is counted and named, and the rest
goes in; the same files give the same bytes, and a second import of them changes nothing.

`interface.py` holds the request and the report. `reading.py` reads records and `rules.py` detections; `event_time.py`
and `indicators.py` find the values of Panther's own columns; `rows.py` keeps rows on disk while the import runs,
`alerts.py` raises alerts over them, and `building.py` writes the world with the help of `world_files.py`.
"""

from triage.sandbox.importing.building import import_world
from triage.sandbox.importing.interface import AlertAt, ImportProblem, ImportReport, ImportRequest, Logs
from triage.sandbox.importing.reading import Limits

__all__ = ["AlertAt", "ImportProblem", "ImportReport", "ImportRequest", "Limits", "Logs", "import_world"]
