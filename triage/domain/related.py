"""Which alerts belong to one incident: by what they measurably have in common, and by when.

Alerts of different detections join where the same event is in both, where both were done with one session or key,
where an identity that one of them made or reached acts in the other, or where one person acted in both within a short
time. A wrong member costs more than a missing one, since it sends the reader after the wrong person. So an address
never joins, and neither does what many share: a role, a service account, a cloud account, a bucket or a repository.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.actor_values import ActorValues
from triage.domain.alert import Kind
from triage.domain.base import Value
from triage.domain.case import CaseLink, KeyKind, LinkKey, LinkKeys
from triage.domain.derived import HANDED_OVER
from triage.domain.dossier import Dossier
from triage.domain.identity import Identity, IdentityKind

ACTOR_WINDOW = timedelta(hours=2)
"""The same person's alerts join if they are no further apart: an administrator's day holds several unrelated ones."""
TARGET_WINDOW = timedelta(hours=8)
"""The same person's alerts about the same thing."""
KEY_WINDOW = timedelta(hours=12)
"""Alerts of one session or key, and what a new identity did after it was made."""
LONGEST_BY_ACTOR = timedelta(hours=12)
"""A case does not grow beyond this by a person alone: links would chain a whole week of the busiest one."""
LONGEST = timedelta(days=2)
"""A case does not grow beyond this at all."""
MOST_SHARING = 25
"""A person who acted in more alerts than this within a window is a user in whose name everything runs, and joins none.

Of as many alerts with one session or key, each is compared with so many of the next: by causing alerts, whoever has the
key can't pull its case apart.
"""
MOST_VALUES = 12
"""Of each kind, in one alert."""
MOST_EVENTS = 20
_LONGEST_VALUE = 200
_LEAST_SESSION = 16
"""Characters of a session's id that is unique by itself; a shorter one is unique in its log only."""

_PERSONAL = frozenset(
    {
        IdentityKind.EMAIL,
        IdentityKind.USERNAME,
        IdentityKind.OKTA_USER_ID,
        IdentityKind.ONELOGIN_USER_ID,
        IdentityKind.GITHUB_LOGIN,
        IdentityKind.AWS_USER_ARN,
        IdentityKind.IDENTITY_CENTER_USER_ID,
        IdentityKind.SNOWFLAKE_USER,
    }
)
"""One person, or a user of their own. Not the session of a role: whoever assumes it chooses its name."""
_REACHABLE = _PERSONAL | {
    IdentityKind.ENTRA_OBJECT_ID,
    IdentityKind.GCP_SERVICE_ACCOUNT,
    IdentityKind.KUBERNETES_USER,
    IdentityKind.WORKLOAD,
}
"""What acts after another alert has made or reached it; it joins no two alerts in which it merely acts."""
_KEYS = frozenset({IdentityKind.AWS_ACCESS_KEY, IdentityKind.GCP_KEY})
_WITHIN_ITS_LOG = frozenset({IdentityKind.USERNAME})
"""Unique within one system only, so the value carries the log type."""


# ---- what an alert can be linked by -----------------------------------------------------------------------------------


def link_keys(dossier: Dossier) -> LinkKeys:
    """What an alert can be linked by.

    Of several actors only the busiest counts: a detection that groups by account or region takes in people who have
    nothing to do with each other. A correlation is different, its actors belong together by its own rule.
    """
    alert = dossier.alert
    found: list[LinkKey] = []
    together = alert.kind == Kind.CORRELATION_RULE
    for actor in dossier.actors if together else dossier.actors[:1]:
        found += _actor_keys(actor)
    if together or len(dossier.actors) == 1:
        rows = [row.get("p_row_id") for row in dossier.events]
        last = max(alert.moment, alert.last_event_at or alert.moment)
        found += [_key(KeyKind.EVENT, row, alert.moment, last) for row in rows if isinstance(row, str)][:MOST_EVENTS]
    unique = {(key.kind, key.value): key for key in found if key.value and len(key.value) <= _LONGEST_VALUE}
    return LinkKeys(alert_id=alert.id, keys=tuple(unique.values()))


def _key(kind: KeyKind, value: str, first: datetime, last: datetime, log_type: str = "") -> LinkKey:
    return LinkKey(kind=kind, value=value, first=first, last=last, log_type=log_type)


