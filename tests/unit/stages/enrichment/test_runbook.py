"""A runbook's questions on one alert: what is asked, about whom, within which budget, and how the answers read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.actor_values import ActorValues
from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence, Source
from triage.domain.identity import Identity, IdentityKind
from triage.domain.plan import PlannedStep, RunbookPlan
from triage.domain.question import PlannedQuestion
from triage.domain.step import besides
from triage.domain.verdict import AnswerState
from triage.logtypes import terms_of
from triage.stages.enrichment.questions import QueryPlan
from triage.stages.enrichment.runbook import (
    AlertFrame,
    RunbookQueries,
    StepQuestion,
    plan_runbook,
    without_least_telling,
)
from triage.stages.enrichment.runbook_answers import outcomes_of
from triage.stages.enrichment.runbook_plan import steps_of, unplanned
from triage.stages.enrichment.runbook_words import OwnEvents, Seen, seen_in, sentence

NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
AT = NOW - timedelta(hours=6)
LOG_TYPE, TABLE = "Okta.SystemLog", "okta_systemlog"
PROVEN = Coverage(source_healthy=True, source_reached_window=True, table_has_rows=True, control_has_rows=True)
AFTER = {"from": "-0s", "to": "+2h"}


def person(name: str, *, log_type: str = LOG_TYPE, address: str = "198.51.100.7") -> ActorValues:
    return ActorValues(
        name=name,
        log_type=log_type,
        first=AT,
        last=AT,
        lists={"actors": (name,), "people": (name,), "addresses": (address,)},
        identities=(Identity.of(IdentityKind.EMAIL, name),),
    )


ADA, BO = person("ada@acme.example"), person("bo@acme.example", address="198.51.100.9")


def frame(*actors: ActorValues, **changes: Any) -> AlertFrame:
    given: dict[str, Any] = {
        "actors": actors or (ADA,),
        "log_types": (LOG_TYPE,),
        "events": (),
        "tables": None,
        "history": timedelta(days=30),
        "dwell": timedelta(days=14),
        "now": NOW,
    }
    return AlertFrame(**{**given, **changes})


def step(number: int = 1, *questions: dict[str, Any], **changes: Any) -> PlannedStep:
    asked = tuple(PlannedQuestion.model_validate({"window": AFTER, **question}) for question in questions)
    return PlannedStep(step=number, text=f"Step {number}", questions=asked, **changes)


def keys(found: RunbookQueries) -> list[str]:
    return [bound.key for bound in found.queries]


# ---- what is asked -----------------------------------------------------------------------------------------------


def test_steps_are_numbered_as_the_runbook_has_them() -> None:
    """A step that the plan lacks is there and asks nothing; one that the text lacks is kept."""
    plan = RunbookPlan(detection="D", digest="0", steps=(step(2), step(4)))

    found = steps_of("1. Look\n2. See\n3. Ask\n", plan)
    assert [(each.step, each.text) for each in found] == [(1, "Look"), (2, "Step 2"), (3, "Ask"), (4, "Step 4")]
    assert steps_of("", unplanned("", "D", ())) == ()


def test_every_actor_is_asked_about_where_the_question_is_about_the_actor() -> None:
    """The busiest first; what is about anyone is asked once."""
    found = plan_runbook([step(1, {}, {"about": "anyone", "ask": "by actor"})], frame(ADA, BO), budget=9)

    assert [(bound.key, bound.subject) for bound in found.queries] == [
        (f"runbook.1.1.{TABLE}", ADA.name),
        (f"runbook.1.2.{TABLE}", ""),
        (f"actor2/runbook.1.1.{TABLE}", BO.name),
    ]


def test_an_alert_without_events_says_what_would_be_needed() -> None:
    """Nothing is asked about nobody, and a field needs events."""
    nobody = ActorValues(first=AT, last=AT)
    found = plan_runbook([step(1, {}, {"about": "field:target.id"})], frame(nobody), budget=9)

    assert found.queries == ()
    whys = [question.why for question in found.questions]
    assert "none is known" in whys[0]
    assert "target.id" in whys[1]
    (outcome,) = outcomes_of(found, ())
    assert outcome.state is AnswerState.NO_ANSWER
    assert "target.id" in outcome.answer


def test_what_lies_before_the_alert_leaves_its_own_first_event_out() -> None:
    """Otherwise every act would have been seen before."""
    (bound,) = plan_runbook([step(1, {"window": {"from": "-24h", "to": "-0s"}})], frame(), budget=9).queries

    assert bound.window.end < AT


def test_the_same_question_is_sent_once() -> None:
    """Two steps share an answer, and so do a step and a playbook that asks in the same words."""
    twice = plan_runbook([step(1, {}), step(2, {})], frame(), budget=9)
    assert keys(twice) == [f"runbook.1.1.{TABLE}"]
    assert {question.key for question in twice.questions} == {f"runbook.1.1.{TABLE}"}

    shared = plan_runbook([step(3, {})], frame(), playbooks=twice.queries, budget=9)
    assert shared.queries == ()
    assert shared.questions[0].key == f"runbook.1.1.{TABLE}"


def test_the_budget_goes_to_each_question_before_the_further_logs_and_actors() -> None:
    """What did not fit says so, and a note counts it."""
    logs = {"logs": [LOG_TYPE, "GSuite.ActivityEvent"]}
    found = plan_runbook([step(1, logs), step(2, {"window": {"from": "-1h", "to": "-0s"}})], frame(ADA, BO), budget=3)

    assert keys(found) == [f"runbook.1.1.{TABLE}", f"runbook.2.1.{TABLE}", "runbook.1.1.gsuite_activityevent"]
    assert sum("budget" in question.why for question in found.questions) == 3
    assert found.notes == ("3 questions of the runbook were not asked: the budget of queries for runbooks was used up",)


def test_the_least_telling_playbook_questions_make_room() -> None:
    """Those that no measured fact reads go first; none goes whose answer a step shares."""
    playbooks = plan_runbook(
        [step(number, {"words": f"w{number}"}) for number in (1, 2, 3)], frame(), budget=99
    ).queries
    plan = QueryPlan(playbooks, ())
    runbook = RunbookQueries(
        questions=(
            StepQuestion(1, 1, PlannedQuestion.model_validate({"window": AFTER}), LOG_TYPE, "d", playbooks[-1].key),
        ),
        queries=plan_runbook([step(9, {})], frame(), budget=9).queries,
    )

    assert without_least_telling(plan, runbook, budget=99) is plan
    kept = without_least_telling(plan, runbook, budget=len(playbooks) - 1)
    assert kept.queries == (*playbooks[:-3], playbooks[-1])
    assert kept.notes == ("2 playbook questions were not asked: the runbook's own questions came first",)


def test_a_log_that_is_not_there_is_what_a_step_needs() -> None:
    """Nothing is sent, and the step says which log it would be."""
    found = plan_runbook(
        [step(1, {"logs": "GSuite.ActivityEvent"})], frame(tables={"panther_logs": frozenset()}), budget=9
    )
    (outcome,) = outcomes_of(found, ())

    assert (found.queries, outcome.state) == ((), AnswerState.NOT_IN_LAKE)
    assert "GSuite.ActivityEvent" in outcome.answer


# ---- how the answers read ----------------------------------------------------------------------------------------


def answered(*rows: dict[str, Any], key: str = "k", **changes: Any) -> Evidence:
    given: dict[str, Any] = {
        "id": "E1",
        "source": Source.QUERY,
        "key": key,
        "question": "?",
        "rows": rows,
        "row_count": len(rows),
        "measured": True,
        "start": AT - timedelta(days=30),
        "end": AT - timedelta(seconds=1),
        "coverage": PROVEN,
    }
    return Evidence(**{**given, **changes})


def asked(number: int = 1, key: str = "k", **question: Any) -> StepQuestion:
    planned = PlannedQuestion.model_validate({"window": {"from": "history", "to": "-1s"}, **question})
    return StepQuestion(1, number, planned, LOG_TYPE, "panther_logs", key)


def outcome(entry: Evidence, **question: Any) -> tuple[AnswerState, str]:
    one = asked(**question)
    (found,) = outcomes_of(RunbookQueries((step(1, question),), (one,)), [entry])
    return found.state, found.answer


ACT = {"action": "user.session.start", "times": 3, "days": 2, "refused": 1, "last_seen": "2026-03-01 10:34:00.000"}
ACT = {**ACT, "first_seen": "2026-03-01 10:31:00.000"}
DONE, OPEN = AnswerState.ANSWERED, AnswerState.NO_ANSWER


@pytest.mark.parametrize(
    ("question", "rows", "coverage", "state", "start"),
    [
        ({}, [ACT], PROVEN, DONE, "3 user.session.start, 1 refused, 2026-03-01 10:31 to 10:34 UTC, in the 30 days"),
        ({}, [], PROVEN, DONE, "None in the 30 days before the alert; the absence is proven."),
        ({}, [], Coverage(), OPEN, "Nothing was found in the 30 days before the alert; that there was nothing isn't"),
        ({"reads": "yes if any"}, [ACT], PROVEN, DONE, "Yes: 3 user.session.start"),
        ({"reads": "yes if any"}, [ACT], Coverage(), DONE, "Yes: 3 user.session.start"),
        ({"reads": "yes if any"}, [], PROVEN, DONE, "No: none in the 30 days before the alert"),
        ({"reads": "yes if any"}, [], Coverage(), OPEN, "Nothing was found"),
        ({"reads": "yes if none"}, [ACT], PROVEN, DONE, "No: 3 user.session.start"),
        ({"reads": "yes if none"}, [], PROVEN, DONE, "Yes: none in the 30 days"),
        ({"reads": "yes if none"}, [], Coverage(), OPEN, "Nothing was found"),
        ({"reads": "yes if at least", "at_least": 3}, [ACT], Coverage(), DONE, "Yes: 3 user.session.start"),
        ({"reads": "yes if at least", "at_least": 4}, [ACT], PROVEN, DONE, "No, fewer than 4: 3 user.session.start"),
        ({"reads": "yes if at least", "at_least": 4}, [ACT], Coverage(), OPEN, "3 user.session.start"),
        ({"ask": "first seen"}, [], PROVEN, DONE, "First time: none in the 30 days before the alert"),
        ({"ask": "first seen"}, [{**ACT, "action": None}], PROVEN, DONE, "3 acts on 2 days, 1 refused"),
    ],
)
def test_an_answer_reads_as_its_question_says(
    question: dict[str, Any], rows: list[dict[str, Any]], coverage: Coverage, state: AnswerState, start: str
) -> None:
    """Yes, no or a value; an absence only where it is proven, a number below a limit only where no more can be missing."""
    found = outcome(answered(*rows, coverage=coverage), **question)

    assert found[0] is state
    assert found[1].startswith(start), found[1]


def test_a_cut_answer_is_a_lower_bound() -> None:
    """It can show that there was enough, never that there was not."""
    cut = answered(ACT, truncated=True)

    assert outcome(cut, reads="yes if at least", at_least=4)[0] is OPEN
    assert outcome(cut, reads="yes if at least", at_least=3) == (
        DONE,
        "Yes: at least 3 user.session.start, 1 refused, 2026-03-01 10:31 to 10:34 UTC, in the 30 days before the alert. "
        "There may be more: the answer was cut.",
    )


def test_what_a_control_did_not_find_proves_nothing() -> None:
    """The words may not be the log's words; without the control's answer nobody knows."""
    assert PROVEN.with_control(1).proves_absence
    assert not PROVEN.with_control(0).proves_absence
    assert not PROVEN.with_control(None).proves_absence
    until = PROVEN.model_copy(update={"source_reached_window": False, "proven_until": NOW})
    assert not until.with_control(0).proves_until(AT)


def test_the_alerts_own_events_are_not_what_else_was_done() -> None:
    """They are taken off where the answer's rows tell them apart."""
    event = {
        "p_log_type": LOG_TYPE,
        "p_event_time": "2026-03-04 09:00:00.000",
        "eventType": "user.session.start",
        "actor": {"alternateId": ADA.name},
    }
    row = {"action": "user.session.start", "actor": ADA.name, "times": 1}
    own = OwnEvents([event], {LOG_TYPE: terms_of(LOG_TYPE)})
    entry = answered(row, start=AT, end=AT + timedelta(hours=2))
    question = asked(window=AFTER, ask="count")

    alone = seen_in(question.planned, [(question, entry)], own)
    assert (alone.times, alone.own) == (0, 1)
    unproven = entry.model_copy(update={"coverage": Coverage()})
    (found,) = outcomes_of(RunbookQueries((step(1, {"ask": "count"}),), (question,)), [unproven], own)
    assert found.answer.startswith("Nothing but the alert's own was found")
    more = seen_in(question.planned, [(question, answered({**row, "times": 3}, start=AT, end=NOW))], own)
    assert (more.times, more.own) == (2, 1)
    other = seen_in(question.planned, [(question, answered({**row, "actor": "x"}, start=AT, end=NOW))], own)
    assert (other.times, other.own) == (1, 0)


