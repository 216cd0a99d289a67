"""What an alert is about, read from its events: who did what to what, from where, and when."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import ip_address

from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.entity import INDICATOR_COLUMN, Entity, EntityKind, Role
from triage.domain.evidence import MISSING, lookup
from triage.logtypes import Take, Term
from triage.stages.enrichment.entities.extract import extract_entities
from triage.stages.enrichment.entities.values import text_of

MAX_VALUES = 12
"""The most values of one kind in a question."""
MAX_CHARS = 500
_HOLE = re.compile(r"\{([^{}]+)\}")
_AWS_USER = re.compile(r"^arn:aws[\w-]*:iam::\d+:user/(?:.*/)?([^/]+)$")
_IDENTIFYING = {"actor", "target", "recipient", "session"}
"""Terms whose values tell one from another."""
_UNKNOWN_NAMES = {"", "-", "unknown", "none", "null", "system", "root", "anonymous", "system:anonymous"}


@dataclass(frozen=True, slots=True)
class AlertActor:
    """Who acted in an alert, and what they did. Every tuple holds each value once, the most frequent first."""

    moment: datetime
    """The first event."""
    last: datetime
    """The last event."""
    log_type: str = ""
    """The log type that this was read from."""
    identity: str = ""
    """The actor as the log names them."""
    aliases: tuple[str, ...] = ()
    """Every form in which the term `actor` of this log gives them, `identity` first."""
    actions: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    """E-mail addresses and user names of the person behind the actor, lower case."""
    values: tuple[str, ...] = ()
    """The actor as the indicator columns hold it."""
    hashes: tuple[str, ...] = ()
    """File hashes among the entities, lower case."""
    account: str = ""
    events: int = 0
    """Events of the actor in the alert."""
    refused: bool = False
    """Most of them are refusals."""

    @property
    def login_names(self) -> tuple[str, ...]:
        """The part of `people` in front of the @."""
        return tuple(dict.fromkeys(name.split("@")[0] for name in self.people))


def alert_actor(
    alert: Alert, events: Sequence[Row], terms: Mapping[str, Mapping[str, Term]], entities: Sequence[Entity]
) -> AlertActor:
    """Read who acted, and what they did, from an alert's events.

    An alert can take in events of several actors; the busiest one counts, and only what they did.

    Args:
        alert: Gives the moment if no event does.
        events: The alert's events.
        terms: By log type, how it says who, what, where.
        entities: What parsing found; used for log types without terms.
    """
    times = sorted(moment for row in events if (moment := parse_time(row.get("p_event_time"))) is not None)
    moment = min(times[0], alert.moment) if times else alert.moment
    log_type = next((name for row in events if terms.get(name := str(row.get("p_log_type") or ""))), "")
    known = terms.get(log_type, {})
    rows = [row for row in events if known and row.get("p_log_type") == log_type]
    counted = _count_terms(rows, known)
    identity = _most_frequent(counted.get("actor"))
    by_role = [entity for entity in entities if entity.role is Role.ACTOR]
    if identity and len(counted["actor"]) > 1:
        own: list[Row] = []
        foreign: list[Row] = []
        for row in rows:
            (own if take(row, known["actor"].take) == identity else foreign).append(row)
        counted = _count_terms(own, known)
        others = _actor_entities(foreign, log_type) - _actor_entities(own, log_type)
        by_role = [entity for entity in by_role if (entity.kind, entity.value) not in others]
    own_events = counted["actor"][identity] if identity else 0
    addresses = _values(counted.get("address")) or _entity_values(entities, (EntityKind.IP,), (Role.SOURCE, Role.ACTOR))
    if not addresses and not log_type:
        # A log type without terms: the indicator fields are all there is.
        addresses = _entity_values(entities, (EntityKind.IP,), (Role.OTHER,))
    return AlertActor(
        moment=moment,
        last=max([moment, *times[-1:]]),
        log_type=log_type,
        identity=identity,
        aliases=(identity,) if identity else (),
        actions=_values(counted.get("action")),
        targets=_values(counted.get("target")),
        addresses=tuple(address for address in addresses if _is_address(address)),
        recipients=_values(counted.get("recipient")),
        sessions=_values(counted.get("session")),
        people=_people(identity, by_role),
        values=_indicators(identity, by_role),
        hashes=_entity_values(entities, (EntityKind.HASH,), tuple(Role)),
        account=next(iter(_entity_values(entities, (EntityKind.ACCOUNT,), tuple(Role))), ""),
        events=own_events,
        refused=bool(own_events) and 2 * sum(counted.get("refused", Counter()).values()) > own_events,
    )


def _count_terms(rows: Iterable[Row], terms: Mapping[str, Term]) -> dict[str, Counter[str]]:
    """How often each value of each term occurs.

    Where a term should identify someone or something, a placeholder such as `unknown` doesn't count: refused sign-ins
    of different people share it.
    """
    counted: dict[str, Counter[str]] = {}
    for row in rows:
        for name, term in terms.items():
            value = take(row, term.take)
            if value and (name not in _IDENTIFYING or text_of(value)):
                counted.setdefault(name, Counter())[value] += 1
    return counted


def _actor_entities(rows: Sequence[Row], log_type: str) -> set[tuple[EntityKind, str]]:
    """Who acts in these events."""
    found = extract_entities(rows, context={}, log_types=[log_type])
    return {(entity.kind, entity.value) for entity in found if entity.role is Role.ACTOR}


def take(row: Row, ways: Iterable[Take]) -> str:
    """A term's value in an event; empty where it has none."""
    for way in ways:
        if not all(_any_match(_text(row, path), globs) for path, globs in way.where.items()):
            continue
        if way.text:
            parts = _HOLE.findall(way.text)
            if parts and not any(_text(row, part) for part in parts):
                continue
            value = _HOLE.sub(lambda hole, event=row: _text(event, hole.group(1)), way.text)  # type: ignore[misc]  # a bound default
        elif way.keys:
            value = _nested_text(row, way.keys)
        else:
            value = _text(row, way.path)
        if way.after:
            value = value.partition(way.after)[2]
        if way.before:
            value = value.partition(way.before)[0]
        value = value.lower() if way.lower else value
        if value:
            return value[:MAX_CHARS]
    return ""


