"""The Panther client: `connect` opens it, and each part of the open `Panther` implements one port.

Importing this package imports gql, which takes a while: import it where the client is opened, not at start-up.
"""

from triage.edges.panther.alerts import AlertFilters
from triage.edges.panther.client import Panther, Probe, connect
from triage.edges.panther.config import PantherConfig
from triage.edges.panther.failures import OutcomeUnknown

__all__ = ["AlertFilters", "OutcomeUnknown", "Panther", "PantherConfig", "Probe", "connect"]
