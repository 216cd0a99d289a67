"""What a field's name alone tells: for log types without a table, and for objects that a table hands over whole."""

from functools import lru_cache
from typing import Final

import regex

from triage.domain.entity import Role


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD: Final = regex.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COMPOUND: Final = {"username": ("user", "name"), "useremail": ("user", "email"), "hostname": ("host", "name")} | {
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

_ASIDE: Final = frozenset({"filter", "filters", "tag", "tags"})
_NAMES_A_THING: Final = _set("name names id ids identifier arn bucket key resource path file host repo repository")


@lru_cache(maxsize=4096)
def words(path: str) -> tuple[str, ...]:
    """The words of a dotted path, lower case: `initiatedBy.user_name` gives initiated, by, user, name."""
    found: list[str] = []
    for word in _WORD.findall(path[:400]):
        lower = word.lower()
        found.extend(_COMPOUND.get(lower, (lower,)))
    return tuple(found)


def hint_of(path: str) -> str:
    """What a field seems to hold, as a hint for `values.read`; `detect` where its name says nothing."""
    named = words(path)
    if not named:
        return "detect"
    last = next((word for word in reversed(named) if not word.isdigit()), "")
    before = named[-2] if len(named) > 1 else ""
    pair = {before, last}
    if last in {"ip", "ips", "address", "addr", "addresses"} and pair & _OF_ADDRESS:
        return "ip"
    for hint, names in _BY_LAST:
        if last in names:
            return hint
    if last in {"name", "id", "identifier", "uuid", "key", "value"}:
        if pair & {"user", "login", "actor", "admin", "principal", "operator", "employee"}:
            return "actor_id" if last in {"id", "uuid", "identifier"} else "user"
        if pair & {"host", "computer", "device", "machine", "endpoint"}:
            return "host"
        if pair & {"domain"}:
            return "domain"
        if pair & {"account"} and last == "id":
            return "account"
    return "detect"


_OF_ADDRESS: Final = frozenset({"ip", "ips", "remote", "source", "src", "dst", "dest", "client"})
_BY_LAST: Final = (
    ("ip", frozenset({"ip", "ips"})),
    ("email", frozenset({"email", "emails", "mail", "upn"})),
    ("user", frozenset({"user", "users", "login", "actor", "caller", "operator", "principal", "admin", "username"})),
    ("arn", frozenset({"arn", "arns"})),
    ("host", frozenset({"host", "hosts", "hostname", "computer", "machine"})),
    ("domain", frozenset({"domain", "domains", "fqdn"})),
    ("url", frozenset({"url", "urls", "uri", "link"})),
    ("hash", frozenset({"hash", "md", "sha", "checksum"})),
)


def role_of(path: str, hint: str) -> Role:
    """Who a field is about, from the outermost word that says so: `target.admin_email` is about the target."""
    named = words(path)
    for word in named:
        if word in _TARGET:
            return Role.TARGET
        if word in _ACTOR and not (hint == "ip" and word in _SOURCE):
            return Role.SOURCE if hint == "ip" else Role.ACTOR
        if word in _SOURCE and hint == "ip":
            return Role.SOURCE
    if hint == "ip":
        return Role.SOURCE
    if hint in {"user", "email", "actor_id", "principal"} and path.count(".") <= 1:
        # A record of a query names the one it is about without saying what he did: he did it.
        return Role.ACTOR
    return Role.OTHER


def asks(path: str) -> bool:
    """Whether the field is part of a filter or a label rather than of what is acted upon."""
    return not _ASIDE.isdisjoint(words(path))


def resource_name(path: str) -> bool:
    """Whether the last word says that the text names a thing: `bucketName`, `instanceId`, `roleArn`."""
    named = words(path)
    if not named:
        return False
    last = next((word for word in reversed(named) if not word.isdigit()), "")
    return last in _NAMES_A_THING
