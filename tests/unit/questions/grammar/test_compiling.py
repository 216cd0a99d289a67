"""Runbooks in English as plans: what is asked, what isn't, and that no text breaks it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.payloads import PAYLOADS
from tests.support.shared import shared_lines
from triage.domain.plan import PlanSource, RunbookPlan, digest_of
from triage.domain.question import PlannedQuestion
from triage.domain.runbook import runbook_steps
from triage.questions.grammar import compile_runbook
from triage.questions.plan_check import MAX_CHARS, MAX_NEEDS, MAX_QUESTIONS, MAX_STEP_QUESTIONS

AWS = "AWS.CloudTrail"
OKTA = "Okta.SystemLog"
AZURE = "Azure.MonitorActivity"


def asked(text: str, *log_types: str) -> list[str]:
    """The questions of one step, each in one line."""
    plan = compile_runbook(f"1. {text}", "A.Rule", log_types or (AWS,))
    assert len(plan.steps) == 1
    return [said(question) for question in plan.steps[0].questions]


def said(question: PlannedQuestion) -> str:
    """A question without what is left at its default."""
    parts = [",".join(map(str, question.about))]
    parts += [f"on {','.join(map(str, question.on))}"] if question.on else []
    parts += [f"in {','.join(question.logs)}"] if question.logs != ("own",) else []
    parts.append(f"{question.window.start}..{question.window.end}")
    parts += [each.value for each in question.classes]
    parts += [*question.actions, *(f"'{word}'" for word in question.words)]
    parts += [question.outcome.value] if question.outcome != "any" else []
    parts += [question.ask.value] if question.ask not in ("list", "count") else []
    parts += [question.reads.value] if question.reads != "value" else []
    return " ".join(parts)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Find all API calls by the user ARN in the 24 hours before the alert", "actor -24h..-0s"),
        ("Query CloudTrail for all API calls by userIdentity:arn in the 6 hours before and after this alert to see more", "actor -6h..+6h"),
        ("Find all API calls from the sourceIPAddress in the past 7 days", "address -7d..-0s"),
        ("Find all S3 GetObject events for this bucket in the 1 hour window around the alert time", "anyone on target -1h..+1h GetObject"),
        ("List all calls using the same userIdentity:accessKeyId in the 48-72 hours before the alert", "session -72h..-48h"),
        ("Find all API calls on requestParameters:bucketName in the 2 hours after the deletion", "anyone on field:requestParameters.bucketName -0s..+2h"),
        ("Look for snapshot deletions by this user in the 30 days around the alert", "actor -30d..+30d deletion 'snapshot'"),
        ("Find bucket creations or deletions by the user ARN in the past day", "actor -1d..-0s creation deletion 'bucket'"),
        ("Count failed login attempts by this user in the hour before the alert", "actor -1h..-0s sign-in refused"),
        ("Find other alerts from this user or IP address in the past 7 days", "actor,address in alerts -7d..-0s"),
        ("Find all CreateAccessKey and CreateUser events from any user in the past 7 days", "anyone -7d..-0s CreateAccessKey CreateUser"),
        ("Find all API calls by the new access key in the 24 hours after the alert", "derived -0s..+24h"),
        ("Query Okta system logs for all authentication events by this user in the past day", "actor in Okta.SystemLog -1d..-0s sign-in"),
        ("Query sign-in logs for failed sign-ins by this user in the past day", "actor in sign-ins -1d..-0s sign-in refused"),
        ("Review the user's sign-ins in the past 3 days", "actor -3d..-0s sign-in"),
        ("Find all user creations and role assignments by this user in the past day", "actor -1d..-0s account creation grant"),
        ("Find bucket or role deletions and modifications by this user in the past day", "actor -1d..-0s deletion change 'bucket' 'role'"),
        ("Find failed and successful logins by this user in the past day", "actor -1d..-0s sign-in"),
        ("Find other alerts with rule IDs Some.Rule.One or Some.Rule.Two for this user in the past day", "actor in alerts -1d..-0s Some.Rule.One Some.Rule.Two"),
        ("Find other users who accessed this bucket in the past 30 days", "others on target -30d..-0s by actor"),
        ("Find all users with high deletion rates in the past 30 days", "anyone -30d..-0s deletion by actor"),
        ("Identify all source IP addresses used by this user in the past 30 days", "actor -30d..-0s by address"),
    ],
)  # fmt: skip
def test_what_is_to_be_found(text: str, question: str) -> None:
    """Who, on what, in which log, when, and which acts."""
    assert asked(text) == [question]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Check if this user has deleted buckets in the past 90 days", "actor -90d..-0s deletion 'bucket' yes if any"),
        ("Determine whether the caller has created or modified roles in the past 90 days", "actor -90d..-0s creation change 'role' yes if any"),
        ("Check if this user has accessed this bucket in the past 30 days", "actor on target -30d..-0s yes if any"),
        ("Check if sourceIPAddress has been used by this user in the past 30 days", "actor on address -30d..-0s yes if any"),
        ("Check if sourceIPAddress has been used by other users in the past 30 days", "others on address -30d..-0s yes if any"),
        ("Check if the source IP matches the user's typical addresses", "actor on address history..-0s yes if any"),
        ("Check if sourceIPAddress matches previously seen IP addresses for this actor in the past 30 days", "actor on address -30d..-0s yes if any"),
        ("Check if the identity accessing the key has a history of bucket deletions in the past 30 days", "actor -30d..-0s deletion 'bucket' yes if any"),
        ("Check if logging was disabled by the user in the past day", "actor -1d..-0s log tampering yes if any"),
        ("Check if any new access keys were created by this user in the past day", "actor -1d..-0s key creation yes if any"),
        ("Check if the same IP address was used for other users' sign-ins in the past day", "others on address -1d..-0s sign-in yes if any"),
        ("Check for sign-ins of the affected user from the same IP in the past day", "target on address -1d..-0s sign-in"),
        ("Check if the group was granted admin permissions in the 6 hours after the alert", "anyone on target -0s..+6h grant yes if any"),
        ("Check if this action has been performed by this user in the past 90 days", "actor -90d..-0s own yes if any"),
        ("Check if this is the first time this user has created users", "actor history..-0s creation 'user' yes if none"),
        ("Verify that no failed sign-ins occurred for this user in the 2 hours after the alert", "actor -0s..+2h sign-in refused yes if none"),
        ("Check if there were more than 5 failed login attempts by this user in the past hour", "actor -1h..-0s sign-in refused yes if at least"),
        ("Check if the new access key has been used in the 6 hours after the alert", "derived -0s..+6h yes if any"),
    ],
)  # fmt: skip
def test_what_is_to_be_checked(text: str, question: str) -> None:
    """A proposition is asked with how its answer reads."""
    assert asked(text) == [question]


@pytest.mark.parametrize(
    "text",
    [
        "Check if the source IP is associated with a known VPN or proxy service",
        "Verify that the change was authorized",
        "Review the policy document for wildcards",
        "Identify the user who performed the action",
        "If unauthorized, revoke the access key and rotate the user's credentials",
        "Contact the user to confirm the sign-in in the past 24 hours",
        "Find all frobnications by this user in the past 7 days",
        "Find all API calls by the purple team in the past 7 days",
        "Find all API calls by this user in the 3 fortnights before the alert",
        "Find all API calls not made by this user in the past 7 days",
        "Check if the user has never signed in before",
        "Find all users with high frobnication rates in the past 30 days",
        "Find all API calls from a different IP in the past day",
        "Find all API calls from other IP addresses in the past day",
        "Find all API calls by each user in the past day",
        "Find all API calls by users in the past day",
        "Look for failed logins from the same IP against other accounts in the past day",
        "Find all deletions in this account in the past day",
        "Check if deletion protection was disabled by the user in the past day",
        "Please review this activity with the administrator and ensure that it was authorized",
        "Verify that the administrator performed this activity",
        "Find all sign-ins without MFA by this user in the past day",
        "Find all API calls on buckets in the past day",
        "Find all API calls by this user except GetObject in the past day",
        "Find all API calls by this user outside business hours in the past day",
        "Check if the source IP does not match the user's typical addresses",
        "Check if the source IP matches known VPN ranges of authorized administrators",
        "Find all user activity in the past day, or frobnications",
        "Query for the key usage to see which applications rely on it",
        "Look for connections from external IPs in the 6 hours after the alert",
        "Find other alerts that show signs of disabled controls for the same bucket in the past 7 days",
        "Find all deletions",
        "Find all API calls by foo:bar in the past day",
    ],
)
def test_what_is_not_understood_is_not_asked(text: str) -> None:
    """A broader question than was meant would be a wrong answer: the step is a person's, or needs something else."""
    (step,) = compile_runbook(f"1. {text}", "A.Rule", (AWS,)).steps
    assert not step.questions
    assert step.needs or step.person


