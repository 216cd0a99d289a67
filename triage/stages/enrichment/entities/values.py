"""Reads one text of an event as entities: what each is, in one spelling, and the facts that parsing gives.

The fact `identity` says what kind of identity a name is where that is known: `service`, `service_account`, `bot`,
`system`, `anonymous`, `role`, `root`, `user`, `session` (its name chosen by the caller), `sso_session` (its name set by
IAM Identity Center) or `display_name`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import regex
from pydantic import JsonValue

from triage.domain.entity import EntityKind
from triage.logtypes import FieldKind
from triage.logtypes.paths import readable
from triage.stages.enrichment.entities.addresses import address_class, parse_address
from triage.stages.enrichment.entities.aws import ACCESS_KEY, UNIQUE_ID, UNIQUE_ID_TYPES, Arn, is_sso_role, parse_arn

MAX_VALUE: Final = 256
"""Characters of a text that is read."""
MAX_LONG: Final = 1_000
"""Characters of an ARN, a URL or a resource's name."""

_EMAIL: Final = regex.compile(
    r"[^\s@<>\"',;:()\[\]\\/]{1,64}@(?:[\p{L}\p{N}_-]{1,63}\.)+(?:\p{L}{2,63}|xn--[a-z0-9-]+)"
)
_IN_ANGLES: Final = regex.compile(r"<([^<>\s]+@[^<>\s]+)>")
_DOMAIN: Final = regex.compile(r"(?:[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,62})\.)+(?:\p{L}{2,63}|xn--[a-z0-9-]+)\.?")
_URL: Final = regex.compile(r"(?i)[a-z][a-z0-9+.-]{1,15}://[^\s]+")
_HEX: Final = regex.compile(r"[0-9A-Fa-f]{32,128}")
_ACCOUNT: Final = regex.compile(r"[0-9]{5,12}")
_AWS_SERVICE: Final = regex.compile(r"(?i)(?:[a-z0-9-]+\.)+amazonaws\.com(?:\.cn)?|AWS Internal")
_SERVICE_ACCOUNT: Final = regex.compile(r"system:serviceaccount:(?P<namespace>[^:]+):(?P<name>[^:]+)")
_GCP_SERVICE: Final = regex.compile(r"(?i).+@(?:[a-z0-9.-]+\.)?gserviceaccount\.com")
_WINDOWS: Final = regex.compile(r"(?P<domain>[^\\/@\s]{1,64})\\(?P<name>[^\\/@]{1,104})")
_ALGORITHMS: Final = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
_LONG: Final = frozenset({FieldKind.ARN, FieldKind.URL, FieldKind.RESOURCE, FieldKind.PRINCIPAL, FieldKind.WORDS})
_NOT_WORD: Final = regex.compile(r"\W*")
_PLACEHOLDERS: Final = frozenset(
    {
        *("unknown", "null", "none", "nil", "undefined", "n/a", "na", "not_applicable", "notapplicable", "unspecified"),
        *("redacted", "(redacted)", "<redacted>", "hidden", "hidden_due_to_security_reasons", "[filtered]", "empty"),
        *("true", "false", "<null>", "(null)", "<id>"),
    }
)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a text names, before it is known who or what it was in the event."""

    kind: EntityKind
    value: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[EntityKind, str]:
        """Two with the same key are one entity."""
        return self.kind, self.value


def text_of(value: JsonValue) -> str:
    """The text of a scalar that may name something; empty for a placeholder and for what cannot be shown."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float):
        # Lakes give large ids as floats.
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else ""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else ""
    if not isinstance(value, str) or len(value) > MAX_LONG:
        return ""
    text = value.strip()
    if not text or _NOT_WORD.fullmatch(text) or text.casefold() in _PLACEHOLDERS or not readable(text):
        return ""
    return text


def read(value: JsonValue, kind: FieldKind) -> tuple[Typed, ...]:
    """Read a value of a known field.

    Args:
        value: A scalar of the event.
        kind: What the field holds; not `scan`, which says to look below.
    """
    text = text_of(value)
    if not text or (len(text) > MAX_VALUE and kind not in _LONG):
        return ()
    return _READERS[kind](text)


def _ip(text: str) -> tuple[Typed, ...]:
    address = parse_address(text)
    if address is not None:
        return (Typed(EntityKind.IP, str(address), {"class": address_class(address)}),)
    if _AWS_SERVICE.fullmatch(text):
        # CloudTrail names the service in place of an address where a service made the call.
        return (_service(text),)
    return ()


