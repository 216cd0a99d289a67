"""The parts of the grammar: tokens, windows, fields, names of logs and actions, clauses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.question import offset
from triage.questions.grammar.actions import actions_of
from triage.questions.grammar.clauses import clauses_of
from triage.questions.grammar.fields import fields_of
from triage.questions.grammar.logs import logs_of
from triage.questions.grammar.tokens import tokenise
from triage.questions.grammar.verbs import Mood
from triage.questions.grammar.windows import window_at

AWS = "AWS.CloudTrail"


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("in the 24 hours before the alert", "-24h -0s"),
        ("in the past 90 days", "-90d -0s"),
        ("over the last week", "-7d -0s"),
        ("in the 6 hours after", "-0s +6h"),
        ("in the hour before this login", "-1h -0s"),
        ("in the 24-hour window around the alert time", "-24h +24h"),
        ("30 days around the alert", "-30d +30d"),
        ("within 1 hour of the alert", "-1h +1h"),
        ("48-72 hours before", "-72h -48h"),
        ("in the 24 hours before and 2 hours after the event", "-24h +2h"),
        ("in the 6 hours before or after", "-6h +6h"),
        ("in the 2 hours after versioning was suspended", "-0s +2h"),
        ("in the 2 hours before the first CopyObject", "-2h -0s"),
        ("in the 12 hours after receiving admin rights", "-0s +12h"),
        ("since the alert", "-0s now"),
        ("before the alert", "history -0s"),
        ("previously", "history -0s"),
    ],
)
def test_windows_are_read_to_their_end(text: str, edges: str) -> None:
    """Each with its preposition and what it is around."""
    tokens = tokenise(text)
    found = window_at(tokens, 0)
    assert found is not None
    assert f"{found.window.start} {found.window.end}" == edges
    assert found.size == len(tokens)


@pytest.mark.parametrize(
    "text",
    ["in the 3 fortnights before", "in the evening", "within 24 hours", "in the bucket", "in the 0 hours before"],
)
def test_what_is_no_certain_time_is_no_window(text: str) -> None:
    """Nor is a unit that isn't known."""
    assert window_at(tokenise(text), 0) is None


@given(st.integers(1, 99999), st.sampled_from(["hours", "days", "minutes", "weeks", "years"]))
def test_any_number_gives_a_bounded_window_or_none(number: int, unit: str) -> None:
    """Nothing overflows, and no window is longer than ten years."""
    found = window_at(tokenise(f"in the past {number} {unit}"), 0)
    assert found is None or offset(found.window.start).days >= -3660


@given(st.text(max_size=300))
def test_tokens_cover_a_text_in_order(text: str) -> None:
    """Each stands where it says, none twice, and no word is lost."""
    at = 0
    for token in tokenise(text):
        assert at <= token.start < token.end <= len(text)
        assert token.text in text[token.start : token.end]
        at = token.end
    assert sum(letter.isalpha() for token in tokenise(text) for letter in token.text) == sum(map(str.isalpha, text))


@pytest.mark.parametrize(
    ("log_type", "text", "subject"),
    [
        (AWS, "userIdentity:arn", "actor"),
        (AWS, "userIdentity.principalId", "actor"),
        (AWS, "sourceIPAddress", "address"),
        (AWS, "userIdentity:accessKeyId", "session"),
        (AWS, "requestParameters:bucketName", "field:requestParameters.bucketName"),
        (AWS, "requestParameters:tagSet[0]", "field:requestParameters.tagSet.0"),
        (AWS, "p_any_ip_addresses", "address"),
        ("GCP.AuditLog", "authenticationInfo:principalEmail", "actor"),
        ("Azure.MonitorActivity", "callerIpAddress", "address"),
    ],
)
def test_fields_are_what_the_log_types_file_says(log_type: str, text: str, subject: str) -> None:
    """The actor's, the address's, the session's, or a field that is searched for as it is."""
    assert str(fields_of([log_type]).find(text)) == subject


@pytest.mark.parametrize("text", ["foo:bar", "nobody", "p_alert_id", "eventName'; DROP", "e.g", "a.b.c", ""])
def test_what_is_no_field_of_the_log_is_none(text: str) -> None:
    """Also what has the form of one."""
    assert fields_of([AWS]).find(text) is None


@pytest.mark.parametrize(
    ("own", "text", "named"),
    [
        (AWS, "cloudtrail", (AWS,)),
        (AWS, "okta system logs", ("Okta.SystemLog",)),
        (AWS, "vpc flow logs", ("AWS.VPCFlow",)),
        (AWS, "azure audit logs", ("Azure.Audit",)),
        ("Azure.MonitorActivity", "azure monitor activity logs", ("Azure.MonitorActivity",)),
        ("Azure.MonitorActivity", "azure audit logs", ("Azure.Audit",)),
        ("Databricks.Audit", "audit logs", ("Databricks.Audit",)),
        (AWS, "audit logs", ()),
        (AWS, "activity", ()),
    ],
)
def test_logs_go_by_the_words_in_their_names(own: str, text: str, named: tuple[str, ...]) -> None:
    """With or without the vendor's; an everyday word alone names only the alert's own log."""
    found, size = logs_of([own]).find(text.split())
    assert found == named
    assert size in (0, len(text.split()))


@pytest.mark.parametrize(
    ("log_type", "text", "action"),
    [
        (AWS, "CreateAccessKey", "CreateAccessKey"),
        (AWS, "ConsoleLogin", "ConsoleLogin"),
        (AWS, "Describe*", "Describe*"),
        (AWS, "GuardDuty", None),
        (AWS, "user.session.start", None),
        ("Okta.SystemLog", "user.mfa.factor.activate", "user.mfa.factor.activate"),
        ("Azure.MonitorActivity", "ListKeys", "*ListKeys*"),
    ],
)
def test_actions_are_written_as_their_log_writes_them(log_type: str, text: str, action: str | None) -> None:
    """What has another form is no action's name."""
    assert actions_of([log_type]).find(tokenise(text)[0]) == action


def test_clauses_are_what_the_reader_is_told_to_do() -> None:
    """Without reasons; what depends on a finding is marked."""
    text = "Query the log for deletions to see who acted, and check if it was expected; if not, revoke the key."
    assert [(clause.mood, clause.verb, clause.condition) for clause in clauses_of(text)] == [
        (Mood.FIND, "query", ""),
        (Mood.CHECK, "check", ""),
        (Mood.ACT, "revoke", "if not"),
    ]
