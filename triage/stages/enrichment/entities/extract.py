"""Takes the entities of an alert out of its events."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from pydantic import JsonValue

from triage.domain.base import Row
from triage.domain.entity import Entity, EntityKind, Role
from triage.stages.enrichment.entities.fields import Field, parse_table, table_of
from triage.stages.enrichment.entities.gather import Gathering
from triage.stages.enrichment.entities.names import asks, hint_of, resource_name, role_of
from triage.stages.enrichment.entities.paths import find, leaves
from triage.stages.enrichment.entities.typed import Typed, text_of
from triage.stages.enrichment.entities.values import detect, emails_in, read

MAX_EVENTS: Final = 1_000
MAX_LEAVES: Final = 1_500
"""Scalars looked at per event beyond those of its table."""
MAX_SCAN: Final = 60
"""Scalars read per object that a table hands over whole."""

_INDICATORS: Final = (
    ("p_any_ip_addresses", "ip"),
    ("p_any_emails", "email"),
    ("p_any_usernames", "user"),
    ("p_any_aws_arns", "arn"),
    ("p_any_aws_account_ids", "account"),
    ("p_any_aws_instance_ids", "resource"),
    ("p_any_domain_names", "domain"),
    ("p_any_actor_ids", "actor_id"),
    ("p_any_md5_hashes", "hash"),
    ("p_any_sha1_hashes", "hash"),
    ("p_any_sha256_hashes", "hash"),
    ("p_any_mac_addresses", "resource"),
    ("p_any_serial_numbers", "resource"),
    ("p_any_trace_ids", "trace"),
)
"""Source: Panther's documented indicator fields."""

_UNIFIED: Final = parse_table(
    """
source ip     p_udm.source.ip p_udm.source.address
other  ip     p_udm.destination.ip p_udm.destination.address
other  user   p_udm.user.name
other  email  p_udm.user.email
other  arn    p_udm.user.arns.*
other  actor_id p_udm.user.provider_id
"""
)
"""Panther's unified data model; it doesn't say whether its user acted."""

_SIGNATURES: Final = (
    ("AWS.CloudTrail", ("useridentity", "eventsource", "eventname")),
    ("Okta.SystemLog", ("actor", "eventtype", "outcome")),
    ("GCP.AuditLog", ("protopayload",)),
    ("Amazon.EKS.Audit", ("verb", "user", "objectref")),
    ("AWS.VPCFlow", ("srcaddr", "dstaddr")),
    ("OnePassword.SignInAttempt", ("target_user", "client", "category")),
)
"""Log type by the columns that together only it has, in lower case."""


def log_type_of(event: Row) -> str:
    """Give an event's log type: `p_log_type`, else what its columns show, else an empty text."""
    named = event.get("p_log_type")
    if isinstance(named, str) and named.strip():
        return named.strip()
    columns = {key.casefold() for key in islice(event, 500)}
    for log_type, needed in _SIGNATURES:
        if columns.issuperset(needed):
            return log_type
    return ""


def extract_event(event: Row, log_type: str) -> tuple[Entity, ...]:
    """Take the entities out of one event.

    Args:
        event: A row of the lake.
        log_type: Panther's name; empty or unknown: fields are judged by their names.
    """
    return _of_event(event, log_type).entities()


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
    whole = Gathering()
    for event in events[:MAX_EVENTS]:
        whole.merge(_of_event(event, log_type_of(event), log_types))
    if context:
        log_type = next((log_type_of(event) for event in events if log_type_of(event)), "")
        whole.merge(_of_context(context, log_type or next(iter(log_types), ""), alone=not events))
    return whole.entities()


def _of_event(event: Row, log_type: str, log_types: Sequence[str] = ()) -> Gathering:
    gathering = Gathering()
    for table in _tables(log_type, log_types):
        tried = Gathering()
        _read_table(tried, event, table)
        if tried.weight() > gathering.weight():
            gathering = tried
    _read_table(gathering, event, _UNIFIED)
    _read_rest(gathering, event, by_name=not gathering.has(Role.ACTOR, Role.TARGET))
    _read_indicators(gathering, event)
    gathering.settle()
    return gathering


def _tables(log_type: str, log_types: Sequence[str]) -> Iterator[tuple[Field, ...]]:
    """The event's own table, else those of all the log types that it may have."""
    own = table_of(log_type)
    if own or log_type:
        yield own
        return
    for each in log_types:
        yield table_of(each)


def _of_context(context: Mapping[str, JsonValue], log_type: str, *, alone: bool) -> Gathering:
    gathering = Gathering()
    _read_table(gathering, context, table_of(log_type), prefix="p_alert_context.")
    _read_rest(gathering, context, by_name=alone and not gathering.has(Role.ACTOR), prefix="p_alert_context.")
    gathering.settle()
    return gathering


def _read_table(gathering: Gathering, event: Row, table: tuple[Field, ...], prefix: str = "") -> None:
    for field in table:
        for at, node in find(event, field.path):
            scalars = islice(leaves(node, at), MAX_SCAN) if field.below else _scalars(at, node)
            for path, value in scalars:
                for typed in _typed(value, field.hint, path):
                    gathering.add(typed, field.role, prefix + path)


def _scalars(at: str, node: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """The node, or the items of a list; an object is left alone."""
    if isinstance(node, list):
        for index, value in enumerate(node[:MAX_SCAN]):
            if not isinstance(value, dict | list):
                yield f"{at}.{index}", value
    elif not isinstance(node, dict):
        yield at, node


def _typed(value: JsonValue, hint: str, path: str) -> tuple[Typed, ...]:
    if hint == "words":
        return emails_in(value)
    if hint != "scan":
        return read(value, hint)
    if asks(path):
        return ()
    return read(value, hint_of(path)) or (read(value, "resource") if resource_name(path) else ())


def _read_rest(gathering: Gathering, event: Row, *, by_name: bool, prefix: str = "") -> None:
    """Read the fields that no table names: with roles by their names, or only what shows its own type."""
    columns = {name: value for name, value in event.items() if not str(name).startswith("p_")}
    for path, value in islice(leaves(columns), MAX_LEAVES):
        if by_name:
            hint = hint_of(path)
            role = role_of(path, hint)
            found = read(value, hint)
            if not found and role is Role.TARGET and resource_name(path):
                found = read(value, "resource")
            for typed in found:
                gathering.add(typed, role, prefix + path)
        else:
            for typed in detect(text_of(value)):
                gathering.add(typed, Role.OTHER, prefix + path)


def _read_indicators(gathering: Gathering, event: Row) -> None:
    """Read the `p_any_` columns: they know no role, so the values keep those of the fields they came from."""
    for column, hint in _INDICATORS:
        for path, value in _scalars(column, event.get(column)):
            # Of an ARN only itself: the names in it are entities where a field of the event says whose they are.
            for typed in read(value, hint)[:1]:
                if typed.kind is EntityKind.USER and gathering.role_of(typed.kind, typed.value) is None:
                    _add_local_part(gathering, typed, path)
                else:
                    gathering.add(typed, Role.OTHER, path)


def _add_local_part(gathering: Gathering, typed: Typed, path: str) -> None:
    """Panther files the part of an e-mail address before the `@` as a user name."""
    name = typed.value.casefold()
    for address, role in gathering.emails():
        if address.partition("@")[0] == name:
            gathering.add(typed, role, path, {"local_part_of": address})
            return
    gathering.add(typed, Role.OTHER, path)
