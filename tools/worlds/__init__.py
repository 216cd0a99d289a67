"""A generated world: a company's month of logs, the alerts that its rules raise, and which of them are attacks.

The same seed and the same `now` give the same bytes. Background, scenarios and rules know nothing of each other:
scenarios write log records among the background's, the rules run over all of them, and the labels follow from which
scenario's records an alert is about.
"""

from .sets import Set
from .world import ALLOWED_FILE, generate

__all__ = ["ALLOWED_FILE", "Set", "generate"]
