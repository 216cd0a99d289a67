"""Writes results to Panther: one comment per alert, then labels, status and assignee by policy.

`gateway` is what the pipeline calls: policy first (`policy`), then the comment (`comment_write`: intent, look for our
marker (`own_comments`), create or update, receipt), then quality and tags (`labels`), then the status (`status`); these
two send through `effect`. `audited` logs every write.
"""

from triage.stages.writeback.audited import AuditedComments, AuditedLabels
from triage.stages.writeback.gateway import PAUSED, CommentGateway, DryRunGateway, Gateway
from triage.stages.writeback.labels import quality_key, set_by_us
from triage.stages.writeback.outcome import Result, Timing, WriteOutcome
from triage.stages.writeback.policy import AlertAtStart

__all__ = [
    "PAUSED",
    "AlertAtStart",
    "AuditedComments",
    "AuditedLabels",
    "CommentGateway",
    "DryRunGateway",
    "Gateway",
    "Result",
    "Timing",
    "WriteOutcome",
    "quality_key",
    "set_by_us",
]
