"""The hand labels of runbook steps fit the steps they were made from, and say what a `Question` can say."""

import pytest

from tests.support.runbook_labels import SETS, draw, read_labels, step_digest, steps_of
from tests.support.shared import shared_lines


@pytest.mark.parametrize("name", SETS)
def test_each_label_makes_valid_questions(name: str) -> None:
    """Every alternative of every label is a `Question`, and steps without one say so by leaving it out."""
    for rule, steps in read_labels(name).items():
        for step in steps:
            for label in step.questions:
                assert list(label.values()), (rule, step.step)


@pytest.mark.parametrize("name", SETS)
def test_labels_fit_the_steps_of_the_published_rules(name: str) -> None:
    """Each step of a labelled rule has one label, in order, made from the text that the rule has today."""
    rules = {rule["rule_id"]: rule for rule in shared_lines("data/rules.ndjson")}

    for rule, labels in read_labels(name).items():
        texts = steps_of(rules[rule])

        assert [(each.step, each.sha) for each in labels] == [
            (number, step_digest(text)) for number, text in enumerate(texts, 1)
        ], rule


def test_the_labelled_rules_are_those_that_were_drawn() -> None:
    """Nobody chose the rules: they are the seeded draw, and hold at least 150 steps."""
    drawn = draw(shared_lines("data/rules.ndjson"))

    labels = [read_labels(name) for name in SETS]

    assert [set(each) for each in labels] == [{rule["rule_id"] for rule in part} for part in drawn]
    assert sum(len(steps) for each in labels for steps in each.values()) >= 150
