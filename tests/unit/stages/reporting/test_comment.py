"""How a comment reads, and what can never be in it. `TRIAGE_GOLDEN=1` writes the golden files anew."""

import os
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.investigations import (
    INJECTION,
    NOW,
    benign,
    finding,
    inconclusive,
    injected,
    malicious,
    record,
    value,
)
from tests.support.kinds_of_alert import policy, provisional, scheduled, takeover, three, unknown_log
from tests.support.odd_investigations import huge, missing, suspicious
from tests.support.shared import ROOT, shared_lines
from tests.support.spoiled import HOSTILE, spoiled
from triage.domain.alert import Actor, Alert
from triage.domain.instructions import INSTRUCTION_FINDING
from triage.domain.reply import HINT, Command, Reply, read_command
from triage.domain.report import Report, find_marker
from triage.domain.signal import Direction
from triage.domain.verdict import Investigation
from triage.edges.prompts import load_prompts
from triage.settings import WritebackSettings
from triage.stages.reporting.comment import SECTIONS, build_report, count_words
from triage.stages.reporting.records import list_row, to_json

GOLDEN = ROOT / "tests" / "golden"
CASES = {
    "malicious": malicious,
    "suspicious": suspicious,
    "inconclusive": inconclusive,
    "benign": benign,
    "injected": injected,
    "missing": missing,
    "huge": huge,
    "takeover": takeover,
    "policy": policy,
    "scheduled": scheduled,
    "unknown_log": unknown_log,
    "provisional": provisional,
    "three": three,
}
PROMPTS = load_prompts()
PLAIN = WritebackSettings()
FULL = WritebackSettings(length="full")
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
    inert(build_report(alert, investigation, prompts=PROMPTS, settings=given), alert, given)


def inert(report: Report, alert: Alert, given: WritebackSettings) -> None:
    """Nothing in a comment acts, and it is the alert's own."""
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
def test_a_comment_reads_as_agreed(name: str) -> None:
    """Each verdict, an attempted injection, missing evidence and a huge event, in both forms, word for word.

    No active link, foreign tag, mention or hidden character, even where a log field tries.
    """
    alert, investigation = CASES[name]()
    harmless(alert, investigation)
    report = build_report(alert, investigation, prompts=PROMPTS, settings=PLAIN, currency="USD")
    for suffix, body in (("html", report.html), ("txt", report.text)):
        path = GOLDEN / f"{name}.{suffix}"
        if os.environ.get("TRIAGE_GOLDEN") == "1":
            path.write_text(body, encoding="utf-8")
        assert body == path.read_text(encoding="utf-8")
        assert investigation.verdict.disposition.value.capitalize() in body.splitlines()[0]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_input_becomes_active(title: str, summary: str, claim: str, cell: str) -> None:
    """Whatever is in titles, summaries, findings and rows, the comment stays inert and keeps its marker."""
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
    small = WritebackSettings(length="full", max_chars=limit)
    harmless(alert, investigation, small)
    report = build_report(alert, investigation, prompts=PROMPTS, settings=small)
    assert "Malicious" in report.text.splitlines()[0]
    assert "left out" in report.text


def test_links_lead_to_the_own_console_only() -> None:
    """With a console address the alert is linked there, and nothing else is a link."""
    alert, investigation = injected()
    given = WritebackSettings.model_validate({"console_url": "https://console.acme.example"})
    tags = Tags(build_report(alert, investigation, prompts=PROMPTS, settings=given).html)
    links = [value for name, value in tags.attributes if name == "href"]
    assert links
    assert all(link and link.startswith("https://console.acme.example/") for link in links)


def test_json_says_everything() -> None:
    """The JSON form holds findings with citations, evidence with rows, and the keys that scripts rely on."""
    for case in CASES.values():
        alert, investigation = case()
        body: dict[str, Any] = to_json(record(alert), investigation)
        assert body.keys() >= list_row(record(alert)).keys()
        assert len(body["findings"]) == len(investigation.verdict.findings)
        assert all({"text", "verified", "citations"} <= item.keys() for item in body["findings"])
        assert [entry["id"] for entry in body["evidence"]] == [entry.id for entry in investigation.evidence]
        assert all({"sql", "rows", "coverage", "digest"} <= entry.keys() for entry in body["evidence"])


class Words(HTMLParser):
    """The text of an HTML body."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "pre":
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"p", "li", "pre"}:
            self.parts.append(" ")


def words(body: str) -> list[str]:
    """The words of a comment's body, without its marker and what only sets off a list."""
    text = body.rsplit("triage-marker:", 1)[0]
    return [word for word in text.replace("*", " ").split() if word]


