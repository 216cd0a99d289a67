"""The Panther client: `connect` opens one token's `PantherApi`, `open_probes` tests the token's permissions.

Importing this package imports gql, which takes a while: import it where the client is opened, not at start-up.
"""

from triage.edges.panther.client import connect, open_probes
from triage.edges.panther.config import PantherConfig, panther_config
from triage.edges.panther.failures import OutcomeUnknown
from triage.edges.panther.probes import Probe

__all__ = ["OutcomeUnknown", "PantherConfig", "Probe", "connect", "open_probes", "panther_config"]
