"""Signals about what followed: harm, routine, nothing, the change taken back, the target in use."""

import pytest

from tests.support.facts import ALERT, DETECTION, MOMENT, NOW, answer, at, signals_of, subject
from triage.domain.argument import raise_flags
from triage.domain.derived import DerivedIdentity, Relation
from triage.domain.evidence import Evidence, Source
from triage.domain.flag import FLAGS
from triage.domain.identity import Identity, IdentityKind
from triage.domain.signal import Direction
from triage.stages.enrichment.signals import measure
from triage.stages.enrichment.signals.facts import signal
from triage.stages.enrichment.signals.weights import WEIGHTS


def after(
    *actions: str, hours: float = 1, address: str = "198.51.100.7", times: int = 1, refused: int = 0
) -> list[Evidence]:
    """What the actor did afterwards."""
    rows = [
        {
            "action": action,
            "address": address,
            "times": times,
            "refused": refused,
            "target": "t",
            "first_seen": at(hours=-hours),
            "last_seen": at(hours=-hours),
        }
        for action in actions
    ]
    columns = ("action", "address", "times", "refused", "target", "first_seen", "last_seen")
    return [
        answer("actor_after", ["harmful_aftermath", "routine_aftermath"], rows, columns=columns),
        answer("actor_soon_after", ["quiet_aftermath", "reverted"], rows, columns=columns),
    ]


def habit(*actions: str) -> Evidence:
    """What the actor does on many days."""
    rows = [
        {
            "action": action,
            "days": 5,
            "old_days": 3,
            "times": 9,
            "refused": 0,
            "first_seen": at(days=20),
            "last_seen": at(days=2),
        }
        for action in actions
    ]
    return answer("actor_profile", ["routine_aftermath", "first_seen_actor"], rows)


def test_harm_that_is_new_for_the_actor_weighs_towards_malicious() -> None:
    """A new access key after the alert is what an intruder wants next."""
    found = signals_of(subject(), *after("CreateAccessKey", "GetBucketAcl"), habit("ListBuckets"))

    assert found["harmful_aftermath"].direction is Direction.MALICIOUS
    assert "CreateAccessKey" in found["harmful_aftermath"].sentence
    assert "quiet_aftermath" not in found


def test_harm_that_belongs_to_the_work_is_routine() -> None:
    """The same follow-up on earlier days is part of the performance."""
    found = signals_of(subject(), *after("DeleteSnapshot"), habit("DeleteSnapshot"))

    assert "harmful_aftermath" not in found
    assert found["routine_aftermath"].direction is Direction.BENIGN


def test_from_an_unknown_place_routine_excuses_only_half() -> None:
    """A stolen session does its owner's work as a cover."""
    elsewhere = answer(
        "actor_addresses",
        ["known_address"],
        [{"address": "203.0.113.9", "days": 9, "times": 9, "first_seen": at(days=20), "last_seen": at(days=1)}],
    )

    assert "harmful_aftermath" in signals_of(subject(), *after("DeleteSnapshot"), habit("DeleteSnapshot"), elsewhere)


@pytest.mark.parametrize("late", [13, 23])
def test_what_follows_half_a_day_later_is_another_story(late: float) -> None:
    """Follow-ups count for twelve hours."""
    assert "harmful_aftermath" not in signals_of(subject(), *after("CreateAccessKey", hours=late))


def test_refused_harm_did_not_happen() -> None:
    """A call that was refused every time is counted as refused, not as harm."""
    found = signals_of(subject(), *after("CreateAccessKey", times=4, refused=4))

    assert "harmful_aftermath" not in found


def test_nothing_harmful_counts_as_an_absence() -> None:
    """A quiet aftermath rests on rows that are not there."""
    found = signals_of(subject(), *after("ListBuckets"))["quiet_aftermath"]

    assert found.absence
    assert found.direction is Direction.BENIGN


def test_after_data_was_taken_quiet_says_little() -> None:
    """Whoever has read the secrets has nothing left to do."""
    usual = signals_of(subject(), *after("ListBuckets"))["quiet_aftermath"]
    taken = signals_of(subject(actions=("GetSecretValue",)), *after("ListBuckets"))["quiet_aftermath"]

    assert taken.weight < usual.weight


