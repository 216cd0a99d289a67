"""A runbook's steps in a model's draft: what code has answered stands, and nothing is answered without evidence."""

from hypothesis import given
from hypothesis import strategies as st

from triage.domain.coverage import Coverage
from triage.domain.evidence import Evidence, Source
from triage.domain.step import StepOutcome, step_of
from triage.domain.verdict import AnswerState, Disposition, Draft, RunbookAnswer
from triage.stages.investigation.steps import answer_issues, settle_answers

PROVEN = Coverage(source_healthy=True, source_reached_window=True, table_has_rows=True, control_has_rows=True)
EVIDENCE = (
    Evidence(id="E1", source=Source.EVENTS, key="events", question="?", rows=({"a": 1},), row_count=1),
    Evidence(id="E2", source=Source.QUERY, key="q", question="?", error="too slow"),
    Evidence(id="E3", source=Source.QUERY, key="runbook.1.1", question="?", rows=({"times": 2},), row_count=1),
    Evidence(id="E4", source=Source.QUERY, key="runbook.2.1.okta_systemlog", question="?", coverage=PROVEN),
    Evidence(id="E5", source=Source.QUERY, key="actor2/runbook.2.1.okta_systemlog", question="?"),
    Evidence(id="E6", source=Source.TOOL, key="tool.query_lake", question="?", rows=({"n": 1},), row_count=1),
    Evidence(id="E7", source=Source.TOOL, key="tool.query_lake", question="?"),
    Evidence(id="E8", source=Source.QUERY, key="q.history", question="?", rows=({"n": 1},), row_count=1),
)
OUTCOMES = (
    StepOutcome(step=1, text="Look", state=AnswerState.ANSWERED, answer="Yes: 2 acts.", evidence=("E3",)),
    StepOutcome(
        step=2, text="See", state=AnswerState.NO_ANSWER, answer="no rows, unproven", evidence=("E4", "E5", "E8")
    ),
    StepOutcome(step=3, text="Ask", state=AnswerState.FOR_A_PERSON, person="ask the porter"),
    StepOutcome(step=4, text="Sniff", state=AnswerState.NOT_IN_LAKE, answer="the smell of the door"),
    StepOutcome(step=5, text="Hm", state=AnswerState.FOR_A_PERSON),
    StepOutcome(
        step=6, text="Check the past 30 days.", state=AnswerState.FOR_A_PERSON, person="check the past 30 days"
    ),
)


def with_answers(*answers: RunbookAnswer) -> Draft:
    return Draft(verdict=Disposition.SUSPICIOUS, confidence=0.5, summary="x", runbook=answers)


def answer(state: AnswerState, text: str = "", *evidence: str, step: int = 1) -> RunbookAnswer:
    return RunbookAnswer(step=step, text="Look", state=state, answer=text, evidence=evidence)


def test_the_step_of_a_key() -> None:
    """Questions of a runbook say whose they are; all others are nobody's."""
    assert [step_of(entry.key) for entry in EVIDENCE] == [None, None, 1, 2, 2, None, None, None]
    assert step_of("runbook.12.3.aws_cloudtrail") == 12
    assert step_of("x/runbook.1.1") is None


def test_done_has_to_rest_on_an_answer() -> None:
    """The model is asked once to correct it; a step that still rests on nothing has no answer again."""
    cases = [
        (answer(AnswerState.ANSWERED, "open", "E1"), "", AnswerState.ANSWERED),
        (answer(AnswerState.ANSWERED, "open"), "without evidence", AnswerState.NO_ANSWER),
        (answer(AnswerState.ANSWERED, "open", "E9"), "rests on E9", AnswerState.NO_ANSWER),
        (answer(AnswerState.ANSWERED, "open", "E2"), "rests on E2", AnswerState.NO_ANSWER),
        (answer(AnswerState.ANSWERED, "open", "E1", "E9"), "rests on E9", AnswerState.ANSWERED),
        (answer(AnswerState.NOT_IN_LAKE, "the porter's book"), "", AnswerState.NOT_IN_LAKE),
        (answer(AnswerState.NOT_IN_LAKE), "what would be needed", AnswerState.NOT_IN_LAKE),
        (answer(AnswerState.FOR_A_PERSON), "", AnswerState.FOR_A_PERSON),
        (answer(AnswerState.NO_ANSWER), "", AnswerState.NO_ANSWER),
    ]
    for said, message, settled in cases:
        issues = answer_issues(with_answers(said), EVIDENCE[:2], name_open=False)
        assert [message in issue.message for issue in issues] == ([True] if message else []), said
        kept = settle_answers(with_answers(said), EVIDENCE[:2]).runbook[0]
        assert kept.state is settled, said
        assert set(kept.evidence) <= {"E1"}
        assert kept.state is not AnswerState.NO_ANSWER or kept.answer == ""