def _service(text: str) -> Typed:
    return Typed(EntityKind.SERVICE, text.lower() if "." in text else text, {"identity": "service"})


def _email(text: str) -> tuple[Typed, ...]:
    angles = _IN_ANGLES.search(text)
    address = angles[1] if angles else text
    if not _EMAIL.fullmatch(address):
        return ()
    address = address.lower()
    facts = {"domain": address.rpartition("@")[2]}
    if _GCP_SERVICE.fullmatch(address):
        facts["identity"] = "service_account"
    return (Typed(EntityKind.EMAIL, address, facts),)


def _arn(text: str) -> tuple[Typed, ...]:
    arn = parse_arn(text)
    if arn is None:
        return ()
    return (Typed(EntityKind.ARN, text, arn.facts()), *_principals(arn))


def _principals(arn: Arn) -> tuple[Typed, ...]:
    """The names inside an identity's ARN."""
    account = {"account": arn.account} if arn.account else {}
    if arn.session is not None:
        role, name = arn.session
        by_aws = is_sso_role(role)
        session = {**account, "role": role, "identity": "sso_session" if by_aws else "session"}
        names = [Typed(found.kind, found.value, {**found.facts, **session}) for found in _user(name)]
        names.append(Typed(EntityKind.USER, role, {**account, "identity": "role"}))
        if not by_aws:
            # The session's ARN leaves out the path of the role's own, so this one may lack it.
            issuer = Arn(arn.partition, "iam", "", arn.account, f"role/{role}")
            value = f"arn:{issuer.partition}:iam::{issuer.account}:{issuer.resource}"
            names.append(Typed(EntityKind.ARN, value, {**issuer.facts(), "derived": "from the session"}))
        return tuple(names)
    if arn.service == "iam" and arn.type in {"user", "role"} and arn.name:
        return (Typed(EntityKind.USER, arn.name, {**account, "identity": arn.type}),)
    return ()


def _user(text: str) -> tuple[Typed, ...]:
    """A name by which the log knows someone. Some have a form of their own; all others are plain user names."""
    for found in (_arn(text), _email(text)):
        if found:
            return found
    service_account = _SERVICE_ACCOUNT.fullmatch(text)
    if service_account is not None:
        return (Typed(EntityKind.USER, text, {"identity": "service_account", **service_account.groupdict()}),)
    if text.casefold() in {"system:anonymous", "anonymous"}:
        return (Typed(EntityKind.USER, text, {"identity": "anonymous"}),)
    if text.startswith("system:"):
        return (Typed(EntityKind.USER, text, {"identity": "system"}),)
    if text.endswith("[bot]"):
        return (Typed(EntityKind.USER, text, {"identity": "bot"}),)
    if _AWS_SERVICE.fullmatch(text):
        return (_service(text),)
    windows = _WINDOWS.fullmatch(text)
    return (Typed(EntityKind.USER, text, windows.groupdict() if windows else {}),)


def _name(text: str) -> tuple[Typed, ...]:
    """A display name; often an e-mail address is used as one."""
    found = _user(text)
    if found[0].kind is EntityKind.USER and not found[0].facts:
        return (Typed(EntityKind.USER, text, {"identity": "display_name"}),)
    return found


def _role(text: str) -> tuple[Typed, ...]:
    return _arn(text) or (Typed(EntityKind.USER, text, {"identity": "role"}),)


def _session(text: str) -> tuple[Typed, ...]:
    """The name that a caller gives its session of a role."""
    return tuple(Typed(each.kind, each.value, {**each.facts, "identity": "session"}) for each in _user(text)[:1])


def _account(text: str) -> tuple[Typed, ...]:
    return (Typed(EntityKind.ACCOUNT, text),) if _ACCOUNT.fullmatch(text) else ()


def _domain(text: str) -> tuple[Typed, ...]:
    if _URL.match(text):
        return _url(text)[1:]
    if parse_address(text) is not None:
        return _ip(text)
    return (Typed(EntityKind.DOMAIN, text.rstrip(".").lower()),) if _DOMAIN.fullmatch(text) else ()


def _host(text: str) -> tuple[Typed, ...]:
    return tuple(each for each in _ip(text) if each.kind is EntityKind.IP) or (Typed(EntityKind.HOST, text),)


