"""What followed, what could have been seen of it, and prepared ground.

About twenty seconds: one world is started once, and each of its twelve alerts is triaged.
"""

import json
from typing import Any

import pytest

from tests.integration.true_evidence.world import (
    AT,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    OFFICE,
    OUTSIDE,
    Columns,
    Triaged,
    World,
    aws,
    role,
    triaged,
)
from triage.domain.verdict import Disposition

CLOUD, FLOW, CLUSTER = "AWS.CloudTrail", "AWS.VPCFlow", "Amazon.EKS.Audit"
FOREIGN = "999988887777"


def _usual(world: World, user: str) -> None:
    """A month of a user's ordinary work at the office, up to yesterday."""
    world.log(CLOUD, AT - DAY, aws(user, "ListUsers"), every=24)


def _young(world: World) -> None:
    """An alert is a minute old."""
    _usual(world, "vera")
    event = world.log(CLOUD, NOW - MINUTE, aws("vera", "ModifyVpcAttribute"))
    world.alert("a minute old", CLOUD, event, at=NOW - MINUTE)


def _opened(world: World) -> None:
    """A port is opened to a network, and an outsider comes in through it."""
    _usual(world, "yara")
    event = world.log(CLOUD, AT, aws("yara", "ModifySecurityGroupRules", requestParameters={"groupId": "sg-1"}))
    flow = {
        "account": "111122223333",
        "dstAddr": "10.0.0.8",
        "dstPort": 443,
        "srcAddr": "203.0.113.77",
        "action": "ACCEPT",
    }
    world.log(FLOW, AT - HOUR, flow, every=25)
    world.log(FLOW, AT + 10 * MINUTE, {**flow, "srcAddr": OUTSIDE, "dstPort": 22})
    world.alert("port opened", CLOUD, event)


def _role_session(world: World) -> None:
    """A person assumes a role and lists a bucket under it."""
    _usual(world, "quinn")
    made = {"credentials": {"accessKeyId": "ASIAANALYST"}}
    request = {"roleArn": "arn:aws:iam::111122223333:role/analyst", "roleSessionName": "analyst"}
    event = world.log(CLOUD, AT, aws("quinn", "AssumeRole", requestParameters=request, responseElements=made))
    for n in range(8):
        read = role("analyst", "analyst", "ListObjects", OUTSIDE, requestParameters={"bucketName": "invoices"})
        world.log(CLOUD, AT + (5 + n) * MINUTE, read)
    world.alert("role session", CLOUD, event)


def _kube(who: str, address: str, verb: str, resource: str, request: Any = None) -> Columns:
    """A request to Kubernetes."""
    return {
        "verb": verb,
        "user": {"username": who},
        "sourceIPs": [address],
        "objectRef": {"resource": resource, "namespace": "web", "name": ""},
        "responseStatus": {"code": 200},
        "requestObject": request,
        "p_any_ip_addresses": [address],
    }


def _binding(world: World) -> None:
    """A service account is made an administrator; then it lists all secrets."""
    ada, account = "ada@acme.example", "system:serviceaccount:web:deployer"
    world.log(CLUSTER, AT - HOUR, _kube(ada, OFFICE, "get", "pods"), every=25)
    world.log(CLUSTER, AT - HOUR, _kube(account, "10.0.0.4", "get", "configmaps"), every=25)
    subjects = {"subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": "web"}]}
    event = world.log(CLUSTER, AT, _kube(ada, OFFICE, "create", "clusterrolebindings", subjects))
    world.log(CLUSTER, AT + 31 * MINUTE, _kube(account, "10.0.0.4", "list", "secrets"))
    world.alert("binding", CLUSTER, event)


def _pod(world: World, name: str, account: str, *, secrets: bool) -> None:
    """Somebody opens a shell in a pod, whose service account works on, and in one case lists all secrets."""
    ada, space = f"ada.{name}@acme.example", {"namespace": name}
    pod = {"resource": "pods", "subresource": "exec", "name": f"{name}-0", **space}
    world.log(CLUSTER, AT - HOUR, _kube(ada, OFFICE, "get", "pods"), every=25)
    usual = _kube(account, "10.0.0.4", "get", "configmaps")
    world.log(CLUSTER, AT - HOUR, usual, every=25)
    event = world.log(CLUSTER, AT, {**_kube(ada, OFFICE, "create", "pods"), "objectRef": pod})
    world.log(CLUSTER, AT + 9 * MINUTE, _kube(account, "10.0.0.4", "list", "secrets") if secrets else usual)
    world.alert(name, CLUSTER, event)


