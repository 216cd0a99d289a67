"""The offline analyst, and the runbook steps it answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import ALERT, NOW, PROVEN, answer
from tests.support.shared import SHARED
from triage.domain.coverage import Coverage
from triage.domain.detection import Detection
from triage.domain.dossier import Dossier
from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import Evidence, Source
from triage.domain.runbook import MAX_STEP_CHARS, MAX_STEPS, runbook_steps
from triage.domain.signal import Direction, Signal
from triage.domain.step import StepOutcome
from triage.domain.verdict import ActionKind, AnswerState, Disposition
from triage.stages.investigation.offline import offline_draft
from triage.stages.verification import verify

UNPROVEN = Coverage(source_healthy=True, source_reached_window=False, table_has_rows=True)


def signal(name: str, direction: Direction, weight: float, sentence: str, *evidence: str, **more: Any) -> Signal:
    """A signal."""
    return Signal(name=name, direction=direction, weight=weight, sentence=sentence, evidence=evidence, **more)


EVENTS = answer("events", [], [{"eventName": "StopLogging"}], 1, source=Source.EVENTS, measured=False)
HISTORY = answer("action_history", ["routine"], [{"day": "2026-03-01", "address": "198.51.100.7", "times": 4}], 2)
AFTER = answer("actor_soon_after", ["quiet_aftermath"], [{"action": "ListBuckets", "target": "b-1234", "times": 3}], 3)
ROUTINE = signal(
    "routine", Direction.BENIGN, 2.0, "This actor did it on 4 earlier days, the last on 2026-03-01.", "E2", vouches=True
)
QUIET = signal("quiet_aftermath", Direction.BENIGN, 0.7, "Nothing harmful followed.", "E3", absence=True)
HARM = signal("harmful_aftermath", Direction.MALICIOUS, 2.4, "ListBuckets followed, 3 times.", "E3")


def dossier(*signals: Signal, evidence: tuple[Evidence, ...] = (EVENTS, HISTORY, AFTER), **detection: Any) -> Dossier:
    """A dossier with these signals."""
    return Dossier(
        alert=ALERT,
        detection=Detection(id="My.Rule", **detection),
        now=NOW,
        entities=(
            Entity(kind=EntityKind.EMAIL, value="ada@example.com", role=Role.ACTOR),
            Entity(kind=EntityKind.RESOURCE, value="trail-1", role=Role.TARGET),
        ),
        evidence=evidence,
        signals=signals,
    )


def test_routine_and_a_proven_quiet_are_benign() -> None:
    """Two measured facts towards benign, the log watching, nothing against."""
    draft = offline_draft(dossier(ROUTINE, QUIET))

    assert draft.verdict is Disposition.BENIGN
    assert [action.kind for action in draft.actions] == [ActionKind.NONE]


def test_a_log_that_was_not_watching_is_never_benign() -> None:
    """The same facts without coverage stay open, and the summary says why."""
    blind = AFTER.model_copy(update={"coverage": UNPROVEN})
    draft = offline_draft(dossier(ROUTINE, QUIET, evidence=(EVENTS, HISTORY, blind)))

    assert draft.verdict is Disposition.INCONCLUSIVE
    assert "What followed is unknown" in draft.summary


def test_one_fact_alone_is_not_enough_for_benign() -> None:
    """Benign needs two findings."""
    assert offline_draft(dossier(ROUTINE)).verdict is Disposition.INCONCLUSIVE


def test_weak_facts_do_not_add_up_to_benign() -> None:
    """The usual place, one earlier day and a quiet aftermath are there for whoever holds a stolen session, too."""
    place = signal("known_address", Direction.BENIGN, 0.7, "198.51.100.7 was used before.", "E2")
    once = signal("seen_before", Direction.BENIGN, 0.6, "This actor did it on 2026-03-01.", "E2")

    draft = offline_draft(dossier(place, once, QUIET))

    assert draft.verdict is Disposition.INCONCLUSIVE
    assert offline_draft(dossier(place, once, QUIET, ROUTINE)).verdict is Disposition.BENIGN


def test_a_habit_that_a_suspect_may_have_written_is_not_benign() -> None:
    """However heavy a fact is, it carries the verdict only where it vouches."""
    written = ROUTINE.model_copy(update={"vouches": False})

    assert offline_draft(dossier(written, QUIET)).verdict is Disposition.INCONCLUSIVE


def test_the_worst_actor_is_named() -> None:
    """Two events of a bot at its work don't hide a third of somebody else."""
    bot, known = ROUTINE.model_copy(update={"subject": "bot"}), QUIET.model_copy(update={"subject": "bot"})
    stranger = HARM.model_copy(update={"subject": "eve@example.com"})
    draft = offline_draft(dossier(bot, known, stranger))

    assert draft.verdict is Disposition.MALICIOUS
    assert "eve@example.com" in draft.summary
    silent = AFTER.model_copy(update={"id": "E4", "subject": "eve@example.com"})
    assert (
        offline_draft(dossier(bot, known, evidence=(EVENTS, HISTORY, AFTER, silent))).verdict
        is Disposition.INCONCLUSIVE
    )


