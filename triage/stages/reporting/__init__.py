"""How a verdict reads: the comment (HTML and plain text), JSON, and the page."""

from triage.domain.report import Report
from triage.stages.reporting.comment import build_report
from triage.stages.reporting.page import Turn, page
from triage.stages.reporting.records import list_row, to_json
from triage.stages.reporting.started import build_started
from triage.stages.reporting.view import CommentView, comment_view

__all__ = [
    "CommentView",
    "Report",
    "Turn",
    "build_report",
    "build_started",
    "comment_view",
    "list_row",
    "page",
    "to_json",
]
