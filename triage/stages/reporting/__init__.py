"""What an investigation reads like: the comment, the page, the terminal, JSON, and the summary of a shift.

`acts` gathers what was done (`act_sources` reads it from events and answers), `story` tells it in a few lines, `claim` says what it amounts to and what to
do next. `view` decides what is shown of an investigation and in which words (`wording`, `evidence_view`, `flag_view`);
`comment`, `page` and the terminal lay it out. `records` is JSON and CSV, `shift` the summary of a shift, `timeline` the
page's drawing, `statement` SQL that can be pasted.
"""

from triage.domain.report import Report
from triage.stages.reporting.comment import build_pointer, build_report, build_started
from triage.stages.reporting.evidence_view import FOR_TERMINAL
from triage.stages.reporting.page import Frame, Turn, page
from triage.stages.reporting.records import list_row, to_json
from triage.stages.reporting.view import Extent, InvestigationView, investigation_view

__all__ = [
    "FOR_TERMINAL",
    "Extent",
    "Frame",
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