def test_an_alert_whose_events_were_cut_is_not_benign() -> None:
    """Whoever acted in the events that were not read is unknown."""
    cut = EVENTS.model_copy(update={"truncated": True})

    assert offline_draft(dossier(ROUTINE, QUIET, evidence=(cut, HISTORY, AFTER))).verdict is Disposition.INCONCLUSIVE


def test_a_strong_fact_against_it_forbids_benign() -> None:
    """Benign facts don't bury a strong one towards malicious."""
    strange = signal("derived_used", Direction.MALICIOUS, 1.2, "ListBuckets was used.", "E3")
    draft = offline_draft(dossier(ROUTINE, QUIET, signal("known", Direction.BENIGN, 3.0, "2026-03-01", "E2"), strange))

    assert draft.verdict is Disposition.INCONCLUSIVE


def test_seen_harm_is_malicious_even_without_coverage() -> None:
    """What was seen needs no proof that nothing was missed."""
    blind = AFTER.model_copy(update={"coverage": UNPROVEN})
    draft = offline_draft(dossier(HARM, evidence=(EVENTS, HISTORY, blind)))

    assert draft.verdict is Disposition.MALICIOUS
    assert ActionKind.ESCALATE in {action.kind for action in draft.actions}


def test_a_habit_answers_for_the_act_and_not_for_what_came_after_it() -> None:
    """However often it was done before: grave harm that followed is raised."""
    heavy = ROUTINE.model_copy(update={"weight": 4.0})
    known = signal("known_address", Direction.BENIGN, 0.5, "198.51.100.7 was used before.", "E2")

    assert offline_draft(dossier(heavy, known, HARM)).verdict is Disposition.MALICIOUS
    lesser = HARM.model_copy(update={"weight": 1.6})
    assert offline_draft(dossier(heavy, known, lesser)).verdict is Disposition.SUSPICIOUS


def test_an_unproven_absence_counts_for_nothing() -> None:
    """A first time that coverage doesn't prove moves nothing."""
    empty = HISTORY.model_copy(update={"rows": (), "row_count": 0, "coverage": UNPROVEN})
    first = signal("first_seen_action", Direction.MALICIOUS, 2.5, "Never before.", "E2", absence=True)

    assert offline_draft(dossier(first, evidence=(EVENTS, empty, AFTER))).findings == ()


def test_without_signals_nothing_is_settled() -> None:
    """No facts, no verdict."""
    draft = offline_draft(dossier())

    assert draft.verdict is Disposition.INCONCLUSIVE
    assert draft.findings == ()


