"""What may be asked with of one actor of an alert: the values that a question's roles stand for."""

from collections.abc import Mapping

from pydantic import Field

from triage.domain.alert import Moment
from triage.domain.base import Value
from triage.domain.derived import DerivedIdentity
from triage.domain.identity import Identity


class ActorValues(Value):
    """One actor of an alert, as questions are bound to them."""

    name: str = ""
    """As the log names them; empty where no event names anyone."""
    log_type: str = ""
    """The log whose events name them so."""
    first: Moment
    """Their first event in the alert."""
    last: Moment
    """Their last event."""
    lists: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """By name of the parameter: `actors`, `actions`, `targets`, `addresses`, `recipients`, `receivers`, `sessions`, `hosts`,
    `people`, `names`, `values`, `hashes`, `derived`, `derived_actors` and so on; `alert` and `detection` hold one id each."""
    identities: tuple[Identity, ...] = ()
    """All that is known of who it is, over all logs."""
    derived: tuple[DerivedIdentity, ...] = ()
    """Identities that their acts made or reached."""
