"""What a new plan changes, step by step."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.plans import plan, plans, question, step
from triage.domain.plan import PlannedStep, RunbookPlan
from triage.questions.plan_diff import ChangeKind, plan_changes

ASK = "Query for the deletions of the actor in the 6 hours after"
CONFIRM = "Confirm with the owner that the change was planned"


def kinds(before: list[PlannedStep], after: list[PlannedStep]) -> list[tuple[str, int, int]]:
    """Each change with the numbers of its steps; 0 where there is none."""
    return [
        (change.kind.value, change.before.step if change.before else 0, change.after.step if change.after else 0)
        for change in plan_changes(plan(*before), plan(*after))
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([ASK, CONFIRM], [ASK, CONFIRM], [("same", 1, 1), ("same", 2, 2)]),
        ([ASK, CONFIRM], [ASK.upper() + " ", CONFIRM], [("same", 1, 1), ("same", 2, 2)]),
        ([ASK, CONFIRM], [ASK.replace("6", "12"), CONFIRM], [("changed", 1, 1), ("same", 2, 2)]),
        ([ASK, CONFIRM], [CONFIRM], [("removed", 1, 0), ("same", 2, 1)]),
        ([CONFIRM], [ASK, CONFIRM], [("added", 0, 1), ("same", 1, 2)]),
        ([ASK], [CONFIRM], [("removed", 1, 0), ("added", 0, 1)]),
        ([ASK], [CONFIRM, ASK.replace("6", "12")], [("added", 0, 1), ("changed", 1, 2)]),
        ([], [ASK], [("added", 0, 1)]),
        ([], [], []),
    ],
)
def test_steps_are_matched_by_their_texts(
    before: list[str], after: list[str], expected: list[tuple[str, int, int]]
) -> None:
    """A step that moves up or down is the same; one that was reworded is changed; the rest is added or removed."""
    assert (
        kinds(
            [step(number, text) for number, text in enumerate(before, 1)],
            [step(number, text) for number, text in enumerate(after, 1)],
        )
        == expected
    )


def test_other_questions_for_the_same_text_are_a_change() -> None:
    """So are other needs and another decision; the text is then not reworded."""
    for more in (step(1, ASK, question()), step(1, ASK, needs=("x",)), step(1, ASK, person="x")):
        (change,) = plan_changes(plan(step(1, ASK)), plan(more))
        assert (change.kind, change.reworded) == (ChangeKind.CHANGED, False)
    (change,) = plan_changes(plan(step(1, ASK)), plan(step(1, ASK.replace("6", "12"))))
    assert change.reworded


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(plans, plans)
def test_no_step_is_lost(before: RunbookPlan, after: RunbookPlan) -> None:
    """Each step of either plan is in one change, in order."""
    changes = plan_changes(before, after)
    assert tuple(change.before for change in changes if change.before) == before.steps
    assert tuple(change.after for change in changes if change.after) == after.steps