def _actor_keys(actor: ActorValues) -> Iterable[LinkKey]:
    first, last, log_type = actor.first, max(actor.first, actor.last), actor.log_type
    for session in actor.lists.get("sessions", ())[:MOST_VALUES]:
        yield _key(KeyKind.SESSION, _session(session, log_type), first, last, log_type)
    for identity in actor.identities:
        if _is_shared(identity):
            if identity.kind in _REACHABLE:
                yield _key(KeyKind.AGENT, _named(identity, log_type), first, last, log_type)
        elif identity.kind in _PERSONAL:
            yield _key(KeyKind.ACTOR, _named(identity, log_type), first, last, log_type)
    for made in actor.derived:
        if made.identity.kind in _KEYS | _REACHABLE:
            # A new credential opens every system of its owner; rights are used where they were granted.
            scope = "" if made.relation in HANDED_OVER else log_type
            yield _key(KeyKind.MADE, _named(made.identity, log_type), made.moment, made.moment, scope)
    for target in actor.lists.get("targets", ())[:MOST_VALUES]:
        yield _key(KeyKind.TARGET, target, first, last)


def _session(value: str, log_type: str) -> str:
    return value if len(value) >= _LEAST_SESSION else f"{log_type} {value}"


def _named(identity: Identity, log_type: str) -> str:
    scope = f"{log_type}/" if identity.kind in _WITHIN_ITS_LOG else ""
    return f"{identity.kind.value}:{scope}{identity.value}"


def _is_shared(identity: Identity) -> bool:
    return (
        identity.kind not in _PERSONAL
        or identity.value.endswith(("[bot]", "gserviceaccount.com"))
        or identity.value.startswith("system:")
    )


# ---- whether two alerts belong together -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Link:
    why: str
    gap: timedelta
    by_actor: bool = False
    """The person is all they have in common."""


def linked(one: LinkKeys, other: LinkKeys) -> str:
    """Why two alerts belong together, in words; empty if nothing shows that they do. The order does not matter."""
    link = _link(one, other)
    return "" if link is None else link.why


def _link(one: LinkKeys, other: LinkKeys) -> _Link | None:
    if one.alert_id == other.alert_id:
        return None
    one, other = sorted((one, other), key=lambda each: each.alert_id)
    mine, theirs = _by_kind(one), _by_kind(other)
    for _, near in _common(mine, theirs, KeyKind.EVENT, LONGEST):
        return _Link("the same event is in both", near)
    for value, near in _common(mine, theirs, KeyKind.SESSION, KEY_WINDOW):
        return _Link(f"both were done with the same session or key {value.shown}", near)
    for made, near in (*_reached(mine, theirs), *_reached(theirs, mine)):
        return _Link(f"{made.shown} was made, changed or given rights in one and acted in the other", near)
    by_actor = _common(mine, theirs, KeyKind.ACTOR, TARGET_WINDOW)
    for value, near in by_actor:
        if near <= ACTOR_WINDOW:
            return _Link(f"{value.shown} acted in both within {_hours(ACTOR_WINDOW)}", near, by_actor=True)
    targets = mine[KeyKind.TARGET].keys() & theirs[KeyKind.TARGET].keys()
    if by_actor and targets:
        value, near = by_actor[0]
        return _Link(f"{value.shown} acted on {min(targets)} in both within {_hours(TARGET_WINDOW)}", near, True)
    return None


def _hours(length: timedelta) -> str:
    return f"{length.total_seconds() / 3600:.0f} hours"


_Keys = Mapping[KeyKind, Mapping[str, LinkKey]]


def _by_kind(keys: LinkKeys) -> _Keys:
    found: dict[KeyKind, dict[str, LinkKey]] = {kind: {} for kind in KeyKind}
    for key in keys.keys:
        found[key.kind][key.value] = key
    return found


def _common(mine: _Keys, theirs: _Keys, kind: KeyKind, window: timedelta) -> list[tuple[LinkKey, timedelta]]:
    """What both have within a window, the best known name first."""
    values = sorted(mine[kind].keys() & theirs[kind].keys(), key=lambda value: (not value.startswith("email:"), value))
    near = [(mine[kind][value], _gap(mine[kind][value], theirs[kind][value])) for value in values]
    return [(key, gap) for key, gap in near if gap <= window]


