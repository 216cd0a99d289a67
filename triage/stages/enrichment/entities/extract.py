"""Takes the entities of an alert out of its events."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.entity import Entity, EntityKind, Role
from triage.logtypes import EntityField, FieldKind, entity_fields, recognise
from triage.logtypes.paths import find, leaves, parse_path
from triage.stages.enrichment.entities.found import FoundEntities
from triage.stages.enrichment.entities.names import is_filter, is_namespace, kind_of, names_a_thing, role_of
from triage.stages.enrichment.entities.values import Typed, detect, read, text_of

MAX_EVENTS: Final = 1_000
MAX_LEAVES: Final = 1_500
"""Scalars looked at per event beyond those that its log type's file names."""
MAX_SCAN: Final = 60
"""Scalars read per object that a file hands over whole."""

_INDICATORS: Final = (
    ("p_any_ip_addresses", FieldKind.IP),
    ("p_any_emails", FieldKind.EMAIL),
    ("p_any_usernames", FieldKind.USER),
    ("p_any_aws_arns", FieldKind.ARN),
    ("p_any_aws_account_ids", FieldKind.ACCOUNT),
    ("p_any_aws_instance_ids", FieldKind.RESOURCE),
    ("p_any_domain_names", FieldKind.DOMAIN),
    ("p_any_actor_ids", FieldKind.ACTOR_ID),
    ("p_any_md5_hashes", FieldKind.HASH),
    ("p_any_sha1_hashes", FieldKind.HASH),
    ("p_any_sha256_hashes", FieldKind.HASH),
    ("p_any_mac_addresses", FieldKind.RESOURCE),
    ("p_any_serial_numbers", FieldKind.RESOURCE),
    ("p_any_trace_ids", FieldKind.TRACE),
)
"""Source: Panther's documented indicator fields."""

_UNIFIED: Final = tuple(
    EntityField(role, kind, parse_path(f"p_udm.{path}"), below=False)
    for role, kind, path in (
        (Role.SOURCE, FieldKind.IP, "source.ip"),
        (Role.SOURCE, FieldKind.IP, "source.address"),
        (Role.OTHER, FieldKind.IP, "destination.ip"),
        (Role.OTHER, FieldKind.IP, "destination.address"),
        (Role.OTHER, FieldKind.USER, "user.name"),
        (Role.OTHER, FieldKind.EMAIL, "user.email"),
        (Role.OTHER, FieldKind.ARN, "user.arns.*"),
        (Role.OTHER, FieldKind.ACTOR_ID, "user.provider_id"),
    )
)
"""Panther's unified data model; it doesn't say whether its user acted."""


def log_type_of(event: Row) -> str:
    """Give an event's log type: `p_log_type`, else what its columns show, else an empty text."""
    named = event.get("p_log_type")
    if isinstance(named, str) and named.strip():
        return named.strip()
    return recognise(islice(event, 500))


def extract_entities(
    events: Sequence[Row], *, context: Mapping[str, JsonValue], log_types: Sequence[str]
) -> tuple[Entity, ...]:
    """Take the entities out of an alert's events.

    Args:
        events: The alert's events; the first thousand count.
        context: What the rule's `alert_context` returned; it decides on roles only where there is no event.
        log_types: The detection's log types, for events that don't name theirs.

    Returns:
        At most sixty, each once: actors, sources, targets, others; within a role those of most events first.
    """
    found = FoundEntities()
    for event in events[:MAX_EVENTS]:
        found.merge(_of_event(event, log_type_of(event), log_types))
    if context:
        log_type = next((log_type_of(event) for event in events if log_type_of(event)), "")
        found.merge(_of_context(context, log_type or next(iter(log_types), ""), alone=not events))
    return found.entities()


def _of_event(event: Row, log_type: str, log_types: Sequence[str]) -> FoundEntities:
    found = FoundEntities()
    # An event that doesn't say what it is may be any of the detection's; the best fit counts.
    for candidate in [log_type] if log_type else log_types:
        tried = FoundEntities()
        _read_fields(tried, event, entity_fields(candidate))
        if tried.weight() > found.weight():
            found = tried
    _read_fields(found, event, _UNIFIED)
    _read_rest(found, event, by_name=not found.has(Role.ACTOR, Role.TARGET))
    _read_indicators(found, event)
    found.drop_lesser_readings()
    return found


def _of_context(context: Mapping[str, JsonValue], log_type: str, *, alone: bool) -> FoundEntities:
    found = FoundEntities()
    _read_fields(found, context, entity_fields(log_type), prefix="p_alert_context.")
    _read_rest(found, context, by_name=alone and not found.has(Role.ACTOR), prefix="p_alert_context.")
    found.drop_lesser_readings()
    return found


def _read_fields(found: FoundEntities, event: Row, fields: tuple[EntityField, ...], prefix: str = "") -> None:
    for field in fields:
        for at, node in find(event, field.path):
            scalars = islice(leaves(node, at), MAX_SCAN) if field.below else _scalars(at, node)
            for path, value in scalars:
                for typed in _typed(value, field.kind, path):
                    found.add(typed, field.role, prefix + path)


def _scalars(at: str, node: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """The node, or the items of a list; an object is left alone."""
    if isinstance(node, list):
        for index, value in enumerate(node[:MAX_SCAN]):
            if not isinstance(value, dict | list):
                yield f"{at}.{index}", value
    elif not isinstance(node, dict):
        yield at, node


def _typed(value: JsonValue, kind: FieldKind, path: str) -> tuple[Typed, ...]:
    if kind is not FieldKind.SCAN:
        return read(value, kind)
    if is_filter(path) or is_namespace(path):
        return ()
    return read(value, kind_of(path)) or (read(value, FieldKind.RESOURCE) if names_a_thing(path) else ())


def _read_rest(found: FoundEntities, event: Row, *, by_name: bool, prefix: str = "") -> None:
    """Read the fields that no file names: with roles by their names, or only what shows its own type."""
    columns = {name: value for name, value in event.items() if not str(name).startswith("p_")}
    for path, value in islice(leaves(columns), MAX_LEAVES):
        if is_namespace(path):
            continue
        if by_name:
            kind = kind_of(path)
            role = role_of(path, kind)
            values = read(value, kind)
            if not values and role is Role.TARGET and names_a_thing(path):
                values = read(value, FieldKind.RESOURCE)
            for typed in values:
                found.add(typed, role, prefix + path)
        else:
            for typed in detect(text_of(value)):
                found.add(typed, Role.OTHER, prefix + path)


def _read_indicators(found: FoundEntities, event: Row) -> None:
    """Read the `p_any_` columns: they know no role, so the values keep those of the fields they came from."""
    for column, kind in _INDICATORS:
        for path, value in _scalars(column, event.get(column)):
            # Of an ARN only itself: the names in it are entities where a field of the event says whose they are.
            for typed in read(value, kind)[:1]:
                if typed.kind is EntityKind.USER and found.role_of(typed.kind, typed.value) is None:
                    _add_local_part(found, typed, path)
                else:
                    found.add(typed, Role.OTHER, path)


def _add_local_part(found: FoundEntities, typed: Typed, path: str) -> None:
    """Panther files the part of an e-mail address before the `@` as a user name."""
    name = typed.value.casefold()
    for address, role in found.emails():
        if address.partition("@")[0] == name:
            found.add(typed, role, path, {"local_part_of": address})
            return
    found.add(typed, Role.OTHER, path)
