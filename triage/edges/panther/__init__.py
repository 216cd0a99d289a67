"""The Panther client: `connect` opens one token's `PantherApi`, `open_probes` tests the token's permissions.

Importing this package imports gql, which takes a while: import it where the client is opened, not at start-up.
"""

from triage.edges.panther.client import connect, open_probes, open_queries, open_s3_sources
from triage.edges.panther.config import PantherConfig, panther_config
from triage.edges.panther.drift import Drift
from triage.edges.panther.failures import OutcomeUnknown
from triage.edges.panther.probes import Probe, Probes
from triage.edges.panther.schema_diff import Difference

__all__ = [
    "Difference",
    "Drift",
    "OutcomeUnknown",
    "PantherConfig",
    "Probe",
    "Probes",
    "connect",
    "open_probes",
    "open_queries",
    "open_s3_sources",
    "panther_config",
]