def test_a_match_counts_once() -> None:
    """Signals are copies of what matched; only a detection that is among them alone is added."""
    question = replace(asked(logs="alerts"), database="panther_rule_matches")
    signals = replace(question, database="panther_signals", log_type="correlation_signals")
    matches = answered({"rule": "A", "alert": "a1", "times": 4}, {"rule": "A", "alert": "a2", "times": 1})
    copies = answered({"rule": "A", "times": 5}, {"rule": "B", "times": 2})

    seen = seen_in(question.planned, [(signals, copies), (question, matches)], OwnEvents())
    assert sentence(seen, "now") == "7 matches of A, B in 2 alerts, now"
    days = seen_in(
        question.planned, [(question, answered({"times": 4})), (signals, answered({"times": 4}))], OwnEvents()
    )
    assert days.times == 4


def test_long_names_and_lists_are_cut() -> None:
    """A sentence stays a sentence, whatever an actor called things."""
    seen = Seen()
    for number in range(40):
        seen.add({"action": f"{number}{'x' * 500}", "target": f"t{number}" * 90, "times": 1}, 0)

    assert len(sentence(seen, "now")) < 700


def test_a_persons_part_is_not_said_twice() -> None:
    """Where it is the whole step, the step's text says it."""
    assert besides("Ask the owner.", "ask the owner") == ""
    assert besides("Look, and ask the owner.", "ask the owner") == "ask the owner"


