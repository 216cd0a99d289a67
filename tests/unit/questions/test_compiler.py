"""What a question asks of the lake: which events, which acts, counted how; and that no text becomes SQL."""

import re
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from triage.domain.actor_values import ActorValues
from triage.domain.identity import Identity, IdentityKind
from triage.domain.question import ActionClass, Asked, Outcome, Question, SubjectRole
from triage.domain.sql import QueryTemplate
from triage.logtypes import shipped_log_types
from triage.questions import NotAskable, bind_question, compile_question, logs_of, question_text
from triage.questions.classes import is_of_class

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
ALICE = ActorValues(
    name="alice@acme.example",
    log_type="Okta.SystemLog",
    first=NOW - timedelta(hours=9),
    last=NOW - timedelta(hours=8),
    lists={
        "actors": ("alice@acme.example",),
        "actions": ("user.session.start",),
        "addresses": ("198.51.100.7",),
        "targets": ("payroll",),
        "people": ("alice@acme.example",),
    },
    identities=(
        Identity.of(IdentityKind.EMAIL, "alice@acme.example"),
        Identity.of(IdentityKind.AWS_ROLE_ARN, "arn:aws:iam::1:role/ops"),
    ),
)
AFTER = {"from": "-0s", "to": "+6h"}
HOSTILE = st.one_of(
    st.text(min_size=1, max_size=60),
    st.lists(
        st.sampled_from(["'", '"', "\\", "%", "_", "!", "--", "/*", "*/", ";", "$$", "*", "?", "[a-z]", "]", "Ω", "a", " "]),
        min_size=1,
        max_size=12,
    ).map("".join),
    st.sampled_from(["' OR 1=1 --", "'); DROP TABLE x; --", "\\' OR ''='", "%' ESCAPE '!", ":start", "{actor}", "a' 'b"]),
).filter(lambda text: text.strip() == text and text.isprintable())  # fmt: skip


def asked(**keys: object) -> Question:
    """A question with a window."""
    return Question.model_validate({"window": AFTER, **keys})


def bound(question: Question, log_type: str = "Okta.SystemLog", actor: ActorValues = ALICE, **more: object) -> str:
    """The SQL that is sent."""
    events = [{"p_log_type": log_type, "target": [{"id": "00u1"}], "client": {"ipAddress": "198.51.100.7"}, **more}]
    compiled = compile_question(question, log_type)
    days = {"history": timedelta(days=30), "dwell": timedelta(days=3)}
    return bind_question(compiled, actor, events=events, now=NOW, **days).query.sql


def nodes(sql: str) -> dict[str, int]:
    """How many nodes of each kind a statement has, without its literals."""
    counted: dict[str, int] = {}
    for node in sqlglot.parse_one(sql, "snowflake").walk():
        if not isinstance(node, exp.Literal):
            counted[type(node).__name__] = counted.get(type(node).__name__, 0) + 1
    return counted


@settings(max_examples=40)
@given(action=HOSTILE, word=HOSTILE, value=HOSTILE)
def test_what_a_question_says_is_a_literal_and_nothing_else(action: str, word: str, value: str) -> None:
    """Globs, words and values never change the tree: the statement has the nodes that harmless ones give."""
    wild = any(sign in action for sign in "*?[")

    def written(glob: str, spoken: str, literal: str) -> dict[str, int]:
        question = asked(actions=[glob], words=[spoken], on=[f"any:{literal}", f"email:{literal}"], about="anyone")
        return nodes(bound(question))

    if not re.search("[a-z0-9]", word.casefold()):
        with pytest.raises(NotAskable, match="letters"):
            written(action, word, value)
        return
    assert written(action, word, value) == written("a*" if wild else "a", "b", "c")


@settings(max_examples=40)
@given(HOSTILE)
def test_a_field_of_an_event_is_a_literal(value: str) -> None:
    """What an attacker writes into the alert's own events is compared, never read."""
    question = asked(about="field:displayMessage", on="field:target.0.id")
    assert nodes(bound(question, displayMessage=value)) == nodes(bound(question, displayMessage="plain"))


def test_every_log_type_answers_or_says_why_not() -> None:
    """Each shipped log type with each role, class, outcome and kind of answer: a query, or a reason in words.

    A few of each are put through the guard; all of them would take minutes.
    """
    for file in shipped_log_types():
        if file.is_family:
            continue
        for number, (asks, outcome) in enumerate(product(Asked, Outcome)):
            for place, role in enumerate(SubjectRole):
                _try(asked(about=role, outcome=outcome, ask=asks), file.log_type, guard=place == number % 9)
            for each in ActionClass:
                _try(asked(classes=each, outcome=outcome, ask=asks), file.log_type, guard=False)
        for each in ActionClass:
            _try(asked(classes=each), file.log_type, guard=bool(file.terms) and len(file.log_type) % 7 == 0)