@pytest.mark.parametrize(
    ("done", "undone"),
    [
        ("StopLogging", "StartLogging"),
        ("DeleteBucketReplication", "PutBucketReplication"),
        ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"),
        ("repository_secret_scanning.disable", "repository_secret_scanning.enable"),
        ("microsoft.authorization/locks/delete", "microsoft.authorization/locks/write"),
        ("create daemonsets/", "delete daemonsets/"),
    ],
)
def test_a_change_that_is_taken_back_soon_was_a_maintenance(done: str, undone: str) -> None:
    """The inverse action on the same object within two hours weighs towards benign; hours later it doesn't."""
    who = subject(actions=(done,), targets=("t",))
    assert "reverted" in signals_of(who, *after(undone))
    assert "reverted" not in signals_of(who, *after(undone, hours=3))


def made(kind: IdentityKind, value: str, action: str) -> DerivedIdentity:
    """What an act of the alert made."""
    return DerivedIdentity(
        identity=Identity.of(kind, value),
        value=value,
        found_in="session",
        relation=Relation.MADE,
        action=action,
        moment=MOMENT,
    )


GCP_KEY = "//iam.googleapis.com/projects/p/serviceAccounts/sa@p.example/keys/"
CREATE_KEY, DELETE_KEY = "google.iam.admin.v1.CreateServiceAccountKey", "google.iam.admin.v1.DeleteServiceAccountKey"


@pytest.mark.parametrize(
    ("target", "weight"),
    [("projects/-/serviceAccounts/117/keys/new", 0.8), ("projects/-/serviceAccounts/117/keys/old", None), ("", 0.4)],
)
def test_another_key_deleted_is_a_rotation_and_no_reversal(target: str, weight: float | None) -> None:
    """Only the key that was made, taken back, undoes the act; of which one it was, the log may say nothing."""
    who = subject(
        log_type="GCP.AuditLog",
        actions=(CREATE_KEY,),
        targets=("projects/-/serviceAccounts/117",),
        derived=(made(IdentityKind.GCP_KEY, f"{GCP_KEY}new", CREATE_KEY),),
    )
    answers = [
        entry.model_copy(update={"rows": tuple({**row, "target": target} for row in entry.rows)})
        for entry in after(DELETE_KEY)
    ]
    found = signals_of(who, *answers).get("reverted")
    assert (found and found.weight) == weight


def test_which_key_of_a_user_was_deleted_is_unknown_where_the_target_is_the_user() -> None:
    """AWS names the user in both calls: the opposite act counts half, and answers no hard flag."""
    who = subject(
        actions=("CreateAccessKey",),
        targets=("t",),
        derived=(made(IdentityKind.AWS_ACCESS_KEY, "AKIANEW", "CreateAccessKey"),),
    )
    assert signals_of(who, *after("DeleteAccessKey"))["reverted"].weight == 0.4


def test_another_object_dealt_with_otherwise_is_an_act_of_its_own() -> None:
    """A snapshot was made and another one deleted: that undoes nothing, and is read as harm like any deletion."""
    who = subject(actions=("CreateDBSnapshot",), targets=("mine",))
    found = signals_of(who, *after("DeleteDBSnapshot"))
    assert "reverted" not in found
    assert "DeleteDBSnapshot" in found["harmful_aftermath"].sentence
    own = signals_of(subject(actions=("CreateDBSnapshot",), targets=("t",)), *after("DeleteDBSnapshot"))
    assert "harmful_aftermath" not in own
    assert own["reverted"].weight == 0.8


def test_a_part_taken_back_leaves_the_protection_off() -> None:
    """Of two trails that were stopped one is on again, or a detector was deleted as well: no hard flag is answered."""
    two = subject(actions=("StopLogging",), targets=("t", "u"))
    both = subject(actions=("StopLogging", "DeleteDetector"), targets=("t",))
    for who in (two, both):
        found = signals_of(who, *after("StartLogging"))["reverted"]
        assert found.weight < FLAGS["protection_off"].least_answer["reverted"] <= WEIGHTS["reverted"].weight


def test_a_weak_reversal_answers_the_soft_flags_only() -> None:
    """What may have been about another object answers no hard flag."""

    def answered(scale: float) -> dict[str, bool]:
        entry = answer("actor_soon_after", ["reverted"], [{"action": "StartLogging"}])
        found = [
            signal("protection_off", "It was switched off.", [entry]),
            signal("new_target", "It is new.", [entry]),
            signal("reverted", "It was taken back.", [entry], scale=scale),
        ]
        return {flag.name: not flag.open for flag in raise_flags(found)}

    assert answered(1.0) == {"protection_off": True, "new_target": True}
    assert answered(0.5) == {"protection_off": False, "new_target": True}