def test_what_an_address_is_known_for_is_needed_and_what_it_did_is_asked() -> None:
    """Each half of an alternative by itself."""
    text = "Check if the source IP is associated with VPN services or matches the user's typical access patterns"
    (step,) = compile_runbook(f"1. {text}", "A.Rule", (AWS,)).steps
    assert [said(question) for question in step.questions] == ["actor on address history..-0s yes if any"]
    assert step.needs


def test_one_step_may_ask_several_questions() -> None:
    """Clauses joined in a sentence, and kinds of acts that no one question holds."""
    text = "Query CloudTrail for all API calls by this user in the past day, and check for other alerts from this user"
    assert asked(text) == ["actor -1d..-0s", "actor in alerts -7d..+24h"]
    text = "Find key vault deletions and disk modifications by the callerIpAddress in the past day"
    assert asked(text, AZURE) == ["address -1d..-0s deletion 'key vault'", "address -1d..-0s change 'disk'"]


def test_a_field_is_what_its_log_says() -> None:
    """The same words name the actor in one log and nothing in another."""
    text = "Find all events by actor.alternateId in the past day"
    assert asked(text, OKTA) == ["actor -1d..-0s"]
    assert asked(text, AWS) == []


def test_a_thing_that_the_log_may_call_otherwise_is_not_asked_about() -> None:
    """Where the log's file names its actions in full, a name that none of them holds would find nothing, wrongly."""
    assert asked("Find all snapshot deletions by this user in the past day", AZURE) == [
        "actor -1d..-0s deletion 'snapshot'"
    ]
    assert asked("Find all blob uploads by this user in the past day", AZURE) == []


