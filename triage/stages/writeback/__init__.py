"""The comment is written once: intent, look, create or update, receipt."""

from triage.stages.writeback.audited import AuditedComments
from triage.stages.writeback.desk import PAUSED, Desk, DryDesk, WriteDesk
from triage.stages.writeback.mover import Mover
from triage.stages.writeback.outcome import Result, WriteOutcome
from triage.stages.writeback.policy import Seen
from triage.stages.writeback.timing import Timing
from triage.stages.writeback.writer import Writer

__all__ = [
    "PAUSED",
    "AuditedComments",
    "Desk",
    "DryDesk",
    "Mover",
    "Result",
    "Seen",
    "Timing",
    "WriteDesk",
    "WriteOutcome",
    "Writer",
]