def test_findings_cite_the_rows_that_they_speak_of() -> None:
    """Values that stand in the sentence are cited from the row that holds them, and verification agrees."""
    given = dossier(ROUTINE, QUIET, HARM)
    draft = offline_draft(given)
    checked = verify(draft.findings, given.evidence)

    assert all(found.verified for found in checked)
    cited = {(c.column, c.value) for found in draft.findings for c in found.citations if c.kind == "value"}
    assert {("day", "2026-03-01"), ("times", 4), ("action", "ListBuckets")} <= cited


def test_techniques_come_from_the_detection() -> None:
    """The offline analyst invents none."""
    draft = offline_draft(dossier(HARM, reports={"MITRE ATT&CK": ("TA0005:T1562.008",)}))

    assert draft.techniques == ("T1562.008",)


def test_the_runbook_reads_as_enrichment_found_it() -> None:
    """Each step keeps its state, its sentence, its evidence and what is left for a person."""
    steps = (
        StepOutcome(step=1, text="Look", state=AnswerState.ANSWERED, answer="Yes: 4 acts.", evidence=("E2",)),
        StepOutcome(step=2, text="Ask", state=AnswerState.FOR_A_PERSON, person="ask the owner"),
    )
    answers = offline_draft(dossier(ROUTINE).model_copy(update={"runbook": steps})).runbook

    assert [(found.state, found.answer, found.evidence, found.person) for found in answers] == [
        (AnswerState.ANSWERED, "Yes: 4 acts.", ("E2",), ""),
        (AnswerState.FOR_A_PERSON, "", (), "ask the owner"),
    ]


def test_a_dossier_whose_questions_all_failed_still_gives_a_draft() -> None:
    """Errors are no facts."""
    failed = tuple(
        entry.model_copy(update={"error": "timed out", "rows": (), "row_count": 0})
        for entry in (EVENTS, HISTORY, AFTER)
    )

    assert offline_draft(dossier(ROUTINE, HARM, evidence=failed)).verdict is Disposition.INCONCLUSIVE


def test_coverage_is_what_proves() -> None:
    """The helper's coverage proves absences, so the tests above test what they say."""
    assert PROVEN.proves_absence
    assert not UNPROVEN.proves_absence


# ---- runbook steps -----------------------------------------------------------------------------------------------


def test_a_runbook_is_split_into_steps() -> None:
    """Numbers first, then bullets, then sentences; a bare link is no step."""
    cases = [
        ("1. Look at it\n2. Ask\n", ("Look at it", "Ask")),
        ("Intro:\n1) Look\n   at it\n\n2) Ask\n", ("Look at it", "Ask")),
        ("- Look\n- Ask\n", ("Look", "Ask")),
        ("Look at it. Then ask.", ("Look at it.", "Then ask.")),
        ("First 1. Look at it. 2. Ask them.", ("Look at it.", "Ask them.")),
        ("### Steps\n1. Look\n### Later\n", ("Look ### Later",)),
        ("https://example.com/runbook", ()),
        ("", ()),
        (".\n", ()),
    ]
    for text, steps in cases:
        assert runbook_steps(text) == steps, text


@given(st.text(max_size=400))
def test_any_text_gives_bounded_steps(text: str) -> None:
    """No runbook can make the list or a step grow without end."""
    steps = runbook_steps(text)

    assert len(steps) <= MAX_STEPS
    assert all(0 < len(step) <= MAX_STEP_CHARS and "\n" not in step for step in steps)


def test_published_runbooks_have_steps() -> None:
    """Every published runbook that is more than a link gives at least one step."""
    path = SHARED / "data" / "rules.ndjson"
    if not path.is_file():
        pytest.skip(f"no published rules at {path}")
    runbooks = [
        str(json.loads(line).get("runbook") or "").strip() for line in path.read_text(encoding="utf-8").splitlines()
    ]
    written = [text for text in runbooks if " " in text]

    assert len(written) > 600
    assert all(runbook_steps(text) for text in written)
