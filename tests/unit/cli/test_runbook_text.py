"""Plans and their changes on a terminal: in plain words, with their SQL, and nothing that acts."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.plans import plan, plans, question, step
from triage.cli.runbook_text import asked_text, change_lines, counts, counts_text, plan_lines, understood
from triage.domain.clean import printable
from triage.domain.plan import RunbookPlan
from triage.questions.plan_diff import plan_changes

LOGS = ("AWS.CloudTrail",)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ""),
        ({"reads": "yes if any"}, " (yes if there is one)"),
        ({"reads": "yes if none"}, " (yes if there is none)"),
        ({"reads": "yes if at least", "at_least": 5}, " (yes if there are at least 5)"),
    ],
)
def test_a_question_says_how_its_answer_reads(given: dict[str, object], said: str) -> None:
    """In words behind the question, where it decides something."""
    text = asked_text(question(**given))
    assert text.partition("?")[2] == said
    assert "actor" in text


def test_each_step_has_its_own_lines() -> None:
    """What is asked, what is needed, what a person does; a step with none of them is not understood."""
    made = plan(
        step(1, "Look", question(), needs=("a device inventory",), person="call the user"), step(2, "Do the needful")
    )
    lines = list(plan_lines(made, LOGS, sql=False))
    assert lines[0] == "1.  Look"
    assert lines[1].startswith("    asks     ")
    assert lines[-4:] == [
        "    needs    a device inventory",
        "    person   call the user",
        "2.  Do the needful",
        "    not understood as a question: nothing is asked, and a person reads this step",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Query for the tides", False),
        ("Count the stars", False),
        ("Check whether it rains", False),
        ("Confirm with the owner", True),
        ("Check with the owner", True),
        ("Call the user", True),
        ("Runbook", True),
        ("", True),
    ],
)
def test_a_person_gets_tasks_and_no_questions(text: str, expected: bool) -> None:
    """A step that wants an answer and asks nothing was not understood, even if all of it is left to a person."""
    assert understood(step(1, text, person="as the text says")) is expected
    assert understood(step(1, text, question()))
    assert understood(step(1, text, needs=("a list",)))
    assert not understood(step(1, text))


def test_the_sql_of_each_log_is_on_one_line() -> None:
    """It can be pasted; a log that can't answer says why."""
    made = plan(step(1, "Look", question(logs=["AWS.CloudTrail", "Custom.Door"])))
    lines = list(plan_lines(made, LOGS, sql=True))
    (sql,) = [line for line in lines if line.strip().startswith("SELECT ")]
    assert "panther_logs.public.aws_cloudtrail" in sql
    assert any(line.strip().startswith("not of Custom.Door: ") for line in lines)


def test_steps_are_counted_once_each() -> None:
    """A step that asks is compiled, whatever else it has; else it needs something; else it is a person's."""
    made = [
        plan(step(1, "a", question(), needs=("x",)), step(2, "b", needs=("x",), person="y"), step(3, "c", person="y")),
        plan(step(1, "d", question(), question(classes="grant")), step(2, "e")),
    ]
    assert counts(made) == {
        "runbooks": 2,
        "steps": 5,
        "questions": 3,
        "compiled": 2,
        "needs": 1,
        "person": 1,
        "not_understood": 1,
    }
    assert counts_text(counts(made)).startswith("2 runbooks, 5 steps: 2 compiled to 3 questions, 1 need")


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(plans, plans)
def test_no_text_of_a_plan_acts_on_a_terminal(before: RunbookPlan, after: RunbookPlan) -> None:
    """Every line is one line without anything that a terminal acts on, whatever a runbook or a file says."""
    lines = [*plan_lines(before, LOGS, sql=True), *change_lines(plan_changes(before, after))]
    assert [line for line in lines if printable(line) != line] == []
