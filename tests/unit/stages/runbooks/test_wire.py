"""What of a model's reply is taken: questions of the language that hold, step by step, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.plans import step
from triage.stages.model_calls import schema_of
from triage.stages.runbooks.wire import MAX_REPLY_CHARS, ReadSteps, WirePlan, read_steps

LOGS = ("AWS.CloudTrail",)
STEPS = (step(1, "Query for deletions by alice@example.com from 203.0.113.9"), step(2, "Confirm with the owner"))


def asked(**changes: Any) -> dict[str, Any]:
    """A question as a model writes it."""
    return {
        "about": ["actor"],
        "on": [],
        "logs": ["own"],
        "window": {"from": "+0s", "to": "+6h"},
        "classes": ["deletion"],
        "actions": [],
        "words": [],
        "outcome": "any",
        "ask": "list",
        "reads": "value",
        "at_least": 1,
        **changes,
    }


def entry(number: int, *questions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A step as a model writes it."""
    return {"step": number, "questions": list(questions), "needs": [], "person": "", **changes}


def read(*entries: Any) -> ReadSteps:
    """A reply with these steps."""
    return read_steps(json.dumps({"steps": entries}), STEPS, LOGS)


CONFIRM = entry(2, person="confirm with the owner")


def test_a_good_reply() -> None:
    """Each step keeps the runbook's own text, whatever the reply says of it."""
    found = read(entry(1, asked(), needs=["a device inventory"]), CONFIRM)
    assert found.problems == {}
    first, second = found.good[1], found.good[2]
    assert first.text == STEPS[0].text
    assert [each.model_dump(mode="json", by_alias=True, exclude_defaults=True) for each in first.questions] == [
        {"window": {"from": "+0s", "to": "+6h"}, "classes": ["deletion"]}
    ]
    assert first.needs == ("a device inventory",)
    assert second.person == "confirm with the owner"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sql": "SELECT * FROM users"}, "sql: is not a field of the schema"),
        ({"table": "panther_logs.public.okta_systemlog"}, "table: is not a field"),
        ({"logs": ["panther_logs.public.okta_systemlog"]}, "no table"),
        ({"logs": ["own", "AWS.CloudTrail' OR 1=1 --"]}, "no table"),
        ({"logs": ["Nothing.Known"]}, "no log type Nothing.Known is known"),
        ({"about": ["everybody"]}, "about.0"),
        ({"about": []}, "`about` names nobody"),
        ({"about": ["field:a b; DROP TABLE x"]}, "not a path of an event"),
        ({"about": ["email:mallory@example.com"]}, "a value that the runbook does not name"),
        ({"on": ["ip:198.51.100.1"]}, "a value that the runbook does not name"),
        ({"window": {"from": "forever", "to": "now"}}, "window.from"),
        ({"window": {"from": "-24h", "to": "now", "sql": "x"}}, "window.sql"),
        ({"classes": ["everything"]}, "classes.0"),
        ({"reads": "always yes"}, "reads"),
        ({"at_least": 0}, "at_least"),
        ({"actions": ["x"] * 200}, "actions"),
        ({"words": ["x" * 500]}, "words.0"),
    ],
)
def test_one_bad_question_costs_its_step_and_no_other(changes: dict[str, Any], said: str) -> None:
    """The problem names the step and the field; SQL and tables have no place to stand."""
    found = read(entry(1, asked(), asked(**changes)), CONFIRM)
    assert list(found.good) == [2]
    assert said in "; ".join(found.lines())
    assert found.lines()[0].startswith("step 1: questions.1")


def test_values_that_the_runbook_names_may_be_asked_about() -> None:
    """In any letter case."""
    found = read(entry(1, asked(about=["email:Alice@example.com"], on=["ip:203.0.113.9"])), CONFIRM)
    assert found.problems == {}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([entry(1, *[asked()] * 200), CONFIRM], "step 1: questions: "),
        ([entry(number % 2 + 1, asked()) for number in range(100)], "`steps` has 100 entries; the runbook has 2 steps"),
        ([entry(1, asked()), entry(1, asked()), CONFIRM], "step 1: is given twice"),
        ([entry(1, asked())], "step 2: is missing"),
        ([entry(1, asked()), CONFIRM, entry(3, asked())], "there is no step 3; the runbook has 2"),
        ([entry(True, asked()), CONFIRM], "there is no step True"),
        (["DROP TABLE x", CONFIRM], "there is no step None"),
        ([entry(1), CONFIRM], "step 1: has no questions, no needs and no person"),
        ([entry(1, needs=["x"] * 50), CONFIRM], "step 1: needs"),
    ],
)
def test_steps_that_do_not_fit(entries: list[Any], said: str) -> None:
    """Hundreds of questions or steps, a step twice, one too few, one too many, none at all."""
    found = read(*entries)
    assert said in "; ".join(found.lines())
    assert len(found.lines()) <= 26
    assert all(len(each.questions) <= 6 for each in found.good.values())


@pytest.mark.parametrize(
    "text", ["", "SELECT 1", "[]", '{"steps": "all"}', '{"plan": []}', "x" * (MAX_REPLY_CHARS + 1), "[" * 20_000]
)
def test_what_is_no_reply(text: str) -> None:
    """Nothing of it is taken, and the problem is said."""
    found = read_steps(text, STEPS, LOGS)
    assert found.good == {}
    assert found.lines()


def test_what_a_person_does_is_one_clean_line() -> None:
    """Control characters are made visible and secrets are taken out of the model's own words."""
    found = read(
        entry(1, needs=["a\x1b[2J\nb"], person="use AKIAIOSFODNN7EXAMPLE and password=hunter2hunter2"), CONFIRM
    )
    assert found.good[1].needs == ("a\\x1b[2J b",)
    assert "hunter2" not in found.good[1].person


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.sampled_from([1, 2, "own", "actor"])
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(
                st.one_of(
                    st.text(max_size=8), st.sampled_from(["steps", "step", "questions", "needs", "person", "about"])
                ),
                inner,
                max_size=6,
            ),
        ),
        max_leaves=25,
    )
)
def test_any_json_is_read_without_an_error(value: Any) -> None:
    """A step is taken whole or not at all, and every step that is not taken is named."""
    found = read_steps(json.dumps({"steps": value}), STEPS, LOGS)
    if isinstance(value, list):
        assert {1, 2} == set(found.good) | (set(found.problems) - {0})
    assert not set(found.good) & set(found.problems)


def test_the_schema_has_no_place_for_sql() -> None:
    """Every object of the schema is closed and has only a question's fields, all required as strict modes want it."""

    def objects(node: Any) -> Any:
        if isinstance(node, dict):
            if node.get("type") == "object":
                yield node
            for each in node.values():
                yield from objects(each)
        elif isinstance(node, list):
            for each in node:
                yield from objects(each)

    found = list(objects(schema_of(WirePlan, strict=True)))
    assert len(found) == 4
    for each in found:
        assert each["additionalProperties"] is False
        assert set(each["required"]) == set(each["properties"])
    names = {name for each in found for name in each["properties"]}
    assert not {name for name in names if "sql" in name or "table" in name or "database" in name}


def test_the_schema_holds_no_notes_of_ours() -> None:
    """What a model reads of it says what to write, not how the program is built."""
    text = json.dumps(schema_of(WirePlan, strict=True))
    assert "`Question`" not in text
    assert "Replies" not in text
