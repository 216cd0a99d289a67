"""Which events were refused, which only failed, and which are sign-ins."""

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.logtypes import terms_in
from triage.domain.globs import any_glob
from triage.logtypes import terms_of
from triage.logtypes.parameters import matching_sql

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


def test_sign_ins_are_asked_for_by_name_and_glob() -> None:
    """Letter case doesn't matter; a log type without sign-ins has no such term, so nothing is asked."""
    assert terms_of("AWS.CloudTrail")["sign_in"].sql.startswith("LOWER(action) IN ('consolelogin', ")
    assert terms_of("Snowflake.LoginHistory")["sign_in"].sql == "LOWER(action) LIKE 'login %'"
    assert "sign_in" not in terms_of("Okta.SystemLog")


@given(
    st.lists(st.text("ab.*?_/+($ |", min_size=1, max_size=6), min_size=1, max_size=4),
    st.text("ab._/+($ |", max_size=6),
)
def test_no_action_that_a_glob_matches_is_missed_by_the_lake(globs: list[str], action: str) -> None:
    """LIKE may match more than the glob does, never less."""
    with sqlite3.connect(":memory:") as database:
        question = f"SELECT {matching_sql(globs)} FROM (SELECT ? AS action)"
        (found,) = database.execute(question, [action]).fetchone()

    assert bool(found) or not any_glob(action, globs)
