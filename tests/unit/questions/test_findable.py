"""No rows for a value prove something only where the alert's own events show that the value would have been found."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue

from triage.domain.actor_values import ActorValues
from triage.domain.coverage import Coverage
from triage.domain.question import Question
from triage.questions import bind_question, compile_question

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
CLOUD, OKTA = "AWS.CloudTrail", "Okta.SystemLog"
ACTOR = ActorValues(
    name="ada",
    log_type=CLOUD,
    first=NOW - timedelta(hours=9),
    last=NOW - timedelta(hours=8),
    lists={
        "actors": ("ada",),
        "addresses": ("198.51.100.7",),
        "targets": ("snap-0123456789abcdef0",),
        "values": ("ada",),
        "sessions": ("AKIAIOSFODNN7EXAMPLE",),
    },
)
EVENT: dict[str, JsonValue] = {
    "p_log_type": CLOUD,
    "eventName": "ModifySnapshotAttribute",
    "eventSource": "ec2.amazonaws.com",
    "sourceIPAddress": "198.51.100.7",
    "userIdentity": {"accountId": "444455556666", "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "ada"},
    "requestParameters": {
        "snapshotId": "snap-0123456789abcdef0",
        "createVolumePermission": {"add": {"items": [{"userId": "111122223333"}]}},
        "sharedWith": ["999988887777"],
        "resource": "accounts/robot@acme.example/keys/1",
        "vpcs": {"id": "vpc-0a1b2c3d4e5f60718"},
    },
    "p_any_ip_addresses": ["198.51.100.7"],
    "p_any_aws_account_ids": ["444455556666"],
    "p_any_usernames": ["ada"],
}


def found(log_type: str = CLOUD, *, event: dict[str, JsonValue] = EVENT, **keys: object) -> bool | None:
    """Whether the value is known to be found, or to be missed."""
    question = Question.model_validate({"window": {"from": "history", "to": "-1s"}, **keys})
    days = {"history": timedelta(days=30), "dwell": timedelta(days=3)}
    return bind_question(compile_question(question, log_type), ACTOR, events=[event], now=NOW, **days).value_found


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("any:999988887777", False),  # in the alert's own event, and in no column that is searched
        ("any:222233334444", False),  # other accounts of the event aren't found either
        ("any:111122223333", True),  # the term `recipient` reads it
        ("any:AKIAIOSFODNN7EXAMPLE", True),  # the term `session`
        ("any:robot@acme.example", False),  # within the name of a resource, where no comparison finds it
        ("any:AKIAAAAAAAAAAAAAAAAA", True),  # a key, as the one of the alert
        ("any:snap-0123456789abcdef0", True),
        ("any:vpc-0a1b2c3d4e5f60718", False),
        ("any:fl-0a1b2c3d4e5f60718", False),  # nothing of the kind in the alert
        ("any:some-bucket", False),
        ("any:logs.amazonaws.com", True),  # the term `service` reads such names
        ("account:999988887777", False),
        ("domain:evil.example", False),
        ("ip:203.0.113.9", True),
        ("email:bo@acme.example", None),  # the log's own field for people, with a control of its own
    ],
)
def test_a_value_is_findable_where_the_alert_shows_its_kind_found(subject: str, expected: bool | None) -> None:
    """By the same columns and terms; what no event of the alert shows may be missed."""
    assert found(about=subject) is expected
    if not subject.startswith("email"):
        assert found(about="anyone", on=subject) is expected


def test_an_account_is_findable_where_every_account_of_the_alert_is() -> None:
    """Panther extracts the accounts of this event; one that it left out would say otherwise."""
    event = {**EVENT, "requestParameters": {"snapshotId": "snap-0123456789abcdef0"}}
    assert found(event=event, about="account:999988887777") is True


def test_one_value_that_may_be_missed_is_enough() -> None:
    """Of several subjects, each has to be found where it occurs."""
    assert found(about=["actor", "any:some-bucket"]) is False


@pytest.mark.parametrize("role", ["target", "session"])
def test_in_another_log_a_target_may_be_in_a_field_that_is_not_read(role: str) -> None:
    """Read from the alert's own log, and searched for in another one's term: nothing shows that it could be there."""
    assert found(about="anyone", on=role) is None
    assert found(OKTA, about="anyone", on=role) is False


def test_the_actor_of_a_log_without_terms_is_searched_for_by_indicators() -> None:
    """Whether Panther extracts the actor's names is seen in the alert's own event."""
    actor = ACTOR.model_copy(update={"log_type": "Acme.Unknown"})
    question = Question.model_validate({"window": {"from": "history", "to": "-1s"}, "ask": "by day"})
    days = {"history": timedelta(days=30), "dwell": timedelta(days=3)}

    def findable(event: dict[str, JsonValue]) -> bool | None:
        compiled = compile_question(question, "Acme.Unknown")
        return bind_question(compiled, actor, events=[event], now=NOW, **days).value_found

    assert findable({"p_log_type": "Acme.Unknown", "p_any_usernames": ["ada"]}) is True
    assert findable({"p_log_type": "Acme.Unknown", "p_any_usernames": ["bo"]}) is False
    assert findable({"p_log_type": "Acme.Unknown"}) is None


def test_no_rows_for_a_value_that_may_be_missed_prove_nothing() -> None:
    """However healthy the log is; and the report says why."""
    whole = Coverage(source_healthy=True, source_reached_window=True, table_has_rows=True, control_has_rows=True)
    assert whole.of_search(value_fits=None, value_found=True).proves_absence
    missed = whole.of_search(value_fits=None, value_found=False)
    assert not missed.proves_absence
    assert not missed.model_copy(update={"proven_until": NOW}).proves_until(NOW)
    assert any("extracts" in gap for gap in missed.gaps)


def test_a_value_in_two_fields_does_not_show_which_of_them_is_searched() -> None:
    """The actor's own address is extracted as the actor; the owner of a document, in another field, may not be."""
    people = {"actor": "ada@acme.example", "owner": "ada@acme.example", "p_any_emails": ["ada@acme.example"]}
    once = EVENT | {"actor": "ada@acme.example", "p_any_emails": ["ada@acme.example"], "resource": ""}
    assert found(event=once, on=["any:bob@acme.example"]) is True
    assert found(event=once | people, on=["any:bob@acme.example"]) is False


@pytest.mark.parametrize(
    ("user", "expected"),
    [("ADA", False), ("ada@acme.example", True), ("", False)],
)
def test_a_column_for_names_in_two_forms_is_searched_in_the_form_that_its_events_have(
    user: str, expected: bool
) -> None:
    """Snowflake's users are bare names here and e-mail addresses there; no rows for the other form prove nothing."""
    event: dict[str, JsonValue] = {"p_log_type": "Snowflake.QueryHistory", "USER_NAME": user}
    assert found("Snowflake.QueryHistory", event=event, about="email:ada@acme.example") is expected
    assert found("Snowflake.QueryHistory", about="email:ada@acme.example") is False
