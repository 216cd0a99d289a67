"""Who acted in an alert, read from its events: each of them, with what they did to what, from where, and when."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address

from triage.domain.alert import Alert
from triage.domain.base import Row
from triage.domain.derived import DerivedIdentity
from triage.domain.entity import INDICATOR_COLUMN, Entity, EntityKind, Role
from triage.domain.identity import Identity, IdentityKind, IdentityLink
from triage.domain.times import parse_time
from triage.logtypes import Term
from triage.logtypes.terms import take
from triage.stages.enrichment.entities.extract import extract_entities
from triage.stages.enrichment.entities.values import text_of
from triage.stages.enrichment.identities import IdentityGroup, identities_in, values_of
from triage.stages.enrichment.moments import event_moments

__all__ = ["MAX_ACTORS", "ActorDraft", "AlertActor", "alert_actors", "draft_actors", "parse_time", "take"]

MAX_ACTORS = 4
"""Actors of one alert about whom questions are asked, the busiest first."""
MAX_VALUES = 12
"""The most values of one kind in a question."""
_AWS_USER = re.compile(r"^arn:aws[\w-]*:iam::\d+:user/(?:.*/)?([^/]+)$")
_AWS_SESSION = re.compile(r"^arn:aws[\w-]*:sts::\d+:assumed-role/[^/]+/([^/]+)$")
_AWS_ROLE_ID = re.compile(r"^AROA[A-Z0-9]+$")
"""Without the name of a session after a colon."""
_IDENTIFYING = {"actor", "target", "recipient", "receiver", "session", "host"}
"""Terms whose values tell one from another."""
_UNKNOWN_NAMES = {"", "-", "unknown", "none", "null", "system", "root", "anonymous", "system:anonymous"}


@dataclass(frozen=True, slots=True)
class AlertActor:
    """Who acted in an alert, and what they did. Every tuple holds each value once, the most frequent first."""

    moment: datetime
    """The actor's first event."""
    last: datetime
    """The actor's last event."""
    log_type: str = ""
    """The log type that this was read from."""
    identity: str = ""
    """The actor as the log names them."""
    aliases: tuple[str, ...] = ()
    """Every form in which the term `actor` of this log gives them, `identity` first."""
    identities: tuple[Identity, ...] = ()
    """All that is known of who it is, over all logs."""
    links: tuple[IdentityLink, ...] = ()
    """Why those belong together."""
    actions: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    """Where the provider places the addresses, in its own words."""
    recipients: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    """Those who were given something, by the names under which they would act in this log."""
    sessions: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    """E-mail addresses and user names of the person behind the actor, lower case; empty for services."""
    values: tuple[str, ...] = ()
    """The actor as the indicator columns hold it."""
    derived: tuple[DerivedIdentity, ...] = ()
    """Identities that the actor's acts made or reached, and under which more may follow."""
    hashes: tuple[str, ...] = ()
    """File hashes among the entities, lower case."""
    account: str = ""
    events: int = 0
    """Events of the actor in the alert."""
    refused: bool = False
    """Most of them are refusals."""

    @property
    def is_role(self) -> bool:
        """Whether it is a role that services share, rather than a person, a person's session or a key."""
        return not self.people and self.identity in values_of(self.identities, IdentityKind.AWS_ROLE_ARN)

    @property
    def runs(self) -> tuple[str, ...]:
        """The credentials of the run that the alert is about, those made in it too; empty for whom all are their own."""
        made = (each.value for each in self.derived if each.found_in == "session")
        return tuple(dict.fromkeys([*self.sessions, *made])) if self.is_role and self.sessions else ()


@dataclass(slots=True)
class ActorDraft:
    """The events of one actor in one log, while it is found out who that is."""

    log_type: str
    """Empty: no log type of the alert has terms, and all events are taken together."""
    rows: list[Row]
    forms: dict[str, None] = field(default_factory=dict)
    """As the term `actor` gives them, the first seen first."""
    group: IdentityGroup = field(default_factory=IdentityGroup)

    def absorb(self, other: "ActorDraft") -> None:
        """Take over another draft that turned out to be the same actor."""
        self.rows += other.rows
        self.forms |= other.forms
        self.group.add([*self.group.personal(), *other.group.known], "one event names both")


def draft_actors(events: Sequence[Row], terms: Mapping[str, Mapping[str, Term]]) -> list[ActorDraft]:
    """Sort an alert's events by who acted, the busiest first.

    Args:
        events: The alert's events.
        terms: By log type, how it says who, what, where.

    Returns:
        At least one draft. Events that name no one are left out where others do.
    """
    found: dict[tuple[str, str], ActorDraft] = {}
    nameless: dict[str, ActorDraft] = {}
    for row in events:
        log_type = row.get("p_log_type")
        known = terms.get(log_type) if isinstance(log_type, str) else None
        if not known or not isinstance(log_type, str):
            continue
        form = take(row, known["actor"].take) if "actor" in known else ""
        if not text_of(form):
            nameless.setdefault(log_type, ActorDraft(log_type, [])).rows.append(row)
            continue
        draft = found.setdefault((log_type, form), ActorDraft(log_type, []))
        draft.rows.append(row)
        draft.forms.setdefault(form)
        draft.group.add(identities_in(row, log_type), "the same event names both")
    drafts = merge_drafts(list(found.values()))
    return drafts or list(nameless.values())[:1] or [ActorDraft("", list(events))]


def merge_drafts(drafts: Sequence[ActorDraft]) -> list[ActorDraft]:
    """Put drafts of one log type together that share an identity; the busiest first."""
    merged: list[ActorDraft] = []
    for draft in drafts:
        same = next(
            (
                other
                for other in merged
                if other.log_type == draft.log_type
                and (
                    set(other.group.personal()) & set(draft.group.personal()) or other.forms.keys() & draft.forms.keys()
                )
            ),
            None,
        )
        if same is None:
            merged.append(draft)
        else:
            same.absorb(draft)
    return sorted(merged, key=lambda draft: -len(draft.rows))


