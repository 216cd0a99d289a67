"""Writes results to Panther: one comment per alert, then status and assignee by policy.

`gateway` is what the pipeline calls: policy first (`policy`), then the comment (`comment_write`: intent, look for our
marker (`own_comments`), create or update, receipt), then the status (`status`). `audited` logs every write.
"""

from triage.stages.writeback.audited import AuditedComments
from triage.stages.writeback.gateway import PAUSED, CommentGateway, DryRunGateway, Gateway
from triage.stages.writeback.outcome import Result, Timing, WriteOutcome
from triage.stages.writeback.policy import AlertAtStart

__all__ = [
    "PAUSED",
    "AlertAtStart",
    "AuditedComments",
    "CommentGateway",
    "DryRunGateway",
    "Gateway",
    "Result",
    "Timing",
    "WriteOutcome",
]
