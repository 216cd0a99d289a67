"""The one place that builds HTTP clients: for Panther, and for the model's endpoint.

Both follow no redirect (a redirect would carry the key to another host), wait for nothing without a limit, take
proxies and certificates from the environment, and reach loopback directly whatever the environment says.
"""

import ipaddress
import os
import ssl
from collections.abc import Iterable, Mapping
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

import triage
from triage.errors import ConfigError

if TYPE_CHECKING:
    # The openai library takes this fork of httpx; only a run with a language model pays for its import.
    import httpx2

_USER_AGENT = f"panther-triage/{triage.__version__}"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def panther_client(
    *,
    urls: Iterable[str],
    headers: Mapping[str, str],
    connections: int = 16,
    connect_seconds: float = 10.0,
    read_seconds: float = 30.0,
) -> httpx.AsyncClient:
    """Build the client of one Panther token.

    Args:
        urls: What it will talk to; loopback hosts among them are never reached through a proxy.
        headers: Sent with each request; they hold the token.
        connections: Sockets at most.
        connect_seconds: Limit for connecting, and for a free socket.
        read_seconds: Limit for each single read and write; the caller adds a total one.

    Raises:
        ConfigError: The environment's proxy or certificate settings cannot be used.
    """
    try:
        client = httpx.AsyncClient(
            headers={"user-agent": _USER_AGENT, **headers},
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds, pool=connect_seconds),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            mounts=dict.fromkeys(_direct(urls)),
            verify=_certificates(os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")),
            follow_redirects=False,
            trust_env=True,
        )
    except (ImportError, OSError, ValueError) as error:
        raise _environment_unusable(error) from error
    # Panther's API needs no cookies; a load balancer's would only end up in recordings.
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


def model_client(
    *,
    urls: Iterable[str],
    connections: int = 16,
    connect_seconds: float = 10.0,
    read_seconds: float = 120.0,
) -> "httpx2.AsyncClient":
    """Build what `openai.AsyncOpenAI(http_client=...)` takes: openai 3 is written for httpx2.

    Args:
        urls: The endpoint's base URL; a loopback host is never reached through a proxy.
        connections: Sockets at most.
        connect_seconds: Limit for connecting, and for a free socket.
        read_seconds: Limit for each single read; a model may think that long before its first byte.

    Raises:
        ConfigError: The environment's proxy or certificate settings cannot be used.
    """
    import httpx2  # noqa: PLC0415 - see above

    try:
        return httpx2.AsyncClient(
            headers={"user-agent": _USER_AGENT},
            timeout=httpx2.Timeout(read_seconds, connect=connect_seconds, pool=connect_seconds),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            mounts=dict.fromkeys(_direct(urls)),
            verify=_model_certificates(os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")),
            follow_redirects=False,
            trust_env=True,
        )
    except (ImportError, OSError, ValueError) as error:
        raise _environment_unusable(error) from error


@cache
def _certificates(file: str, directory: str) -> ssl.SSLContext:  # noqa: ARG001 - httpx reads them from the environment
    """What httpx makes of the environment, once: reading the certificates takes longer than a call."""
    return httpx.create_ssl_context()


@cache
def _model_certificates(file: str, directory: str) -> ssl.SSLContext:  # noqa: ARG001 - as above
    """What httpx2 makes of the environment, once; it need not be what httpx makes of it."""
    import httpx2  # noqa: PLC0415 - see above

    return httpx2.create_ssl_context()


def _direct(urls: Iterable[str]) -> list[str]:
    """URL patterns that httpx shall route past any proxy."""
    hosts = dict.fromkeys((*_LOOPBACK, *filter(is_loopback, (urlsplit(url).hostname or "" for url in urls))))
    return [f"all://[{host}]" if ":" in host else f"all://{host}" for host in hosts]


def _environment_unusable(error: Exception) -> ConfigError:
    # The text of the error may hold a proxy's password; its type may not.
    return ConfigError(
        "the environment's HTTP settings cannot be used "
        f"({type(error).__name__}): check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR"
    )
