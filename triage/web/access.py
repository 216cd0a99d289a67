"""Who a visitor is, and whether a form comes from a page of ours.

| way | who is believed | author of a mark |
|---|---|---|
| session | a cookie that this program has signed, after the token was typed in | the name that was typed with it |
| bearer | `Authorization: Bearer` with the token | `bearer token` |
| proxy | the header `web.user_header`, from an address of `web.trusted_proxies` | what it says |
| open | everyone, where nothing guards the pages; they then listen on loopback only | the user who runs the program |

A session is a signed cookie, and nothing of it is stored: another token ends them all. Forms carry a value that is
made of the session, and the browser says where they come from; both must be right.
"""

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import regex
from starlette.requests import Request

from triage.errors import ConfigError
from triage.ports import Clock
from triage.settings import WebSettings, is_loopback

LIFETIME = timedelta(hours=12)
"""Of a session; a shift and a little more."""
NAME_CHARACTERS = 120
BEARER_NAME = "bearer token"
_HOST = regex.compile(r"(?:(?P<name>[\w.-]+)|\[(?P<address>[0-9A-Fa-f:.]+)\])(?::\d{1,5})?", regex.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Way(StrEnum):
    """How a visitor has shown who they are."""

    SESSION = "session"
    BEARER = "bearer"
    PROXY = "proxy"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie holds."""

    name: str
    way: Way
    """Only `session` lets anyone in; for `proxy` and `open` the cookie just ties forms to a browser."""
    until: int
    """Seconds since 1970."""
    nonce: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who may see the pages."""

    name: str
    way: Way
    session: Session | None
    """`None` where the request brought no cookie of theirs; a script needs none."""


def check_guarded(settings: WebSettings, host: str) -> None:
    """Refuse to show pages to a network without asking who is there. Raises ConfigError."""
    if not settings.guarded and not is_loopback(host):
        raise ConfigError(
            f"the pages would be open to everyone who reaches {host}: set web.token, or web.user_header with "
            "web.trusted_proxies, or listen on 127.0.0.1"
        )


def person_name(text: str) -> str:
    """A name as it may be the author of a mark; empty if it cannot be one."""
    name = " ".join(text.split())
    return name if name.isprintable() and len(name) <= NAME_CHARACTERS else ""


class Gate:
    """Decides who a visitor is."""

    def __init__(self, settings: WebSettings, clock: Clock, *, host: str, local_user: str) -> None:
        """Make the keys.

        Args:
            settings: The section `web`.
            clock: For the end of a session.
            host: What is listened on.
            local_user: The author of marks where nothing guards the pages.

        Raises:
            ConfigError: the pages would be open to a network.
        """
        check_guarded(settings, host)
        self._settings = settings
        self._clock = clock
        self._local_user = local_user or "local user"
        self._token = settings.token.get_secret_value()
        # Made of the token, so that every process with the same token knows the sessions of the others.
        self._key = hmac.digest(self._token.encode(), b"sessions", "sha256") if self._token else secrets.token_bytes(32)
        self._networks = tuple(ip_network(each) for each in settings.trusted_proxies)
        self._url = urlsplit(settings.url)
        self.secure = self._url.scheme == "https"
        """Whether browsers reach the pages by HTTPS only."""
        self.cookie_name = "__Host-triage" if self.secure else "triage"
        named = frozenset({host.lower(), self._url.hostname or ""}) - {""}
        # Without an address to go by, any name may lead here; then the token is what guards.
        self._hosts = _LOOPBACK | named if is_loopback(host) or settings.url else None

    @property
    def takes_token(self) -> bool:
        """Whether people can sign in."""
        return bool(self._token)

    def host_is_ours(self, request: Request) -> bool:
        """Whether the `Host` is one of ours; a page of a name that was made to point here is not."""
        name = _host_of(request)
        return bool(name) and (self._hosts is None or name in self._hosts)

    def visitor(self, request: Request) -> Visitor | None:
        """Who sends a request; `None` for a stranger."""
        found = self._session_of(request)
        # A proxy may send an authorization of its own, which says nothing here.
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(given.strip()):
            return Visitor(BEARER_NAME, Way.BEARER, None)
        name = self._named_by_proxy(request)
        if name:
            return _visitor(name, Way.PROXY, found)
        if found is not None and found.way is Way.SESSION and self._token:
            return Visitor(found.name, Way.SESSION, found)
        return None if self._settings.guarded else _visitor(self._local_user, Way.OPEN, found)

    def sign_in(self, token: str, name: str) -> Session | None:
        """A session for someone who has the token; `None` if it is another."""
        return self.session(name, Way.SESSION) if self._is_token(token) and name else None

    def session(self, name: str, way: Way) -> Session:
        """A new session."""
        until = int((self._clock.now() + LIFETIME).timestamp())
        return Session(name, way, until, secrets.token_urlsafe(18))

    def cookie(self, session: Session) -> str:
        """The value of the cookie."""
        content = json.dumps([session.name, session.way, session.until, session.nonce]).encode()
        body = base64.urlsafe_b64encode(content).decode().rstrip("=")
        return f"{body}.{self._signed('session', body)}"

    def form_token(self, session: Session) -> str:
        """What a form of this session carries."""
        return self._signed("form", session.nonce)

    def form_is_ours(self, request: Request, visitor: Visitor, given: str) -> bool:
        """Whether a form was sent from a page that this visitor got; a script with the token needs no page."""
        if visitor.way is Way.BEARER:
            return True
        expected = self.form_token(visitor.session) if visitor.session is not None else ""
        same = bool(expected) and hmac.compare_digest(expected.encode(), given.encode(errors="replace"))
        return same and self.origin_is_ours(request)

    def origin_is_ours(self, request: Request) -> bool:
        """Whether the browser says that a form comes from these pages. Every browser says it of a POST."""
        origins = request.headers.getlist("origin")
        ours = {f"http://{request.headers.get('host', '')}"}
        if self._settings.url:
            # Behind a proxy only its address counts; a person on this host may still go past it.
            ours = {_origin_of(self._url)} | (ours if _host_of(request) in _LOOPBACK else set())
        return len(origins) == 1 and origins[0].lower() in {each.lower() for each in ours}

    def _is_token(self, given: str) -> bool:
        return bool(self._token) and hmac.compare_digest(self._token.encode(), given.encode(errors="replace"))

    def _named_by_proxy(self, request: Request) -> str:
        name = self._settings.user_header
        given = request.headers.getlist(name) if name else []
        # A header given twice may be the visitor's own beside the proxy's.
        if len(given) != 1 or request.client is None or not self._is_proxy(request.client.host):
            return ""
        try:
            # HTTP headers are bytes; proxies write names in UTF-8.
            return person_name(given[0].encode("latin-1").decode())
        except UnicodeError:
            return ""

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def _session_of(self, request: Request) -> Session | None:
        """The session of a cookie that this program has signed and that has not run out."""
        body, _, signature = request.cookies.get(self.cookie_name, "").partition(".")
        if not hmac.compare_digest(signature.encode(errors="replace"), self._signed("session", body).encode()):
            return None
        try:
            name, way, until, nonce = json.loads(base64.urlsafe_b64decode(body + "=="))
            session = Session(name, Way(way), until, nonce)
        except (ValueError, TypeError, binascii.Error):
            return None
        return session if self._clock.now().timestamp() < session.until else None

    def _signed(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}\0{text}".encode(errors="replace"), "sha256").hexdigest()


def _origin_of(url: SplitResult) -> str:
    """As a browser writes it, which leaves out the port that a scheme has anyway."""
    usual = {"http": 80, "https": 443}.get(url.scheme)
    return f"{url.scheme}://{url.netloc.removesuffix(f':{usual}')}"


def _host_of(request: Request) -> str:
    """The name or address in the header `Host`, in lower case; empty where there is none."""
    found = _HOST.fullmatch(request.headers.get("host", ""))
    return (found["name"] or found["address"]).lower() if found is not None else ""


def _visitor(name: str, way: Way, session: Session | None) -> Visitor:
    """With the cookie, where it is of the same person who came the same way."""
    same = session is not None and (session.name, session.way) == (name, way)
    return Visitor(name, way, session if same else None)