COVERAGES = st.sampled_from([PROVEN, Coverage(), PROVEN.model_copy(update={"source_healthy": False})])
ENTRIES = st.builds(
    lambda rows, coverage, error, truncated: answered(
        *([] if error else rows), coverage=coverage, error=error, truncated=truncated
    ),
    st.lists(st.just(ACT), max_size=2),
    COVERAGES,
    st.sampled_from(["", "", "timed out"]),
    st.booleans(),
)
QUESTIONS = st.fixed_dictionaries(
    {
        "reads": st.sampled_from(["value", "yes if any", "yes if none", "yes if at least"]),
        "at_least": st.integers(1, 9),
        "ask": st.sampled_from(["list", "count", "first seen", "by day"]),
    }
)


@given(st.lists(st.tuples(QUESTIONS, st.lists(ENTRIES, max_size=2)), max_size=3), st.booleans(), st.booleans())
def test_nothing_is_answered_without_an_answer(
    given: list[tuple[dict[str, Any], list[Evidence]]], needed: bool, persons: bool
) -> None:
    """Each question of an answered step has rows that show it, or an absence that each of its logs proves."""
    questions, entries, held = [], [], []
    for number, (question, answers) in enumerate(given, 1):
        mine = [
            entry.model_copy(update={"key": f"k{number}.{place}", "id": f"E{10 * number + place}"})
            for place, entry in enumerate(answers)
        ]
        questions += [asked(number, entry.key, **question) for entry in mine] or [
            StepQuestion(1, number, asked(**question).planned, LOG_TYPE, "panther_logs", why="no actor is known")
        ]
        entries += mine
        seen = any(entry.answered and entry.rows for entry in mine)
        held.append(seen or (bool(mine) and all(entry.answered and entry.proves_absence for entry in mine)))
    planned = step(
        1, *(question for question, _ in given), needs=("x",) if needed else (), person="ask" if persons else ""
    )
    (found,) = outcomes_of(RunbookQueries((planned,), tuple(questions)), entries)

    if found.state is AnswerState.ANSWERED:
        assert given
        assert all(held)
        assert found.evidence
    if not given:
        assert found.state is (AnswerState.NOT_IN_LAKE if needed else AnswerState.FOR_A_PERSON)
    assert set(found.evidence) <= {entry.id for entry in entries}
    assert found.person == ("ask" if persons else "")
