"""When a compiled question counts as the one that a label asks for."""

from typing import Any

import pytest

from tests.support.action_names import ActionNames
from tests.support.runbook_agreement import PARTS, Agreement
from tests.support.runbook_labels import LabelQuestion
from triage.domain.question import Question

RULE = "AWS.RDS.SecurityGroupIngressAuthorized"
LABEL = {"who": [{"about": "actor"}], "window": [{"from": "-24h", "to": "-0s"}], "filter": [{}]}
QUESTION = {"about": "actor", "window": {"from": "-24h", "to": "-0s"}}


@pytest.fixture(scope="module")
def names() -> ActionNames:
    """The actions of the reference data, or a visible skip."""
    return ActionNames()


def parts(names: ActionNames, question: dict[str, Any], label: dict[str, Any]) -> set[str]:
    """The parts in which a question for CloudTrail differs from a label."""
    given = Question.model_validate({**QUESTION, **question})
    agreed = Agreement(RULE, ["AWS.CloudTrail"], names).parts(given, LabelQuestion.model_validate({**LABEL, **label}))
    return set(PARTS) - agreed


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ({}, {}),
        ({"about": "field:userIdentity.arn"}, {}),
        ({"about": "field:sourceIPAddress"}, {"who": [{"about": "address"}]}),
        (
            {"about": "anyone", "on": "field:requestParameters.bucketName"},
            {"who": [{"about": "field:requestParameters.bucketName"}]},
        ),
        ({"logs": "AWS.CloudTrail"}, {}),
        ({"window": {"from": "-1d", "to": "-1s"}}, {}),
        ({"window": {"from": "history", "to": "now"}}, {"window": "unspecified"}),
        ({"window": {"from": "-1s", "to": "now"}}, {"window": [{"from": "-0s", "to": "any"}]}),
        ({"words": "snapshots"}, {"filter": [{"words": ["Snap shot"]}]}),
        ({"actions": "deletebucket"}, {"filter": [{"actions": ["DeleteBucket"]}]}),
        ({"actions": "own"}, {"filter": [{"actions": ["AuthorizeDBSecurityGroupIngress"]}]}),
        ({"actions": "StopLogg*"}, {"filter": [{"actions": ["StopLogging"]}]}),
        ({"words": "stop logging"}, {"filter": [{"actions": ["StopLogging"]}]}),
        ({"classes": "grant"}, {"filter": [{}, {"classes_among": ["grant", "deletion"]}]}),
        ({"classes": ["deletion", "grant"]}, {"filter": [{"classes": ["grant", "deletion"]}]}),
    ],
)
def test_the_same_in_other_words_agrees(names: ActionNames, question: dict[str, Any], label: dict[str, Any]) -> None:
    """A role or its field, a log or `own`, an edge or its like, and filters that select the same acts are the same."""
    assert parts(names, question, label) == set()


@pytest.mark.parametrize(
    ("question", "label", "differing"),
    [
        ({"about": "anyone"}, {}, "who"),
        ({"about": "actor", "on": "target"}, {}, "who"),
        ({"about": "target"}, {"who": [{"about": "anyone", "on": "target"}]}, "who"),
        ({"about": "actor"}, {"who": [{"about": "field:userIdentity.accessKeyId"}]}, "who"),
        ({"logs": "alerts"}, {}, "logs"),
        ({"logs": ["own", "sign-ins"]}, {}, "logs"),
        ({"window": {"from": "-24h", "to": "+24h"}}, {}, "window"),
        ({"window": {"from": "-24h", "to": "-0s"}}, {"window": [{"from": "-0s", "to": "any"}]}, "window"),
        ({"actions": "Stop*"}, {"filter": [{"actions": ["StopLogging"]}]}, "filter"),
        ({"actions": "own"}, {"filter": [{"actions": ["StopLogging"]}]}, "filter"),
        ({"actions": "NoSuchAction"}, {"filter": [{"actions": ["NorSuchAction"]}]}, "filter"),
        ({"classes": "deletion"}, {}, "filter"),
        ({}, {"filter": [{"classes": "deletion"}]}, "filter"),
        ({"classes": ["grant", "read"]}, {"filter": [{"classes_among": ["grant", "deletion"]}]}, "filter"),
        ({"outcome": "refused"}, {}, "filter"),
    ],
)
def test_another_question_differs_in_its_part(
    names: ActionNames, question: dict[str, Any], label: dict[str, Any], differing: str
) -> None:
    """What would be another question disagrees, and only there."""
    assert parts(names, question, label) == {differing}
