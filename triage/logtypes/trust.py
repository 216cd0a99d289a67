"""Which of an event's fields its provider set, and which the acting party chose, by log type.

Errs to one side: a field is `provider` only where a file names it. Everything unknown, a whole object and any column
that a query made up are `actor`.

Four decisions that the files follow:

* **`p_` fields.** The time, log type, row id, source and rule columns are Panther's own. No `p_any_*` column is
  `provider`, bar three of AWS.VPCFlow: Panther fills them from request parameters and responses as well as from the
  identity, and the column doesn't say which. `p_alert_context` and `p_udm` repeat the event, so they are `actor` too.
* **Sessions of an assumed role.** The caller of `AssumeRole` chooses the session name, and it is the last part of
  `userIdentity.arn` and of `principalId`. Both are `provider` only where the value is known and carries no such name;
  the role itself is cited as `sessionContext.sessionIssuer.arn`. For the roles of IAM Identity Center
  (`AWSReservedSSO_…`) AWS itself sets the session name, so their ARN stays `provider`. The name of a federated user
  (`GetFederationToken`) is the caller's choice as well.
* **Typed names.** Where a failed login is logged under whatever was typed (Okta, Entra, Snowflake, Duo), the name is
  `provider` only where the value is known and reads like an identifier: one word of e-mail characters.
* **Forwarded addresses.** What a proxy header can hold (`request.ipChain`, Kubernetes `sourceIPs`, of which all but
  the last can be set by the client) is `actor`; the peer address of a connection is `provider`.

A column that a query renames keeps nothing of its origin: ask about the column that was read, not about its alias.
"""

from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, lru_cache
from typing import Final, assert_never

import regex
from pydantic import JsonValue

from triage.domain.trust import Trust
from triage.logtypes.load import trust_paths
from triage.logtypes.paths import parse_path
from triage.logtypes.schema import TrustPaths

# Panther's documented standard fields, which every log type has. `p_source_file` is the object that Panther read, which
# the source's owner named, not the acting party. Of `p_enrichment` only what Panther's own providers fill counts: an
# operator's lookup table may repeat text of the event.
_PANTHER_FIELDS: Final = TrustPaths(
    provider=(
        "p_event_time",
        "p_parse_time",
        "p_log_type",
        "p_row_id",
        "p_schema_version",
        "p_source_id",
        "p_source_label",
        "p_source_file.**",
        "p_alert_id",
        "p_alert_creation_time",
        "p_alert_update_time",
        "p_alert_severity",
        "p_rule_id",
        "p_rule_severity",
        "p_rule_tags.**",
        "p_rule_reports.**",
        "p_enrichment.greynoise_noise.**",
        "p_enrichment.greynoise_noise_advanced.**",
        "p_enrichment.greynoise_noise_basic.**",
        "p_enrichment.greynoise_riot.**",
        "p_enrichment.greynoise_riot_advanced.**",
        "p_enrichment.greynoise_riot_basic.**",
        "p_enrichment.ipinfo_asn.**",
        "p_enrichment.ipinfo_location.**",
        "p_enrichment.ipinfo_privacy.**",
        "p_enrichment.tor_exit_nodes.**",
        "p_enrichment.trail_discover.**",
    )
)
_OF_THE_ADDRESS: Final = frozenset({"rdns", "rdns_parent", "raw_data"})
"""What a lookup repeats of an address's own words: the name that its owner gave it, and what it has sent to others.
Source: GreyNoise's fields."""
_SESSION: Final = regex.compile(
    # The ARN of a session, unless IAM Identity Center named it: its roles end in sixteen hexadecimal digits.
    r"(?i)arn:aws[a-z-]*:sts::[^:]*:assumed-role/(?!AWSReservedSSO_[^/]*_[0-9a-f]{16}/[^/]*$)"
    r"|arn:aws[a-z-]*:sts::[^:]*:federated-user/"  # `GetFederationToken` takes any name
    r"|^AROA[A-Z0-9]+:|^[0-9]{12}:"  # the principal ids of both
)
_IDENTIFIER: Final = regex.compile(r"[A-Za-z0-9][A-Za-z0-9._%+@-]{0,127}")
_MAX_PARTS: Final = 64
_REMEMBERED_CHARS: Final = 200