def test_a_narrow_and_an_unlimited_act_are_no_list() -> None:
    """`deletions or API calls` asks for both kinds or for everything; nobody knows which."""
    assert asked("Find bucket deletions or API calls by this user in the past day") == []
    assert asked("Find bucket deletions or other suspicious activity by this user in the past day") == [
        "actor -1d..-0s"
    ]


def test_reasons_narrow_nothing() -> None:
    """What an answer is good for is no filter."""
    plain = "Find all API calls by this user in the past day"
    for reason in ("to identify deletions", "which may indicate exfiltration", "in order to find failed sign-ins"):
        assert asked(f"{plain} {reason}") == asked(plain)


@given(st.text(max_size=1500))
def test_any_text_is_a_plan(text: str) -> None:
    """Its steps are the runbook's; a question is only ever a valid value."""
    plan = compile_runbook(text, "A.Rule", (AWS,))
    assert tuple(step.text for step in plan.steps) == runbook_steps(text)
    assert (plan.digest, plan.source) == (digest_of(text), PlanSource.GRAMMAR)
    assert RunbookPlan.model_validate(plan.model_dump(mode="json", by_alias=True)) == plan
    assert sum(len(step.questions) for step in plan.steps) <= MAX_QUESTIONS
    for step in plan.steps:
        assert len(step.questions) <= MAX_STEP_QUESTIONS
        assert len(step.needs) <= MAX_NEEDS
        assert max(map(len, (step.person, *step.needs))) <= MAX_CHARS


WORDS = [
    "find",
    "check",
    "if",
    "whether",
    "the",
    "this",
    "all",
    "any",
    "other",
    "other",
    "user",
    "ip",
    "address",
    "bucket",
    "CreateUser",
    "API",
    "calls",
    "events",
    "deletions",
    "failed",
    "by",
    "from",
    "on",
    "in",
    "for",
    "with",
    "and",
    "or",
    ",",
    "(",
    ")",
    ":",
    ".",
    ";",
    "past",
    "24",
    "hours",
    "before",
    "after",
    "alert",
    "alerts",
    "has",
    "been",
    "was",
    "deleted",
    "userIdentity:arn",
    "matches",
    "typical",
    "used",
    "first",
    "time",
    "multiple",
    "more",
    "than",
    "5",
    "no",
    "not",
    "'x'",
    '"',
    "`",
    "--",
    "/*",
    "*/",
    "{{",
    "}}",
    "'",
    "OR",
    "1=1",
]


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join),
    st.sampled_from([(AWS,), (OKTA,), (AZURE, AWS), ()]),
)
def test_any_order_of_words_is_a_plan(text: str, log_types: tuple[str, ...]) -> None:
    """Words that mean something here, in any order."""
    plan = compile_runbook(f"1. Query {text}", "A.Rule", log_types)
    assert tuple(step.text for step in plan.steps) == runbook_steps(f"1. Query {text}")


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a ",
        "a-",
        "(",
        "'",
        '"x ',
        "in the 1 ",
        "and check if ",
        "a.b:",
        "A_",
        "if ",
        "or matches ",
        "/a",
        "`",
        "deleted ",
    ],
)
def test_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    """No pattern backtracks: a hundred thousand characters are read in well under the time of one query."""
    start = time.perf_counter()
    compile_runbook(f"1. Find all {piece * (100_000 // len(piece))}", "A.Rule", (AWS,))
    compile_runbook("\n".join(f"{number}. Check {piece * 200}" for number in range(1, 90)), "A.Rule", (AWS,))
    assert time.perf_counter() - start < 10


def test_hostile_text_yields_values_alone() -> None:
    """SQL, quotes and template marks in a runbook: what comes out is a question's words, each within its bounds."""
    for payload in (each.text for each in PAYLOADS):
        text = f"1. Find all API calls by {payload} in the past day\n2. Find all `{payload}` events by this user in the past day"
        plan = compile_runbook(text, "A.Rule", (AWS,))
        assert RunbookPlan.model_validate(plan.model_dump(mode="json", by_alias=True)) == plan


def test_published_runbooks_compile_in_seconds() -> None:
    """All 701, and the same plan each time."""
    rules = [rule for rule in shared_lines("data/rules.ndjson") if rule["runbook"]]
    start = time.perf_counter()
    plans = [compile_runbook(rule["runbook"], rule["rule_id"], rule["log_types"] or ()) for rule in rules]
    assert time.perf_counter() - start < 20
    assert len(plans) == 701
    assert all(
        plan == compile_runbook(rule["runbook"], rule["rule_id"], rule["log_types"] or ())
        for plan, rule in zip(plans[:40], rules, strict=False)
    )
