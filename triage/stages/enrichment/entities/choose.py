"""Picks from an alert's entities: who did it, from where, to what."""

from collections.abc import Iterable

from triage.domain.entity import Entity, EntityKind, Role


def _rank(entity: Entity) -> int:
    """How well an actor's entity answers "who": the lower, the better."""
    identity = entity.facts.get("identity", "")
    by_kind = {EntityKind.ACTOR_ID: 6, EntityKind.ACCESS_KEY: 8, EntityKind.SERVICE: 4, EntityKind.HOST: 9}
    if identity == "anonymous":
        return 11
    if entity.kind in (EntityKind.EMAIL, EntityKind.USER):
        if identity == "session":
            return 10
        if identity == "role" or "local_part_of" in entity.facts:
            return 7
        if identity == "display_name":
            return 5
        return 0 if entity.kind is EntityKind.EMAIL else 1
    if entity.kind is EntityKind.ARN:
        return 3 if identity == "session" or "derived" in entity.facts else 2
    if entity.kind is EntityKind.ACTOR_ID and identity == "session":
        return 8
    return by_kind.get(entity.kind, 10)


def primary_actor(entities: Iterable[Entity]) -> Entity | None:
    """Give the best key to ask "who did it" with; None where nobody is known to have acted.

    A stable identity comes first: e-mail address, user name, ARN, display name, id, access key. A session of an assumed
    role is asked about by its role's ARN, since the caller chooses the session's name anew; the fact `session` then
    tells that name where there is one only. IAM Identity Center sets the names of its sessions, so those count as the
    user.
    """
    actors = [entity for entity in entities if entity.role is Role.ACTOR]
    if not actors:
        return None
    best = min(enumerate(actors), key=lambda pair: (_rank(pair[1]), pair[0]))[1]
    if best.kind is not EntityKind.ARN or best.facts.get("type") != "role":
        return best
    role = best.value.rpartition("/")[2]
    sessions = {
        entity.value
        for entity in actors
        if entity.kind in (EntityKind.USER, EntityKind.EMAIL)
        and entity.facts.get("role") == role
        and entity.facts.get("identity") == "session"
    }
    return best.model_copy(update={"facts": {**best.facts, "session": sessions.pop()}}) if len(sessions) == 1 else best


def is_service(entity: Entity) -> bool:
    """Whether the entity's own form says that no person is behind it."""
    return entity.facts.get("identity", "") in {"service", "service_account", "bot", "system"}


def source_addresses(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Give the addresses that acted, in the order of the entities."""
    return tuple(e for e in entities if e.kind is EntityKind.IP and e.role in (Role.ACTOR, Role.SOURCE))


def targets(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Give what was acted upon, also where it acted itself in another event."""
    return tuple(e for e in entities if e.role is Role.TARGET or Role.TARGET.value in e.facts.get("also", "").split())
