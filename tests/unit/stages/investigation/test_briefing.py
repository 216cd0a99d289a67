"""What the model reads in reply to a result, and to a call of several questions."""

import base64

from tests.support.make import dossier, evidence
from tests.support.small_dossier import NONCE
from triage.domain.evidence import Evidence, Source
from triage.domain.finding import Issue, IssueCode
from triage.domain.untrusted import Caps, Fence
from triage.edges.prompts import load_prompts
from triage.stages.enrichment.signals.companions import ACT
from triage.stages.investigation.briefing import Briefing
from triage.stages.investigation.entries import EntryWriter
from triage.stages.investigation.legend import legend_of

BRIEFING = Briefing(load_prompts(), Fence(NONCE), ())
CITATION = Issue(code=IssueCode.WRONG_VALUE, message="E1 is otherwise", finding=2)
FLAG = Issue(code=IssueCode.UNANSWERED_FLAG, message="haul: Why so much at once? See E6.")


def test_an_open_flag_is_no_wrong_citation() -> None:
    """It has words of its own: what is open, and that a person may answer it."""
    text = BRIEFING.objections([FLAG])
    assert "These don't hold" not in text
    assert "Correct the citations" not in text
    assert '- "haul: Why so much at once? See E6."' in text
    assert "leave them to a person with `suspicious` or `inconclusive`" in text
    assert text.strip().endswith("Call `conclude` once more with the whole result.")


def test_wrong_citations_and_open_flags_are_told_apart() -> None:
    """Each under its own heading, in one message."""
    text = BRIEFING.objections([CITATION, FLAG])
    assert text.index('- finding 2: "E1 is otherwise"') < text.index("hard flags are open") < text.index("haul")
    assert "hard flags are open" not in BRIEFING.objections([CITATION])


def test_an_encoded_command_is_shown_decoded_between_markers() -> None:
    """Once, with the place of the field that holds it, as text that others wrote."""
    run = base64.b64encode("whoami /all; net group".encode("utf-16-le")).decode()
    rows = ({"process": {"CommandLine": f"powershell -enc {run}"}},) * 2
    events = Evidence(id="E1", source=Source.EVENTS, key="events", question="?", rows=rows, row_count=2)
    text = BRIEFING.dossier(dossier(events), chars=60_000, turns=3, queries=3)
    block = text[text.index(f"<<<DATA {NONCE} decoded") : text.index(f"DATA {NONCE} decoded>>>")]
    assert block.splitlines()[1:] == ['{"E1 row 0 process.CommandLine":"whoami /all; net group"}']
    assert "decoded" not in BRIEFING.dossier(dossier(), chars=60_000, turns=3, queries=3)


def test_answers_of_one_call_without_rows_share_a_block() -> None:
    """With each question between markers, and once what they prove."""
    found = evidence(7, {"times": 3}, source="tool")
    empty = [evidence(number, source="tool", question=f"Who <{number}>?") for number in (8, 9)]
    text = BRIEFING.tool_results([found, *empty], [found], "", Caps())
    assert text.splitlines()[-5:] == [
        f"<<<DATA {NONCE} no rows",
        'E8 "Who \\u003c8\\u003e?"',
        'E9 "Who \\u003c9\\u003e?"',
        f"DATA {NONCE} no rows>>>",
        "E8, E9: no rows; the absence is proven.",
    ]
    assert text.startswith("E7: source tool; 1 row.")


def test_the_legend_names_the_row_as_the_answer_does() -> None:
    """The row that counts the act itself has a name, and the legend uses it."""
    row = evidence(1, {"action": ACT}).model_copy(update={"key": "aws_cloudtrail.usual_followups"})
    assert f"`{ACT}`" in legend_of(row)


def test_actions_that_are_numbers_are_named_once() -> None:
    """Whoever doesn't know the provider's numbers can't read the rows."""
    counted = evidence(1, {"action": "5"}, {"action": "11"}, {"action": "5"}, log_type="OneLogin.Events")
    raw = evidence(2, {"event_type_id": 11}, source="events", log_type="OneLogin.Events")
    assert legend_of(counted) == "Actions: 11 is set a password; 5 is signed in to OneLogin."
    assert legend_of(raw) == "Actions: 11 is set a password."
    assert legend_of(evidence(3, {"action": "StopLogging"})) == ""


def test_of_earlier_alerts_those_that_people_judged_are_shown_first() -> None:
    """An open alert says nothing, and there may be many."""
    rows = [{"alert_id": f"a{number}", "status": "OPEN", "judged": False} for number in range(9)]
    rows.append({"alert_id": "closed", "status": "CLOSED", "judged": True})
    found = evidence(1, *rows, source="history").model_copy(update={"key": "history"})
    shown = EntryWriter(Fence(NONCE)).dossier([found], Caps()).rows
    assert "closed" in shown
    assert "a8" not in shown


def test_the_same_counted_is_not_shown_twice() -> None:
    rows = [{"alert_id": "a1", "status": "CLOSED", "judged": True}]
    past = evidence(1, *rows, source="history").model_copy(update={"key": "history"})
    counted = evidence(2, {"status": "CLOSED", "alerts": 1}, source="history").model_copy(update={"key": "outcomes"})
    assert EntryWriter(Fence(NONCE)).dossier([past, counted], Caps()).rest == ("E2: counts the rows of E1.",)


def test_questions_that_were_not_asked_for_one_reason_share_a_line() -> None:
    silent = [evidence(number, error="not asked: none is known") for number in (1, 2)]
    unanswered = EntryWriter(Fence(NONCE)).dossier(silent, Caps()).unanswered
    assert '{"E1, E2":"not asked: none is known"}' in unanswered
