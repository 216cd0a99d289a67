"""Which alerts belong to one investigation. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from triage.domain.alert import Alert
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.selection import Linked
from triage.settings import DedupKey, IngestSettings

_SHARED = {
    DedupKey.TITLE: "detection and title",
    DedupKey.DETECTION: "detection",
    # Who acted is in the events, which are compared when the leader's investigation is done.
    DedupKey.ENTITIES: "detection",
}
_IDENTIFYING = frozenset(
    {
        EntityKind.IP,
        EntityKind.USER,
        EntityKind.EMAIL,
        EntityKind.ARN,
        EntityKind.ACCOUNT,
        EntityKind.HOST,
        EntityKind.SERVICE,
        EntityKind.ACCESS_KEY,
        EntityKind.ACTOR_ID,
    }
)
_SESSION_KEY = "asia"
"""The prefix of AWS access keys that are made for a single session."""


def dedup_key(alert: Alert, settings: IngestSettings) -> tuple[str, ...]:
    """What two alerts must share to belong to one investigation, besides the time window."""
    match settings.dedup_key:
        case DedupKey.DETECTION | DedupKey.ENTITIES:
            return (alert.detection_id,)
        case DedupKey.TITLE:
            return (alert.detection_id, alert.title)
        case _:
            assert_never(settings.dedup_key)


def link(
    alert: Alert, leaders: Iterable[Alert], settings: IngestSettings, *, tried: Sequence[str] = ()
) -> Linked | None:
    """Find the earlier alert whose investigation this one belongs to.

    Args:
        alert: One that passed the filters.
        leaders: Investigated alerts of the same detection, oldest first.
        settings: Window and key.
        tried: Leaders whose investigations it turned out not to belong to.
    """
    window = timedelta(minutes=settings.dedup_window_minutes)
    if not window or not alert.detection_id:
        return None
    key = dedup_key(alert, settings)
    by_title = settings.dedup_key is DedupKey.TITLE
    for leader in leaders:
        # Most titles differ, and this runs for every alert of a flood.
        if by_title and leader.title != alert.title:
            continue
        if leader.id == alert.id or leader.id in tried or dedup_key(leader, settings) != key:
            continue
        if not timedelta(0) <= alert.created_at - leader.created_at <= window:
            continue
        if alert.severity.rank > leader.severity.rank:
            continue
        minutes = f"{settings.dedup_window_minutes:g}"
        return Linked(
            leader=leader.id,
            reason=f"same {_SHARED[settings.dedup_key]} as {leader.id} within {minutes} minutes",
            tried=tuple(tried),
        )
    return None


@dataclass(frozen=True, slots=True)
class LinkCheck:
    """Whether an alert can take the verdict of another alert's investigation."""

    belongs: bool
    reason: str
    shared: tuple[Entity, ...] = ()
    """Who acted, and from where, in both."""


def check_link(alert: Sequence[Entity], leader: Sequence[Entity], settings: IngestSettings) -> LinkCheck:
    """Compare who acted, and from where, in a linked alert and in its leader's investigation.

    Args:
        alert: Entities of the linked alert's events.
        leader: Entities of the investigation.
        settings: `dedup_key` says what must match.
    """
    known = {_identity(entity) for entity in _identifying(leader)}
    mine = tuple(_identifying(alert))
    shared = tuple(entity for entity in mine if _identity(entity) in known)
    if settings.dedup_key is DedupKey.DETECTION:
        return LinkCheck(True, "the same detection", shared)
    fresh = next((entity for entity in mine if _identity(entity) not in known), None)
    if fresh is not None:
        return LinkCheck(False, f"{fresh.role.value} {fresh.kind.value} {fresh.value} is new", shared)
    if settings.dedup_key is DedupKey.ENTITIES and not shared:
        return LinkCheck(False, "no actor in common is known", shared)
    return LinkCheck(True, f"the same {_SHARED[settings.dedup_key]}, and no one new", shared)


def _identifying(entities: Iterable[Entity]) -> Iterable[Entity]:
    """Who acted and from where, without anything made for a single session."""
    for entity in entities:
        if entity.role not in (Role.ACTOR, Role.SOURCE) or entity.kind not in _IDENTIFYING:
            continue
        per_session = entity.kind is EntityKind.ACCESS_KEY and entity.value.casefold().startswith(_SESSION_KEY)
        if not per_session and entity.facts.get("identity") != "session":
            yield entity


def _identity(entity: Entity) -> tuple[EntityKind, str]:
    return entity.kind, entity.value.casefold()
