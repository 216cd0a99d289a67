"""Who acted, from where, and on what, by log type; the events are made up."""

from collections.abc import Mapping
from typing import Any

from triage.domain.entity import Entity, EntityKind, Role
from triage.domain.evidence import lookup
from triage.stages.enrichment.entities import extract_entities

UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
ADA, BOB, EVE = "ada@acme.example", "bob@acme.example", "eve@acme.example"

CASES: list[tuple[str, dict[str, Any], str, str, str]] = [
    # log type, event, one actor, one source, one target
    (
        "AWS.CloudTrail",
        {
            "userIdentity": {"type": "IAMUser", "userName": "ada", "arn": "arn:aws:iam::111122223333:user/ada"},
            "sourceIPAddress": "198.51.100.1",
            "requestParameters": {"userName": "bob"},
        },
        "ada",
        "198.51.100.1",
        "bob",
    ),
    (
        "Okta.SystemLog",
        {
            "actor": {"alternateId": ADA, "type": "User"},
            "client": {"ipAddress": "198.51.100.1"},
            "target": [{"type": "User", "alternateId": BOB}, {"type": "AppInstance", "displayName": "Payroll"}],
        },
        ADA,
        "198.51.100.1",
        BOB,
    ),
    (
        "GitHub.Audit",
        {"actor": "ada", "user": "bob", "actor_ip": "198.51.100.1", "repo": "acme/site"},
        "ada",
        "198.51.100.1",
        "bob",
    ),
    (
        "GSuite.ActivityEvent",
        {"actor": {"email": ADA}, "ipAddress": "198.51.100.1", "parameters": {"USER_EMAIL": BOB}},
        ADA,
        "198.51.100.1",
        BOB,
    ),
    (
        "Azure.MonitorActivity",
        {
            "identity": {"claims": {UPN: ADA}},
            "callerIpAddress": "198.51.100.1",
            "resourceId": "/subscriptions/1/resourceGroups/data",
        },
        ADA,
        "198.51.100.1",
        "/subscriptions/1/resourceGroups/data",
    ),
    (
        "Azure.Audit",
        {
            "properties": {
                "initiatedBy": {"user": {"userPrincipalName": ADA, "ipAddress": "198.51.100.1"}},
                "targetResources": [{"userPrincipalName": BOB}],
            }
        },
        ADA,
        "198.51.100.1",
        BOB,
    ),
    (
        "GCP.AuditLog",
        {
            "protoPayload": {
                "authenticationInfo": {"principalEmail": ADA},
                "requestMetadata": {"callerIp": "198.51.100.1"},
                "serviceData": {"policyDelta": {"bindingDeltas": [{"member": f"user:{BOB}"}]}},
            }
        },
        ADA,
        "198.51.100.1",
        BOB,
    ),
    (
        "Amazon.EKS.Audit",
        {"user": {"username": ADA}, "impersonatedUser": {"username": BOB}, "sourceIPs": ["198.51.100.1"]},
        ADA,
        "198.51.100.1",
        BOB,
    ),
    (
        "OneLogin.Events",
        {"actor_user_name": "Ada L", "user_name": "Bob K", "ipaddr": "198.51.100.1"},
        "Ada L",
        "198.51.100.1",
        "Bob K",
    ),
    (
        "AWS.VPCFlow",
        {"srcAddr": "198.51.100.1", "dstAddr": "10.0.0.9", "instanceId": "i-1"},
        "",
        "198.51.100.1",
        "10.0.0.9",
    ),
    (
        "Crowdstrike.FDREvent",
        {"aip": "198.51.100.1", "event": {"UserName": "ada", "ComputerName": "laptop-7"}},
        "ada",
        "198.51.100.1",
        "laptop-7",
    ),
    (
        "Salesforce.LoginAs",
        {"DELEGATED_USER_NAME": ADA, "USER_NAME": BOB, "CLIENT_IP": "198.51.100.1"},
        ADA,
        "198.51.100.1",
        BOB,
    ),
    (
        "OnePassword.SignInAttempt",
        {"target_user": {"email": ADA}, "client": {"ip_address": "198.51.100.1"}},
        ADA,
        "198.51.100.1",
        "",
    ),
    (
        "Snowflake.LoginHistory",
        {"USER_NAME": "ADA", "CLIENT_IP": "198.51.100.1"},
        "ADA",
        "198.51.100.1",
        "",
    ),
    (
        "Slack.AuditLogs",
        {
            "actor": {"user": {"email": ADA}},
            "entity": {"user": {"email": BOB}},
            "context": {"ip_address": "198.51.100.1"},
        },
        ADA,
        "198.51.100.1",
        BOB,
    ),
    (
        "Windows.EventLogs",
        {"ExtraEventData": {"SubjectUserName": "ada", "TargetUserName": "bob", "IpAddress": "198.51.100.1"}},
        "ada",
        "198.51.100.1",
        "bob",
    ),
    (
        "Proofpoint.Event",
        {"sender": EVE, "recipient": [ADA], "senderIP": "198.51.100.1"},
        EVE,
        "198.51.100.1",
        ADA,
    ),
    (
        "GitHub.Webhook",
        {"sender": {"login": "ada"}, "pull_request": {"user": {"login": "bob"}}, "repository": {"full_name": "acme/a"}},
        "ada",
        "",
        "acme/a",
    ),
    (
        "Acme.Unheard",
        {"actor": {"email": ADA}, "source_ip": "198.51.100.1", "target": {"user_name": "bob"}},
        ADA,
        "198.51.100.1",
        "bob",
    ),
    ("", {"admin_email": ADA, "client_ip": "198.51.100.1", "new_owner_email": BOB}, ADA, "198.51.100.1", BOB),
    ("", {"USER_NAME": "ADA", "sourceIP": "198.51.100.1"}, "ADA", "198.51.100.1", ""),
]


