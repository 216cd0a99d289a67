"""Who gets to see the team's pages, and who may send their form; over real HTTP."""

import base64
import html
import json
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.investigations import malicious
from tests.support.team import LATER, TOKEN, Team, prepare, some_alerts, team_server
from triage.errors import ConfigError
from triage.web.forms import MAX_BODY

ALERT = f"/alerts/{malicious()[0].id}"
PAGES = ("/", ALERT, "/cases", "/report", "/agreement", "/status", "/nothing")
HEADER = "user_header: X-Forwarded-Email, url: 'https://triage.example.com'"
BEHIND = {"Host": "triage.example.com", "X-Forwarded-Email": "mira@example.com"}
MARK = {"label": "false-positive", "reason": "a drill"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with alerts."""
    path = tmp_path_factory.mktemp("team")
    prepare(path, some_alerts)
    return path


@pytest.fixture(scope="module")
def team(directory: Path) -> Iterator[Team]:
    """Pages behind a token."""
    with team_server(directory, f"token: {TOKEN}") as server:
        yield server


def form_of(client: httpx.Client, path: str = ALERT, **headers: str) -> str:
    """The value that the forms of a page carry."""
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return re.findall(r'name="form" value="([0-9a-f]{64})"', answer.text)[-1]


# ---- who gets in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_asked_to_sign_in(team: Team, path: str) -> None:
    """No page shows anything to who has no token; a browser is led to the form and back, a script gets 401."""
    with team.client() as client:
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (303, "")
        assert answer.headers["location"] == f"/login?next={path.replace('/', '%2F')}"
        script = client.get(path, headers={"Accept": "*/*"})
        assert (script.status_code, script.headers["www-authenticate"]) == (401, "Bearer")
        form = client.post(path, data=MARK)
        assert form.status_code == 401
        assert "your session has ended: sign in, open the page anew" in form.text
        assert client.post(path, data=MARK, headers={"Accept": "*/*"}).status_code == 401


def test_signing_in_leads_back(team: Team) -> None:
    """The form takes the token and a name, sets a cookie that scripts can't read, and goes where one wanted to go."""
    with team.client() as client:
        assert 'name="next" value="/cases?since=7d"' in client.get("/login?next=/cases?since=7d").text
        sent = {"name": " Mira  Holt ", "token": TOKEN, "next": "/cases?since=7d"}
        answer = client.post("/login", data=sent, headers={"Origin": team.url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/cases?since=7d")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("triage=")
        assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
        assert TOKEN not in cookie
        assert "Mira Holt" in client.get("/").text
        assert client.get("/login").headers["location"] == "/"


@pytest.mark.parametrize("path", ["/alerts/a%2Fb%20c", "/?text=a%26b&severity=HIGH", "/alerts/x?y=%25"])
def test_signing_in_leads_back_to_the_very_address(team: Team, path: str) -> None:
    """Whatever in it is quoted stays so on the way to the form and back."""
    with team.client() as client:
        asked = client.get(path).headers["location"]
        way_back = html.unescape(re.findall(r'name="next" value="([^"]*)"', client.get(asked).text)[0])
        assert way_back == path
        sent = {"name": "mira", "token": TOKEN, "next": way_back}
        assert client.post("/login", data=sent, headers={"Origin": team.url}).headers["location"] == path


@pytest.mark.parametrize(
    "sent",
    [
        {"name": "mira", "token": TOKEN[:-1]},
        {"name": "mira", "token": f"{TOKEN} "},
        {"name": "mira", "token": "ü\x00"},
        {"name": "mira", "token": ""},
        {"name": "mira"},
        {"name": "", "token": TOKEN},
        {"name": "x" * 121, "token": TOKEN},
        {"name": "mi\u202era", "token": TOKEN},
    ],
)
def test_another_token_or_no_name_is_refused(team: Team, sent: dict[str, str]) -> None:
    """Then there is no cookie, and the token that was typed is not shown again."""
    with team.client() as client:
        answer = client.post("/login", data=sent, headers={"Origin": team.url})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert "That is not the token" in answer.text
        assert not sent.get("token") or f'value="{sent["token"]}"' not in answer.text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/\n"])
def test_signing_in_leads_nowhere_else(team: Team, target: str) -> None:
    """An address elsewhere in place of a path leads to the queue."""
    with team.client() as client:
        sent = {"name": "mira", "token": TOKEN, "next": target}
        assert client.post("/login", data=sent, headers={"Origin": team.url}).headers["location"] == "/"


def test_a_form_to_sign_in_from_elsewhere_is_refused(team: Team) -> None:
    """A page elsewhere can't sign somebody in under a name of its choice."""
    for headers in ({}, {"Origin": "null"}, {"Origin": "https://evil.example"}, {"Origin": team.url + ".evil.example"}):
        with team.client() as client:
            answer = client.post("/login", data={"name": "eve", "token": TOKEN}, headers=headers)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_cookie_that_was_changed_is_none(team: Team, place: int) -> None:
    """One character less, in the content or in the signature, and its bearer is a stranger."""
    with team.signed_in() as client:
        value = client.cookies["triage"]
    changed = value[:place] + value[place + 1 :] if place >= 0 else value[:-1]
    for text in (changed, value.partition(".")[0], value + ".", "", "."):
        with team.client() as stranger:
            stranger.cookies.set("triage", text)
            assert stranger.get("/").status_code == 303


def test_a_session_ends(team: Team, directory: Path) -> None:
    """Another process with the same token knows it; twelve hours later, or with another token, it is none."""
    with team.signed_in() as client:
        value = client.cookies["triage"]
    for web, late, status in (
        (f"token: {TOKEN}", timedelta(hours=11), 200),
        (f"token: {TOKEN}", timedelta(hours=13), 303),
        (f"token: {TOKEN}x", timedelta(0), 303),
    ):
        with team_server(directory, web, now=LATER + late) as other, other.client() as visitor:
            visitor.cookies.set("triage", value)
            assert visitor.get("/").status_code == status


def test_signing_out_takes_the_cookie_away(team: Team) -> None:
    """And only a form from these pages does it."""
    with team.signed_in() as client:
        assert client.post("/logout", data={"form": ""}, headers={"Origin": team.url}).status_code == 403
        sent = {"form": form_of(client)}
        answer = client.post("/logout", data=sent, headers={"Origin": team.url})
        assert answer.headers["location"] == "/login"
        assert client.get("/").status_code == 303


def test_a_script_sends_the_token(team: Team) -> None:
    """`Authorization: Bearer` opens every page, without a cookie, and marks without a form's value."""
    with team.client(Authorization=f"Bearer {TOKEN}") as client:
        for path in PAGES[:-1]:
            answer = client.get(path)
            assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
        assert client.post(ALERT, data=MARK).status_code == 303
        assert "by bearer token" in client.get(ALERT).text
    for wrong in (f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN} x"):
        with team.client(Authorization=wrong, Accept="*/*") as client:
            assert client.get("/").status_code == 401


# ---- a proxy in front ------------------------------------------------------------------------------------------------


def test_a_proxy_names_who_is_there(directory: Path) -> None:
    """From a trusted address its header opens the pages and is the author of a mark; the cookie goes by HTTPS only."""
    with (
        team_server(directory, f"{HEADER}, trusted_proxies: [127.0.0.0/8]") as server,
        server.client(**BEHIND) as proxy,
    ):
        answer = proxy.get(ALERT)
        assert "mira@example.com" in answer.text
        assert "Sign out" not in answer.text
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-triage=")
        assert "Secure" in cookie.split("; ")
        value = cookie.partition(";")[0]
        sent = {**MARK, "form": re.findall(r'name="form" value="(\w+)"', answer.text)[-1]}
        headers = {"Cookie": value, "Origin": "https://triage.example.com"}
        assert proxy.post(ALERT, data=sent, headers={**headers, "Origin": server.url}).status_code == 403
        assert (
            proxy.post(ALERT, data=sent, headers={**headers, "X-Forwarded-Email": "eve@example.com"}).status_code == 403
        )
        assert proxy.post(ALERT, data=sent, headers=headers).status_code == 303
        assert "by mira@example.com" in proxy.get(ALERT, headers=headers).text


def test_nobody_else_is_believed(directory: Path) -> None:
    """The header counts neither from another address, nor twice, nor empty; nor does the cookie that it was given."""
    with (
        team_server(directory, f"{HEADER}, trusted_proxies: [10.0.0.0/8, '::1']") as server,
        server.client(**BEHIND) as client,
    ):
        answer = client.get("/")
        assert answer.status_code == 403
        assert "mira" not in answer.text
        forwarded = client.get("/", headers={"X-Forwarded-For": "10.0.0.1", "X-Real-IP": "10.0.0.1"})
        assert forwarded.status_code == 403
    with team_server(directory, f"{HEADER}, trusted_proxies: [127.0.0.1], token: {TOKEN}") as server:
        names = [("Host", "triage.example.com"), ("X-Forwarded-Email", "eve"), ("X-Forwarded-Email", "mira")]
        with httpx.Client(base_url=server.url) as client:
            assert client.get("/", headers=names).status_code == 401
            assert client.get("/", headers={**BEHIND, "X-Forwarded-Email": ""}).status_code == 401
            cookie = client.get("/", headers=BEHIND).headers["set-cookie"].partition(";")[0]
            past = client.get("/", headers={"Host": "triage.example.com", "Cookie": cookie})
            assert past.status_code == 401


# ---- where it is served ----------------------------------------------------------------------------------------------


def test_without_a_guard_only_this_host_is_served(directory: Path) -> None:
    """Nothing is asked on loopback, under a name of loopback alone; any other address is refused at the start."""
    with team_server(directory) as server, server.client() as client:
        assert client.get("/").status_code == 200
        assert client.get("/", headers={"Host": "localhost:80"}).status_code == 200
        for name in ("evil.example", "127.0.0.1.evil.example", "", "[", "evil.example@127.0.0.1:1"):
            answer = client.get("/", headers={"Host": name})
            assert answer.status_code in (400, 421), name
            assert "Queue" not in answer.text
    refused = r"open to everyone who reaches 0\.0\.0\.0: set web\.token"
    with pytest.raises(ConfigError, match=refused), team_server(directory, host="0.0.0.0"):
        pass
    bearer = {"Authorization": f"Bearer {TOKEN}", "Host": "triage.internal:9465"}
    with team_server(directory, f"token: {TOKEN}", host="0.0.0.0") as server, server.client(**bearer) as client:
        assert client.get("/").status_code == 200


def test_every_answer_has_the_same_protection(team: Team) -> None:
    """Pages, refusals, redirects, the style and errors: no script, no frame, nothing kept."""
    with team.signed_in() as client:
        answers = [client.get(path) for path in (*PAGES, "/style.css", "/login", "/?severity=huge")]
        answers += [client.post(ALERT, data={}), client.get("/", headers={"Host": "evil.example"})]
    with team.client() as stranger:
        answers += [stranger.get("/"), stranger.get("/login")]
    for answer in answers:
        headers = answer.headers
        assert "script-src" not in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; ")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", answer.text)


# ---- forms -----------------------------------------------------------------------------------------------------------


def test_a_mark_needs_a_form_from_here(team: Team) -> None:
    """Neither a session alone, nor the value of another session, nor a page elsewhere can make one."""
    with team.signed_in("mira") as mira, team.signed_in("eve") as eve:
        form, other = form_of(mira), form_of(eve)
        before = mira.get(ALERT).text
        here = {"Origin": team.url}
        for sent, headers in (
            ({}, here),
            ({"form": ""}, here),
            ({"form": other}, here),
            ({"form": form[:-1]}, here),
            ({"form": form}, {}),
            ({"form": form}, {"Origin": "null"}),
            ({"form": form}, {"Origin": "https://evil.example"}),
        ):
            answer = mira.post(ALERT, data={**MARK, **sent, "label": "true-positive"}, headers=headers)
            assert answer.status_code == 403
        assert "Marked as a true positive" not in mira.get(ALERT).text
        assert before.count("Marked as") == mira.get(ALERT).text.count("Marked as")
        assert mira.post(ALERT, data={**MARK, "form": form}, headers=here).status_code == 303


def test_a_form_is_bounded(team: Team) -> None:
    """Too long, of another kind, with a field twice, or not UTF-8: refused, and nothing is marked."""
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {TOKEN}"}
    path = "/alerts/waits-1"
    with team.client() as client:
        for content, status in (
            (b"label=benign&reason=" + b"x" * MAX_BODY, 413),
            (b"label=true-positive&label=false-positive&reason=x", 400),
            (b"label=true-positive&reason=%ff", 400),
            (b"label=true-positive&reason=\xff", 400),
            (b"&".join(b"a%d=1" % number for number in range(17)), 400),
            (b"", 400),
            (b"label=benign&reason=x", 400),
            (b"label=true-positive&reason=%20", 400),
        ):
            assert client.post(path, content=content, headers=kind).status_code == status, content[:40]
        for other in ("application/json", "multipart/form-data; boundary=x", ""):
            answer = client.post(path, content=b"label=true-positive&reason=x", headers={**kind, "Content-Type": other})
            assert answer.status_code == 415
        assert "Marked as" not in client.get(path, headers=kind).text


def test_a_request_that_is_too_long_is_cut_off(team: Team) -> None:
    """A head of more than 64 kB is refused before it is all there."""
    host, _, port = team.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 200_000)
        answer = b""
        try:
            while piece := line.recv(65_536):
                answer += piece
        except ConnectionError:
            pass
    assert not answer or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.slow
def test_a_form_that_trickles_is_given_up(team: Team) -> None:
    """A body that is announced and doesn't come is answered with 408. Takes 10 seconds: so long it is waited for."""
    host, _, port = team.url.removeprefix("http://").partition(":")
    head = f"POST /login HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(f"{head}Content-Length: 100\r\n\r\nname=".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 408")


def test_a_cookie_says_no_more_than_the_name(team: Team) -> None:
    """Name, way, end and a random number; nothing from which the token could be guessed."""
    with team.signed_in("mira") as client:
        body = client.cookies["triage"].partition(".")[0]
    name, way, until, nonce = json.loads(base64.urlsafe_b64decode(body + "=="))
    assert (name, way, len(nonce)) == ("mira", "session", 24)
    assert until == pytest.approx((LATER + timedelta(hours=12)).timestamp(), abs=120)
