"""Fields of events that a runbook names, as what the log type's own file says they hold."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from triage.domain.entity import Role
from triage.domain.question import Subject, SubjectRole
from triage.logtypes import ColumnKind, FieldKind, identities_of, terms_of
from triage.logtypes.load import entity_fields, log_type_files
from triage.logtypes.paths import parse_path

_NAMES = frozenset(
    {
        FieldKind.USER, FieldKind.EMAIL, FieldKind.ARN, FieldKind.SERVICE, FieldKind.ACTOR_ID, FieldKind.NAME,
        FieldKind.ROLE, FieldKind.SESSION, FieldKind.PRINCIPAL,
    }
)  # fmt: skip
"""What identifies whoever acts; an account or a resource of theirs does not."""
_FIELD = re.compile(r"\$?[A-Za-z_][A-Za-z0-9_]*(?:[:.\[][A-Za-z0-9_\]-]+|\[\]){0,12}")
_INDEX = re.compile(r"\[(\d+)\]")
_PANTHER = {
    "p_any_ip_addresses": SubjectRole.ADDRESS,
    "p_any_usernames": SubjectRole.ACTOR,
    "p_any_emails": SubjectRole.ACTOR,
    "p_any_actor_ids": SubjectRole.ACTOR,
}
"""Panther's own columns, which every log has."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What is known of the fields of an alert's logs."""

    roles: dict[str, SubjectRole]
    """Path in lower case: whom of the alert it holds."""
    paths: dict[str, str]
    """Path in lower case: as the log spells it."""
    roots: frozenset[str]
    """Top-level keys in lower case that hold objects."""
    columns: frozenset[str]
    """Top-level columns in lower case; empty where the files don't list them."""

    def has_leaf(self, name: str) -> bool:
        """Whether a known path ends in this name."""
        return any(path.rpartition(".")[2] == name.casefold() for path in self.paths)

    def find(self, text: str) -> Subject | None:
        """What a field holds; nothing where the text is no field of these logs."""
        if not _FIELD.fullmatch(text):
            return None
        path = _INDEX.sub(r".\1", text.lstrip("$").replace("[]", ".*")).replace(":", ".").strip(".")
        key = path.casefold()
        if key in _PANTHER:
            return Subject(role=_PANTHER[key])
        if key not in self.paths:
            found = {each for each in self.paths if each.endswith(f".{key}")}
            roles = {self.roles.get(each) for each in found}
            if len(roles) == 1 and (role := roles.pop()) is not None:
                return Subject(role=role)
            key = found.pop() if len(found) == 1 else key
        if key in self.roles:
            return Subject(role=self.roles[key])
        known = key in self.paths or (
            "." in key and (key.partition(".")[0] in self.roots or (not self.columns and ":" in text))
        )
        if not known or key.startswith("p_"):
            return None
        try:
            return Subject(field=self.paths.get(key, path))
        except ValueError:
            return None


def fields_of(log_types: Sequence[str]) -> Fields:
    """The fields of these log types together."""
    return _fields(tuple(log_types))


@lru_cache(maxsize=256)
def _fields(log_types: tuple[str, ...]) -> Fields:
    roles: dict[str, SubjectRole] = {}
    paths: dict[str, str] = {}
    columns: set[str] = set()
    roots: set[str] = set()
    for log_type in log_types:
        for path, role in _known(log_type):
            key = path.casefold().removesuffix(".*")
            paths.setdefault(key, path.removesuffix(".*"))
            if role is not None:
                roles.setdefault(key, role)
        for file in log_type_files(log_type):
            for name in (name for names in file.columns.values() for name in names):
                columns.add(name.casefold())
                paths.setdefault(name.casefold(), name)
            roots.update(name.casefold() for name in file.columns.get(ColumnKind.JSON, ()))
    roots.update(key.partition(".")[0] for key in paths if "." in key)
    return Fields(roles, paths, frozenset(roots), frozenset(columns))


def _known(log_type: str) -> Iterator[tuple[str, SubjectRole | None]]:
    """Paths of a log type's file with the role they have; the first to name a path has the say."""
    terms = terms_of(log_type)
    for name, role in (("address", SubjectRole.ADDRESS), ("session", SubjectRole.SESSION)):
        if name in terms:
            yield from ((_written(take.path), role) for take in terms[name].take if take.path)
    entities = entity_fields(log_type)
    for entity in entities:
        path = ".".join(part.name for part in entity.path)
        if entity.role is Role.SOURCE:
            yield path, SubjectRole.ADDRESS if entity.kind is FieldKind.IP else None
        elif entity.role is Role.ACTOR and entity.kind in _NAMES:
            yield path, SubjectRole.ACTOR
        elif entity.role is Role.ACTOR:
            yield path, SubjectRole.SESSION if entity.kind is FieldKind.ACCESS_KEY else None
    for term in (*([terms["actor"]] if "actor" in terms else []), *identities_of(log_type).values()):
        yield from ((_written(take.path), SubjectRole.ACTOR) for take in term.take if take.path)
    for entity in entities:
        if "*" not in (path := ".".join(part.name for part in entity.path)):
            yield path, None
    for term in terms.values():
        yield from ((_written(take.path), None) for take in term.take if take.path)


def _written(path: str) -> str:
    return ".".join(part.name for part in parse_path(path))
