"""The values that questions about one actor of an alert are asked with."""

from triage.domain.actor_values import ActorValues
from triage.domain.alert import Alert
from triage.domain.identity import IdentityKind, is_email
from triage.stages.enrichment.actor import AlertActor
from triage.stages.enrichment.identities import values_of

_DERIVED = {
    "derived_actors": "actor",
    "derived_selves": "self",
    "derived_sessions": "session",
    "derived_workloads": "workload",
}
"""The term that holds a derived identity where it acts itself."""


def actor_values(actor: AlertActor, alert: Alert) -> ActorValues:
    """What may be asked with of an actor, by name of the parameter."""
    return ActorValues(
        name=actor.identity,
        log_type=actor.log_type,
        first=actor.moment,
        last=actor.last,
        lists={
            "alert": (alert.id,),
            "detection": (alert.detection_id,) if alert.detection_id else (),
            "actors": actor.aliases,
            "actions": actor.actions,
            "targets": actor.targets,
            "addresses": actor.addresses,
            "recipients": actor.recipients,
            "receivers": actor.receivers,
            "sessions": actor.sessions,
            "runs": actor.runs,
            "hosts": actor.hosts,
            "people": actor.people,
            "names": _names(actor),
            "values": actor.values,
            "hashes": actor.hashes,
            "derived": tuple(each.value for each in actor.derived),
            "derived_emails": tuple(each.email for each in actor.derived if each.email),
        }
        | {
            name: tuple(each.value for each in actor.derived if each.found_in == term)
            for name, term in _DERIVED.items()
        },
        identities=actor.identities,
        derived=actor.derived,
    )


def _names(actor: AlertActor) -> tuple[str, ...]:
    """Bare user names, by which a log of e-mail addresses is searched only where no address is known."""
    if values_of(actor.identities, IdentityKind.EMAIL) or any(map(is_email, actor.people)):
        return ()
    return values_of(actor.identities, IdentityKind.USERNAME)
