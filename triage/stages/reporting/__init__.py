"""How an investigation reads.

`view` decides what is shown of an investigation and in which words (`wording`, `evidence_view`, `timeline`); `comment`,
`page` and the command line only lay it out. `records` has JSON and CSV, `exposure` assets and risks, `shift` the summary
of a shift, `entity_graph` a drawing of the page, `statement` SQL that can be pasted.
"""

from triage.domain.report import Report
from triage.stages.reporting.comment import build_pointer, build_report, build_started
from triage.stages.reporting.evidence_view import FOR_TERMINAL
from triage.stages.reporting.page import Turn, page
from triage.stages.reporting.records import list_row, to_json
from triage.stages.reporting.view import Extent, InvestigationView, investigation_view

__all__ = [
    "FOR_TERMINAL",
    "Extent",
    "InvestigationView",
    "Report",
    "Turn",
    "build_pointer",
    "build_report",
    "build_started",
    "investigation_view",
    "list_row",
    "page",
    "to_json",
]
