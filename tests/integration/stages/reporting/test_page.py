"""The page of one investigation and the page of a shift: inert, self-contained, readable at any width.

The tests in a browser take about 6 seconds together: Chromium starts once.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.browser import Browser, browser
from tests.support.investigations import NOW, benign, inconclusive, injected, malicious, record
from tests.support.kinds_of_alert import three
from tests.support.odd_investigations import crowded, huge, missing, suspicious
from tests.support.shared import shared_lines
from tests.support.spoiled import spoiled
from triage.domain.alert import Alert
from triage.domain.brief import Brief
from triage.domain.evidence import Evidence, Source
from triage.domain.selection import Linked
from triage.domain.signal import Direction
from triage.domain.verdict import Investigation
from triage.edges.prompts import load_prompts
from triage.resources import shipped
from triage.stages.reporting.page import EXTENT, Turn, page, page_view
from triage.stages.reporting.shift import Shift, shift_page
from triage.stages.reporting.timeline import TimelineEvent, draw_timeline
from triage.stages.reporting.view import investigation_view

CASES = {
    "malicious": malicious,
    "suspicious": suspicious,
    "inconclusive": inconclusive,
    "benign": benign,
    "injected": injected,
    "missing": missing,
    "huge": huge,
    "crowded": crowded,
}
PROMPTS = load_prompts()
SAID = (Turn("model/1, 12:00:01 UTC", ("says: <script>alert(1)</script> https://evil.example", "calls query_lake {}")),)
VOID = {"meta", "br", "hr", "img", "link", "input", "base", "embed"}


class Tags(HTMLParser):
    """Collects what a browser would act upon, and checks that elements nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def rendered(alert: Alert, investigation: Investigation, transcript: tuple[Turn, ...] = SAID) -> str:
    return page(alert, record(alert), investigation, prompts=PROMPTS, currency="USD", transcript=transcript)


def inert(html: str) -> Tags:
    """Check a page, and give what is in it."""
    tags = Tags(html)
    assert not tags.open
    assert not set(tags.names) & {"script", "img", "image", "iframe", "object", "embed", "link", "form", "base", "use"}
    assert tags.names.count("style") == 1
    for key, value in tags.attributes:
        assert not key.startswith("on")
        assert key != "style"
        if key in {"src", "href", "xlink:href"}:
            assert value is not None
            assert value.startswith("#")
    text = "".join(tags.text)
    assert not re.search(r"https?://|javascript:(?=[\w/])|(?<![\w.+-])@(?=[A-Za-z])", text, re.IGNORECASE)
    assert not re.search("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", text)
    html.encode("utf-8")
    ids = [value for key, value in tags.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for key, value in tags.attributes if key == "href" and value} <= set(ids)
    return tags


@pytest.mark.parametrize("name", CASES)
def test_the_page_needs_no_network_and_no_script(name: str) -> None:
    """One self-contained file without script, remote resource, or a hostile field turned into markup."""
    inert(rendered(*CASES[name]()))


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(spoiled())
def test_no_field_becomes_active(case: tuple[Alert, Investigation]) -> None:
    """Whatever is in any field at once, the page stays inert and well formed."""
    inert(rendered(*case))


def test_a_linked_alert_says_whose_investigation_it_shows() -> None:
    """A reader must not take another alert's evidence for this one's own."""
    raised, investigation = malicious()
    linked = record(raised, decision=Linked(leader="leader-1", reason="same actor"))
    html = page(raised, linked, investigation, prompts=PROMPTS)
    assert (
        "Not investigated separately: verdict, findings and evidence are those of alert leader-1 (same actor)." in html
    )
    assert "Investigated because" not in html
    assert "Investigated because" in page(raised, record(raised), investigation, prompts=PROMPTS)


def test_findings_lead_to_their_rows() -> None:
    """Each citation of a verified finding is a link to the row that it cites, and the timeline leads there too."""
    html = rendered(*malicious())
    assert '<li value="1" id="finding-1">' in html
    assert '<a href="#E1-2">E1</a> row 2, eventName: StopLogging' in html
    assert '<tr id="E1-2">' in html
    assert re.search(r'<a href="#E1-2"><text [^>]*>11:32  stopped a trail \(StopLogging\)</text>', html)