def _gap(one: LinkKey, other: LinkKey) -> timedelta:
    return max(max(one.first, other.first) - min(one.last, other.last), timedelta(0))


def _reached(makes: _Keys, acts: _Keys) -> list[tuple[LinkKey, timedelta]]:
    """What one alert made or reached and the other was done by, at most `KEY_WINDOW` later.

    A little earlier counts too: an account that is attacked first and reset afterwards.
    """
    return [
        (made, _gap(made, actor))
        for value, made in sorted(makes[KeyKind.MADE].items())
        for actor in (
            acts[KeyKind.ACTOR].get(value),
            acts[KeyKind.AGENT].get(value),
            acts[KeyKind.SESSION].get(value.partition(":")[2]),
        )
        if actor is not None
        and made.log_type in ("", actor.log_type)
        and made.first - actor.last <= ACTOR_WINDOW
        and actor.first - made.last <= KEY_WINDOW
    ]


# ---- cases ------------------------------------------------------------------------------------------------------------


def looked_up(keys: LinkKeys) -> frozenset[str]:
    """The values by which another alert has to be found to be linked to this one."""
    found = set()
    for key in keys.keys:
        if key.kind is not KeyKind.TARGET:
            found.add(key.value)
        if key.kind is KeyKind.MADE:
            found.add(key.shown)
        if key.kind is KeyKind.SESSION:
            found |= {f"{kind.value}:{key.value}" for kind in _KEYS}
    return frozenset(found)


class Grouped(Value):
    """The alerts of one case, and what joins them."""

    alert_ids: frozenset[str]
    links: tuple[CaseLink, ...]


def grouped(alerts: Sequence[LinkKeys]) -> tuple[Grouped, ...]:
    """Sort alerts into cases; an alert that nothing joins is in none.

    What is joined to a member is joined to all of them, the closest links first, and never beyond `LONGEST`. Links by
    a person alone come last and not beyond `LONGEST_BY_ACTOR`, so that a busy one does not chain unrelated work.
    """
    known = {each.alert_id: each for each in alerts if each.keys}
    links = sorted(_links(known), key=lambda found: (found[2].by_actor, found[2].gap, found[0], found[1]))
    groups = {name: _Group({name}, [], keys.first, keys.last) for name, keys in known.items()}
    for one, other, link in links:
        mine, theirs = groups[one], groups[other]
        if mine is theirs:
            continue
        first, last = min(mine.first, theirs.first), max(mine.last, theirs.last)
        longest = max(mine.last - mine.first, theirs.last - theirs.first)
        if last - first > max(longest, LONGEST_BY_ACTOR if link.by_actor else LONGEST):
            continue
        joined = _Group(
            mine.names | theirs.names,
            [*mine.links, *theirs.links, CaseLink(one=one, other=other, why=link.why)],
            first,
            last,
        )
        groups |= dict.fromkeys(joined.names, joined)
    distinct = {id(group): group for group in groups.values() if len(group.names) > 1}
    return tuple(
        Grouped(alert_ids=frozenset(group.names), links=tuple(group.links))
        for group in sorted(distinct.values(), key=lambda group: (group.first, min(group.names)))
    )


@dataclass(frozen=True, slots=True)
class _Group:
    names: set[str]
    links: list[CaseLink]
    first: datetime
    last: datetime


def _links(known: Mapping[str, LinkKeys]) -> Iterable[tuple[str, str, _Link]]:
    """Every two linked alerts once; only those with a value in common, and close in time, are compared."""
    holders: dict[str, list[LinkKeys]] = defaultdict(list)
    for keys in known.values():
        for value in looked_up(keys):
            holders[value].append(keys)
    pairs = set()
    for value, sharing in holders.items():
        personal = value.partition(":")[0] in _PERSONAL
        ordered = sorted(sharing, key=lambda keys: (keys.first, keys.alert_id))
        for index, one in enumerate(ordered):
            near = [each for each in ordered[index + 1 :] if each.first - one.last <= KEY_WINDOW]
            if len(near) < MOST_SHARING or not personal:
                pairs |= {tuple(sorted((one.alert_id, other.alert_id))) for other in near[:MOST_SHARING]}
    for first, second in sorted(pairs):
        link = _link(known[first], known[second])
        if link is not None:
            yield first, second, link
