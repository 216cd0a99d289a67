"""API tokens of the embedded Panther and what they may do."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from time import monotonic

from triage.sandbox.errors import RequestError

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
class Token:
    """An API token."""

    value: str
    permissions: frozenset[str] = READ_PERMISSIONS | {"AlertModify"}
    active_after: float = 0.0
    """Seconds after the server's start during which the token is still refused; Panther needs a while to activate a new
    token."""

    def __repr__(self) -> str:
        """Leave out the secret."""
        return f"Token(permissions={sorted(self.permissions)})"

    @property
    def id(self) -> str:
        """A stable public identifier."""
        return hashlib.sha256(self.value.encode()).hexdigest()[:16]

    def require(self, permission: str, what: str = "") -> None:
        """Refuse unless the token has the permission. Raises RequestError."""
        if permission not in self.permissions:
            raise RequestError(403, f"Not Authorized to access {what or 'this resource'}", kind="Unauthorized")


class Tokens:
    """The tokens that a server accepts."""

    def __init__(self, tokens: Iterable[Token], *, any_token: bool = False) -> None:
        """Start the activation time of every token now.

        Args:
            tokens: Those with permissions of their own.
            any_token: Let any other non-empty token do everything too.
        """
        self._tokens = tuple(tokens)
        self._any_token = any_token
        self._started = monotonic()

    def authenticate(self, headers: Mapping[str, str]) -> Token:
        """Find the token of a request in `X-API-Key` or `Authorization: Bearer`.

        Raises:
            RequestError: 403, as the gateway before Panther answers a token that is unknown or not active yet; nothing
                tells the two apart.
        """
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        for token in self._tokens:
            if compare_digest(token.value.encode(), given.encode()):
                if monotonic() - self._started >= token.active_after:
                    return token
                break
        else:
            if self._any_token and given:
                return Token(given)
        raise RequestError(403, "Forbidden")
