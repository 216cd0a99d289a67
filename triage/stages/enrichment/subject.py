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
"""Values of a kind that one question asks for."""
MAX_CHARS = 500
_HOLE = re.compile(r"\{([^{}]+)\}")
_AWS_SESSION = re.compile(r"^arn:aws[\w-]*:sts::\d+:assumed-role/[^/]+/(.+)$")
_AWS_USER = re.compile(r"^arn:aws[\w-]*:iam::\d+:user/(?:.*/)?([^/]+)$")
_PERSON_KINDS = (EntityKind.EMAIL, EntityKind.USER)
_NAMING = {"actor", "target", "recipient", "session"}
"""Terms whose values tell one from another."""
_UNKNOWN_NAMES = {"", "-", "unknown", "none", "null", "system", "root", "anonymous", "system:anonymous"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What the questions are asked about. Every list holds each value once, the most frequent first."""

    moment: datetime
    """The first event."""
    last: datetime
    """The last event."""
    log_type: str = ""
    """The log type that the subject was read from."""
    actor: str = ""
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
    def names(self) -> tuple[str, ...]:
        """The part of `people` in front of the @."""
        return tuple(dict.fromkeys(name.split("@")[0] for name in self.people))


def subject_of(
    alert: Alert, events: Sequence[Row], terms: Mapping[str, Mapping[str, Term]], entities: Sequence[Entity]
) -> Subject:
    """Read the subject from an alert's events.

    Args:
        alert: Gives the moment where no event does.
        events: The alert's events.
        terms: By log type, how it says who, what, where.
        entities: What parsing found; stands in where a log type has no terms.
    """
    times = sorted(moment for row in events if (moment := parse_time(row.get("p_event_time"))) is not None)
    moment = min(times[0], alert.moment) if times else alert.moment
    last = max([moment, *times[-1:]])
    found: dict[str, Counter[str]] = {}
    log_type = ""
    for row in events:
        name = str(row.get("p_log_type") or "")
        known = terms.get(name) or {}
        if known and not log_type:
            log_type = name
        if name != log_type:
            continue
        for term, meaning in known.items():
            value = _said(row, term, meaning)
            if value:
                found.setdefault(term, Counter())[value] += 1
    actor = _first(found.get("actor"))
    by_role = [entity for entity in entities if entity.role is Role.ACTOR]
    if actor and len(found.get("actor", ())) > 1:
        meanings = terms.get(log_type) or {}
        found = _of_actor(events, meanings, log_type, actor)
        others = _others(events, meanings, log_type, actor)
        by_role = [entity for entity in by_role if (entity.kind, entity.value) not in others]
    mine = (found.get("actor") or Counter())[actor]
    addresses = _list(found.get("address")) or _values(entities, (EntityKind.IP,), (Role.SOURCE, Role.ACTOR))
    if not addresses and not log_type:
        # A log that no playbook knows: what the indicator fields hold is all there is.
        addresses = _values(entities, (EntityKind.IP,), (Role.OTHER,))
    return Subject(
        moment=moment,
        last=last,
        log_type=log_type,
        actor=actor,
        actions=_list(found.get("action")),
        targets=_list(found.get("target")),
        addresses=tuple(address for address in addresses if _is_address(address)),
        recipients=_list(found.get("recipient")),
        sessions=_list(found.get("session")),
        people=_people(actor, by_role),
        values=_indicators(actor, by_role),
        hashes=_values(entities, (EntityKind.HASH,), tuple(Role)),
        account=next(iter(_values(entities, (EntityKind.ACCOUNT,), tuple(Role))), ""),
        events=mine,
        refused=bool(mine) and 2 * sum((found.get("refused") or Counter()).values()) > mine,
    )


def _of_actor(events: Sequence[Row], terms: Mapping[str, Term], log_type: str, actor: str) -> dict[str, Counter[str]]:
    """An alert can take in events of several actors; the subject is the one with the most, and only what they did."""
    found: dict[str, Counter[str]] = {}
    for row in events:
        if row.get("p_log_type") != log_type or take(row, terms["actor"].take) != actor:
            continue
        for term, meaning in terms.items():
            value = _said(row, term, meaning)
            if value:
                found.setdefault(term, Counter())[value] += 1
    return found


def _others(events: Sequence[Row], terms: Mapping[str, Term], log_type: str, actor: str) -> set[tuple[EntityKind, str]]:
    """Who else acts in the alert: none of them signs in as the subject."""
    mine: list[Row] = []
    theirs: list[Row] = []
    for row in events:
        if row.get("p_log_type") == log_type:
            (mine if take(row, terms["actor"].take) == actor else theirs).append(row)
    own, other = (
        {
            (entity.kind, entity.value)
            for entity in extract_entities(rows, context={}, log_types=[log_type])
            if entity.role is Role.ACTOR
        }
        for rows in (mine, theirs)
    )
    return other - own


def _said(row: Row, term: str, meaning: Term) -> str:
    """A term's value in an event. Where it should name somebody or something, a stand-in such as `unknown` is none:
    refused sign-ins of different people share it."""
    value = take(row, meaning.take)
    return value if term not in _NAMING or text_of(value) else ""


def take(row: Row, ways: Iterable[Take]) -> str:
    """A term's value in an event; empty where it has none."""
    for way in ways:
        if not all(fnmatchcase(_text(row, path), glob) for path, glob in way.where.items()):
            continue
        if way.text:
            parts = _HOLE.findall(way.text)
            if parts and not any(_text(row, part) for part in parts):
                continue
            value = _HOLE.sub(lambda hole, event=row: _text(event, hole.group(1)), way.text)  # type: ignore[misc]  # a bound default
        elif way.keys:
            value = _deep(row, way.keys)
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


def _deep(row: Row, keys: Iterable[str]) -> str:
    value: object = row
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return _plain(value)


def _text(row: Row, path: str) -> str:
    return _plain(lookup(row, path))


def _plain(value: object) -> str:
    if value is MISSING or value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def parse_time(value: object) -> datetime | None:
    """Read a time as the lake writes it (`2026-01-02 03:04:05.678`, UTC) or in ISO 8601; `None` for anything else."""
    if not isinstance(value, str):
        return None
    return _read_time(value) if len(value) <= _LONGEST_TIME else _time_in(value)


def _time_in(value: str) -> datetime | None:
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
"""Characters of a text that is remembered; a time needs 35 at most."""
_NANOSECONDS = re.compile(r"(\.\d{6})\d+")
_read_time = lru_cache(maxsize=16_384)(_time_in)
"""The hours of a table and the times of an alert's events are read again by each question."""


def _first(counted: Counter[str] | None) -> str:
    return counted.most_common(1)[0][0] if counted else ""


def _list(counted: Counter[str] | None) -> tuple[str, ...]:
    return tuple(value for value, _ in counted.most_common(MAX_VALUES)) if counted else ()


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _values(entities: Sequence[Entity], kinds: Sequence[EntityKind], roles: Sequence[Role]) -> tuple[str, ...]:
    found = (entity.value for entity in entities if entity.kind in kinds and entity.role in roles)
    return tuple(dict.fromkeys(found))[:MAX_VALUES]


def _people(actor: str, entities: Sequence[Entity]) -> tuple[str, ...]:
    """Names under which a person signs in. A session name that its user chose is not one of them."""
    found: list[str] = []
    user = _AWS_USER.match(actor)
    if user:
        found.append(user.group(1))
    elif actor.startswith("arn:"):
        # A role: whoever assumed it chose the session's name.
        return ()
    elif actor and not _is_address(actor):
        found.append(actor)
    found += [entity.value for entity in entities if entity.kind is EntityKind.EMAIL]
    if not found:
        found += [entity.value for entity in entities if entity.kind is EntityKind.USER]
    cleaned = (name.strip().lower() for name in found)
    return tuple(dict.fromkeys(name for name in cleaned if name not in _UNKNOWN_NAMES))[:MAX_VALUES]


def _indicators(actor: str, entities: Sequence[Entity]) -> tuple[str, ...]:
    found = [actor] if actor else []
    found += [
        entity.value
        for entity in entities
        if entity.kind in INDICATOR_COLUMN
        and entity.kind not in (EntityKind.ACCOUNT, EntityKind.TRACE, EntityKind.DOMAIN, EntityKind.HASH)
        and not (entity.kind is EntityKind.IP and not _is_address(entity.value))
    ]
    user = _AWS_USER.match(actor)
    if user:
        found.append(user.group(1))
    return tuple(dict.fromkeys(value for value in found if value.lower() not in _UNKNOWN_NAMES))[:MAX_VALUES]
