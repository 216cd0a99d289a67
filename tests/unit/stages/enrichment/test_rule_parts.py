"""What a detection's text says that it asks: its parts, what it waits for, in which order."""

import json
from datetime import timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shared import shared_lines
from triage.domain.detection import Detection
from triage.stages.enrichment.rule_parts import (
    MAX_LOOKBACK,
    MAX_PARTS,
    Correlation,
    SubRule,
    When,
    awaited_names,
    comes_after,
    correlation,
    is_about,
    sub_rules,
)

GROUP = '[{"Group":[{"ID":"A","RuleID":"Door.Opened"},{"ID":"B","RuleID":"Door.Closed","Absence":true}]}]'
SEQUENCE = (
    "Detection:\n  - Sequence:\n      - ID: A\n        RuleID: Door.Opened\n      - ID: B\n        RuleID: Door.Left\n"
)


def test_a_correlation_names_its_parts() -> None:
    """As JSON or as YAML, the one that must not match marked."""
    assert sub_rules(GROUP) == (SubRule("Door.Opened"), SubRule("Door.Closed", absent=True))
    assert sub_rules(SEQUENCE) == (SubRule("Door.Opened"), SubRule("Door.Left"))
    assert sub_rules("def rule(event):\n    return True\n") == ()


def test_a_correlation_is_read_whatever_the_order_of_its_keys() -> None:
    """An absence belongs to its own part, also where it is written before the rule's id or beside a comment."""
    body = """
    # what must not follow
    - Sequence:
        - ID: A
          RuleID: Door.Opened
          MinMatchCount: 3
        - Absence: true
          ID: B
          RuleID: "Door.Closed"
      LookbackWindowMinutes: 2880
    """

    assert correlation(body) == Correlation(
        (SubRule("Door.Opened", at_least=3), SubRule("Door.Closed", absent=True)),
        in_order=True,
        lookback=timedelta(days=2),
    )


def test_a_lookback_without_sense_is_bounded() -> None:
    """A rule that claims to look back for ever is taken at thirty days, one that says no number at none."""
    text = '[{{"Group":[{{"RuleID":"A"}}],"LookbackWindowMinutes":{}}}]'

    assert correlation(text.format(10**30)).lookback == MAX_LOOKBACK
    assert correlation(text.format(-5)).lookback == correlation(text.format('"x"')).lookback == timedelta()
    assert correlation(text.format("true")).lookback == timedelta()


def test_what_is_awaited_stands_in_the_text_or_in_the_name() -> None:
    """Panther's API has no text of some correlations, and their names say it."""
    assert awaited_names("Any", GROUP) == ("Door.Closed",)
    assert awaited_names("Door.Opened.NOT.FOLLOWED.BY.Closed", "") == ("Closed",)
    assert awaited_names("Door.Opened", SEQUENCE) == ()


def test_only_a_rule_in_order_waits_for_what_comes_later() -> None:
    """A group holds in any order, so that something later is no answer to it."""
    assert not comes_after("Any", GROUP)
    assert comes_after("Any", GROUP.replace("}]}]", '}],"EventEvaluationOrder":"Chronological"}]'))
    assert comes_after("Any", SEQUENCE)
    assert comes_after("A.NOT.FOLLOWED.BY.B", "")


@pytest.mark.parametrize(
    ("when", "changes", "actions", "events", "expected"),
    [
        (When.ABSENCE, {"body": GROUP}, (), 1, True),
        (When.ABSENCE, {"body": SEQUENCE}, (), 1, False),
        (When.AMOUNT, {"threshold": 5}, (), 1, True),
        (When.AMOUNT, {"threshold": 1}, (), 12, True),
        (When.AMOUNT, {}, (), 11, False),
        (When.CHANGE, {}, ("PutBucketPolicy",), 1, True),
        (When.CHANGE, {}, ("GetObject", "ConsoleLogin"), 1, False),
        (When.GIVING, {}, ("GetObject", "CreateAccessKey"), 1, True),
        (When.GIVING, {}, ("GetObject",), 1, False),
    ],
)
def test_what_an_alert_is_about(
    when: When, changes: dict[str, object], actions: tuple[str, ...], events: int, expected: bool
) -> None:
    """An absence by the rule's text, an amount by its threshold or the events, a gift by the class of the act."""
    detection = Detection.model_validate({"id": "My.Rule", **changes})

    assert is_about(when, detection, log_type="AWS.CloudTrail", actions=actions, events=events) is expected


@given(st.text(alphabet='RuleIDAbsnct:"{}[], \ntrue', max_size=400))
def test_any_text_is_read(text: str) -> None:
    """A detection's text is its author's; whatever it is, it gives a few parts with a name."""
    found = sub_rules(text)

    assert len(found) <= MAX_PARTS
    assert all(part.id.strip() for part in found)


def test_published_correlations_are_read_as_their_authors_list_them() -> None:
    """All parts, and those that must not match."""
    for rule in shared_lines("data/correlation_rules.ndjson"):
        for body in (
            json.dumps(rule["detection"]),
            yaml.dump(rule["detection"]),
            yaml.dump({"Detection": rule["detection"]}),
        ):
            found = correlation(body)

            assert {part.id for part in found.parts} == set(rule["sub_rules"]), rule["rule_id"]
            assert {part.id for part in found.parts if part.absent} == {each["RuleID"] for each in rule["absence"]}
            assert found.in_order is (comes_after("", body))
            assert found.lookback == timedelta(minutes=max(each["LookbackWindowMinutes"] for each in rule["detection"]))