def _any_match(value: str, globs: Iterable[str]) -> bool:
    """Whether a value matches one of the globs, letter case included."""
    return any(fnmatchcase(value, glob) for glob in globs)


def _nested_text(row: Row, keys: Iterable[str]) -> str:
    value: object = row
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return _scalar_text(value)


def _text(row: Row, path: str) -> str:
    return _scalar_text(lookup(row, path))


def _scalar_text(value: object) -> str:
    if value is MISSING or value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def parse_time(value: object) -> datetime | None:
    """Parse a time as the lake writes it (`2026-01-02 03:04:05.678`, UTC) or in ISO 8601; `None` for anything else."""
    if not isinstance(value, str):
        return None
    return _remembered_time(value) if len(value) <= _LONGEST_TIME else _parsed_time(value)


def _parsed_time(value: str) -> datetime | None:
    text = value.strip().replace(" ", "T", 1).removesuffix("Z")
    # Snowflake may write nine digits; Python reads six.
    if "." in text:
        text = _NANOSECONDS.sub(r"\1", text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_LONGEST_TIME = 40
"""Longer texts are not cached; a time needs at most 35 characters."""
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")
_remembered_time = lru_cache(maxsize=16_384)(_parsed_time)
"""Each question reads the hours of a table and the times of an alert's events again."""


def _most_frequent(counted: Counter[str] | None) -> str:
    return counted.most_common(1)[0][0] if counted else ""


def _values(counted: Counter[str] | None) -> tuple[str, ...]:
    return tuple(value for value, _ in counted.most_common(MAX_VALUES)) if counted else ()


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _entity_values(entities: Sequence[Entity], kinds: Sequence[EntityKind], roles: Sequence[Role]) -> tuple[str, ...]:
    found = (entity.value for entity in entities if entity.kind in kinds and entity.role in roles)
    return tuple(dict.fromkeys(found))[:MAX_VALUES]


def _people(identity: str, entities: Sequence[Entity]) -> tuple[str, ...]:
    """Names under which a person signs in. A session name, which its user chose, is not one."""
    found: list[str] = []
    user = _AWS_USER.match(identity)
    if user:
        found.append(user.group(1))
    elif identity.startswith("arn:"):
        # A role: whoever assumed it chose the name of the session.
        return ()
    elif identity and not _is_address(identity):
        found.append(identity)
    found += [entity.value for entity in entities if entity.kind is EntityKind.EMAIL]
    if not found:
        found += [entity.value for entity in entities if entity.kind is EntityKind.USER]
    cleaned = (name.strip().lower() for name in found)
    return tuple(dict.fromkeys(name for name in cleaned if name not in _UNKNOWN_NAMES))[:MAX_VALUES]


def _indicators(identity: str, entities: Sequence[Entity]) -> tuple[str, ...]:
    found = [identity] if identity else []
    found += [
        entity.value
        for entity in entities
        if entity.kind in INDICATOR_COLUMN
        and entity.kind not in (EntityKind.ACCOUNT, EntityKind.TRACE, EntityKind.DOMAIN, EntityKind.HASH)
        and not (entity.kind is EntityKind.IP and not _is_address(entity.value))
    ]
    user = _AWS_USER.match(identity)
    if user:
        found.append(user.group(1))
    return tuple(dict.fromkeys(value for value in found if value.lower() not in _UNKNOWN_NAMES))[:MAX_VALUES]