def _try(question: Question, log_type: str, *, guard: bool) -> None:
    why = ""
    try:
        compiled = compile_question(question, log_type)
    except NotAskable as refused:
        why = refused.why
    if why:
        assert log_type in why
        return
    assert {"times", "first_seen", "last_seen"} <= {*compiled.columns}
    assert all(ask == ask.lower() for ask in compiled.columns)
    if guard:
        template = QueryTemplate.parse(compiled.sql, parameters=compiled.parameters)
        assert template.row_order, "rows whose order can't be restored are never batched"
        assert template.columns == compiled.columns


def test_in_its_own_log_an_actor_is_asked_for_by_the_names_that_log_uses() -> None:
    """The term `actor` and its forms; identities of other kinds stay out."""
    sql = bound(asked())
    assert "LOWER(CAST(actor:alternateId AS VARCHAR))) IN ('alice@acme.example')" in sql
    assert "arn:aws" not in sql


def test_in_another_log_only_kinds_that_it_holds_are_searched_for() -> None:
    """By e-mail address in Google's log, and not at all in one that knows people by number only."""
    assert "IN ('alice@acme.example')" in bound(asked(), "GSuite.ActivityEvent")
    with pytest.raises(NotAskable, match=r"OneLogin user id, and of alice@acme\.example only an e-mail address"):
        bound(asked(), "OneLogin.Events")


def test_a_role_that_many_share_stands_for_no_one() -> None:
    """The role that a person assumed is theirs for a while; their own address is searched for in CloudTrail."""
    sql = bound(asked(), "AWS.CloudTrail")
    assert "role/ops" not in sql
    assert "alice@acme.example" in sql


def test_what_the_alert_lacks_is_left_out_and_said() -> None:
    """A role without a value isn't searched for; alone, it makes the question unaskable."""
    assert "externalSessionId" not in bound(asked(about=["actor", "session"]))
    with pytest.raises(NotAskable, match="names no session"):
        bound(asked(about="session"))


def test_a_field_is_asked_for_as_the_event_spells_it() -> None:
    """Letter case is the event's; a field that isn't there can't be asked for."""
    assert "client:ipAddress" in bound(asked(about="field:client.ipaddress"))
    with pytest.raises(NotAskable, match="displayMessage"):
        bound(asked(about="field:displayMessage"))


def test_a_window_ends_at_the_present_and_remembers_what_was_wanted() -> None:
    """Six hours after an event of eight hours ago are past; a day after it isn't."""
    compiled = compile_question(asked(window={"from": "-0s", "to": "+24h"}), "Okta.SystemLog")
    found = bind_question(compiled, ALICE, events=(), history=timedelta(days=30), dwell=timedelta(days=3), now=NOW)
    assert (found.window.start, found.window.end) == (ALICE.first, NOW)
    assert found.wanted_end == ALICE.last + timedelta(hours=24)
    assert found.value_fits is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"classes": "deletion"}, "Which deletions did the actor make in AWS.CloudTrail in the 6 hours after the alert?"),
        ({}, "What did the actor do in AWS.CloudTrail in the 6 hours after the alert?"),
        ({"about": "anyone", "ask": "by actor", "actions": "own"}, "Who made acts of the alert's kind in AWS.CloudTrail"),
        ({"about": "address"}, "What was done from the alert's addresses in AWS.CloudTrail"),
        ({"about": "anyone", "on": "target", "outcome": "refused"}, "Which refused acts did anyone make on the target"),
        (
            {"window": {"from": "history", "to": "-1s"}, "ask": "first seen"},
            "Since when, how often and on how many days did the actor act in AWS.CloudTrail before the alert?",
        ),
        ({"window": {"from": "-2160h", "to": "-1s"}}, "in the 90 days before the alert?"),
    ],
)  # fmt: skip
def test_a_question_is_said_in_plain_words(keys: dict[str, object], said: str) -> None:
    """As an analyst would ask it."""
    assert said in question_text(asked(**keys), "AWS.CloudTrail")


@pytest.mark.parametrize(
    ("log_type", "action", "classes"),
    [
        ("AWS.CloudTrail", "DeleteBucket", "deletion change"),
        ("AWS.CloudTrail", "BatchDeleteImage", "deletion change"),
        ("AWS.CloudTrail", "DescribeDeletedThings", "read"),
        ("AWS.CloudTrail", "CreateRole", "creation change"),
        ("AWS.CloudTrail", "ConsoleLogin", "sign-in"),
        ("Okta.SystemLog", "user.lifecycle.delete.initiated", "deletion change"),
        ("GCP.AuditLog", "google.iam.admin.v1.ListServiceAccounts", "read"),
        ("GCP.AuditLog", "storage.buckets.delete", "deletion change"),
        ("Amazon.EKS.Audit", "get pods/", "read"),
        ("Amazon.EKS.Audit", "delete configmaps/", "deletion change"),
        ("GitHub.Audit", "repo.read_only.update", "change"),
    ],
)
def test_the_words_of_a_name_say_what_it_does(log_type: str, action: str, classes: str) -> None:
    """Whatever the style of the name."""
    general = (ActionClass.READ, ActionClass.CHANGE, ActionClass.DELETION, ActionClass.CREATION, ActionClass.SIGN_IN)
    assert {each.value for each in general if is_of_class(log_type, action, each)} == {*classes.split()}


