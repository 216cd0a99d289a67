"""The team's pages in Chromium: at the width of a phone and of a desk, with the keyboard alone, under their own policy."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stages.reporting.test_page import luminance, with_payloads
from tests.support.browser import Browser, browser
from tests.support.investigations import NOW, benign, injected, malicious
from tests.support.shared import shared_lines
from tests.support.team import TOKEN, Team, investigated, prepare, some_alerts, team_server
from triage.ports import Store

ALERT = f"/alerts/{malicious()[0].id}"
PAGES = ("/", ALERT, f"/alerts/{injected()[0].id}", "/alerts/waits-1", "/cases", "/report", "/agreement", "/status")
FOCUS = """(() => { const at = document.activeElement, style = getComputedStyle(at);
  return {tag: at.tagName, name: at.name || at.textContent.trim().slice(0, 40), outline: style.outlineStyle,
          place: [...document.querySelectorAll('*')].indexOf(at)}; })()"""
INKS = """[...document.querySelectorAll('a, button, input, select, textarea, label, legend, p, td, th, dt, dd, li, h1, h2,'
  + ' summary, span')].filter(e => e.checkVisibility() && String(e.value || e.textContent).trim()).map(e => {
    let ground = e;
    while (ground && getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
    return [getComputedStyle(e).color, ground ? getComputedStyle(ground).backgroundColor : 'rgb(255, 255, 255)'].join('|');
  })"""


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    async def marked(store: Store) -> None:
        await some_alerts(store)
        await store.records.mark(benign()[0].id, "malicious", "INC-7", by="mira", now=NOW)

    path = tmp_path_factory.mktemp("team")
    prepare(path, marked)
    return path


@pytest.fixture(scope="module")
def team(directory: Path) -> Iterator[Team]:
    """Pages that nothing guards, on loopback."""
    with team_server(directory) as server:
        yield server


def hexadecimal(colour: str) -> str:
    """`rgb(1, 2, 3)` as `#010203`."""
    return "#" + "".join(f"{int(part):02x}" for part in colour.removeprefix("rgb(").rstrip(")").split(","))


@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_every_page_without_complaint(tab: Browser, team: Team, width: int) -> None:
    """No console message, no request elsewhere, no sideways scrolling; the style is loaded; in light and dark."""
    for path in (*PAGES, "/nothing"):
        for dark in (False, True):
            tab.complaints.clear()
            tab.visit(team.url + path, width=width, dark=dark)
            assert tab.value("document.documentElement.scrollWidth") <= width, path
            refused = [each for each in tab.complaints if "status of 404" not in each]
            assert refused == [], path
            ground = tab.value("getComputedStyle(document.body).backgroundColor")
            assert ground == ("rgb(20, 24, 31)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_contrast_enough(tab: Browser, team: Team, dark: bool) -> None:
    """As it is painted, each text has a ratio of at least 4.5 to its ground (WCAG 2.2, success criterion 1.4.3)."""
    for path in PAGES:
        tab.visit(team.url + path, dark=dark)
        tab.value("document.querySelectorAll('details').forEach(each => each.open = true)")
        pairs = set(tab.value(INKS))
        assert len(pairs) > 2
        for pair in pairs:
            ink, ground = map(hexadecimal, pair.split("|"))
            light, low = sorted((luminance(ink), luminance(ground)), reverse=True)
            assert (light + 0.05) / (low + 0.05) >= 4.5, (path, pair)


def test_everything_has_a_name_for_a_screen_reader(tab: Browser, team: Team) -> None:
    """Each field has a label, each region and navigation a name, each page one first heading."""
    for path in PAGES:
        tab.visit(team.url + path)
        assert tab.value("document.querySelectorAll('h1').length") == 1, path
        unnamed = tab.value(
            "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
            ".filter(e => !e.labels.length).map(e => e.outerHTML)"
        )
        assert unnamed == [], path
        nameless = "[...document.querySelectorAll('nav, [role=region], form.filters')].filter(e => !e.ariaLabel).length"
        assert tab.value(nameless) == 0, path
        assert tab.value("document.documentElement.lang") == "en"


def tab_to(tab: Browser, name: str) -> None:
    """Go on with the Tab key to what has a name or a text; each stop has a visible mark, in the order of the page."""
    places = []
    for _ in range(120):
        tab.press_tab()
        at = focus(tab)
        places.append(at["place"])
        assert at["outline"] != "none", at
        if at["name"] == name:
            assert all(one < other for one, other in pairwise(places)), places
            return
    raise AssertionError(f"Tab does not lead to {name}")


def focus(tab: Browser) -> dict[str, Any]:
    """What has the focus; on a busy machine it is a moment until the key has moved it."""
    for _ in range(20):
        at: dict[str, Any] = tab.value(FOCUS)
        if at["tag"] != "BODY":
            return at
        time.sleep(0.05)
    return at


def enter(tab: Browser) -> None:
    """Press Enter, and wait for the page to which it leads."""
    tab.press("Enter", 13, "\r")
    tab.loaded()


def unfold(tab: Browser) -> None:
    """Press Enter on what hides a form, and wait until it is shown: Tab would pass it by."""
    tab.press("Enter", 13, "\r")
    for _ in range(100):
        if tab.value("document.activeElement.parentElement.open === true"):
            return
        time.sleep(0.05)
    raise AssertionError("nothing was unfolded")


def test_the_keyboard_signs_in_and_marks(tab: Browser, directory: Path) -> None:
    """From the form to sign in to a stored mark and out again, without a mouse; the way leads back to the alert."""
    with team_server(directory, f"token: {TOKEN}") as server:
        tab.complaints.clear()
        tab.visit(f"{server.url}{ALERT}", width=390)
        assert tab.value("document.title") == "Sign in: alert triage"
        tab_to(tab, "name")
        tab.write("Mira Holt")
        tab_to(tab, "token")
        tab.write(TOKEN)
        enter(tab)
        assert tab.value("location.pathname") == ALERT
        assert tab.value("document.cookie") == ""
        tab_to(tab, "Mark this alert")
        unfold(tab)
        tab_to(tab, "label")
        tab.press("ArrowDown", 40)
        assert tab.value("document.querySelector('input:checked').value") == "false-positive"
        tab_to(tab, "reason")
        tab.write("a drill, INC-42")
        tab_to(tab, "Mark")
        enter(tab)
        shown = tab.value("document.querySelector('#mark p').textContent")
        assert shown.startswith("Marked as a false positive by Mira Holt, 2031-05-06 12:")
        assert shown.endswith(": a drill, INC-42")
        tab_to(tab, "Change or take back the mark")
        unfold(tab)
        tab_to(tab, "Take the mark back")
        enter(tab)
        assert "Marked as" not in tab.value("document.body.textContent")
        tab.visit(f"{server.url}/")
        tab_to(tab, "Sign out")
        enter(tab)
        assert tab.value("document.title") == "Sign in: alert triage"
        tab.visit(f"{server.url}/")
        assert tab.value("document.title") == "Sign in: alert triage"
        assert tab.complaints == []


def test_a_link_from_elsewhere_finds_the_session(tab: Browser, directory: Path, tmp_path: Path) -> None:
    """Whoever has signed in and follows a link in a ticket sees the alert, though the cookie stays away from it at first."""
    with team_server(directory, f"token: {TOKEN}") as server:
        tab.visit(f"{server.url}/login")
        tab_to(tab, "name")
        tab.write("mira")
        tab_to(tab, "token")
        tab.write(TOKEN)
        enter(tab)
        ticket = tmp_path / "ticket.html"
        ticket.write_text(f'<!doctype html><title>t</title><a href="{server.url}{ALERT}">alert</a>', encoding="utf-8")
        tab.open(ticket, width=1280)
        tab.press_tab()
        enter(tab)
        if tab.value("location.pathname") != ALERT:
            tab.loaded()
        assert tab.value("location.pathname") == ALERT
        assert "kiln-deploy" in tab.value("document.title")


def test_the_filters_work_without_a_mouse(tab: Browser, team: Team) -> None:
    """The form of the queue is sent with Enter; what was typed stays in its field."""
    tab.visit(f"{team.url}/")
    tab_to(tab, "text")
    tab.write("audit trail")
    enter(tab)
    assert tab.value("location.search") == "?state=&verdict=&severity=&text=audit+trail"
    assert tab.value("document.querySelector('#text').value") == "audit trail"
    assert tab.value("document.querySelectorAll('td a').length") > 0


def test_hostile_strings_run_nothing(tab: Browser, tmp_path: Path) -> None:
    """With the whole corpus in an alert, its mark and the queue, no script runs, and no page is more than its text."""
    payloads = [str(case["payload"]) for case in shared_lines("security/injections.ndjson")]

    async def attacked(store: Store) -> None:
        raised, result = with_payloads(payloads)
        await investigated(store, raised, result)
        await store.records.mark(raised.id, "benign", payloads[3], by=payloads[4], now=NOW)

    prepare(tmp_path, attacked)
    with team_server(tmp_path) as server:
        for path in ("/", ALERT, "/report", "/agreement"):
            tab.complaints.clear()
            tab.visit(server.url + path, width=390)
            assert tab.complaints == [], path
            assert tab.value("document.documentElement.scrollWidth") <= 390, path
            assert tab.value("document.querySelectorAll('script, img, iframe, object, embed, base').length") == 0


def test_no_page_can_be_framed(tab: Browser, team: Team, tmp_path: Path) -> None:
    """A page elsewhere that frames one gets nothing to show."""
    outer = tmp_path / "outer.html"
    outer.write_text(f'<!doctype html><title>t</title><iframe src="{team.url}/"></iframe>', encoding="utf-8")
    tab.complaints.clear()
    tab.open(outer, width=1280)
    assert any("frame-ancestors" in each or "X-Frame-Options" in each for each in tab.complaints), tab.complaints
