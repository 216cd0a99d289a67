"""Where Panther is, and how often this program may ask it."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from triage.errors import ConfigError
from triage.settings import GRAPHQL_PATHS, Settings, parse_endpoint

_EXAMPLE = "https://api.<name>.runpanther.net/public/graphql"


@dataclass(frozen=True, slots=True)
class PantherConfig:
    """One Panther and one token for it.

    Raises ConfigError where an address or the token cannot be used.
    """

    url: str
    """The GraphQL address: the "API URL" that Panther shows above its API tokens."""
    token: str = field(repr=False)
    token_key: str = "panther.token"  # noqa: S105 - the name of a key
    """The configuration key that the token comes from, for messages."""
    auth: Literal["x-api-key", "bearer"] = "x-api-key"
    """The header that carries the token."""
    rest_url: str = ""
    """Base of the REST paths, such as `https://host` or `https://host/public/v1`; empty: the host of `url`."""
    connect_seconds: float = 10.0
    """Limit for connecting."""
    read_seconds: float = 30.0
    """Limit for each single read."""
    total_seconds: float = 120.0
    """Limit for one call with its retries."""
    attempts: int = 4
    """Attempts at a read, including the first."""
    requests_per_second: float = 10.0
    """All calls together; as many may start at once."""
    concurrency: int = 8
    """Calls at the same time."""
    max_response_bytes: int = 32 * 1024 * 1024
    """Largest answer that is read, after decompression."""
    max_retry_after: float = 60.0
    """Seconds: the longest wait that a server may ask for."""

    def __post_init__(self) -> None:
        address = _address(self.url, "panther.url")
        if self.rest_url:
            _address(self.rest_url, "panther.rest_url")
        elif _graphql_path(address) is None:
            raise ConfigError(
                f"panther.url: write the API URL that Panther shows above its API tokens, {_EXAMPLE}; the path "
                f"{address.path[:80] or '/'!r} is no GraphQL address (if it is one, give panther.rest_url too)"
            )
        if not self.token:
            raise ConfigError(f"{self.token_key}: is empty")
        if not all("!" <= letter <= "~" for letter in self.token):
            # The HTTP library would quote such a token in its own error.
            raise ConfigError(
                f"{self.token_key}: contains a space, a line break or another character that no token has"
            )

    @property
    def rest_base(self) -> str:
        """The REST base without a slash at its end."""
        if self.rest_url:
            return self.rest_url.rstrip("/")
        path = _graphql_path(urlsplit(self.url)) or ""
        return self.url.rstrip("/").removesuffix(path)

    @property
    def headers(self) -> dict[str, str]:
        """The header that carries the token."""
        return {"authorization": f"Bearer {self.token}"} if self.auth == "bearer" else {"x-api-key": self.token}


def _address(url: str, key: str) -> SplitResult:
    try:
        parts = parse_endpoint(url)
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from error
    if parts.query or parts.fragment or any(not "!" <= letter <= "~" for letter in url):
        raise ConfigError(f"{key}: must not contain a query, a fragment or a space")
    return parts


def _graphql_path(parts: SplitResult) -> str | None:
    path = parts.path.rstrip("/")
    return next((known for known in GRAPHQL_PATHS if path.endswith(known)), None)


def panther_config(settings: Settings, *, token: str | None = None) -> PantherConfig:
    """The client's view of the configuration, with `writeback.token` where that is given. Raises ConfigError."""
    panther = settings.panther
    return PantherConfig(
        url=panther.url,
        token=panther.token.get_secret_value() if token is None else token,
        token_key="panther.token" if token is None else "writeback.token",
        auth=panther.auth,
        rest_url=panther.rest_url,
        read_seconds=panther.timeout.total_seconds(),
        requests_per_second=panther.requests_per_second,
        concurrency=panther.concurrency,
    )
