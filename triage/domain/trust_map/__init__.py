"""Which of an event's fields its provider set, and which the acting party chose, by log type.

The map errs to one side: a field is `provider` only where a table names it. Everything unknown, a whole object and
any column that a query made up are `actor`.

Four decisions that the tables follow:

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

from collections.abc import Mapping
from functools import cache
from typing import Final

import regex
from pydantic import JsonValue

from triage.domain.trust import Trust
from triage.domain.trust_map.cloud import CLOUD
from triage.domain.trust_map.common import COMMON
from triage.domain.trust_map.identity import IDENTITY
from triage.domain.trust_map.network import NETWORK
from triage.domain.trust_map.patterns import Pattern, Table, parse_table
from triage.domain.trust_map.saas import SAAS

__all__ = ["classify", "mapped_log_types"]

_TABLES: Final[Mapping[str, str]] = {**CLOUD, **IDENTITY, **NETWORK, **SAAS}

_SESSION: Final = regex.compile(
    # The ARN of a session, unless IAM Identity Center named it: its roles end in sixteen hexadecimal digits.
    r"(?i)arn:aws[a-z-]*:sts::[^:]*:assumed-role/(?!AWSReservedSSO_[^/]*_[0-9a-f]{16}/[^/]*$)"
    r"|arn:aws[a-z-]*:sts::[^:]*:federated-user/"  # `GetFederationToken` takes any name
    r"|^AROA[A-Z0-9]+:|^[0-9]{12}:"  # the principal ids of both
)
_IDENTIFIER: Final = regex.compile(r"[A-Za-z0-9][A-Za-z0-9._%+@-]{0,127}")


def mapped_log_types() -> tuple[str, ...]:
    """The log types with a map of their own; a name that ends in `.*` stands for its family."""
    return tuple(sorted(_TABLES))


def classify(log_type: str, path: str, *, value: JsonValue = None, measured: bool = False) -> Trust:
    """Say who chose the content of a field.

    Args:
        log_type: Panther's name, such as `AWS.CloudTrail`; empty or unknown gives the map that all log types share.
        path: Column or dotted path with list indexes, such as `target.0.displayName`; letter case doesn't matter.
        value: The field's content where it is known; some fields are `provider` only with it.
        measured: The row is our own count or comparison.
    """
    if measured:
        return Trust.MEASURED
    parts = tuple(path.casefold().split("."))
    if not path or len(parts) > _MAX_PARTS:
        return Trust.ACTOR
    common, own = _table(""), _table(log_type)
    if _any(own.actor, parts):
        return Trust.ACTOR
    if _any(own.provider, parts) or _any(common.provider, parts):
        # A session name may also stand where a table doesn't expect one, such as in a Kubernetes user name.
        return Trust.ACTOR if _has_session_name(value) else Trust.PROVIDER
    if _any(own.session, parts):
        return Trust.PROVIDER if isinstance(value, str) and value and not _has_session_name(value) else Trust.ACTOR
    if _any(own.identifier, parts):
        return Trust.PROVIDER if _is_identifier(value) else Trust.ACTOR
    return Trust.ACTOR


_MAX_PARTS: Final = 64


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


def _any(patterns: tuple[Pattern, ...], parts: tuple[str, ...]) -> bool:
    return any(pattern.matches(parts) for pattern in patterns)


@cache
def _parsed() -> Mapping[str, Table]:
    return {name.casefold(): parse_table(text) for name, text in _TABLES.items()}


@cache
def _common() -> Table:
    return parse_table(COMMON)


def _table(log_type: str) -> Table:
    """The table of a log type, else of its family, else what all share."""
    if not log_type:
        return _common()
    tables = _parsed()
    name = log_type.casefold()
    return tables.get(name) or tables.get(f"{name.partition('.')[0]}.*") or _common()
