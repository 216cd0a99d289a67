"""The comment is written once: intent, look, create or update, receipt."""

from triage.stages.writeback.outcome import Result, WriteOutcome
from triage.stages.writeback.timing import Timing
from triage.stages.writeback.writer import Writer

__all__ = ["Result", "Timing", "WriteOutcome", "Writer"]
