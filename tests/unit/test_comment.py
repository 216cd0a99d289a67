"""How a comment reads, and what can never be in it. `TRIAGE_GOLDEN=1` writes the golden files anew."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.investigations import benign, inconclusive, injected, malicious, record
from tests.support.shared import shared_lines
from triage.domain.alert import Alert
from triage.domain.report import find_marker
from triage.domain.verdict import Investigation
from triage.edges.prompts import load_prompts
from triage.settings import WritebackSettings
from triage.stages.reporting import build_report, list_row, page, to_json

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {"malicious": malicious, "injected": injected, "inconclusive": inconclusive, "benign": benign}
PROMPTS = load_prompts()
PLAIN = WritebackSettings()
ALLOWED = {"p", "b", "strong", "em", "ul", "ol", "li", "br", "code", "pre", "h3", "h4", "hr", "a", "small"}
HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


class Tags(HTMLParser):
    """Collects what a browser would act upon."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs


def harmless(alert: Alert, investigation: Investigation, given: WritebackSettings = PLAIN) -> None:
    """Check both forms of a comment."""
    report = build_report(alert, investigation, prompts=PROMPTS, settings=given)
    tags = Tags(report.html)
    assert tags.names <= ALLOWED
    assert tags.attributes == []
    for body in (report.html, report.text):
        assert not HIDDEN.search(body)
        body.encode("utf-8")
        assert len(body) <= given.max_chars
        assert not re.search(r"https?://", body, re.IGNORECASE)
        assert not re.search(r"(?<![\w.+-])@(?=[A-Za-z])", body)
        marker = find_marker(body)
        assert marker is not None
        assert marker.is_for(alert.id)
    assert not re.search(r"\]\(", report.text)
    assert not re.search(r"^[=+@\t]", report.text, re.MULTILINE)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["html", "text"])
def test_a_comment_reads_as_agreed(name: str, form: str) -> None:
    """Each verdict in both forms, word for word."""
    alert, investigation = CASES[name]()
    body = getattr(build_report(alert, investigation, prompts=PROMPTS, settings=PLAIN), form)
    path = GOLDEN / f"{name}.{'html' if form == 'html' else 'txt'}"
    if os.environ.get("TRIAGE_GOLDEN") == "1":
        path.write_text(body, encoding="utf-8")
    assert body == path.read_text(encoding="utf-8")
    assert body.lstrip("<p>strong/").startswith("Verdict") or "Verdict" in body.splitlines()[0]


@pytest.mark.parametrize("name", CASES)
def test_known_comments_are_harmless(name: str) -> None:
    """No active link, foreign tag, mention or hidden character, also where a log field tries."""
    harmless(*CASES[name]())


text = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "<img src=x onerror=alert(1)>",
            "[x](https://evil.example)",
            "@channel",
            '=HYPERLINK("https://evil.example")',
            "\u202egnp.exe",
            "\x1b[2J",
            "javascript:alert(1)",
            "triage-marker: v1 x y 000000000000",
            "https://evil.example/a?b=c",
            "```\n# heading",
        ]
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(text, text, text, text)
def test_no_input_becomes_active(title: str, summary: str, claim: str, cell: str) -> None:
    """Whatever stands in titles, summaries, findings and rows, the comment stays inert and keeps its marker."""
    alert, investigation = malicious()
    verdict = investigation.verdict
    first = verdict.findings[0]
    spoiled = first.model_copy(update={"finding": first.finding.model_copy(update={"text": claim})})
    rows = tuple({**row, "eventName": cell, "sourceIPAddress": cell} for row in investigation.evidence[0].rows)
    harmless(
        alert.model_copy(update={"title": title}),
        investigation.model_copy(
            update={
                "verdict": verdict.model_copy(
                    update={"summary": summary, "findings": (spoiled, *verdict.findings[1:])}
                ),
                "evidence": (investigation.evidence[0].model_copy(update={"rows": rows}), *investigation.evidence[1:]),
                "notes": (cell,),
            }
        ),
    )


def test_hostile_payloads_stay_text() -> None:
    """Every payload of the corpus, in title, summary and finding."""
    alert, investigation = malicious()
    verdict = investigation.verdict
    first = verdict.findings[0]
    for case in shared_lines("security/injections.ndjson"):
        payload = case["payload"]
        spoiled = first.model_copy(update={"finding": first.finding.model_copy(update={"text": payload})})
        changed = verdict.model_copy(update={"summary": payload, "findings": (spoiled,)})
        harmless(alert.model_copy(update={"title": payload}), investigation.model_copy(update={"verdict": changed}))


@pytest.mark.parametrize("limit", [1_000, 1_500, 4_000])
def test_a_small_cap_is_held_and_said(limit: int) -> None:
    """Verdict, summary and marker stay; a line says what was left out."""
    alert, investigation = malicious()
    small = WritebackSettings(max_chars=limit)
    harmless(alert, investigation, small)
    report = build_report(alert, investigation, prompts=PROMPTS, settings=small)
    assert "malicious" in report.text.splitlines()[0]
    assert "left out" in report.text


def test_links_lead_to_the_own_console_only() -> None:
    """With a console address the alert is linked there, and nothing else is a link."""
    alert, investigation = injected()
    given = WritebackSettings.model_validate({"console_url": "https://console.acme.example"})
    tags = Tags(build_report(alert, investigation, prompts=PROMPTS, settings=given).html)
    links = [value for name, value in tags.attributes if name == "href"]
    assert links
    assert all(link and link.startswith("https://console.acme.example/") for link in links)


@pytest.mark.parametrize("name", CASES)
def test_the_page_needs_no_network_and_no_script(name: str) -> None:
    """One self-contained file without script, remote resource, or a hostile field turned into markup."""
    alert, investigation = CASES[name]()
    html = page(alert, record(alert), investigation, prompts=PROMPTS)
    tags = Tags(html)
    assert not tags.names & {"script", "img", "iframe", "object", "embed", "link", "form", "base"}
    assert not [value for key, value in tags.attributes if key.startswith("on")]
    for key, value in tags.attributes:
        if key in {"src", "href", "xlink:href"}:
            assert value is not None
            assert value.startswith("#")
    ids = {value for key, value in tags.attributes if key == "id"}
    targets = {value[1:] for key, value in tags.attributes if key == "href" and value}
    assert targets <= ids


@pytest.mark.parametrize("name", CASES)
def test_json_says_everything(name: str) -> None:
    """The JSON form holds findings with citations, evidence with rows, and the keys that scripts rely on."""
    alert, investigation = CASES[name]()
    body: dict[str, Any] = to_json(record(alert), investigation)
    assert body.keys() >= list_row(record(alert)).keys()
    assert len(body["findings"]) == len(investigation.verdict.findings)
    assert all({"text", "verified", "citations"} <= item.keys() for item in body["findings"])
    assert [entry["id"] for entry in body["evidence"]] == [entry.id for entry in investigation.evidence]
    assert all({"sql", "rows", "coverage", "digest"} <= entry.keys() for entry in body["evidence"])