PARAMETERS = ("action", "parameters", "times", "since", "target", "first_seen", "last_seen")


def parameters(action: str, *texts: str) -> Evidence:
    """With which parameters the actor made the calls of one name."""
    rows = [
        {
            "action": action,
            "parameters": text,
            "times": 1,
            "since": 1,
            "target": "t",
            "first_seen": at(hours=-1),
            "last_seen": at(hours=-1),
        }
        for text in texts
    ]
    return answer("harm_parameters", ["harmful_aftermath"], rows, columns=PARAMETERS)


BASIC = '{"requestParameters.policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}'
ADMINISTRATOR = '{"requestParameters.policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}'
OPEN_BUCKET = '{"recipientAccountId": "111122223333", "requestParameters.bucketPolicy": {"Statement": [{"Effect": "Allow", "Principal": "*"}]}}'


def test_a_basic_policy_gives_no_more_rights() -> None:
    """What was attached decides, not the name of the call."""
    found = signals_of(subject(), *after("AttachRolePolicy"), parameters("AttachRolePolicy", BASIC))

    assert "harmful_aftermath" not in found
    assert "quiet_aftermath" in found


@pytest.mark.parametrize("texts", [(BASIC, ADMINISTRATOR), ("{cut",), ()])
def test_what_the_parameters_do_not_excuse_is_harm(texts: tuple[str, ...]) -> None:
    """One administrator among basic policies, parameters that were cut, and parameters that nobody gave."""
    found = signals_of(subject(), *after("AttachRolePolicy"), parameters("AttachRolePolicy", *texts))

    assert "harmful_aftermath" in found


def test_a_cut_list_of_parameters_excuses_nothing() -> None:
    """The call that opens the door may be the one that was cut off."""
    cut = parameters("AttachRolePolicy", BASIC).model_copy(update={"truncated": True})

    assert "harmful_aftermath" in signals_of(subject(), *after("AttachRolePolicy"), cut)


def test_setting_one_thing_up_is_one_act() -> None:
    """A role, its policy and its function within minutes are one deployment; a stop of logging is an act of its own."""

    def count(*actions: str) -> int:
        entries = [entry.model_copy(update={"id": f"E{n}"}) for n, entry in enumerate(after(*actions), 1)]
        found = measure(ALERT, DETECTION, [subject()], entries, now=NOW)
        return sum(each.name == "harmful_aftermath" for each in found)

    assert count("CreateRole", "AttachRolePolicy", "CreateFunction20150331", "RunInstances") == 1
    assert count("CreateRole", "AttachRolePolicy", "StopConfigurationRecorder") == 2
    assert count("CreateUser", "AttachUserPolicy") == 2


def test_a_bucket_opened_to_everyone_is_a_fact_of_its_own() -> None:
    """It is said, and then nothing is called quiet."""
    found = signals_of(subject(), *after("GetBucketAcl"), parameters("PutBucketPolicy", OPEN_BUCKET))

    assert "everyone" in found["public_principal"].sentence
    assert "quiet_aftermath" not in found


def test_the_alerts_own_event_may_let_a_foreign_account_in() -> None:
    """The account is foreign unless its logs are here."""
    event = {
        "p_log_type": "AWS.CloudTrail",
        "eventName": "ModifySnapshotAttribute",
        "recipientAccountId": "111122223333",
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/ada"},
        "requestParameters": {
            "snapshotId": "snap-1",
            "createVolumePermission": {"add": {"items": [{"userId": "999900001111"}]}},
        },
    }
    who = subject(identity="arn:aws:iam::111122223333:user/ada", actions=("ModifySnapshotAttribute",))
    events = answer("events", [], [event], source=Source.EVENTS)
    ours = answer("own_accounts", ["own_accounts"], [{"account": "999900001111", "times": 9}])

    assert "999900001111" in signals_of(who, events)["foreign_principal"].sentence
    assert "foreign_principal" not in signals_of(who, events, ours)


