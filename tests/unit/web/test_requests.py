"""What a request may say: forms, paths to go back to, names, cookies, hosts. Whatever comes, there is an answer."""

import base64
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tests.support.investigations import NOW
from triage.edges.clock import FixedStartClock
from triage.settings import parse_settings
from triage.web.access import NAME_CHARACTERS, Gate, Way, person_name
from triage.web.forms import MAX_FIELDS, fields, local_path
from triage.web.listing import next_page, read_filters

TOKEN = "a-token-of-the-team-0123456789"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def gate(web: str, host: str = "127.0.0.1") -> Gate:
    """A gate with a section `web`, in flow style."""
    text = f"panther: {{url: 'http://127.0.0.1:1', token: t}}\nweb: {{{web}}}\n"
    settings = parse_settings(text, name="config.yaml", environment={})
    return Gate(settings.web, FixedStartClock(NOW), host=host, local_user="mira")


def request(peer: str = "127.0.0.1", **headers: str) -> Request:
    """A GET with headers, whose names have `_` for `-`."""
    pairs = [(name.replace("_", "-").lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": pairs, "client": (peer, 1)})


def refused(call: Callable[[], object]) -> int | None:
    """The status with which a call refuses; `None` if it does not."""
    try:
        call()
    except HTTPException as error:
        return error.status_code
    return None


GUARDED = gate(f"token: {TOKEN}")


@given(st.dictionaries(TEXT, TEXT, max_size=MAX_FIELDS))
def test_a_form_comes_as_it_was_written(sent: dict[str, str]) -> None:
    """Every field with its value, whatever characters are in it."""
    assert fields(urlencode(sent).encode()) == sent


@given(st.binary(max_size=300))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """As text by field, or with 400."""
    assert refused(lambda: fields(body)) in (None, 400)


@given(st.one_of(TEXT, TEXT.map(lambda text: f"/{text}"), st.from_regex(r"[/\\\t\n ]{1,4}[a-z.:@/\\]{0,20}")))
def test_the_way_back_stays_on_this_site(text: str) -> None:
    """Joined to the address of a page as a browser does it, no path leads to another host."""
    path = local_path(text)
    joined = urlsplit(urljoin("https://triage.example.com/login", path))
    assert (joined.scheme, joined.netloc) == ("https", "triage.example.com")
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    # A browser takes these out, or for a slash, before it looks for the host.
    assert not set(path) & set("\\\t\r\n ")


@given(st.text(max_size=200))
def test_a_name_can_be_read(text: str) -> None:
    """What becomes the author of a mark is one printable line, or nothing."""
    name = person_name(text)
    assert name.isprintable()
    assert len(name) <= NAME_CHARACTERS
    assert name == name.strip()
    assert person_name(name) == name


@given(TEXT.map(person_name).filter(bool))
def test_a_session_comes_back(name: str) -> None:
    """The cookie of a session brings its visitor back, for this token alone."""
    session = GUARDED.sign_in(TOKEN, name)
    assert session is not None
    cookie = f"{GUARDED.cookie_name}={GUARDED.cookie(session)}"
    visitor = GUARDED.visitor(request(Cookie=cookie))
    assert visitor is not None
    assert (visitor.name, visitor.way, visitor.session) == (name, Way.SESSION, session)
    assert gate(f"token: {TOKEN}2").visitor(request(Cookie=cookie)) is None


@given(st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0"), max_size=200), st.booleans())
def test_no_cookie_that_was_made_up_lets_anyone_in(text: str, encoded: bool) -> None:
    """Whatever it holds, also with the right shape."""
    body = base64.urlsafe_b64encode(text.encode()).decode() + "." + "0" * 64 if encoded else text
    assert GUARDED.visitor(request(Cookie=f"{GUARDED.cookie_name}={body}")) is None


@given(st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0"), max_size=80))
def test_no_other_authorization_lets_anyone_in(text: str) -> None:
    """Only the token does."""
    assert (GUARDED.visitor(request(Authorization=text)) is None) == (text.strip() != f"Bearer {TOKEN}")


@pytest.mark.parametrize(
    ("peer", "believed"),
    [
        *(("10.20.0.7", True), ("10.20.1.7", False), ("::ffff:10.20.0.7", True), ("2001:db8::1", True)),
        *(("127.0.0.1", False), ("::1", False), ("", False), ("unix:", False)),
    ],
)
def test_a_proxy_is_known_by_its_address(peer: str, believed: bool) -> None:
    """Networks of both kinds; an IPv4 address in the clothes of IPv6 is the same."""
    web = "user_header: X-User, trusted_proxies: [10.20.0.0/24, '2001:db8::1'], url: 'https://t.example'"
    visitor = gate(web).visitor(request(peer, X_User="mira"))
    assert (visitor is not None) == believed


def test_a_name_from_a_proxy_may_have_any_letters() -> None:
    """Proxies write UTF-8; what is none is no name."""
    proxied = gate("user_header: X-User, trusted_proxies: [127.0.0.1], url: 'https://t.example'")
    visitor = proxied.visitor(request(X_User="Zoë".encode().decode("latin-1")))
    assert visitor is not None
    assert visitor.name == "Zoë"
    assert proxied.visitor(request(X_User="Zo\xeb")) is None


@pytest.mark.parametrize(
    ("web", "host", "asked", "ours"),
    [
        ("", "127.0.0.1", "127.0.0.1:9465", True),
        ("", "127.0.0.1", "LOCALHOST", True),
        ("", "::1", "[::1]:9465", True),
        ("", "127.0.0.1", "evil.example", False),
        ("", "127.0.0.1", "evil.example:80@127.0.0.1", False),
        (f"token: {TOKEN}", "0.0.0.0", "triage.internal", True),
        (f"token: {TOKEN}, url: 'https://t.example'", "0.0.0.0", "t.example", True),
        (f"token: {TOKEN}, url: 'https://t.example'", "0.0.0.0", "T.example:443", True),
        (f"token: {TOKEN}, url: 'https://t.example'", "0.0.0.0", "u.example", False),
    ],
)
def test_which_hosts_are_ours(web: str, host: str, asked: str, ours: bool) -> None:
    """Loopback's names, the address that is listened on and that of `web.url`; any, where only a token guards."""
    assert gate(web, host).host_is_ours(request(Host=asked)) == ours


@pytest.mark.parametrize(
    ("web", "host", "origin", "ours"),
    [
        ("", "127.0.0.1:9465", "http://127.0.0.1:9465", True),
        ("", "127.0.0.1:9465", "http://127.0.0.1:9466", False),
        ("", "127.0.0.1:9465", "https://127.0.0.1:9465", False),
        (f"token: {TOKEN}, url: 'https://t.example'", "t.example", "https://t.example", True),
        (f"token: {TOKEN}, url: 'https://t.example'", "t.example", "HTTPS://T.example", True),
        (f"token: {TOKEN}, url: 'https://t.example'", "t.example", "http://t.example", False),
        (f"token: {TOKEN}, url: 'https://t.example:443'", "t.example", "https://t.example", True),
        (f"token: {TOKEN}, url: 'https://T.example:8443'", "t.example:8443", "https://t.example:8443", True),
        (f"token: {TOKEN}, url: 'https://t.example:8443'", "t.example", "https://t.example", False),
        (f"token: {TOKEN}, url: 'https://t.example'", "127.0.0.1:9465", "http://127.0.0.1:9465", True),
    ],
)
def test_which_origins_are_ours(web: str, host: str, origin: str, ours: bool) -> None:
    """Where people reach the pages, and no other scheme, port or host."""
    assert gate(web).origin_is_ours(request(Host=host, Origin=origin)) == ours
    assert not gate(web).origin_is_ours(request(Host=host))


@given(TEXT.filter(bool), st.datetimes(timezones=st.just(NOW.tzinfo)))
def test_the_next_page_goes_on_where_this_one_ends(name: str, at: datetime) -> None:
    """The address of a next page is read as what it was made of."""
    filters = read_filters({"text": "a&b=c#", "severity": "HIGH", "before": f"{at.isoformat()}~{name}"})
    assert filters.before == (at, name)
    query = urlsplit(next_page(filters, filters.before)).query
    assert read_filters(fields(query.encode())) == filters


@given(st.dictionaries(st.sampled_from(["state", "verdict", "severity", "text", "before"]), TEXT))
def test_any_filter_is_read_or_refused(query: dict[str, str]) -> None:
    """With 400 where it is nonsense."""
    assert refused(lambda: read_filters(query)) in (None, 400)