@pytest.mark.parametrize("length", ["brief", "standard", "full"])
def test_both_forms_say_the_same(length: str) -> None:
    """Word for word, whatever the length."""
    given = WritebackSettings.model_validate({"length": length, "max_chars": 100_000})
    for name in CASES.keys() - {"huge"}:
        report = build_report(*CASES[name](), prompts=PROMPTS, settings=given)
        assert words("".join(Words(report.html).parts)) == words(report.text), name


TITLES = {
    "summary": "kiln-deploy stopped the audit trail from a new address",
    "story": "What happened",
    "findings": "For this verdict",
    "against": "Against it",
    "unchecked": "What could not be checked",
    "runbook": "Runbook\n",
    "entities": "Entities",
    "techniques": "MITRE ATT&CK",
    "actions": "Next steps",
    "evidence": "Evidence\n",
    "footer": "Run run-0001",
}


def test_only_the_chosen_parts_are_there() -> None:
    """One part alone: its title and no other one's; the first line stays."""
    for section in SECTIONS:
        given = WritebackSettings.model_validate({"sections": [section]})
        text = build_report(*malicious(), prompts=PROMPTS, settings=given).text
        assert {name for name, title in TITLES.items() if title in text} == {section}
        assert text.startswith("Malicious (confidence high): likely attack by kiln-deploy (AWS)")


@pytest.mark.parametrize("name", CASES)
def test_a_comment_is_short(name: str) -> None:
    """Brief has at most 150 words, standard 350; neither has SQL, and no comment sends its reader to a command."""
    alert, investigation = CASES[name]()
    for length, most in (("brief", 150), ("standard", 350), ("full", None)):
        given = WritebackSettings.model_validate({"length": length, "max_chars": 200_000})
        text = build_report(alert, investigation, prompts=PROMPTS, settings=given).text
        assert most is None or count_words(text.rsplit("triage-marker:", 1)[0]) <= most
        assert ("SELECT" in text) is (most is None and any(entry.sql for entry in investigation.evidence))
        assert "triage show" not in text


def test_what_the_story_says_is_not_said_again() -> None:
    """A finding that rests only on rows of the story is no reason besides it."""
    text = build_report(*malicious(), prompts=PROMPTS, settings=PLAIN).text
    assert "11:32 kiln-deploy stopped a trail (StopLogging)" in text
    assert "kiln-deploy called StopLogging" not in text
    assert "203.0.113.77 is one of two addresses in 30 days" in text


def test_the_story_is_in_order_and_names_the_outcome() -> None:
    """Refused sign-ins, the one that succeeded, the grant with role and recipient, and what the recipient did."""
    text = build_report(*takeover(), prompts=PROMPTS, settings=PLAIN).text
    told = [line.partition(" [")[0] for line in text.split("What happened\n")[1].split("\n\n")[0].splitlines()]
    assert told == [
        "  * 11:21 to 11:28 ines.moreau@kiln[.]example was refused at sign-in to Okta from 203.0.113.9, 6 times",
        "  * 11:30 ines.moreau@kiln[.]example signed in to Okta",
        "  * 11:34 ines.moreau@kiln[.]example granted Super administrator to k.vance@mail[.]example",
        "  * 11:52 k.vance@mail[.]example created an API token from 198.51.100.61",
    ]


def test_standard_has_the_answers() -> None:
    """The runbook's answered steps, and the rows that a reason rests on; a step for a person is a next step."""
    given = WritebackSettings.model_validate({"length": "standard"})
    text = build_report(*suspicious(), prompts=PROMPTS, settings=given).text
    assert "1. From where does this person work? (answered): 198.51.100.7 [E3]" in text
    assert text.count("Ask the person whether they travel") == 1
    assert "Runbook step 2: Ask the person whether they travel" in text


def test_what_tries_to_instruct_is_quoted_once() -> None:
    """With its field, and so that nothing in it acts; the story stays code's."""
    alert, investigation = injected()
    column = "client.userAgent.rawUserAgent"
    text = f"{INSTRUCTION_FINDING} (E1 row 0 {column})."
    said = finding(9, text, Direction.MALICIOUS, value("E1", 0, column, INJECTION))
    verdict = investigation.verdict.model_copy(update={"findings": (said,)})
    text = build_report(
        alert, investigation.model_copy(update={"verdict": verdict}), prompts=PROMPTS, settings=PLAIN
    ).text
    assert text.count("ignore your rules") == 1
    assert f"{column} holds" in text
    assert "What happened" in text