def _pods(world: World) -> None:
    _pod(world, "shop", "system:serviceaccount:shop:runner", secrets=True)
    _pod(world, "till", "system:serviceaccount:till:runner", secrets=False)


def _policy(principal: dict[str, str]) -> Columns:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "s3:PutObject"}],
    }


def _logging(world: World) -> None:
    """An engineer sets up logging: every call's name is one of harm, and none of them does any."""
    _usual(world, "gil")
    event = world.log(CLOUD, AT, aws("gil", "ModifyVpcAttribute"))
    trust = json.dumps(_policy({"Service": "lambda.amazonaws.com"}))
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    selectors = [{"includeManagementEvents": True, "readWriteType": "All"}]
    calls: list[tuple[str, Columns]] = [
        (
            "PutBucketPolicy",
            {"bucketName": "logs", "bucketPolicy": _policy({"Service": "delivery.logs.amazonaws.com"})},
        ),
        ("PutEventSelectors", {"trailName": "main", "eventSelectors": selectors}),
        ("CreateRole", {"roleName": "log-mover", "assumeRolePolicyDocument": trust}),
        ("AttachRolePolicy", {"roleName": "log-mover", "policyArn": basic}),
    ]
    for n, (action, request) in enumerate(calls):
        world.log(CLOUD, AT + (10 + n) * MINUTE, aws("gil", action, requestParameters=request))
    for n, action in enumerate(("GetRole", "GetBucketPolicy", "GetTrail", "GetFunction")):
        world.log(CLOUD, AT + (5 + n) * MINUTE, aws("gil", action, errorCode="NoSuchEntityException"))
    world.alert("logging set up", CLOUD, event)


def _let_in(world: World) -> None:
    """The same call lets in another organisation's account."""
    _usual(world, "hal")
    event = world.log(CLOUD, AT, aws("hal", "ModifyVpcAttribute"))
    request = {"bucketName": "invoices", "bucketPolicy": _policy({"AWS": f"arn:aws:iam::{FOREIGN}:root"})}
    world.log(CLOUD, AT + 10 * MINUTE, aws("hal", "PutBucketPolicy", requestParameters=request))
    world.alert("let in", CLOUD, event)


def _rehearsed(world: World) -> None:
    """What raised the alert was done on three days of the last two weeks; elsewhere people confirmed such days."""
    for name, user, days in (("rehearsed", "tess", (12, 8, 5)), ("confirmed", "uma", (27, 24, 21, 18, 16))):
        _usual(world, user)
        for day in days:
            event = world.log(CLOUD, AT - day * DAY, aws(user, "PutMetricAlarm"))
            if name == "confirmed":
                by = {"status": "RESOLVED", "updatedBy": {"id": "user-1", "type": "user"}}
                earlier = f"{name} {day}"
                world.alert(earlier, CLOUD, event, at=AT - day * DAY, detection=f"Test.{name}", **by)
        world.alert(name, CLOUD, world.log(CLOUD, AT, aws(user, "PutMetricAlarm")), detection=f"Test.{name}")


def _odd(world: World) -> None:
    """Events that are nested deeply, or whose time can't be or was put back; then logging is stopped."""
    deep: Any = 1
    for _ in range(200):
        deep = {"a": deep}
    faults: tuple[Columns, ...] = (
        {"requestParameters": deep},
        {"p_event_time": "1970-01-01 00:00:00.000"},
        {"p_event_time": "9999-12-31 23:59:59.000"},
    )
    put_back = {"p_event_time": f"{AT - 20 * DAY:%Y-%m-%d %H:%M:%S}.000"}
    for name, user, changes in (("odd events", "otto", faults), ("put back", "pete", (put_back,))):
        _usual(world, user)
        events = [{**world.log(CLOUD, AT, aws(user, "ModifyVpcAttribute")), **change} for change in changes]
        world.log(CLOUD, AT + 20 * MINUTE, aws(user, "StopLogging"))
        world.alert(name, CLOUD, *events)


