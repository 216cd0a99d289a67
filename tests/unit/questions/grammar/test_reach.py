"""Kinds of sentences beyond the plain ones: what a log calls things, when without a number, and on what somebody acted."""

import pytest

from tests.unit.questions.grammar.test_compiling import asked
from triage.logtypes import log_type_files
from triage.questions.grammar.book import book_of

AWS = "AWS.CloudTrail"
AZURE = "Azure.MonitorActivity"
DATABRICKS = "Databricks.Audit"
GCP = "GCP.AuditLog"
EKS = "Amazon.EKS.Audit"


@pytest.mark.parametrize(
    ("log_type", "text", "question"),
    [
        (GCP, "Find all GCS activity by this user in the past day", "actor -1d..-0s 'storage'"),
        (GCP, "Find all Secret Manager operations by this user in the past day", "actor -1d..-0s 'secretmanager'"),
        (AZURE, "Find all Log Analytics operations by this user in the past day", "actor -1d..-0s 'operationalinsights'"),
        (AWS, "Find all Secrets Manager API calls by this user in the past day", "actor -1d..-0s 'secretsmanager'"),
        (AZURE, "Find function app deletions by this user in the past day", "actor -1d..-0s deletion 'web/sites'"),
        (DATABRICKS, "Query Unity Catalog audit logs for deletions by this user in the past day", "actor -1d..-0s deletion 'unityCatalog'"),
        (AWS, "Query Entra ID audit logs for all events by this user in the past day", "actor in Azure.Audit -1d..-0s"),
        (AWS, "Query Google Workspace logs for all events by this user in the past day", "actor in GSuite.ActivityEvent -1d..-0s"),
    ],
)  # fmt: skip
def test_what_people_call_it_is_what_the_log_says(log_type: str, text: str, question: str) -> None:
    """A service or a log under its everyday name, as the log type's own file gives it."""
    assert asked(text, log_type) == [question]


@pytest.mark.parametrize(
    ("log_type", "text"),
    [
        (AWS, "Find all Log Analytics operations by this user in the past day"),
        (GCP, "Find all GCS frobnication operations by this user in the past day"),
        (AZURE, "Find all network Log Analytics operations by this user in the past day"),
        (GCP, "Find all KMS Encrypt operations by this user in the past day"),
    ],
)
def test_a_name_that_the_log_does_not_know_is_not_asked_for(log_type: str, text: str) -> None:
    """Half a name would be a broader question."""
    assert asked(text, log_type) == []


def test_a_name_counts_only_where_all_of_the_logs_give_it_alike() -> None:
    """One question goes to each of the alert's logs."""
    assert book_of((GCP,)).called["gcs"] == ("storage",)
    assert book_of((GCP, EKS)).called == {}
    assert all(log_type_files(name) for name in (GCP, EKS))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Find all delta sharing attempts by this user in the past day", "actor -1d..-0s 'delta sharing'"),
        ("Find all account admin grants in the past 90 days", "anyone -90d..-0s grant 'account admin'"),
    ],
)
def test_words_that_the_actions_of_the_log_hold_are_what_is_acted_on(text: str, question: str) -> None:
    """The file of the log type names such actions."""
    assert asked(text, DATABRICKS) == [question]


@pytest.mark.parametrize(
    "text",
    [
        "Find all delta sharing frobnications by this user in the past day",
        "Find all delta sharing recipient frobnications by this user in the past day",
        "Find all network security operations by this user in the past day",
        "Find all external events by this user in the past day",
    ],
)
def test_a_part_of_a_name_or_a_word_of_many_is_not(text: str) -> None:
    """What follows has to be acts alone, and a word such as `security` is in the names of many unlike actions."""
    assert asked(text, DATABRICKS) == []


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Check if a CreateUser event occurred near this deletion", "anyone -24h..+24h CreateUser yes if any"),
        ("Find all API calls by this user around the time of the alert", "actor -24h..+24h"),
        ("Find all API calls by this user in the same time window", "actor -24h..+24h"),
    ],
)
def test_about_then_is_the_window_of_a_step_that_names_none(text: str, question: str) -> None:
    """Nothing is told of how near."""
    assert asked(text) == [question]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Identify which buckets this user accessed in the 2 hours after the alert", "actor -0s..+2h 'bucket'"),
        ("Identify which API resources or operations the source IP attempted to access", "address -24h..+24h"),
        ("Identify all buckets the user deleted in the past 7 days", "actor -7d..-0s deletion 'bucket'"),
        ("Find all buckets accessed by the source IP in the past day", "address -1d..-0s 'bucket'"),
        ("Check if this user has shared other documents publicly in the past day", "actor -1d..-0s sharing 'document' yes if any"),
        ("Check if the removed user has deleted buckets in the past day", "target -1d..-0s deletion 'bucket' yes if any"),
        ("Check if the new account was immediately granted admin permissions", "anyone on derived -24h..+24h grant yes if any"),
        ("Find all security-related API calls by this user in the past day", "actor -1d..-0s"),
        ("Find role creations by this user in the past day and compare them with the ticket", "actor -1d..-0s creation 'role'"),
    ],
)  # fmt: skip
def test_on_what_somebody_acted(text: str, question: str) -> None:
    """A clause that wants the objects of acts asks for the acts."""
    assert asked(text) == [question]


@pytest.mark.parametrize(
    "text",
    [
        "Identify which buckets users accessed in the past day",
        "Identify which frobs the user deleted in the past day",
        "Identify which buckets the user attempted to frobnicate in the past day",
        "Identify what permissions the role has",
        "Identify which other users the user is close to",
    ],
)
def test_other_clauses_with_which_are_not_asked(text: str) -> None:
    """No certain party, no known thing or no act."""
    assert asked(text) == []


def test_a_field_within_a_list_is_its_role() -> None:
    """Written with brackets, as it is in the event."""
    text = "Find all events by triggers[].events[].initiator.arn in the past day"
    assert asked(text, "Upwind.Detections") == ["actor -1d..-0s"]