def extract_event(event: Mapping[str, Any], log_type: str) -> tuple[Entity, ...]:
    """The entities of one event."""
    return extract_entities([{**event, "p_log_type": log_type}], context={}, log_types=())


def by_role(event: Mapping[str, Any], log_type: str) -> dict[Role, set[str]]:
    """The values of an event's entities by role."""
    found: dict[Role, set[str]] = {role: set() for role in Role}
    for entity in extract_event(event, log_type):
        found[entity.role].add(entity.value)
    return found


def test_who_acted_is_not_who_was_acted_upon() -> None:
    """Actor, source and target come from their own fields, and none of them from another's."""
    for log_type, event, *values in CASES:
        found = by_role(event, log_type)
        acting = (Role.ACTOR, Role.SOURCE, Role.TARGET)
        for role, value in zip(acting, values, strict=True):
            roles = {each for each in acting if value in found[each]}
            assert roles == ({role} if value else set()), (log_type, value)


def test_columns_in_another_letter_case_say_the_same() -> None:
    """A lake that folds its columns to lower case gives the same actor."""
    for log_type, event, actor, *_ in CASES:
        folded = {key.lower(): value for key, value in event.items()}
        if log_type:  # without a file, the words of `sourceIP` show only in their own case
            assert not actor or actor in by_role(folded, log_type)[Role.ACTOR], log_type


def test_fields_say_where_the_value_is() -> None:
    """Each path that an entity names leads back to its value, so that a finding can cite it."""
    for log_type, event, *_ in (case for case in CASES if UPN not in str(case)):
        for entity in extract_event(event, log_type):
            assert entity.fields
            for path in entity.fields:
                assert entity.value.casefold() in str(lookup(event, path)).casefold() or "derived" in entity.facts


SSO_ROLE = "AWSReservedSSO_Admin_0123456789abcdef"


def session(role: str, name: str) -> dict[str, Any]:
    """A CloudTrail record of an assumed role."""
    path = "aws-reserved/sso.amazonaws.com/" if role.startswith("AWSReserved") else "ci/"
    return {
        "p_log_type": "AWS.CloudTrail",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::111122223333:assumed-role/{role}/{name}",
            "principalId": f"AROAEXAMPLEEXAMPLE123:{name}",
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "arn": f"arn:aws:iam::111122223333:role/{path}{role}",
                    "userName": role,
                }
            },
        },
        "sourceIPAddress": "198.51.100.1",
    }


def test_an_assumed_role_has_its_own_arn_and_its_session_is_marked() -> None:
    """The caller names each session anew, so its name says that it is one; the role's ARN comes from the issuer."""
    found = {(e.kind, e.value): e for e in extract_event(session("deploy", BOB), "AWS.CloudTrail")}
    assert "derived" not in found[EntityKind.ARN, "arn:aws:iam::111122223333:role/ci/deploy"].facts
    assert found[EntityKind.EMAIL, BOB].facts["identity"] == "session"


def test_an_identity_center_session_is_its_person() -> None:
    """There the name of the session is the user's, set by AWS."""
    found = {(e.kind, e.value): e for e in extract_event(session(SSO_ROLE, ADA), "AWS.CloudTrail")}
    assert found[EntityKind.EMAIL, ADA].facts["identity"] == "sso_session"


def test_without_an_issuer_the_role_is_made_from_the_session() -> None:
    """The ARN then says that it is derived, since a role's path isn't in it."""
    event: dict[str, Any] = {"userIdentity": {"arn": "arn:aws:sts::111122223333:assumed-role/deploy/run-7"}}
    derived = [e for e in extract_event(event, "AWS.CloudTrail") if e.value == "arn:aws:iam::111122223333:role/deploy"]
    assert [e.facts["derived"] for e in derived] == ["from the session"]


def test_no_one_acted_where_no_field_says_so() -> None:
    """A flow record has no actor, and none is made up."""
    found = by_role({"srcAddr": "198.51.100.1", "dstAddr": "10.0.0.9"}, "AWS.VPCFlow")
    assert found[Role.ACTOR] == set()


def test_an_actor_may_be_a_target_too() -> None:
    """Someone who changes their own account acts, and is acted upon."""
    found = extract_event({"actor": "ada", "user": "ada", "actor_ip": "198.51.100.1"}, "GitHub.Audit")
    ada = next(entity for entity in found if entity.value == "ada")
    assert (ada.role, ada.facts["also"]) == (Role.ACTOR, "target")


def test_services_are_known_by_their_form() -> None:
    """A bot or a service account says so in its name; everyone else may be a person."""
    forms = {"dependabot[bot]": "bot", "ada": None, "ci@x.iam.gserviceaccount.com": "service_account", ADA: None}
    assert {user: extract_event({"actor": user}, "GitHub.Audit")[0].facts.get("identity") for user in forms} == forms


def test_a_record_inside_a_record_is_read() -> None:
    """Azure carries the audit record of a cluster as JSON text."""
    event: dict[str, Any] = {
        "category": "kube-audit",
        "properties": {"log": '{"user":{"username":"ada"},"objectRef":{"name":"web"}}'},
    }
    found = by_role(event, "Azure.MonitorActivity")
    assert "ada" in found[Role.ACTOR]
    assert "web" in found[Role.TARGET]