def test_the_page_names_the_case() -> None:
    """Its other alerts, with what joins them."""
    html = rendered(*three())
    assert '<h2 id="case">Same case</h2>' in html
    assert "This alert carries the analysis of 3 related alerts" in html
    assert "Also in this case: API token created" in html


def test_the_transcript_is_folded() -> None:
    """It is in a closed `details`, cleaned; without a conversation there is no such part."""
    html = rendered(*malicious())
    assert "<details><summary>What the model said and asked (1 steps)</summary>" in html
    assert "hxxps://evil[.]example" in html
    assert "Transcript" not in rendered(*benign(), transcript=())


# ---- the drawings ----------------------------------------------------------------------------------------------------


def test_a_longer_wait_is_a_wider_gap() -> None:
    """Marks are in order of time; hours between two are labelled, seconds are not."""
    times = [NOW, NOW + timedelta(seconds=20), NOW + timedelta(hours=2), NOW + timedelta(hours=2, minutes=5)]
    events = [TimelineEvent(f"{at:%H:%M}", "did it", "mira", "", "E1", at=at, until_at=at) for at in times]
    drawn = draw_timeline(events, frozenset())
    gaps = [after.y - before.y for before, after in pairwise(drawn.marks)]
    assert gaps[1] > gaps[2] >= gaps[0] > 0
    assert [mark.gap for mark in drawn.marks] == ["", "", "120 min later", ""]


def test_the_alert_is_among_its_acts() -> None:
    """The moment at which Panther raised it is a mark of its own, after the acts that raised it."""
    alert, investigation = malicious()
    view = investigation_view(alert, investigation, extent=EXTENT)
    drawn = page_view(view, alert, record(alert)).timeline
    assert [mark.kind for mark in drawn.marks][-1] == "alert"
    assert {mark.kind for mark in drawn.marks[:-1]} == {"cited"}


def test_an_empty_timeline_draws_nothing() -> None:
    """Without events there is no drawing, and no heading for one."""
    assert draw_timeline((), frozenset()).marks == ()
    assert 'id="timeline"' not in rendered(*missing())


# ---- contrast --------------------------------------------------------------------------------------------------------


def palettes() -> dict[str, dict[str, str]]:
    """The style sheet's colours by scheme; a later block changes what it names."""
    css = (shipped() / "page.style.html.j2").read_text(encoding="utf-8")
    blocks = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{([^}]*)\}", css)]
    assert len(blocks) == 3
    return {"light": blocks[0], "dark": blocks[0] | blocks[1], "print": blocks[0] | blocks[2]}


