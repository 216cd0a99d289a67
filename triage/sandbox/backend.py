"""What both APIs share: the tokens that may call, the pages of a listing, and the state behind every request."""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from triage.sandbox.errors import RequestError
from triage.sandbox.world import World

if TYPE_CHECKING:
    from triage.sandbox.alerts import AlertComments, Alerts
    from triage.sandbox.lake import DuckLake
    from triage.sandbox.queries import Queries

READ_PERMISSIONS = frozenset(
    {
        "AlertRead",
        "DataAnalyticsRead",
        "GeneralSettingsRead",
        "LogSourceRead",
        "PolicyRead",
        "RuleRead",
        "UserRead",
    }
)
"""What reading needs, by the names of the official enum `Permission`. In Panther's console: View Alerts, Query Data
Lake, Read Panther Settings, View Log Sources, View Policies, View Rules, Read User Info."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token."""

    value: str
    permissions: frozenset[str] = READ_PERMISSIONS | {"AlertModify"}
    active_after: float = 0.0
    """Seconds after the server's start during which the token is still refused; Panther needs a while to activate a new
    token."""

    def __repr__(self) -> str:
        """Leave out the secret."""
        return f"ApiToken(permissions={sorted(self.permissions)})"

    @property
    def id(self) -> str:
        """A stable public identifier."""
        return hashlib.sha256(self.value.encode()).hexdigest()[:16]

    def require(self, permission: str, what: str = "") -> None:
        """Refuse unless the token has the permission. Raises RequestError."""
        if permission not in self.permissions:
            raise RequestError(403, f"Not Authorized to access {what or 'this resource'}", kind="Unauthorized")


class ApiTokens:
    """The tokens that a server accepts."""

    def __init__(self, tokens: Iterable[ApiToken], *, any_token: bool = False) -> None:
        """Start the activation time of every token now.

        Args:
            tokens: The ones with listed permissions.
            any_token: Let any other non-empty token do everything too.
        """
        self._tokens = tuple(tokens)
        self._any_token = any_token
        self._started = monotonic()

    def authenticate(self, headers: Mapping[str, str]) -> ApiToken:
        """Find the token of a request in `X-API-Key` or `Authorization: Bearer`.

        Raises:
            RequestError: 403, as the gateway before Panther answers a token that is unknown or not active yet; the answer
                is the same for both.
        """
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        for token in self._tokens:
            if compare_digest(token.value.encode(), given.encode()):
                if monotonic() - self._started >= token.active_after:
                    return token
                break
        else:
            if self._any_token and given:
                return ApiToken(given, READ_PERMISSIONS | {"AlertModify", "LogSourceModify"})
        raise RequestError(403, "Forbidden")


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing."""

    items: Sequence[T]
    start: str | None
    """The cursor that the caller sent."""
    end: str | None
    """The cursor of the next page; `None` on the last one."""

    def info(self) -> dict[str, object]:
        """GraphQL's `pageInfo`."""
        return {
            "startCursor": self.start,
            "endCursor": self.end,
            "hasNextPage": self.end is not None,
            "hasPreviousPage": self.start is not None,
        }


def encode(position: object) -> str:
    """Make a cursor of a position."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode(cursor: str) -> object:
    """Read a position back. Raises RequestError (400) on a cursor that this server did not make."""
    try:
        return json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise RequestError(400, "invalid cursor") from error


def page_of(items: Sequence[T], cursor: str | None, size: int) -> Page[T]:
    """A page of a list that only ever grows at its end.

    Raises:
        RequestError: 400 for a page size below one or a cursor that this server did not make.
    """
    if size < 1:
        raise RequestError(400, "the page size must be positive")
    start = decode(cursor) if cursor else 0
    if not isinstance(start, int) or not 0 <= start <= len(items):
        raise RequestError(400, "invalid cursor")
    end = start + size
    return Page(items[start:end], cursor or None, encode(end) if end < len(items) else None)


@dataclass(frozen=True, slots=True)
class Backend:
    """A world, and everything that changes while it is served."""

    world: World
    lake: "DuckLake"
    alerts: "Alerts"
    comments: "AlertComments"
    queries: "Queries"
    max_page: int
    """Most alerts, events, comments or sources on a page; larger pages are cut to it."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request to the backend."""

    backend: Backend
    token: ApiToken
