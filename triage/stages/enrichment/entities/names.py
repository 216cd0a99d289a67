"""What a field's name alone says: for log types without a file, and for objects that a file hands over whole."""

from functools import lru_cache
from typing import Final

import regex

from triage.domain.entity import Role
from triage.logtypes import FieldKind


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD: Final = regex.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COMPOUND: Final = {
    "username": ("user", "name"),
    "useremail": ("user", "email"),
    "hostname": ("host", "name"),
    "ipaddress": ("ip", "address"),
    "ipaddr": ("ip", "address"),
    "sourceip": ("source", "ip"),
    "clientip": ("client", "ip"),
    "srcip": ("src", "ip"),
    "dstip": ("dst", "ip"),
    "userid": ("user", "id"),
    "accountid": ("account", "id"),
    "computername": ("computer", "name"),
    "devicename": ("device", "name"),
    "domainname": ("domain", "name"),
    "loginname": ("login", "name"),
    "remoteaddress": ("remote", "address"),
}
_ACTOR: Final = _set(
    "actor actors initiator initiated caller operator requester requestor principal admin performed sender author "
    "impersonator subject client identity by invoker originator pusher"
)
_SOURCE: Final = _set("source src remote client peer origin originating")
_TARGET: Final = _set(
    "target targets resource resources object objects recipient recipients destination dst dest victim affected entity "
    "entities invitee member members grantee bucket asset assets owner owners assignee request parameters params "
    "details canary file files document page stage database table new to participant participants"
)

_FILTER: Final = frozenset({"filter", "filters", "tag", "tags"})
_NAMES_A_THING: Final = _set("name names id ids identifier arn bucket key resource path file host repo repository")


@lru_cache(maxsize=4096)
def words(path: str) -> tuple[str, ...]:
    """The words of a dotted path, lower case: `initiatedBy.user_name` gives initiated, by, user, name."""
    found: list[str] = []
    for word in _WORD.findall(path[:400]):
        lower = word.lower()
        found.extend(_COMPOUND.get(lower, (lower,)))
    return tuple(found)


def _last(named: tuple[str, ...]) -> str:
    return next((word for word in reversed(named) if not word.isdigit()), "")


def kind_of(path: str) -> FieldKind:
    """What a field seems to hold; `detect` where its name says nothing."""
    named = words(path)
    last = _last(named)
    pair = {last, *named[-2:-1]}
    if last in {"ip", "ips", "address", "addr", "addresses"} and pair & _OF_ADDRESS:
        return FieldKind.IP
    for kind, names in _BY_LAST:
        if last in names:
            return kind
    if last in {"name", "id", "identifier", "uuid", "key", "value"}:
        if pair & {"user", "login", "actor", "admin", "principal", "operator", "employee"}:
            return FieldKind.ACTOR_ID if last in {"id", "uuid", "identifier"} else FieldKind.USER
        if pair & {"host", "computer", "device", "machine", "endpoint"}:
            return FieldKind.HOST
        if "domain" in pair:
            return FieldKind.DOMAIN
        if "account" in pair and last == "id":
            return FieldKind.ACCOUNT
    return FieldKind.DETECT


_OF_ADDRESS: Final = frozenset({"ip", "ips", "remote", "source", "src", "dst", "dest", "client"})
_BY_LAST: Final = tuple(
    (kind, _set(names))
    for kind, names in (
        (FieldKind.IP, "ip ips"),
        (FieldKind.EMAIL, "email emails mail upn"),
        (FieldKind.USER, "user users login actor caller operator principal admin username"),
        (FieldKind.ARN, "arn arns"),
        (FieldKind.HOST, "host hosts hostname computer machine"),
        (FieldKind.DOMAIN, "domain domains fqdn"),
        (FieldKind.URL, "url urls uri link"),
        (FieldKind.HASH, "hash md sha checksum"),
    )
)
_PERSONAL: Final = frozenset({FieldKind.USER, FieldKind.EMAIL, FieldKind.ACTOR_ID, FieldKind.PRINCIPAL})


def role_of(path: str, kind: FieldKind) -> Role:
    """Who a field is about, from the outermost word that says so: `target.admin_email` is about the target."""
    named = words(path)
    for word in named:
        if word in _TARGET:
            return Role.TARGET
        if word in _ACTOR and not (kind is FieldKind.IP and word in _SOURCE):
            return Role.SOURCE if kind is FieldKind.IP else Role.ACTOR
        if word in _SOURCE and kind is FieldKind.IP:
            return Role.SOURCE
    if kind is FieldKind.IP:
        return Role.SOURCE
    if kind in _PERSONAL and path.count(".") <= 1:
        # A record of a query names one person without saying what they did: they ran it.
        return Role.ACTOR
    return Role.OTHER


def is_filter(path: str) -> bool:
    """Whether the field is part of a filter or a label rather than of what is acted upon."""
    return not _FILTER.isdisjoint(words(path))


def is_namespace(path: str) -> bool:
    """Whether the field is what is left of an XML namespace declaration, such as `response._xmlns`: an address of none."""
    return path.rpartition(".")[2].lstrip("_@$-").lower().partition(":")[0] == "xmlns"


def names_a_thing(path: str) -> bool:
    """Whether the last word says that the text names a thing: `bucketName`, `instanceId`, `roleArn`."""
    return _last(words(path)) in _NAMES_A_THING
