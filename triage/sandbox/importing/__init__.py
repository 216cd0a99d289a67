"""Builds a world from a user's own files: CloudTrail, other logs as NDJSON, detections, alerts and labels.

Nothing that is read is executed: rule bodies are kept as text. What cannot be read is counted and named, and the rest
goes in; the same files give the same bytes, and a second import of them changes nothing.

`reading.py` reads records and `rules.py` detections; `times.py` and `indicators.py` find Panther's own columns;
`rows.py` keeps the rows on disk, `alerts.py` raises alerts over them, and `building.py` puts the world together.
"""

from triage.sandbox.importing.building import import_world
from triage.sandbox.importing.reading import Limits
from triage.sandbox.importing.report import Problem, Report
from triage.sandbox.importing.request import AlertAt, Logs, Request

__all__ = ["AlertAt", "Limits", "Logs", "Problem", "Report", "Request", "import_world"]
