"""What the terms of a log type find in an event, where that is not plain from its file."""

import pytest
from pydantic import JsonValue

from tests.support.logtypes import terms_in


def test_a_sign_in_to_entra_is_named_by_its_protocol() -> None:
    """As in the lake, where the action is `sign-in ` with the protocol, if any; directory changes go by their name."""
    sign_in = {"p_log_type": "Azure.Audit", "category": "SignInLogs", "operationName": "Sign-in activity"}
    device = {**sign_in, "properties": {"authenticationProtocol": "deviceCode"}}
    change = {"p_log_type": "Azure.Audit", "category": "AuditLogs", "operationName": "Add user"}

    assert terms_in(sign_in)["action"] == "sign-in "
    assert terms_in(device)["action"] == "sign-in deviceCode"
    assert terms_in(change)["action"] == "Add user"


@pytest.mark.parametrize(
    ("event", "target"),
    [
        (
            {
                "requestParameters": {"volumeId": "vol-1"},
                "responseElements": {"snapshotId": "snap-1", "volumeId": "vol-1"},
            },
            "snap-1",
        ),
        ({"serviceEventDetails": {"snapshotId": "snap-1"}}, "snap-1"),
        (
            {"requestParameters": {"groupName": "web", "vpcId": "vpc-1"}, "responseElements": {"groupId": "sg-1"}},
            "sg-1",
        ),
        ({"responseElements": {"vpc": {"vpcId": "vpc-1"}}}, "vpc-1"),
        (
            {"requestParameters": {"vpcId": "vpc-1"}, "responseElements": {"subnet": {"subnetId": "subnet-1"}}},
            "subnet-1",
        ),
        ({"requestParameters": {"subnetId": "subnet-1"}}, "subnet-1"),
        ({"requestParameters": {"instanceId": "i-1"}, "responseElements": {"imageId": "ami-1"}}, "ami-1"),
        ({"responseElements": {"instancesSet": {"items": [{"instanceId": "i-1"}]}}}, "i-1"),
        ({"requestParameters": {"DeleteFlowLogsRequest": {"FlowLogId": {"content": "fl-1", "tag": 1}}}}, "fl-1"),
        (
            {"requestParameters": {"userName": "ada"}, "responseElements": {"accessKey": {"accessKeyId": "AKIA1"}}},
            "ada",
        ),
    ],
)
def test_what_a_call_to_aws_makes_is_its_target_as_it_is_of_later_calls(
    event: dict[str, JsonValue], target: str
) -> None:
    """By the name that the response gives it; else nobody would have done anything to it before."""
    assert terms_in({"p_log_type": "AWS.CloudTrail", **event})["target"] == target


def test_the_letter_case_of_a_column_makes_no_difference() -> None:
    """A lake may give all columns in lower case; what is below a column is spelled as the source spells it."""
    lowered = {"p_log_type": "Slack.AuditLogs", "ACTION": "user_login", "Context": {"ip_address": "198.51.100.7"}}
    below = {"p_log_type": "Slack.AuditLogs", "context": {"IP_address": "198.51.100.7"}}

    assert terms_in(lowered) == {"action": "user_login", "address": "198.51.100.7"}
    assert terms_in(below) == {}