def luminance(colour: str) -> float:
    """Relative luminance. Source: WCAG 2.2, definition of relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_has_contrast_enough(scheme: str) -> None:
    """Each colour of text on each ground has a ratio of at least 4.5 (WCAG 2.2, success criterion 1.4.3)."""
    colours = palettes()[scheme]
    for ground in ("paper", "panel"):
        for ink in ("ink", "soft", "link", "malicious", "suspicious", "inconclusive", "benign", "neutral"):
            light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


# ---- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.mark.parametrize("name", ["malicious", "crowded", "huge", "injected"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_it_without_complaint(tab: Browser, tmp_path: Path, name: str, width: int) -> None:
    """No console message, no request, no sideways scrolling, no label cut off, in light and dark."""
    path = tmp_path / "page.html"
    path.write_text(rendered(*CASES[name]()), encoding="utf-8")
    for dark in (False, True):
        tab.open(path, width=width, dark=dark)
        assert tab.value("document.documentElement.scrollWidth") <= width
        assert tab.complaints == []
        # A label that is longer than its drawing is wide would be cut.
        assert (
            tab.value(
                "[...document.querySelectorAll('svg text')].filter(t => t.checkVisibility()"
                " && t.getBoundingClientRect().right > t.ownerSVGElement.getBoundingClientRect().right + 1)"
                ".map(t => t.textContent)"
            )
            == []
        )
        grounds = tab.value("getComputedStyle(document.body).backgroundColor")
        assert grounds == ("rgb(20, 24, 31)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_shift_is_shown_without_complaint(tab: Browser, tmp_path: Path, width: int) -> None:
    """The page of a shift: no console message, no request, no sideways scrolling."""
    report = Shift(since=None, until=NOW, currency="USD")
    for name in ("malicious", "suspicious", "injected", "missing"):
        alert, investigation = CASES[name]()
        report.add(record(alert, verdict=investigation.verdict.disposition), Brief.of(investigation))
    path = tmp_path / "shift.html"
    path.write_text(shift_page(report, prompts=PROMPTS), encoding="utf-8")
    tab.open(path, width=width)
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.complaints == []
    assert tab.value("document.querySelectorAll('svg rect').length") == 4
    assert tab.value("document.querySelectorAll('table')[0].rows.length") == 5


def test_the_keyboard_goes_down_the_page(tab: Browser, tmp_path: Path) -> None:
    """Tab visits links and folded parts in the order of the page, each with a visible mark."""
    path = tmp_path / "page.html"
    path.write_text(rendered(*malicious()), encoding="utf-8")
    tab.open(path, width=1280)
    visited = []
    for _ in range(20):
        tab.press_tab()
        visited.append(
            tab.value(
                "(() => { const all = [...document.querySelectorAll('*')], at = document.activeElement;"
                " return [all.indexOf(at), getComputedStyle(at).outlineStyle]; })()"
            )
        )
    places = [place for place, _ in visited]
    assert places == sorted(set(places))
    assert all(outline != "none" for _, outline in visited)


def test_a_click_selects_the_whole_statement(tab: Browser, tmp_path: Path) -> None:
    """SQL is selected by one click, so that it can be copied without a script."""
    path = tmp_path / "page.html"
    path.write_text(rendered(*malicious()), encoding="utf-8")
    tab.open(path, width=1280)
    tab.value("document.querySelector('pre code').scrollIntoView({block: 'center'})")
    box = tab.value("(b => [b.left + 20, b.top + 8])(document.querySelector('pre code').getBoundingClientRect())")
    for kind in ("mousePressed", "mouseReleased"):
        tab.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)
    assert tab.value("getSelection().toString()").strip() == malicious()[1].evidence[1].sql


def with_payloads(payloads: list[str]) -> tuple[Alert, Investigation]:
    """An investigation whose title, questions, findings and rows hold these."""
    alert, found = malicious()
    half = (len(payloads) + 1) // 2
    evidence = tuple(
        Evidence(
            id=f"E{number}",
            source=Source.TOOL,
            key=f"key.{number}",
            question=some[0],
            sql="SELECT 1 FROM t LIMIT 1",
            columns=("agent", "place"),
            rows=tuple({"agent": text, "place": place} for place, text in enumerate(some)),
            row_count=len(some),
        )
        for number, some in ((1, payloads[:half]), (2, payloads[half:]))
    )
    first = found.verdict.findings[0]
    findings = tuple(
        first.model_copy(
            update={
                "number": number,
                "finding": first.finding.model_copy(
                    update={"text": text, "citations": (), "direction": Direction.NEUTRAL}
                ),
            }
        )
        for number, text in enumerate(payloads, start=1)
    )
    verdict = found.verdict.model_copy(update={"findings": findings, "summary": payloads[0], "reason": payloads[1]})
    return alert.model_copy(update={"title": payloads[2]}), found.model_copy(
        update={"evidence": evidence, "verdict": verdict, "entities": (), "signals": (), "notes": tuple(payloads)}
    )


def test_hostile_strings_are_text_in_a_browser(tab: Browser, tmp_path: Path) -> None:
    """Every payload of the corpus as title, finding, question, note and cell adds no element and no attribute."""
    payloads = [case["payload"] for case in shared_lines("security/injections.ndjson")]
    shapes = []
    for texts in (payloads, [f"word {number}" for number in range(len(payloads))]):
        path = tmp_path / "page.html"
        path.write_text(rendered(*with_payloads(texts)), encoding="utf-8")
        tab.open(path, width=1280)
        assert tab.complaints == []
        shapes.append(
            tab.value("[...document.querySelectorAll('*')].map(e => [e.tagName, ...e.getAttributeNames()].join(' '))")
        )
    assert len(shapes[1]) > len(payloads) * 6
    assert shapes[0] == shapes[1]


def test_the_page_shows_the_whole_view() -> None:
    """The page says no less than the longest comment."""
    alert, investigation = suspicious()
    view = investigation_view(alert, investigation, extent=EXTENT)
    html = rendered(alert, investigation)
    for line in (*view.found, *view.against):
        assert line.text in html
    assert all(line in html for line in (*view.unchecked, *view.steps, *view.techniques))
