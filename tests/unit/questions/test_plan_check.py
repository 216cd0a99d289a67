"""What a plan may ask, whoever wrote it."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.plans import plan, plans, question, step
from triage.domain.plan import RunbookPlan
from triage.questions.plan_check import (
    MAX_QUESTIONS,
    MAX_STEP_QUESTIONS,
    fitted,
    plan_problems,
    question_problem,
)

CLOUDTRAIL = ("AWS.CloudTrail",)


@pytest.mark.parametrize(
    "name",
    [
        "panther_logs.public.aws_cloudtrail",
        "aws_cloudtrail",
        "AWS.CloudTrail; DROP TABLE x",
        "AWS.CloudTrail WHERE 1=1",
        "AWS.*",
        "*",
        "'",
        "OWN",
    ],
)
def test_logs_are_log_types_and_never_tables(name: str) -> None:
    """A table, a pattern and SQL are refused, also beside a log type that could be asked."""
    assert question_problem(question(logs=["own", name]), CLOUDTRAIL)
    assert question_problem(question(logs=["own", name]), None)


def test_an_unknown_log_type_is_named_with_the_nearest() -> None:
    """Whoever wrote it sees what to write instead."""
    problem = question_problem(question(logs="AWS.Cloudtrails"), CLOUDTRAIL)
    assert problem == "no log type AWS.Cloudtrails is known; did you mean AWS.CloudTrail?"


@pytest.mark.parametrize(
    ("start", "end", "backwards"),
    [
        ("-24h", "+6h", False),
        ("-0s", "+0s", False),
        ("history", "-1s", False),
        ("dwell", "now", False),
        ("+5m", "now", False),
        ("+6h", "-24h", True),
        ("-1s", "-24h", True),
        ("now", "+6h", True),
        ("-1h", "history", True),
    ],
)
def test_a_window_ends_after_it_begins(start: str, end: str, backwards: bool) -> None:
    """One that is written the wrong way round would answer every step with nothing."""
    problem = question_problem(question(window={"from": start, "to": end}), CLOUDTRAIL)
    assert ("ends before it begins" in problem) is backwards


@pytest.mark.parametrize("name", ["own", "sign-ins", "alerts"])
def test_groups_of_logs_can_be_asked(name: str) -> None:
    """Whichever of their logs a Panther has: that is seen when the question is bound to an alert."""
    assert question_problem(question(logs=name), CLOUDTRAIL) == ""
    assert question_problem(question(logs=name), None) == ""


def test_a_log_type_of_a_known_family_is_known() -> None:
    """What one file says of a whole family holds for each of its log types."""
    assert (
        question_problem(question(logs="Crowdstrike.ProcessRollup2", about="field:aid", ask="by day"), CLOUDTRAIL) == ""
    )


def test_the_log_types_of_the_detection_are_known() -> None:
    """One that only this Panther has can be named, but not asked while nothing is known of its fields."""
    assert "Custom.Door" not in str(question_problem(question(logs="Custom.Door"), None))
    problem = question_problem(question(), ("Custom.Door",))
    assert problem
    assert question_problem(question(logs=["own", "AWS.CloudTrail"]), ("Custom.Door",)) == ""


def test_a_question_needs_one_log_that_can_answer() -> None:
    """One that no log answers says why, and its step says so too instead of counting as asked."""
    made = plan(step(1, "Look", question(), question(logs="AWS.CloudTrail")))
    kept, problems = fitted(made, ("Custom.Door",))
    (problem,) = problems
    assert (problem.step, problem.question) == (1, 0)
    assert kept.steps[0].questions == (question(logs="AWS.CloudTrail"),)
    assert kept.steps[0].needs == (problem.why,)


def test_before_the_log_types_are_known_only_named_ones_are_tried() -> None:
    """A file is checked when it is loaded, and `own` when it is used."""
    assert plan_problems(plan(step(1, "Look", question()))) == ()


def test_a_step_and_a_plan_have_few_questions() -> None:
    """What goes beyond is left out and named: a runbook can't use up the budget of an alert."""
    many = [question(window={"from": f"-{number}h", "to": "-1s"}) for number in range(1, 101)]
    kept, problems = fitted(plan(step(1, "Look", *many)), CLOUDTRAIL)
    assert kept.steps[0].questions == tuple(many[:MAX_STEP_QUESTIONS])
    assert len(problems) == 100 - MAX_STEP_QUESTIONS
    assert kept.steps[0].needs == (f"a step may have {MAX_STEP_QUESTIONS} questions; this one has 100",)
    wide = plan(*(step(number, "Look", *many[:6]) for number in range(1, 8)))
    kept, problems = fitted(wide, CLOUDTRAIL)
    assert sum(len(each.questions) for each in kept.steps) == MAX_QUESTIONS
    assert "earlier steps have used them up" in problems[-1].why


def test_a_question_names_few_logs() -> None:
    """Each log is a query of its own."""
    names = ["AWS.CloudTrail", "Okta.SystemLog", "GitHub.Audit", "GSuite.ActivityEvent", "GCP.AuditLog"]
    assert question_problem(question(logs=names), CLOUDTRAIL) == ""
    problem = question_problem(question(logs=[*names, *names]), CLOUDTRAIL)
    assert "at most 8" in problem


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(plans)
def test_what_is_left_of_any_plan_holds(made: RunbookPlan) -> None:
    """Fitting twice changes nothing, steps keep their numbers and texts' beginnings, and nothing is added to a step but needs."""
    kept, _ = fitted(made, CLOUDTRAIL)
    again, problems = fitted(kept, CLOUDTRAIL)
    assert again == kept
    assert problems == ()
    for before, after in zip(made.steps, kept.steps, strict=True):
        assert set(after.questions) <= set(before.questions)
        assert before.text.startswith(after.text)
