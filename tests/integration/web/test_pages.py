"""What the team's pages show and change; over real HTTP."""

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.integration.stages.reporting.test_page import Tags, with_payloads
from tests.support.investigations import INJECTION, NOW, benign, inconclusive, injected, malicious
from tests.support.shared import shared_lines
from tests.support.stores import SELECTED, alert, claimed, saved, sqlite_url
from tests.support.team import (
    LATER,
    TOKEN,
    Team,
    investigated,
    pages_served,
    prepare,
    settings_for,
    some_alerts,
    team_server,
)
from triage.domain.alert import Severity, Status
from triage.domain.case import KeyKind, LinkKey
from triage.domain.selection import Linked
from triage.edges.clock import FixedStartClock
from triage.edges.store import open_store
from triage.ports import Mark, Store
from triage.service.listing import PAGE

ALERT = malicious()[0].id
MARK = {"label": "true-positive", "reason": "INC-42"}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """Pages over four investigated alerts, one skipped, one that waits."""
    prepare(tmp_path, some_alerts)
    with team_server(tmp_path, f"token: {TOKEN}") as server:
        yield server


@pytest.fixture
def client(team: Team) -> Iterator[httpx.Client]:
    with team.client(Authorization=f"Bearer {TOKEN}") as visitor:
        yield visitor


def stored_marks(directory: Path) -> list[Mark]:
    async def read() -> list[Mark]:
        store = await open_store(sqlite_url(directory))
        found = list(await store.records.marks())
        await store.close()
        return found

    return asyncio.run(read())


def titles(html: str) -> list[str]:
    """The alerts of a page of the queue, by their addresses."""
    return re.findall(r'<td><a href="/alerts/([^"]+)">', html)


# ---- the queue -------------------------------------------------------------------------------------------------------


def test_the_queue_shows_every_alert(client: httpx.Client) -> None:
    """With verdict, state, detection and why; the title leads to its page."""
    html = client.get("/").text
    assert set(titles(html)) == {each()[0].id for each in (malicious, benign, inconclusive, injected)} | {
        "skipped-1",
        "waits-1",
    }
    assert '<span class="malicious">malicious</span> <span class="soft">high</span>' in html
    assert "its status is RESOLVED" in html
    assert "Audit trail stopped" in html


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=skipped", {"skipped-1"}),
        ("state=queued&severity=CRITICAL", {"waits-1"}),
        ("verdict=malicious", {ALERT}),
        ("text=AUDIT+TRAIL&state=done", {ALERT}),
        ("text=aws.trail.off&verdict=malicious", {ALERT}),
        ("text=nothing+like+it", set()),
    ],
)
def test_the_queue_is_filtered(client: httpx.Client, query: str, expected: set[str]) -> None:
    """By state, verdict, severity, and a part of title or detection; the form shows what was chosen."""
    html = client.get(f"/?{query}").text
    assert set(titles(html)) == expected
    for value in re.findall(r"(?:state|verdict|severity)=(\w+)", query):
        assert f'<option value="{value}" selected>' in html


@pytest.mark.parametrize(
    "path",
    [
        *("/?state=gone", "/?verdict=x", "/?severity=HUGE", "/?before=x", "/?before=2031-05-06", "/?before=~a"),
        *("/?before=2031-05-06T12:00:00~a", "/?before=2031-05-06T12:00:00%2B00:00~", "/cases?since=1s"),
        *("/cases?page=0", "/cases?page=-1", "/cases?page=x", "/cases?page=1001", "/cases?page=²", "/report?since=9y"),
        "/agreement?since=",
    ],
)
def test_an_address_with_nonsense_is_refused(client: httpx.Client, path: str) -> None:
    """With a page that says so, not with a failure."""
    answer = client.get(path)
    assert answer.status_code == 400
    assert "<h1>Not understood</h1>" in answer.text