class _Sort(Enum):
    """What a file says of a field."""

    PROVIDER = auto()
    SESSION = auto()
    """The provider's where it holds no name of a session."""
    IDENTIFIER = auto()
    """The provider's where it reads like an identifier."""
    ACTOR = auto()


def classify(log_type: str, path: str, *, value: JsonValue = None, measured: bool = False) -> Trust:
    """Say who chose the content of a field.

    Args:
        log_type: Panther's name, such as `AWS.CloudTrail`; empty or unknown leaves the columns that Panther adds.
        path: Column or dotted path with list indexes, such as `target.0.displayName`; letter case doesn't matter.
        value: The field's content where it is known; some fields are `provider` only with it.
        measured: The row is our own count or comparison.
    """
    if measured:
        return Trust.MEASURED
    # Whoever writes events chooses the keys in them, and how long they are.
    match (_sort_of if len(path) <= _REMEMBERED_CHARS else _sort_of.__wrapped__)(log_type, path):
        case _Sort.PROVIDER:
            # A session name may also turn up where no file expects one, such as in a Kubernetes user name.
            return Trust.ACTOR if _has_session_name(value) else Trust.PROVIDER
        case _Sort.SESSION:
            return Trust.PROVIDER if isinstance(value, str) and value and not _has_session_name(value) else Trust.ACTOR
        case _Sort.IDENTIFIER:
            return Trust.PROVIDER if _is_identifier(value) else Trust.ACTOR
        case _Sort.ACTOR:
            return Trust.ACTOR
        case never:
            assert_never(never)


@lru_cache(maxsize=16_384)
def _sort_of(log_type: str, path: str) -> _Sort:
    """What the files say of a field, whatever it holds."""
    parts = tuple(path.casefold().split("."))
    if not path or len(parts) > _MAX_PARTS:
        return _Sort.ACTOR
    common, own = _compiled_common(), _compiled(log_type)
    if _any(own.actor, parts) or (parts[0] == "p_enrichment" and not _OF_THE_ADDRESS.isdisjoint(parts)):
        return _Sort.ACTOR
    if _any(own.provider, parts) or _any(common.provider, parts):
        return _Sort.PROVIDER
    if _any(own.session, parts):
        return _Sort.SESSION
    return _Sort.IDENTIFIER if _any(own.identifier, parts) else _Sort.ACTOR


def _has_session_name(value: JsonValue) -> bool:
    if isinstance(value, str):
        return _SESSION.search(value[:4096]) is not None
    if isinstance(value, list):
        return any(isinstance(each, str) and _SESSION.search(each[:4096]) is not None for each in value[:1000])
    return False


def _is_identifier(value: JsonValue) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    return isinstance(value, int) or (isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None)


@dataclass(frozen=True, slots=True)
class _Pattern:
    parts: tuple[str, ...]
    below: bool
    """It ends in `**`: the field itself and all below it."""

    def matches(self, path: tuple[str, ...]) -> bool:
        if len(path) != len(self.parts) and not (self.below and len(path) > len(self.parts)):
            return False
        return all(mine in ("*", theirs) for mine, theirs in zip(self.parts, path, strict=False))


@dataclass(frozen=True, slots=True)
class _Patterns:
    provider: tuple[_Pattern, ...]
    session: tuple[_Pattern, ...]
    identifier: tuple[_Pattern, ...]
    actor: tuple[_Pattern, ...]


def _pattern(path: str) -> _Pattern:
    # A cited path has no braces: a key that holds dots is several parts of it.
    keys = (part.key for part in parse_path(path.removesuffix(".**")))
    return _Pattern(tuple(part for key in keys for part in key.split(".")), path.endswith(".**"))


def _compile(paths: TrustPaths) -> _Patterns:
    return _Patterns(
        provider=tuple(map(_pattern, paths.provider)),
        session=tuple(map(_pattern, paths.session)),
        identifier=tuple(map(_pattern, paths.identifier)),
        actor=tuple(map(_pattern, paths.actor)),
    )


@lru_cache(maxsize=1024)
def _compiled(log_type: str) -> _Patterns:
    return _compile(trust_paths(log_type))


@cache
def _compiled_common() -> _Patterns:
    return _compile(_PANTHER_FIELDS)


def _any(patterns: tuple[_Pattern, ...], parts: tuple[str, ...]) -> bool:
    return any(pattern.matches(parts) for pattern in patterns)