def test_steps_without_an_answer_are_named() -> None:
    """All in one objection, and only in a draft that goes back anyway; not those of which code has said why."""
    assert answer_issues(with_answers(answer(AnswerState.FOR_A_PERSON)), EVIDENCE, name_open=True) == []
    two_open = with_answers(answer(AnswerState.NO_ANSWER), answer(AnswerState.NO_ANSWER))
    assert answer_issues(two_open, EVIDENCE, name_open=False) == []
    (issue,) = answer_issues(two_open, EVIDENCE, name_open=True)
    assert "step 1, 1" in issue.message
    assert answer_issues(with_answers(answer(AnswerState.NO_ANSWER, step=2)), EVIDENCE, OUTCOMES, name_open=True) == []


def settled(said: RunbookAnswer) -> RunbookAnswer:
    return settle_answers(with_answers(said), EVIDENCE, OUTCOMES).runbook[0]


def test_what_code_has_answered_stands() -> None:
    """A model may add to it, with evidence; it can neither take the answer back nor write another."""
    for state in AnswerState:
        silent = settled(answer(state, "No, all is well."))
        assert (silent.state, silent.answer, silent.added) == (AnswerState.ANSWERED, "Yes: 2 acts.", "")
        said = settled(answer(state, "No, all is well.", "E1"))
        assert (said.state, said.answer, said.added) == (AnswerState.ANSWERED, "Yes: 2 acts.", "No, all is well.")
        assert said.evidence == ("E3", "E1")


def test_an_unanswered_step_takes_an_answer_to_its_own_question_only() -> None:
    """Its own questions, the model's own, or an answer that the step shares; never one that merely exists."""
    for names, held in [(("E4",), True), (("E6",), True), (("E8",), True), (("E1", "E6"), True), (("E1",), False)]:
        said = answer(AnswerState.ANSWERED, "none", *names, step=2)
        found = settled(said)
        assert (found.state is AnswerState.ANSWERED) is held, names
        assert (found.answer if held else found.added) == "none"
        issues = answer_issues(with_answers(said), EVIDENCE, OUTCOMES, name_open=False)
        assert (not issues) is held


def test_no_rows_that_prove_nothing_answer_nothing() -> None:
    """Neither the step's own empty answer nor the model's turns into one, where the absence is not proven."""
    for name in ("E5", "E7"):
        assert settled(answer(AnswerState.ANSWERED, "none", name, step=2)).state is AnswerState.NO_ANSWER


def test_a_persons_step_stays_a_persons() -> None:
    """So does one that isn't in the lake; a step of which code made nothing may be answered."""
    for step, state in ((3, AnswerState.FOR_A_PERSON), (4, AnswerState.NOT_IN_LAKE), (5, AnswerState.ANSWERED)):
        found = settled(answer(AnswerState.ANSWERED, "Authorised.", "E6", step=step))
        assert found.state is state
        assert found.person == OUTCOMES[step - 1].person


def test_a_step_that_nobody_could_read_is_answered_from_the_dossier() -> None:
    """What is left to a person is the step itself, so nobody has said that it is theirs. An event is no answer to it."""
    for step in (5, 6):
        done = settled(answer(AnswerState.ANSWERED, "Once, on the 3rd.", "E8", step=step))
        assert (done.state, done.answer, done.evidence) == (AnswerState.ANSWERED, "Once, on the 3rd.", ("E8",))
        for name in ("E1", "E2", "E5"):
            said = answer(AnswerState.ANSWERED, "Never.", name, step=step)
            assert settled(said).state is AnswerState.FOR_A_PERSON, name
            assert answer_issues(with_answers(said), EVIDENCE, OUTCOMES, name_open=False), name


NAMES = [entry.id for entry in EVIDENCE] + ["E99"]


@given(
    st.lists(
        st.builds(
            RunbookAnswer,
            step=st.integers(1, 7),
            text=st.just("Look"),
            state=st.sampled_from(AnswerState),
            answer=st.sampled_from(["", "Authorised."]),
            evidence=st.lists(st.sampled_from(NAMES), max_size=4).map(tuple),
        ),
        max_size=8,
    )
)
def test_whatever_a_model_says_an_answer_has_evidence(answers: list[RunbookAnswer]) -> None:
    """No state `answered` without answered evidence, and no answer of code's is lost."""
    kept = settle_answers(with_answers(*answers), EVIDENCE, OUTCOMES).runbook
    entries = {entry.id: entry for entry in EVIDENCE}

    for said in kept:
        outcome = next((each for each in OUTCOMES if each.step == said.step), None)
        if said.state is AnswerState.ANSWERED:
            assert any(entries[name].answered for name in said.evidence)
        if outcome is not None and outcome.state is AnswerState.ANSWERED:
            assert (said.state, said.answer) == (outcome.state, outcome.answer)
        if outcome is not None and outcome.person:
            assert said.person == outcome.person