def test_the_queue_has_pages(tmp_path: Path) -> None:
    """However many alerts there are, a page has fifty; together they are all, each once."""
    names = [f"n{number}" for number in range(2 * PAGE + 7)]

    async def many(store: Store) -> None:
        await saved(store, *(alert(name, minutes=place // 3) for place, name in enumerate(names)))

    prepare(tmp_path, many)
    with team_server(tmp_path) as server, server.client() as client:
        path, seen, sizes = "/", [], []
        while path:
            html = client.get(path).text
            seen += titles(html)
            sizes.append(len(titles(html)))
            found = re.search(r'<a href="([^"]+)" rel="next">', html)
            path = found[1].replace("&amp;", "&") if found else ""
        assert sizes == [PAGE, PAGE, 7]
        assert sorted(seen) == sorted(names)
        rare = client.get("/?text=signed+in&severity=MEDIUM").text
        assert len(titles(rare)) == PAGE
        assert "severity=MEDIUM&amp;text=signed+in&amp;before=" in rare


# ---- an alert --------------------------------------------------------------------------------------------------------


def test_an_alert_has_the_whole_investigation(client: httpx.Client) -> None:
    """The page of `triage show --html`, in the frame of the others, with one policy and no style of its own."""
    html = client.get(f"/alerts/{ALERT}").text
    assert html.startswith("<!doctype html>")
    assert '<a href="/cases">Cases</a>' in html
    assert '<tr id="E1-2">' in html
    assert "Mark this alert" in html
    assert not re.search(r"http-equiv|no-referrer|<style", html)


def test_an_alert_without_an_investigation_says_why(client: httpx.Client) -> None:
    """A skipped or queued one has a page, too, and can be marked."""
    assert "its status is RESOLVED" in client.get("/alerts/skipped-1").text
    waiting = client.get("/alerts/waits-1").text
    assert "There is no investigation of this alert yet: queued." in waiting
    assert "Mark this alert" in waiting


def test_a_linked_alert_shows_its_leader_s(tmp_path: Path) -> None:
    """And leads to it."""

    async def linked(store: Store) -> None:
        await some_alerts(store)
        await saved(store, alert("follows"), decision=Linked(leader=ALERT, reason="same title"))

    prepare(tmp_path, linked)
    with team_server(tmp_path) as server, server.client() as client:
        html = client.get("/alerts/follows").text
        assert "Not investigated separately" in html
        assert f'<a href="/alerts/{ALERT}">The alert that was investigated</a>' in html


@pytest.mark.parametrize("name", ["nothing", "..%2F..%2Fetc%2Fpasswd", "%00", "%ff", "x" * 3000, "a/mark", "'--", ""])
def test_an_unknown_alert_is_not_found(client: httpx.Client, name: str) -> None:
    """Whatever the id is; nor can it be marked."""
    path = f"/alerts/{name}"
    for answer in (client.get(path), client.post(path, data=MARK)):
        assert answer.status_code == 404
        assert "<h1>Not found</h1>" in answer.text


@pytest.mark.parametrize("name", ["a/b c?d#e&f", 'q"uo<te>', "ü%2F", "a+b", "x" * 500])
def test_an_odd_id_can_be_opened(tmp_path: Path, name: str) -> None:
    """The queue links an alert so that its page is found, whatever characters its id has."""
    prepare(tmp_path, lambda store: saved(store, alert(name)))
    with team_server(tmp_path) as server, server.client() as client:
        (path,) = titles(client.get("/").text)
        # As a browser sends it: what is quoted stays quoted.
        answer = client.get(httpx.URL(server.url).copy_with(raw_path=f"/alerts/{path}".encode()))
        assert answer.status_code == 200
        assert "A user signed in from a new place" in answer.text


def test_a_mark_is_kept_with_author_and_time(team: Team, tmp_path: Path) -> None:
    """It is what `triage mark` would store; the last word counts, and it can be taken back."""
    with team.signed_in("Mira Holt") as client:
        html = client.get(f"/alerts/{ALERT}").text
        form = re.findall(r'name="form" value="(\w+)"', html)[-1]
        sent = {**MARK, "form": form, "reason": "  INC-42\r\n confirmed "}
        answer = client.post(f"/alerts/{ALERT}", data=sent, headers={"Origin": team.url})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts/{ALERT}#mark")
        (mark,) = stored_marks(tmp_path)
        assert (mark.alert_id, mark.label, mark.note, mark.by) == (ALERT, "malicious", "INC-42 confirmed", "Mira Holt")
        assert timedelta(0) < mark.at - NOW < timedelta(minutes=10)
        page = client.get(f"/alerts/{ALERT}").text
        assert "<strong>Marked as a true positive</strong> by Mira Holt, 2031-05-06 12:0" in page
        assert "INC-42 confirmed" in page
        assert "true positive<br>" in client.get("/").text
        again = {**MARK, "form": form, "label": "false-positive", "reason": "a drill"}
        client.post(f"/alerts/{ALERT}", data=again, headers={"Origin": team.url})
        assert [each.label for each in stored_marks(tmp_path)] == ["benign"]
        client.post(f"/alerts/{ALERT}", data={"form": form, "label": "unmark"}, headers={"Origin": team.url})
        assert stored_marks(tmp_path) == []


# ---- the other pages -------------------------------------------------------------------------------------------------


def test_the_cases(tmp_path: Path) -> None:
    """Alerts of one session are one case, with the reason and links to its alerts."""

    async def joined(store: Store) -> None:
        for name in ("one", "two"):
            await saved(store, alert(name, title=f"Title {name}"))
            claim = await claimed(store, alert_id=name)
            key = LinkKey(
                kind=KeyKind.SESSION, value="session-0123456789abcdef", first=NOW, last=NOW, log_type="AWS.CloudTrail"
            )
            _, result = benign()
            done = result.model_copy(update={"run_id": claim.run_id, "alert_id": name, "links": (key,)})
            await store.queue.finish(claim, done, now=NOW)

    prepare(tmp_path, joined)
    with team_server(tmp_path) as server, server.client() as client:
        html = client.get("/cases").text
        assert '<a href="/alerts/one">Title one</a>' in html
        assert '<a href="/alerts/two">Title two</a>' in html
        assert "because" in html
        assert re.search(r'Also in this case: Title two[^<]* <a href="/alerts/two"', client.get("/alerts/one").text)
        assert "No stored alerts belong together." in client.get("/cases?page=2").text


def test_the_shift(client: httpx.Client) -> None:
    """As `triage report` shows it; what waits for a person is linked to its page here."""
    html = client.get("/report?since=8h").text
    assert "<h2>Waiting for a person (3)</h2>" in html
    assert f'<a href="/alerts/{ALERT}" rel="noreferrer">' in html
    assert "<option selected>8h</option>" in html
    assert client.post(f"/alerts/{ALERT}", data=MARK).status_code == 303
    assert "<h2>Waiting for a person (2)</h2>" in client.get("/report?since=8h").text


def test_the_agreement(tmp_path: Path) -> None:
    """Marks, and statuses that a person set, beside the verdicts; each disagreement is linked."""

    async def judged(store: Store) -> None:
        await some_alerts(store)
        await store.records.mark(ALERT, "benign", "a drill", by="mira", now=NOW)
        await store.records.mark(benign()[0].id, "benign", "known", by="mira", now=NOW)

    prepare(tmp_path, judged)
    with team_server(tmp_path) as server, server.client() as client:
        html = client.get("/agreement").text
    assert "4 alerts triaged since 2031-04-06 12:05:0" in html
    assert "UTC, 2 of them with an outcome." in html
    assert "1/2 (50 %, " in html
    assert f'<a href="/alerts/{ALERT}">' in html
    assert f'<a href="/alerts/{benign()[0].id}">' not in html


def test_the_status(client: httpx.Client) -> None:
    """The lines of `triage status`."""
    html = client.get("/status").text
    assert "<dt>queue</dt><dd>1 waiting" in html
    assert "4 investigated, 0 linked, 1 skipped, 0 failed" in html


def test_what_failed_is_on_the_status(tmp_path: Path) -> None:
    """With its error and a link; and what is being worked on."""

    async def trouble(store: Store) -> None:
        await saved(store, alert("broken"), alert("works"))
        claim = await claimed(store, alert_id="broken")
        await store.queue.give_back(claim, now=NOW, error="the model\nrefuses <b>", failed=True)
        await claimed(store, "host/7/0", alert_id="works")

    prepare(tmp_path, trouble)
    with team_server(tmp_path) as server, server.client() as client:
        html = client.get("/status").text
    assert '<a href="/alerts/broken">broken</a>' in html
    assert "the model refuses &lt;" in html
    assert "host/7/0" in html


def test_a_store_that_fails_is_a_page(tmp_path: Path) -> None:
    """503 in words, while the server runs on."""
    prepare(tmp_path, some_alerts)
    with team_server(tmp_path) as server, server.client() as client:
        assert client.get("/").status_code == 200
        state = tmp_path / "state.db"
        content = state.read_bytes()
        for path in tmp_path.glob("state.db*"):
            path.write_bytes(b"no database" * 2000)
        answer = client.get("/")
        assert answer.status_code == 503
        assert "<h1>Not available</h1>" in answer.text
        assert len(content) > 0


def test_templates_of_one_s_own(tmp_path: Path) -> None:
    """One that replaces a page is used there too; one that asks for what there is not fails on its page alone."""
    prepare(tmp_path, some_alerts)
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "page.html.j2").write_text("<!doctype html><title>t</title><h1>Ours: {{ view.title }}</h1>", "utf-8")
    (prompts / "web.cases.html.j2").write_text("{{ view.nothing }}", "utf-8")
    settings = settings_for(tmp_path, prompts=prompts)
    with pages_served(settings, FixedStartClock(LATER)) as url, httpx.Client(base_url=url) as client:
        assert "<h1>Ours: kiln-deploy" in client.get(f"/alerts/{ALERT}").text
        broken = client.get("/cases")
        assert broken.status_code == 500
        assert "prompts/web.cases.html.j2" in broken.text
        assert broken.headers["x-frame-options"] == "DENY"
        assert client.get("/").status_code == 200


def test_many_at_once_are_all_answered(tmp_path: Path) -> None:
    """Forty visitors who ask at the same moment wait for each other; a hundred who say nothing hold nobody up."""
    prepare(tmp_path, some_alerts)
    with team_server(tmp_path) as server, ExitStack() as silent:
        host, _, port = server.url.removeprefix("http://").partition(":")
        for _ in range(100):
            line = silent.enter_context(socket.create_connection((host, int(port)), timeout=20))
            line.sendall(b"GET / HTTP/1.1\r\nHost: ")

        async def ask() -> list[int]:
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
                paths = ("/", f"/alerts/{ALERT}", "/report", "/status") * 10
                return [answer.status_code for answer in await asyncio.gather(*map(client.get, paths))]

        assert asyncio.run(ask()) == [200] * 40


# ---- hostile text ----------------------------------------------------------------------------------------------------


def shape(html: str) -> list[str]:
    """Every element with the names of its attributes."""
    tags = Tags(html)
    assert not tags.open
    assert not set(tags.names) & {"script", "img", "image", "iframe", "object", "embed", "base", "use"}
    for key, value in tags.attributes:
        assert not key.startswith("on")
        assert key != "style"
        if key in {"src", "href", "action", "xlink:href"}:
            assert value is not None
            assert value.startswith(("#", "/"))
            assert not value.startswith("//")
    return tags.names


def test_hostile_text_is_text_on_every_page(tmp_path: Path) -> None:
    """The payloads of the corpus as title, detection, reason, name, error and finding add no element to any page."""
    payloads = [str(case["payload"]) for case in shared_lines("security/injections.ndjson")]
    shapes = []
    for number, texts in enumerate((payloads, [f"word {place}" for place in range(len(payloads))])):
        directory = tmp_path / str(number)
        directory.mkdir()

        async def attacked(store: Store, texts: list[str] = texts) -> None:
            raised, result = with_payloads(texts)
            await investigated(store, raised, result)
            await store.records.mark(raised.id, "benign", texts[3], by=texts[4], now=NOW)
            for place, text in enumerate(texts[:40]):
                await saved(store, alert(f"n{place}", title=text, minutes=place))
            await store.queue.give_back(await claimed(store), now=NOW, error=texts[5], failed=True)

        prepare(directory, attacked)
        with team_server(directory) as server, server.client() as client:
            pages = ("/", f"/alerts/{ALERT}", "/report", "/agreement", "/status", "/alerts/n3", "/cases")
            shapes.append([shape(client.get(path).text) for path in pages])
    assert shapes[0] == shapes[1]
    assert len(shapes[0][0]) > 200


def test_what_a_visitor_sends_is_text(client: httpx.Client) -> None:
    """A filter, an address and a refusal that quote it have no markup of it."""
    for path in (
        '/?text="><script>alert(1)</script>',
        "/?state=<script>alert(1)</script>",
        "/login?next=/<script>",
        "/alerts/<script>alert(1)</script>",
        '/?before="><script>~x',
    ):
        html = client.get(path).text
        assert "<script" not in html
        if html:
            shape(html)


def test_orders_in_a_log_stay_text(client: httpx.Client) -> None:
    """The alert whose events give orders is shown with them as text."""
    html = client.get(f"/alerts/{injected()[0].id}").text
    assert "ignore your rules" in html
    assert INJECTION not in html
    shape(html)


def test_severities_and_states_that_panther_adds_are_shown(tmp_path: Path) -> None:
    """A value that the program does not know is text like any other."""
    odd = alert("odd", severity=Severity("URGENT <b>"), status=Status("PARKED"))
    prepare(tmp_path, lambda store: store.queue.save([(odd, SELECTED)], now=NOW))
    with team_server(tmp_path) as server, server.client() as client:
        assert "URGENT &lt; b&gt;" in client.get("/").text
        assert "PARKED" in client.get("/alerts/odd").text
