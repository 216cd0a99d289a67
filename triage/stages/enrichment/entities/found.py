"""Keeps what is found about each entity, and puts the entities in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from triage.domain.entity import Entity, EntityKind, Role
from triage.stages.enrichment.entities.values import Typed

MAX_ENTITIES: Final = 60
MAX_FIELDS: Final = 8
"""Paths kept per entity."""
_ROLES: Final = (Role.ACTOR, Role.SOURCE, Role.TARGET, Role.OTHER)
_SHARES: Final = {Role.ACTOR: 18, Role.SOURCE: 14, Role.TARGET: 18, Role.OTHER: 10}
"""How many of each role are kept before the rest is filled up, so that no role crowds out another."""
_KINDS: Final = (
    EntityKind.EMAIL,
    EntityKind.USER,
    EntityKind.ARN,
    EntityKind.SERVICE,
    EntityKind.IP,
    EntityKind.HOST,
    EntityKind.ACTOR_ID,
    EntityKind.ACCESS_KEY,
    EntityKind.DOMAIN,
    EntityKind.HASH,
    EntityKind.RESOURCE,
    EntityKind.URL,
    EntityKind.ACCOUNT,
    EntityKind.TRACE,
)
"""Most telling first."""

Key = tuple[EntityKind, str]


@dataclass(slots=True)
class _FoundEntity:
    typed: Typed
    roles: dict[Role, None] = field(default_factory=dict)
    fields: dict[str, None] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    events: int = 0

    def learn(self, typed: Typed, facts: Mapping[str, str]) -> None:
        """Add facts; what a log says itself comes before what was derived from something else."""
        if "derived" in self.typed.facts and "derived" not in typed.facts:
            self.typed = typed
            self.facts.pop("derived", None)
        is_said = "derived" not in self.typed.facts
        for name, value in facts.items():
            if not (is_said and name == "derived"):
                self.facts.setdefault(name, value)

    @property
    def role(self) -> Role:
        return min(self.roles, key=_ROLES.index)

    def entity(self) -> Entity:
        facts = dict(self.facts)
        also = [role.value for role in _ROLES if role in self.roles and role not in (self.role, Role.OTHER)]
        if also:
            facts["also"] = " ".join(also)
        fields = tuple(self.fields)[:MAX_FIELDS]
        return Entity(kind=self.typed.kind, value=self.typed.value, role=self.role, fields=fields, facts=facts)


class FoundEntities:
    """The entities of one event or of many."""

    def __init__(self) -> None:
        self._found: dict[Key, _FoundEntity] = {}

    def add(self, typed: Typed, role: Role, path: str, facts: Mapping[str, str] | None = None) -> None:
        """Note that a field holds an entity."""
        found = self._found.setdefault(typed.key, _FoundEntity(typed, events=1))
        found.roles[role] = None
        if path:
            found.fields[path] = None
        found.learn(typed, {**typed.facts, **(facts or {})})

    def role_of(self, kind: EntityKind, value: str) -> Role | None:
        """The role of an entity that has been found."""
        found = self._found.get((kind, value))
        return found.role if found is not None else None

    def emails(self) -> Iterable[tuple[str, Role]]:
        """The e-mail addresses found and their roles."""
        return [(found.typed.value, found.role) for (kind, _), found in self._found.items() if kind is EntityKind.EMAIL]

    def has(self, *roles: Role) -> bool:
        """Whether any entity has one of the roles."""
        return any(role in found.roles for found in self._found.values() for role in roles)

    def weight(self) -> int:
        """How many entities acted, were a source or were acted upon."""
        return sum(found.role is not Role.OTHER for found in self._found.values())

    def drop_lesser_readings(self) -> None:
        """Where a value was read in two ways, keep the one that says more."""
        self._drop_derived_roles()
        named: dict[str, _FoundEntity] = {}
        for (kind, value), found in self._found.items():
            if kind not in (EntityKind.RESOURCE, EntityKind.TRACE, EntityKind.ACTOR_ID):
                named.setdefault(value.casefold(), found)
        for key, found in list(self._found.items()):
            better = named.get(key[1].casefold())
            if key[0] in (EntityKind.RESOURCE, EntityKind.TRACE) and better is not None:
                better.roles.update(found.roles)
                better.fields.update(found.fields)
                del self._found[key]

    def _drop_derived_roles(self) -> None:
        """Drop a role's ARN that was made from its session where the event holds the role's own."""
        real = {
            (found.facts.get("account"), found.typed.value.rpartition("/")[2])
            for (kind, _), found in self._found.items()
            if kind is EntityKind.ARN and found.facts.get("type") == "role" and "derived" not in found.typed.facts
        }
        for (kind, value), found in list(self._found.items()):
            derived = kind is EntityKind.ARN and "derived" in found.typed.facts
            if derived and (found.facts.get("account"), value.rpartition("/")[2]) in real:
                del self._found[(kind, value)]

    def merge(self, other: "FoundEntities") -> None:
        """Add what another event holds."""
        for key, found in other._found.items():  # noqa: SLF001 - of the same class
            mine = self._found.get(key)
            if mine is None:
                mine = self._found[key] = _FoundEntity(found.typed)
            mine.roles.update(found.roles)
            mine.fields.update(found.fields)
            mine.events += found.events
            mine.learn(found.typed, found.facts)

    def entities(self) -> tuple[Entity, ...]:
        """The entities kept: by role, then by number of events, then the most telling kind first."""
        self._drop_derived_roles()
        order = {key: place for place, key in enumerate(self._found)}
        ranked = sorted(
            self._found.values(),
            key=lambda found: (
                _ROLES.index(found.role),
                -found.events,
                _KINDS.index(found.typed.kind),
                order[found.typed.key],
            ),
        )
        if len(ranked) > MAX_ENTITIES:
            ranked = _bounded(ranked)
        return tuple(found.entity() for found in ranked)


def _bounded(ranked: list[_FoundEntity]) -> list[_FoundEntity]:
    kept: set[Key] = set()
    for role, share in _SHARES.items():
        kept.update([found.typed.key for found in ranked if found.role is role][:share])
    for found in ranked:
        if len(kept) >= MAX_ENTITIES:
            break
        kept.add(found.typed.key)
    return [found for found in ranked if found.typed.key in kept]