def test_a_filter_that_may_fit_nothing_in_a_log_has_a_companion() -> None:
    """Whether anyone's acts fit it: without that, no rows would prove nothing."""
    wild = compile_question(asked(actions="*snapshot*"), "AWS.CloudTrail").companion
    assert wild is not None
    assert wild.question.about[0].role is SubjectRole.ANYONE
    assert wild.columns == ("days", "times", "refused", "actors", "addresses", "targets", "first_seen", "last_seen")
    assert compile_question(asked(), "AWS.CloudTrail").companion is None
    assert compile_question(asked(classes="log tampering"), "AWS.CloudTrail").companion is None


def test_no_subject_and_ask_is_forgotten() -> None:
    """Every combination has words."""
    for role, asks in product(SubjectRole, Asked):
        assert question_text(asked(about=role, ask=asks, classes="grant")).endswith("after the alert?")


def test_what_a_field_holds_is_searched_for_by_its_kind_in_another_log() -> None:
    """An address among the addresses, an e-mail address among the identities; a text of no known form not at all."""
    days = {"history": timedelta(days=30), "dwell": timedelta(days=3), "now": NOW}
    event = {"p_log_type": "AWS.CloudTrail", "sourceIPAddress": "198.51.100.7", "who": "bo@acme.example", "note": "x y"}

    def elsewhere(path: str) -> str:
        compiled = compile_question(asked(about=f"field:{path}"), "Okta.SystemLog")
        return bind_question(compiled, ALICE, events=[event], **days).query.sql

    assert "ARRAYS_OVERLAP(p_any_ip_addresses, ['198.51.100.7'])" in elsewhere("sourceIPAddress")
    assert "IN ('bo@acme.example')" in elsewhere("who")
    with pytest.raises(NotAskable, match="note"):
        elsewhere("note")


@pytest.mark.parametrize(
    ("subject", "log_type", "sql"),
    [
        ("okta_user_id:00u1", "Okta.SystemLog", "CAST(actor:id AS VARCHAR)) IN ('00u1')"),
        ("email:Bo@acme.example", "Box.Event", "IN ('bo@acme.example')"),
        ("email:Bo@acme.example", "Acme.Unknown", "ARRAYS_OVERLAP(p_any_emails, ['bo@acme.example'])"),
        ("ip:192.0.2.9", "GCP.AuditLog", "ARRAYS_OVERLAP(p_any_ip_addresses, ['192.0.2.9'])"),
        ("hash:abc", "Crowdstrike.FDREvent", "ARRAYS_OVERLAP(p_any_sha256_hashes, ['abc'])"),
    ],
)
def test_a_literal_value_is_searched_for_where_its_kind_is_held(subject: str, log_type: str, sql: str) -> None:
    """In the column of the log type, or in those that Panther fills."""
    assert sql in bound(asked(about=subject, ask="first seen"), log_type)


def test_a_literal_of_a_kind_that_the_log_lacks_is_refused() -> None:
    """Google's log doesn't know people by Okta's numbers."""
    with pytest.raises(NotAskable, match=r"GSuite\.ActivityEvent doesn't name people by an Okta user id"):
        compile_question(asked(about="okta_user_id:00u1"), "GSuite.ActivityEvent")


def test_a_question_names_its_logs() -> None:
    """Those of the alert, every log of sign-ins that there is, what matched, or log types by name."""
    tables = {
        "panther_logs": frozenset({"okta_systemlog", "azure_audit", "aws_vpcflow"}),
        "panther_rule_matches": frozenset({"aws_cloudtrail"}),
    }
    own = ["AWS.CloudTrail"]
    assert logs_of(asked(), own, tables) == (("AWS.CloudTrail", "panther_logs"),)
    signed_in = logs_of(asked(logs="sign-ins"), own, tables)
    assert {log_type for log_type, _ in signed_in} == {"Okta.SystemLog", "Azure.Audit"}
    assert logs_of(asked(logs="alerts"), own, tables) == (("AWS.CloudTrail", "panther_rule_matches"),)
    assert logs_of(asked(logs="alerts"), own, None)[-1] == ("correlation_signals", "panther_signals")
    assert logs_of(asked(logs=["own", "Box.Event"]), own, tables)[-1] == ("Box.Event", "panther_logs")


def test_what_matched_has_no_classes() -> None:
    """A class of acts is of a log; a detection's ID is asked for by glob or word."""
    with pytest.raises(NotAskable, match="no classes"):
        compile_question(asked(classes="deletion"), "AWS.CloudTrail", database="panther_rule_matches")
    compiled = compile_question(asked(words="brute force"), "correlation_signals", database="panther_signals")
    assert "p_rule_id" in compiled.sql
