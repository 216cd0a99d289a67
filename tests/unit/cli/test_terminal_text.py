"""What `triage show` and `triage list` print: evidence and conversations as a person can check them, nothing that acts."""

import re
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings

from tests.support.investigations import alert, record
from tests.support.spoiled import HOSTILE, spoiled
from triage.cli.alert_table import alert_table
from triage.cli.text import WHOLE, evidence_text, investigation_text
from triage.domain.alert import Alert, Severity, Status
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence, Source
from triage.domain.verdict import Analyst, Disposition, Investigation, Verdict
from triage.service.transcript import Transcript
from triage.settings import Price

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 4, 12, tzinfo=UTC)
SQL = "SELECT COUNT(*) AS times FROM panther_logs.public.okta_systemlog WHERE p_event_time >= '2026-03-01'  AND x = 'a  b'"
ENTRY = Evidence(
    id="E1",
    source=Source.QUERY,
    key="okta_systemlog.action_history",
    question="On which earlier days did this actor do this?",
    log_type="Okta.SystemLog",
    table="panther_logs.public.okta_systemlog",
    sql=SQL,
    start=START,
    end=END,
    seconds=2.1,
)
PROVEN = Coverage(source_healthy=True, source_reached_window=True, table_has_rows=True, control_has_rows=True)


def text_of(*evidence: Evidence) -> str:
    """What is printed of an investigation with this evidence."""
    investigation = Investigation(
        run_id="r1",
        alert_id="a1",
        analyst=Analyst.OFFLINE,
        started_at=START,
        finished_at=END,
        verdict=Verdict(
            disposition=Disposition.INCONCLUSIVE,
            confidence=0.4,
            summary="Nothing is settled.",
            proposed=Disposition.INCONCLUSIVE,
        ),
        evidence=evidence,
    )
    return evidence_text(alert(1, "t", "d", "n"), investigation, sql=True)


def test_the_sql_can_be_pasted_as_it_is() -> None:
    """It is on one line, with the spaces inside its texts untouched."""
    assert f"SQL      {SQL}\n" in text_of(ENTRY) + "\n"


def test_the_window_the_rows_and_the_coverage_are_shown() -> None:
    """A reader sees what was asked, over which time, and what an empty answer is worth."""
    unproven = text_of(ENTRY)
    proven = text_of(ENTRY.model_copy(update={"coverage": PROVEN}))

    assert "window   from 2026-03-01 00:00:00 to 2026-03-04 12:00:00 UTC" in unproven
    assert "no rows, 2.1 s" in unproven
    assert "source healthy unknown" in unproven
    assert "the absence is unproven" in unproven
    assert "control found rows yes" in proven
    assert "the absence is proven" in proven


def test_rows_are_bounded_and_clean() -> None:
    """Twenty rows are shown, and a control character of a log is an escape on the terminal."""
    rows = tuple({"day": f"2026-03-{number:02}", "who": "ada\x1b[2J", "found": None} for number in range(1, 26))
    printed = text_of(ENTRY.model_copy(update={"rows": rows, "row_count": 25, "truncated": True}))

    assert printed.count("who=ada\\x1b[2J") == WHOLE.rows
    assert "… 5 rows are not shown here; `triage show --json` has them" in printed
    assert "at least 25 rows, of which 25 kept" in printed
    assert "found=null" in printed
    assert "\x1b" not in printed


def test_a_question_without_an_answer_says_why() -> None:
    """It has no rows to judge, but its SQL can still be tried."""
    printed = text_of(ENTRY.model_copy(update={"error": "the query still ran after 60 s"}))

    assert "answer   failed: the query still ran after 60 s" in printed
    assert "1 questions, 0 answered" in printed
    assert SQL in printed
    assert "coverage" not in printed


def test_sql_with_many_escapes_is_shown_to_its_end() -> None:
    """Escapes make it longer, and do not push its end out."""
    printed = text_of(ENTRY.model_copy(update={"sql": "SELECT 'a\n\n\n\t\U000e0041' AS x FROM y LIMIT 10"}))

    assert r"SQL      SELECT 'a\n\n\n\t\U000e0041' AS x FROM y LIMIT 10" in printed


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(spoiled(), HOSTILE, HOSTILE)
def test_a_terminal_acts_on_nothing(case: tuple[Alert, Investigation], severity: str, status: str) -> None:
    """Foreign text in every field, a severity and a status that Panther made up among them: each stays one line."""
    raised, investigation = case
    odd = raised.model_copy(update={"severity": Severity(severity), "status": Status(status), "id": severity})
    known = record(odd, error=status)
    table = alert_table([known])
    texts = (
        table,
        investigation_text(known, investigation),
        investigation_text(known, investigation.model_copy(update={"analyst": Analyst.LLM})),
        investigation_text(known, None),
        evidence_text(odd, investigation, sql=True),
        evidence_text(odd, investigation, sql=False),
    )
    assert len(table.split("\n")) == 3
    for text in texts:
        text.encode("utf-8")
        assert not re.search("[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)


def test_a_journal_of_an_older_version_is_read_as_far_as_it_goes() -> None:
    """Entries without a time or a call are shown; steps of other kinds and shapes are left out."""
    answer = {"call_id": "c", "content": "Tables: x.\u202e\x1b[2J", "queries": 0, "bytes": 0, "failed": False}
    entries = [
        ("started", "clock", {"result": "2031-05-06"}),
        ("model/1", "model", {"result": {"reply": {"content": "hm"}, "seconds": 1.5}}),
        ("tools/1/0", "tool", {"result": {"answer": answer, "seconds": 0.5}}),
        ("model/2", "model", {"result": {"failure": {"message": "too long", "overflow": True}, "seconds": 0.1}}),
        ("model/3", "model", {"result": {"something": "else"}}),
    ]
    found = Transcript.of(entries, None)
    assert [step.key for step in found.steps] == ["model/1", "tools/1/0", "model/2"]
    text = found.text("USD")
    assert "says: hm" in text
    assert "no answer: too long" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "no price in llm.prices" in text
    assert Transcript.of([], Price(input=1, output=1)).text("USD") == "no model was used in this run"
