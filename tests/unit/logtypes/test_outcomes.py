"""Which events were refused, which only failed, and which are sign-ins."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.logtypes import terms_in
from triage.domain.globs import any_glob
from triage.logtypes import harmful_pattern, sign_in_pattern
from triage.logtypes.load import pattern_of

REFUSED: list[dict[str, Any]] = [
    {"p_log_type": "AWS.CloudTrail", "eventName": "GetObject", "errorCode": "AccessDenied"},
    {"p_log_type": "AWS.CloudTrail", "eventName": "RunInstances", "errorCode": "Client.UnauthorizedOperation"},
    {"p_log_type": "AWS.CloudTrail", "eventName": "Invoke", "errorCode": "AccessDeniedException"},
    {"p_log_type": "AWS.CloudTrail", "eventName": "ConsoleLogin", "errorMessage": "Failed authentication"},
    {"p_log_type": "AWS.CloudTrail", "eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}},
    {
        "p_log_type": "AWS.CloudTrail",
        "eventName": "CredentialVerification",
        "serviceEventDetails": {"CredentialVerification": "Failure"},
    },
    {"p_log_type": "Amazon.EKS.Audit", "verb": "get", "responseStatus": {"code": 403}},
    {"p_log_type": "GCP.AuditLog", "protoPayload": {"status": {"code": 7}}},
    {"p_log_type": "Azure.MonitorActivity", "resultType": "Failed", "resultSignature": "403"},
    {"p_log_type": "Azure.MonitorActivity", "resultType": "Failure", "resultSignature": "Failed.Forbidden"},
    {"p_log_type": "Azure.Audit", "category": "SignInLogs", "properties": {"status": {"errorCode": 50126}}},
    {"p_log_type": "GitHub.Audit", "action": "user.failed_login"},
    {"p_log_type": "GSuite.ActivityEvent", "name": "login_failure"},
    {"p_log_type": "Duo.Authentication", "event_type": "authentication", "result": "denied"},
    {"p_log_type": "OnePassword.SignInAttempt", "category": "credentials_failed"},
]
FAILED: list[dict[str, Any]] = [
    {"p_log_type": "AWS.CloudTrail", "eventName": "CreateRole", "errorCode": "EntityAlreadyExists"},
    {"p_log_type": "AWS.CloudTrail", "eventName": "GetBucketPolicy", "errorCode": "NoSuchBucketPolicy"},
    {"p_log_type": "AWS.CloudTrail", "eventName": "PutObject", "errorCode": "ThrottlingException"},
    {"p_log_type": "Amazon.EKS.Audit", "verb": "get", "responseStatus": {"code": 404}},
    {"p_log_type": "GCP.AuditLog", "protoPayload": {"status": {"code": 5}}},
    {"p_log_type": "Azure.MonitorActivity", "resultType": "Failure", "resultSignature": "Failed.NotFound"},
    {"p_log_type": "Azure.Audit", "category": "SignInLogs", "properties": {"status": {"errorCode": 50074}}},
]
DONE: list[dict[str, Any]] = [
    {"p_log_type": "AWS.CloudTrail", "eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Success"}},
    {"p_log_type": "AWS.CloudTrail", "eventName": "ListBuckets"},
    {"p_log_type": "GitHub.Audit", "action": "user.login"},
    {"p_log_type": "Duo.Authentication", "event_type": "authentication", "result": "success"},
]


@pytest.mark.parametrize("event", REFUSED)
def test_what_was_denied_is_refused(event: dict[str, Any]) -> None:
    """Calls denied for lack of rights, and failed sign-ins, whichever field says so."""
    assert {"refused"} <= terms_in(event).keys()


@pytest.mark.parametrize("event", FAILED)
def test_what_merely_failed_is_not_refused(event: dict[str, Any]) -> None:
    """Missing, already there, too often, or interrupted for a second factor: nobody was denied anything."""
    assert "refused" not in terms_in(event)


@pytest.mark.parametrize("event", [event for event in FAILED if event["p_log_type"] != "Azure.Audit"])
def test_what_merely_failed_did_not_happen(event: dict[str, Any]) -> None:
    """A call that failed has done nothing."""
    assert "failed" in terms_in(event)


@pytest.mark.parametrize("event", DONE)
def test_what_succeeded_is_neither(event: dict[str, Any]) -> None:
    """Successes are told from failures of the same name."""
    assert not {"refused", "failed"} & terms_in(event).keys()


def test_sign_ins_are_recognised_in_lower_case() -> None:
    """The pattern is matched against actions in lower case, as a whole."""
    pattern = sign_in_pattern("AWS.CloudTrail")

    assert re.search(pattern, "consolelogin")
    assert not re.search(pattern, "getconsoleloginx")
    assert sign_in_pattern("Made.Up") == ""


@pytest.mark.parametrize("log_type", ["AWS.CloudTrail", "Azure.MonitorActivity", "GitHub.Audit", "Amazon.EKS.Audit"])
def test_the_pattern_of_harm_has_no_backslash(log_type: str) -> None:
    """Lakes disagree on backslashes in literals."""
    assert "\\" not in harmful_pattern(log_type)


@given(
    st.lists(st.text("ab.*?/+($ |", min_size=1, max_size=6), min_size=1, max_size=4),
    st.text("ab./+($ |", max_size=6),
)
def test_a_pattern_matches_what_its_globs_match(globs: list[str], action: str) -> None:
    """A glob means the same to the lake as to the program."""
    assert bool(re.search(pattern_of(globs), action.casefold())) == any_glob(action, globs)
