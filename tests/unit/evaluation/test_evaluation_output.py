"""What evaluations print: names from logs, rules and models reach no terminal raw, and no plot as markup."""

import json
from html import escape
from pathlib import Path

import pytest

from tests.support.stores import NOW, alert
from triage.cli import replay as replay_command
from triage.domain.clean import printable
from triage.domain.verdict import Analyst, Disposition, Investigation, Verdict
from triage.evaluation.compare import compare
from triage.evaluation.labels import Label
from triage.evaluation.outcome import AlertOutcome, EvaluationRun
from triage.evaluation.page import evaluation_page
from triage.evaluation.record import CaseRecord, RecordedStep, load_record
from triage.evaluation.replay import Replayed
from triage.evaluation.result import EvaluationResult, build_result, load_result
from triage.evaluation.text import comparison_text, evaluation_text

HOSTILE = "A\x1b[2J\u202eB\u200bC\x7fD\x9b1mÄ"
"""Clears a terminal, turns its text round, hides in it."""


def is_printable(text: str) -> bool:
    return all(letter == "\n" or letter.isprintable() for letter in text)


def published(verdict: Disposition = Disposition.MALICIOUS, name: str = HOSTILE) -> EvaluationResult:
    labels = (
        Label(alert_id=name, verdict=Disposition.MALICIOUS, tier=name, rule=name, log_type=name),
        Label(alert_id="other", verdict=Disposition.BENIGN),
    )
    outcomes = (
        AlertOutcome(alert_id=name, verdict=verdict, confidence=0.8, detection=name, log_types=(name,)),
        AlertOutcome(alert_id="other", verdict=Disposition.BENIGN, confidence=0.8, detection=name),
    )
    ran = EvaluationRun("llm", name, name, outcomes)
    return build_result(name, labels, ran, ran, repeat=1)


def test_an_evaluation_prints_no_control_characters() -> None:
    """World, model, tier, log type and detection are shown with their invisible characters as escapes."""
    text = evaluation_text(published())
    assert is_printable(text)
    assert text.count("\\x1b[2J") >= 5


def test_a_comparison_prints_no_control_characters() -> None:
    """Ids, labels and detections come from files that someone may have sent."""
    before, after = published(), published(Disposition.BENIGN)
    (first, second) = after.alerts
    after = after.model_copy(update={"alerts": (first.model_copy(update={"truth": HOSTILE}), second)})
    text = comparison_text(compare(before, after))
    assert is_printable(text)
    assert text.count("\\u202e") == 3


def test_a_replay_prints_no_control_characters() -> None:
    """Detection, error and what a model wanted to ask are single lines, whatever is in them."""
    found = Replayed(
        alert_id=HOSTILE,
        detection=HOSTILE,
        before=Disposition.BENIGN,
        before_confidence=0.5,
        error=HOSTILE,
        findings_before=1,
        not_recorded=(HOSTILE,),
    )
    text = "\n".join(replay_command._text([found]))
    assert is_printable(text)
    assert text.count("\\x1b[2J") == 4


def test_the_kept_evaluation_is_ascii_and_reads_back(tmp_path: Path) -> None:
    """The JSON holds every name unchanged, as escapes; a file written with raw characters is read as before."""
    written = published(name=HOSTILE + "\U0001f600")
    text = written.text()
    assert text.isascii()
    assert is_printable(text)
    path = tmp_path / "e.json"
    path.write_text(text, encoding="utf-8")
    assert load_result(path) == written
    path.write_text(written.model_dump_json(), encoding="utf-8")
    assert load_result(path) == written


def test_a_record_is_ascii_and_reads_back(tmp_path: Path) -> None:
    """What a log has planted in an exported case reaches a terminal as escapes, and the file gives it back unchanged."""
    known = alert("a", title=HOSTILE + "\U0001f600")
    investigation = Investigation(
        run_id="r",
        alert_id="a",
        analyst=Analyst.OFFLINE,
        prompt_digest="",
        started_at=NOW,
        finished_at=NOW,
        verdict=Verdict(disposition=Disposition.BENIGN, confidence=0.5, summary=HOSTILE),
        evidence=(),
    )
    case = CaseRecord(
        alert=known,
        steps=(RecordedStep(key="k", kind="query", payload={HOSTILE: [HOSTILE]}),),
        investigation=investigation,
    )
    text = case.text()
    assert text.isascii()
    assert is_printable(text)
    assert json.loads(text)["alert"]["title"] == known.title
    path = tmp_path / "case.json"
    path.write_text(text, encoding="utf-8")
    assert load_record(path) == case
    path.write_text(case.model_dump_json(), encoding="utf-8")
    assert load_record(path) == case


@pytest.mark.parametrize("name", ["a$\\frac{$", "$x$", "<script>&", "日本", HOSTILE])
def test_a_name_in_a_plot_is_text(name: str) -> None:
    """No name is taken for a formula or for markup; the page can be drawn with every one of them."""
    page = evaluation_page(published(name=name))
    assert "<script>" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    shown = escape(printable(name, 60))
    assert f">{shown} (1/1)</text>" in page
