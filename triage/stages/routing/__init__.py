"""Results that are sent on: what a message says (`message`), and when it may be sent (`policy`). Both are pure."""

from triage.stages.routing.message import build_message, marked_test, refer, summarise
from triage.stages.routing.policy import RouteTiming, after_failure, hold

__all__ = ["RouteTiming", "after_failure", "build_message", "hold", "marked_test", "refer", "summarise"]