def test_times_are_in_the_readers_zone() -> None:
    """The story's times, and the footer says which zone they are in."""
    text = build_report(*malicious(), prompts=PROMPTS, settings=PLAIN, zone="Europe/Berlin").text
    assert "13:32 kiln-deploy stopped a trail" in text
    assert "times are Europe/Berlin" in text


def test_a_calibrated_confidence_says_so() -> None:
    """The first line names the outcomes that the confidence was fitted on."""
    text = build_report(*suspicious(), prompts=PROMPTS, settings=PLAIN).text
    assert text.splitlines()[0].startswith("Suspicious (71 %, calibrated on 212 outcomes): ")


def test_the_footer_names_the_cost() -> None:
    """Run, model, prompts, duration, tokens, and money in the configured currency; a model without a price says so."""
    footer = build_report(*suspicious(), prompts=PROMPTS, settings=FULL, currency="EUR").text.splitlines()[-3]
    for part in ("Run run-0005", "some-model-1", "prompts 5f1d0c5f1d0c", "44.2 s", "22,500 tokens", "cost 0.0123 EUR"):
        assert part in footer
    assert "no price in llm.prices" in build_report(*malicious(), prompts=PROMPTS, settings=FULL).text


def test_a_huge_event_is_cut_and_said() -> None:
    """The comment stays within its size, names how many findings are left out, and keeps the first line."""
    alert, investigation = huge()
    report = build_report(alert, investigation, prompts=PROMPTS, settings=FULL)
    for body in (report.html, report.text):
        assert len(body) <= FULL.max_chars
        assert re.search(r"shortened: \d+ findings, \d+ characters left out", body)


# ---- nothing of any input acts ---------------------------------------------------------------------------------------


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(spoiled(), st.sampled_from(["brief", "standard", "full"]))
def test_no_field_becomes_active(case: tuple[Alert, Investigation], length: str) -> None:
    """Whatever is in any field at once, the comment is inert in every length."""
    harmless(*case, WritebackSettings.model_validate({"length": length}))


def answer(command: Command = Command.BENIGN, reason: str = "it was a drill", by: str = "ada@kiln.example") -> Reply:
    """What a person has answered."""
    return Reply(comment_id="c1", command=command, reason=reason, by=by, at=NOW)


@pytest.mark.parametrize("name", CASES)
def test_a_comment_that_asks(name: str) -> None:
    """Where the verdict hangs on a person it ends with one question, to the assignee, and how to answer; it is no step as
    well. It is as short as any, both forms say the same, and it is no answer itself."""
    alert, investigation = CASES[name]()
    alert = alert.model_copy(update={"assignee": Actor(id="u1", kind="user", name="Ada Byron")})
    asks = investigation.verdict.disposition.value in ("inconclusive", "suspicious")
    for length, most in (("brief", 150), ("standard", 350), ("full", 100_000)):
        given = WritebackSettings.model_validate({"length": length, "max_chars": 200_000})
        report = build_report(alert, investigation, prompts=PROMPTS, settings=given, asks=True)
        above = report.text.rsplit("triage-marker:", 1)[0].strip()
        last = above.splitlines()[-1]
        assert (HINT in above) is asks
        assert last.startswith("Question: Ada Byron: ") is asks
        assert count_words(above) <= most
        assert words("".join(Words(report.html).parts)) == words(report.text)
        assert read_command(report.text, is_html=False) is None
        assert read_command(above, is_html=False) is None
        if asks:
            asked = last.removeprefix("Question: Ada Byron: ").partition(" Answer in a comment")[0]
            assert asked not in above.replace(last, "")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (Command.BENIGN, "ada@kiln[.]example says benign, because it was a drill (2031-"),
        (Command.MALICIOUS, "ada@kiln[.]example says malicious, because it was a drill (2031-"),
        (Command.AGAIN, "ada@kiln[.]example asked for another investigation, because it was a drill (2031-"),
    ],
)
def test_an_answer_is_acknowledged(command: Command, says: str) -> None:
    """With author, reason and time; the question goes once it has been answered."""
    text = build_report(*suspicious(), prompts=PROMPTS, settings=PLAIN, asks=True, reply=answer(command)).text
    assert f"Answer: {says}" in text
    assert (HINT in text) is (command is Command.AGAIN)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_answer_becomes_active(reason: str, by: str, assignee: str) -> None:
    """Whatever stands in a reason or a name."""
    alert, investigation = suspicious()
    alert = alert.model_copy(update={"assignee": Actor(id="u1", kind="user", name=assignee)})
    reply = answer(Command.AGAIN, reason, by)
    report = build_report(alert, investigation, prompts=PROMPTS, settings=PLAIN, asks=True, reply=reply)
    inert(report, alert, PLAIN)