def alert_actors(
    alert: Alert,
    drafts: Sequence[ActorDraft],
    terms: Mapping[str, Mapping[str, Term]],
    events: Sequence[Row],
    entities: Sequence[Entity],
) -> tuple[AlertActor, ...]:
    """Read from each actor's events what they did.

    Args:
        alert: Gives the moment if no event does.
        drafts: From `draft_actors`.
        terms: By log type, how it says who, what, where.
        events: All of the alert's events.
        entities: What parsing found; used for log types without terms.
    """
    return tuple(
        _read(alert, draft, terms.get(draft.log_type, {}), draft.rows if len(drafts) > 1 else events, entities)
        for draft in drafts
    )


def _read(
    alert: Alert, draft: ActorDraft, terms: Mapping[str, Term], timed: Sequence[Row], entities: Sequence[Entity]
) -> AlertActor:
    when = event_moments(alert, timed)
    counted = _count_terms(draft.rows, terms)
    identity = _most_frequent(counted.get("actor")) or next(iter(draft.forms), "")
    by_role = [entity for entity in entities if entity.role is Role.ACTOR]
    if draft.log_type:
        # An alert can take in events of several actors: only this one's names are theirs.
        own = _actor_entities(draft.rows, draft.log_type)
        by_role = [entity for entity in by_role if (entity.kind, entity.value) in own] or (
            by_role if len(draft.rows) == len(timed) else []
        )
    addresses = _values(counted.get("reported_address")) or _values(counted.get("address"))
    addresses = addresses or _entity_values(entities, (EntityKind.IP,), (Role.SOURCE, Role.ACTOR))
    if not addresses and not draft.log_type:
        # A log type without terms: the indicator fields are all there is.
        addresses = _entity_values(entities, (EntityKind.IP,), (Role.OTHER,))
    named = bool(counted.get("actor"))
    return AlertActor(
        moment=when.first,
        last=when.last,
        log_type=draft.log_type,
        identity=identity,
        aliases=tuple(dict.fromkeys([identity, *draft.forms]))[:MAX_VALUES] if identity else (),
        identities=tuple(draft.group.known),
        links=tuple(draft.group.links),
        actions=_values(counted.get("action")),
        targets=_values(counted.get("target")),
        addresses=tuple(address for address in addresses if _is_address(address)),
        countries=_values(counted.get("country")),
        recipients=_values(counted.get("recipient")),
        receivers=_receivers(counted, terms),
        sessions=_values(counted.get("session")),
        hosts=_values(counted.get("host")),
        people=_people(identity, by_role, draft.group),
        values=_indicators(identity, by_role, draft.group),
        hashes=_entity_values(entities, (EntityKind.HASH,), tuple(Role)),
        account=next(iter(_entity_values(entities, (EntityKind.ACCOUNT,), tuple(Role))), ""),
        events=len(draft.rows) if named else 0,
        refused=named and 2 * sum(counted.get("refused", Counter()).values()) > len(draft.rows),
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


def _receivers(counted: Mapping[str, Counter[str]], terms: Mapping[str, Term]) -> tuple[str, ...]:
    """Where the log type's file doesn't say who they act as, they are called as the recipient or the target is."""
    names = ("receiver",) if "receiver" in terms else ("recipient", "target")
    return tuple(dict.fromkeys(value for name in names for value in _values(counted.get(name))))


def _actor_entities(rows: Sequence[Row], log_type: str) -> set[tuple[EntityKind, str]]:
    """Who acts in these events."""
    found = extract_entities(rows, context={}, log_types=[log_type])
    return {(entity.kind, entity.value) for entity in found if entity.role is Role.ACTOR}


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


def _people(identity: str, entities: Sequence[Entity], group: IdentityGroup) -> tuple[str, ...]:
    """Names under which a person signs in; none for a role whose session has the name of no one."""
    found: list[str] = []
    user, session = _AWS_USER.match(identity), _AWS_SESSION.match(identity)
    if user:
        found.append(user.group(1))
    elif session and "@" in session.group(1):
        # Whoever assumes a role chooses the name of the session: it is good for a question, and shows nothing.
        return (session.group(1).lower(),)
    elif identity.startswith("arn:"):
        return ()
    elif identity and not _is_address(identity):
        found.append(identity)
    found += values_of(group.known, IdentityKind.EMAIL)
    found += [entity.value for entity in entities if entity.kind is EntityKind.EMAIL]
    if not found:
        found += [entity.value for entity in entities if entity.kind is EntityKind.USER]
    cleaned = (name.strip().lower() for name in found)
    return tuple(dict.fromkeys(name for name in cleaned if name not in _UNKNOWN_NAMES))[:MAX_VALUES]


def _indicators(identity: str, entities: Sequence[Entity], group: IdentityGroup) -> tuple[str, ...]:
    found = [identity] if identity else []
    found += [each.value for each in group.personal()]
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
    roles = set(values_of(group.known, IdentityKind.AWS_ROLE_ARN)) - {identity}
    kept = (value for value in found if value.lower() not in _UNKNOWN_NAMES and not _is_of_role(value, roles))
    return tuple(dict.fromkeys(kept))[:MAX_VALUES]


def _is_of_role(value: str, roles: Collection[str]) -> bool:
    """Whether a value names a role that the actor has assumed, as others may: its ARN, its name or its id."""
    if not roles:
        return False
    return value in roles or value in {role.rpartition("/")[2] for role in roles} or bool(_AWS_ROLE_ID.match(value))