def _url(text: str) -> tuple[Typed, ...]:
    """A URL, and the host in it."""
    if not _URL.fullmatch(text):
        return ()
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return ()
    # A user name and password do not belong in a report.
    value = parts._replace(netloc=parts.netloc.rpartition("@")[2].lower()).geturl()
    return (Typed(EntityKind.URL, value, {"host": host} if host else {}), *(_domain(host) if host else ()))


def _hash(text: str) -> tuple[Typed, ...]:
    algorithm = _ALGORITHMS.get(len(text)) if _HEX.fullmatch(text) else None
    return (Typed(EntityKind.HASH, text.lower(), {"algorithm": algorithm}),) if algorithm else ()


def _access_key(text: str) -> tuple[Typed, ...]:
    match = ACCESS_KEY.fullmatch(text)
    lifetime = {"AKIA": "long_term", "ASIA": "temporary"}
    return (Typed(EntityKind.ACCESS_KEY, text, {"lifetime": lifetime[match["prefix"]]} if match else {}),)


def _trace(text: str) -> tuple[Typed, ...]:
    return _access_key(text) if ACCESS_KEY.fullmatch(text) else (Typed(EntityKind.TRACE, text),)


def _actor_id(text: str) -> tuple[Typed, ...]:
    """A stable id; AWS joins a role's id and its session's name with a colon."""
    unique, _, session = text.partition(":")
    match = UNIQUE_ID.fullmatch(unique)
    if match is None:
        return _email(text) or (Typed(EntityKind.ACTOR_ID, text),)
    facts = {"type": UNIQUE_ID_TYPES[match["prefix"]]}
    if not session:
        return (Typed(EntityKind.ACTOR_ID, text, facts),)
    return (
        Typed(EntityKind.ACTOR_ID, text, {**facts, "identity": "session", "session": session}),
        Typed(EntityKind.ACTOR_ID, unique, facts),
    )


def _resource(text: str) -> tuple[Typed, ...]:
    found = _arn(text)[:1] or _email(text) or _url(text) or (_ip(text) if parse_address(text) else ())
    return found or (Typed(EntityKind.RESOURCE, text),)


def _principal(text: str) -> tuple[Typed, ...]:
    if UNIQUE_ID.match(text):
        return _actor_id(text)
    if ACCESS_KEY.fullmatch(text):
        return _access_key(text)
    kind, divider, rest = text.partition(":")
    if divider and kind.casefold() in {"user", "serviceaccount", "group", "domain"} and rest:
        # Google Cloud's members.
        return _domain(rest) if kind.casefold() == "domain" else _user(rest)
    return _ip(text) if parse_address(text) else _user(text)


def detect(text: str) -> tuple[Typed, ...]:
    """Read a text of an unknown field: only what shows its own type."""
    if ACCESS_KEY.fullmatch(text):
        return _access_key(text)
    if UNIQUE_ID.match(text) and " " not in text:
        return _actor_id(text)
    if text.startswith("arn:aws"):
        return _arn(text)[:1]
    if "@" in text and (found := _email(text)):
        return found
    if "://" in text[:20]:
        return _url(text)
    if parse_address(text) is not None:
        return _ip(text)
    return ()


def _emails_in(text: str) -> tuple[Typed, ...]:
    """The e-mail addresses in a sentence."""
    return tuple(found for each in _EMAIL.findall(text) for found in _email(each.rstrip(".")))


_READERS: Final[Mapping[FieldKind, Callable[[str], tuple[Typed, ...]]]] = {
    FieldKind.IP: _ip,
    FieldKind.USER: _user,
    FieldKind.EMAIL: _email,
    FieldKind.ARN: _arn,
    FieldKind.ACCOUNT: _account,
    FieldKind.HOST: _host,
    FieldKind.DOMAIN: _domain,
    FieldKind.URL: _url,
    FieldKind.HASH: _hash,
    FieldKind.ACCESS_KEY: _access_key,
    FieldKind.SERVICE: lambda text: (_service(text),),
    FieldKind.ACTOR_ID: _actor_id,
    FieldKind.TRACE: _trace,
    FieldKind.RESOURCE: _resource,
    FieldKind.NAME: _name,
    FieldKind.ROLE: _role,
    FieldKind.SESSION: _session,
    FieldKind.PRINCIPAL: _principal,
    FieldKind.DETECT: detect,
    FieldKind.WORDS: _emails_in,
}