def test_an_anonymous_caller_is_said() -> None:
    """Nothing is quiet where somebody without a name reads."""
    event = {
        "p_log_type": "AWS.CloudTrail",
        "eventName": "GetObject",
        "recipientAccountId": "111122223333",
        "userIdentity": {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"},
    }
    events = answer("events", [], [event], source=Source.EVENTS)
    found = signals_of(subject(identity="", actions=("GetObject",)), events, *after("ListBuckets"))

    assert "outside_caller" in found
    assert "quiet_aftermath" not in found


def cut_after(harmful: int) -> list[Evidence]:
    """An answer on what followed that is full; its last row is harmful or not."""
    columns = ("action", "address", "harmful", "times", "refused", "target", "first_seen", "last_seen")
    return [
        entry.model_copy(
            update={
                "truncated": True,
                "columns": columns,
                "rows": tuple({**row, "harmful": harmful} for row in entry.rows),
            }
        )
        for entry in after("ListBuckets")
    ]


def test_a_full_answer_proves_quiet_only_where_harm_comes_first_and_ended() -> None:
    """Where even harmful calls fill it, or where it is in order of time, more of them may have been cut off."""
    in_time = [entry.model_copy(update={"truncated": True}) for entry in after("ListBuckets")]

    assert "quiet_aftermath" in signals_of(subject(), *cut_after(0))
    assert "quiet_aftermath" not in signals_of(subject(), *cut_after(1))
    assert "quiet_aftermath" not in signals_of(subject(), *in_time)


def test_an_answer_that_failed_is_not_quiet() -> None:
    """What a day holds can't be told from its first four hours."""
    whole, soon = after("ListBuckets")

    assert "quiet_aftermath" not in signals_of(subject(), whole.model_copy(update={"error": "timed out"}), soon)


def test_a_sign_in_from_the_address_that_failed_is_not_quiet() -> None:
    """The alert is a refused sign-in; six minutes later the same address got in."""
    rows = [
        {"address": "198.51.100.7", "step": "ConsoleLogin", "result": result, "second_factor": False, "times": 1,
         "first_seen": at(minutes=-minutes), "last_seen": at(minutes=-minutes)}
        for result, minutes in (("FAILURE", 0), ("SUCCESS", 6))
    ]  # fmt: skip
    signed_in = answer("own_sign_ins", ["failed_then_succeeded"], rows)
    who = subject(actions=("ConsoleLogin",), refused=True)

    assert "quiet_aftermath" in signals_of(who, *after("ListBuckets"))
    assert "quiet_aftermath" not in signals_of(who, *after("ListBuckets"), signed_in)


def test_harm_that_others_do_to_the_target_is_not_quiet() -> None:
    """A colleague's session may be the same person's next step."""
    rows = [
        {"actor": "arn:aws:iam::1:role/x", "action": "DeleteBucket", "address": "198.51.100.7", "times": 1, "refused": 0,
         "first_seen": at(hours=-1), "last_seen": at(hours=-1)}
    ]  # fmt: skip
    others = answer("target_after", ["target_aftermath"], rows)

    assert "quiet_aftermath" not in signals_of(subject(), *after("ListBuckets"), others)


def test_routine_reading_afterwards_is_not_quiet() -> None:
    """A stolen session reads what its owner reads."""
    found = signals_of(subject(), *after("GetSecretValue"), habit("GetSecretValue"))

    assert "quiet_aftermath" not in found


def test_a_call_that_failed_did_no_harm() -> None:
    """A key that could not be made, for whatever reason, was not made."""
    failed = [
        entry.model_copy(
            update={"columns": (*entry.columns, "failed"), "rows": tuple({**row, "failed": 1} for row in entry.rows)}
        )
        for entry in after("CreateAccessKey")
    ]

    assert "harmful_aftermath" not in signals_of(subject(), *failed)


@pytest.mark.parametrize(("own", "weight"), [(1, 0.8), (0, None)])
def test_of_several_objects_the_alerts_own_is_counted(own: int, weight: float | None) -> None:
    """The opposite act was done to three objects, of which the answer names one and counts the alert's."""
    who = subject(actions=("StopLogging",), targets=("mine",))
    answers = [
        entry.model_copy(
            update={
                "rows": tuple({**row, "targets": 3, "on_target": own} for row in entry.rows),
                "columns": (*entry.columns, "targets", "on_target"),
            }
        )
        for entry in after("StartLogging")
    ]
    found = signals_of(who, *answers).get("reverted")
    assert (found and found.weight) == weight


SETTING = "/subscriptions/s1/resourcegroups/g/providers/p/vaults/v1/providers/microsoft.insights/diagnosticsettings"


@pytest.mark.parametrize(
    ("target", "answers"),
    [
        (f"{SETTING}/to-siem", True),
        (f"{SETTING}/to-siem-v2", True),
        (SETTING.replace("v1", "v2") + "/to-siem-v2", False),
        ("/to-siem-v2", False),
    ],
)
def test_a_setting_written_anew_under_another_name_is_one_taken_back(target: str, answers: bool) -> None:
    """On the same resource, where nothing else is left off; another resource's setting protects another resource."""
    who = subject(
        log_type="Azure.MonitorActivity",
        actions=("microsoft.insights/diagnosticsettings/delete",),
        targets=(f"{SETTING}/to-siem",),
    )
    row = {
        "action": "microsoft.insights/diagnosticsettings/write",
        "address": "198.51.100.7",
        "times": 1,
        "refused": 0,
        "targets": 1,
        "target": target,
        "on_target": int(target == f"{SETTING}/to-siem"),
        "first_seen": at(hours=-0.02),
        "last_seen": at(hours=-0.02),
    }
    entry = answer("actor_soon_after", ["quiet_aftermath", "reverted"], [row], log_type="Azure.MonitorActivity")
    found = signals_of(who, entry).get("reverted")
    least = FLAGS["protection_off"].least_answer["reverted"]

    assert (found is not None and found.weight >= least) is answers


def flow_logs(*rows: tuple[str, str, float], deleted: int = 1) -> list[Evidence]:
    """What was done with flow logs before the alert, (action, id, hours before) each, and how many were deleted since."""
    before = [
        {
            "action": action,
            "times": 1,
            "failed": 0,
            "targets": 1,
            "target": target,
            "on_target": 0,
            "first_seen": at(hours=hours),
            "last_seen": at(hours=hours),
        }
        for action, target, hours in rows
    ]
    since = [{**before[0], "action": "DeleteFlowLogs", "target": "fl-1", "targets": deleted, "on_target": 1}]
    return [
        answer("actor_before", ["harm_before"], before),
        answer("actor_soon_after", ["quiet_aftermath", "reverted"], since),
    ]


@pytest.mark.parametrize(
    ("done", "deleted", "answers"),
    [
        (("CreateFlowLogs", "fl-2", 2), 1, True),
        (("CreateFlowLogs", "fl-1", 2), 1, False),
        (("CreateFlowLogs", "fl-2", 2), 2, False),
        (("CreateTrail", "fl-2", 2), 1, False),
        (("CreateFlowLogs", "", 2), 1, False),
    ],
)
def test_a_protection_that_was_replaced_before_it_went_is_one_taken_back(
    done: tuple[str, str, float], deleted: int, answers: bool
) -> None:
    """By another of its kind that stands: not by what the alert deletes, nor where more was deleted than that."""
    who = subject(actions=("DeleteFlowLogs",), targets=("fl-1",))
    found = signals_of(who, *flow_logs(done, deleted=deleted)).get("reverted")
    assert (found is not None and found.weight >= FLAGS["protection_off"].least_answer["reverted"]) is answers


def test_what_replaces_an_object_that_is_no_protection_answers_nothing() -> None:
    """Whoever has made a user before may delete another."""
    who = subject(actions=("DeleteUser",), targets=("fl-1",))
    assert "reverted" not in signals_of(who, *flow_logs(("CreateUser", "fl-2", 2)))


def test_which_second_factor_of_a_person_was_removed_is_unknown() -> None:
    """Okta names the person in both events: the old factor goes where a new one has come."""
    activated, removed = "user.mfa.factor.activate", "user.mfa.factor.deactivate"
    who = subject(log_type="Okta.SystemLog", actions=(activated,), targets=("ada@example.com",))
    rows = [
        {
            "action": removed,
            "times": 1,
            "targets": 1,
            "target": "ada@example.com",
            "on_target": 1,
            "first_seen": at(hours=-0.05),
            "last_seen": at(hours=-0.05),
        }
    ]
    entry = answer("actor_soon_after", ["reverted"], rows, log_type="Okta.SystemLog")
    found = signals_of(who, entry)["reverted"]
    assert found.weight < WEIGHTS["reverted"].weight
    assert "on which object, the log doesn't tell" in found.sentence