def _runs(world: World) -> None:
    """One run of a pipeline raised the alert; twenty minutes later another run gives a role more rights."""
    for day in range(25, 0, -1):
        world.log(CLOUD, AT - day * DAY, role("deployer", f"run{day}", "UpdateStack"))
    request = {"roleName": "x", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    event = world.log(CLOUD, AT, role("deployer", "run100", "UpdateStack"))
    attach = role("deployer", "run200", "AttachRolePolicy", requestParameters=request)
    world.log(CLOUD, AT + 20 * MINUTE, attach)
    world.alert("two runs", CLOUD, event)


def _root(world: World) -> None:
    """The account's root user signs in, as it did on eleven days before."""
    arn = "arn:aws:iam::111122223333:root"
    identity = {"type": "Root", "arn": arn, "accountId": "111122223333", "principalId": "111122223333"}
    success: Columns = {
        "responseElements": {"ConsoleLogin": "Success"},
        "userIdentity": identity,
        "p_any_usernames": ["root"],
    }
    sign_in = aws("root", "ConsoleLogin", **success)
    world.log(CLOUD, AT - 15 * DAY, sign_in, every=10)
    world.alert("root", CLOUD, world.log(CLOUD, AT, sign_in))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Triaged:
    """What became of every alert."""
    world = World()
    for add in (
        _young,
        _opened,
        _role_session,
        _binding,
        _pods,
        _logging,
        _let_in,
        _rehearsed,
        _odd,
        _runs,
        _root,
    ):
        add(world)
    return triaged(tmp_path_factory.mktemp("followed"), world)


def test_nothing_is_proven_quiet_a_minute_after_the_event(found: Triaged) -> None:
    """The alert's own event is no sign that the log was delivered for four hours; the verdict is provisional."""
    assert "quiet_aftermath" not in found["a minute old"].facts
    assert found["a minute old"].investigation.verdict.provisional_until is not None


def test_an_outsider_who_comes_in_through_an_opened_port_is_not_called_quiet(found: Triaged) -> None:
    """The opener did nothing further; what the opening let happen is a fact."""
    assert "quiet_aftermath" not in found["port opened"].facts
    assert OUTSIDE in found["port opened"].words


def test_what_a_person_does_under_an_assumed_role_is_not_called_quiet(found: Triaged) -> None:
    """The key that the role's session works with was handed out in the alert's event."""
    assert "quiet_aftermath" not in found["role session"].facts
    assert OUTSIDE in found["role session"].words


def test_harm_by_the_account_that_a_binding_serves_is_found(found: Triaged) -> None:
    """Whoever made the binding is silent; the service account lists the secrets under its full name."""
    assert "the service account web/deployer" in found["binding"].words.lower()
    assert "quiet_aftermath" not in found["binding"].facts


def test_what_a_service_account_does_after_a_shell_in_its_namespace_is_found(found: Triaged) -> None:
    """The log does not tell in which pod a token was used; a harmful call that is new for the account counts."""
    harm = found["shop"].facts["derived_harm"]
    assert harm.sentence.startswith("The service account shop/runner performed list secrets/")
    assert harm.weight >= 1.5
    assert "derived_harm" not in found["till"].facts


def test_calls_whose_parameters_do_no_harm_are_no_harm(found: Triaged) -> None:
    """Access for the provider's own service, logging switched on, a basic policy; and what isn't there was not denied."""
    assert not {"harmful_aftermath", "refused"} & found["logging set up"].facts.keys()


def test_letting_in_another_organisation_is_a_fact_of_its_own(found: Triaged) -> None:
    """With the account's number."""
    assert FOREIGN in found["let in"].words


@pytest.mark.parametrize("name", ["rehearsed", "confirmed"])
def test_what_a_suspect_wrote_makes_nothing_benign(found: Triaged, name: str) -> None:
    """Neither days within the dwell time nor days whose alerts people handled are a habit."""
    assert found[name].verdict is not Disposition.BENIGN
    assert "routine" not in found[name].facts


@pytest.mark.parametrize("name", ["odd events", "put back"])
def test_an_odd_event_is_triaged_and_its_real_aftermath_found(found: Triaged, name: str) -> None:
    """The fault is said in a note, and the windows lie where the event can have happened."""
    assert "called StopLogging" in found[name].words
    assert found[name].investigation.notes


def test_what_another_run_of_a_pipeline_does_is_not_what_this_run_did(found: Triaged) -> None:
    """It is said, and of whom."""
    assert "later the role" not in found["two runs"].words
    assert "AttachRolePolicy" in found["two runs"].words


def test_an_account_for_emergencies_has_no_habit(found: Triaged) -> None:
    """That root signed in on other days makes this sign-in no routine."""
    assert not {"routine", "seen_before", "known_automation"} & found["root"].facts.keys()
    assert found["root"].verdict is not Disposition.BENIGN
