"""One way to build HTTP clients, one way to retry, and one way to quote a server: for Panther and for the model.

A client follows no redirect (a redirect would carry the key to another host), has a limit on every wait, takes
proxies and certificates from the environment, and reaches loopback directly whatever the environment says.
"""

import math
import os
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

import triage
from triage.domain.clean import printable_sentence
from triage.errors import ConfigError, TriageError
from triage.ports import Clock
from triage.settings import is_loopback

CONNECT_SECONDS = 10.0
_USER_AGENT = f"panther-triage/{triage.__version__}"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_QUOTE = 200
"""Characters of a server's own message that are quoted."""


def http_client(
    library: ModuleType,
    *,
    urls: Iterable[str],
    headers: Mapping[str, str],
    connections: int,
    read_seconds: float,
    connect_seconds: float = CONNECT_SECONDS,
) -> Any:
    """Build an `AsyncClient` of httpx, or of its fork httpx2, which the openai library takes.

    Args:
        library: `httpx` or `httpx2`.
        urls: What it will talk to; loopback hosts among them are never reached through a proxy.
        headers: Sent with each request.
        connections: Sockets at most.
        read_seconds: Limit for each single read and write; the caller adds a total one.
        connect_seconds: Limit for connecting, and for a free socket.

    Raises:
        ConfigError: The environment's proxy or certificate settings cannot be used.
    """
    hosts = dict.fromkeys((*_LOOPBACK, *filter(is_loopback, (urlsplit(url).hostname or "" for url in urls))))
    direct = [f"all://[{host}]" if ":" in host else f"all://{host}" for host in hosts]
    try:
        client = library.AsyncClient(
            headers={"user-agent": _USER_AGENT, **headers},
            timeout=library.Timeout(read_seconds, connect=connect_seconds, pool=connect_seconds),
            limits=library.Limits(max_connections=connections, max_keepalive_connections=connections),
            mounts=dict.fromkeys(direct),
            verify=_certificates(library, os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")),
            follow_redirects=False,
            trust_env=True,
        )
    except (ImportError, OSError, ValueError) as error:
        # The text of the error may hold a proxy's password; its type may not.
        raise ConfigError(
            f"the environment's HTTP settings cannot be used ({type(error).__name__}): check HTTPS_PROXY, HTTP_PROXY, "
            "ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR"
        ) from error
    # No API needs cookies; a load balancer's would only end up in recordings.
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


def host_of(url: str) -> str:
    """Host and port of an address, for messages: `api.example.com:443`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@cache
def _certificates(library: Any, file: str, directory: str) -> ssl.SSLContext:  # noqa: ARG001 - the library reads the environment
    """The TLS settings that a library takes from the environment, once: reading the certificates takes longer than a call."""
    context: ssl.SSLContext = library.create_ssl_context()
    return context


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a failed call is tried again."""

    attempts: int
    """Tries, the first one included."""
    first_pause: float
    """Seconds; doubled after each try, and shortened by up to half at random."""
    longest_pause: float
    """Seconds."""

    def retrying(
        self,
        clock: Clock,
        *,
        seconds: float = math.inf,
        limits: Mapping[type[Exception], int] | None = None,
    ) -> AsyncRetrying:
        """Retry what raises a retryable error of this program, after a pause as above or as the server asks.

        Args:
            clock: For waiting, the time and the jitter.
            seconds: Budget; a pause that would not end within it is not begun and the error is raised.
            limits: Fewer attempts for errors of these types.
        """
        start = clock.monotonic()

        def pause(state: RetryCallState) -> float:
            error = _error(state)
            if error is not None and error.retry_after is not None:
                return error.retry_after
            longest = min(math.ldexp(self.first_pause, state.attempt_number - 1), self.longest_pause)
            return longest * (0.5 + clock.random() / 2)

        def is_enough(state: RetryCallState) -> bool:
            fewer = [attempts for kind, attempts in (limits or {}).items() if isinstance(_error(state), kind)]
            if state.attempt_number >= min([self.attempts, *fewer]):
                return True
            return clock.monotonic() - start + state.upcoming_sleep >= seconds

        return AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, TriageError) and error.retryable),
            wait=pause,
            stop=is_enough,
            sleep=clock.sleep,
            reraise=True,
        )


def _error(state: RetryCallState) -> TriageError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, TriageError) else None


def parse_retry_after(value: str, clock: Clock, longest: float) -> float | None:
    """Seconds that a `Retry-After` header asks for.

    Args:
        value: Whole seconds or an HTTP date (RFC 9110, section 10.2.3).
        clock: Tells how far away a date is.
        longest: Upper bound of the result.

    Returns:
        Seconds from 0 (a date in the past) to `longest`; None for anything else, such as `-5` or two values.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), longest)
    if text[:1].isalpha():
        try:
            moment = parsedate_to_datetime(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return min(max((moment - clock.now()).total_seconds(), 0.0), longest)
    return None


@dataclass(frozen=True, slots=True)
class ErrorCleaner:
    """Masks, escapes and cuts what a server says before it goes anywhere."""

    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that are always masked, such as the token."""

    def clean(self, text: str, *, also: tuple[str, ...] = (), limit: int = _LONGEST_QUOTE) -> str:
        """Mask the secrets and the texts in `also`, then make one printable line of the rest.

        Masking comes first: a cut must not leave the first half of a secret.
        """
        for secret in sorted((*self.secrets, *also), key=len, reverse=True):
            if secret:
                text = text.replace(secret, "***")
        return printable_sentence(text, limit)
