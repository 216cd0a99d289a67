"""Identities that acts make or reach: what the file of each log type reads from an event."""

from typing import Any

import pytest

from tests.support.facts import ALERT
from tests.support.logtypes import published_events
from triage.domain.derived import DerivedIdentity, Relation
from triage.domain.identity import IdentityKind
from triage.logtypes import shipped_log_types, terms_of
from triage.stages.enrichment.actor import alert_actors, draft_actors
from triage.stages.enrichment.derived import MAX_DERIVED, derived_identities

Case = tuple[dict[str, Any], list[tuple[str, str, Relation]]]


def derived(log_type: str, *events: dict[str, Any]) -> tuple[DerivedIdentity, ...]:
    """What the events of one alert lead to."""
    rows = [{"p_log_type": log_type, "p_event_time": "2026-03-04 12:00:00.000", **event} for event in events]
    terms = {log_type: terms_of(log_type)}
    return derived_identities(rows, terms, alert_actors(ALERT, draft_actors(rows, terms), terms, rows, ())[0])


def call(name: str, request: Any = None, response: Any = None, **more: Any) -> dict[str, Any]:
    """One call of an IAM user to AWS."""
    return {
        "eventName": name,
        "sourceIPAddress": "198.51.100.7",
        "userIdentity": {
            "type": "IAMUser",
            "arn": "arn:aws:iam::1:user/ada",
            "userName": "ada",
            "accessKeyId": "AKIAADA",
        },
        "requestParameters": request,
        "responseElements": response,
        **more,
    }


POD_TEMPLATE = {"template": {"spec": {"serviceAccountName": "deployer"}}}


def audit(verb: str, resource: str, name: str, request: Any = None, **more: Any) -> dict[str, Any]:
    """One request to Kubernetes."""
    kind, _, below = resource.partition("/")
    return {
        "verb": verb,
        "user": {"username": "ada@acme.example"},
        "sourceIPs": ["198.51.100.7"],
        "objectRef": {"resource": kind, "subresource": below or None, "namespace": "web", "name": name},
        "responseStatus": {"code": 201},
        "requestObject": request,
        **more,
    }


def okta(action: str, **more: Any) -> dict[str, Any]:
    """One act on Bo in Okta."""
    return {
        "eventType": action,
        "actor": {"alternateId": "ada@acme.example"},
        "outcome": {"result": "SUCCESS"},
        "target": [
            {"type": "UserGroup", "displayName": "Admins", "alternateId": "unknown"},
            {"type": "User", "alternateId": "Bo@acme.example", "id": "00u1"},
        ],
        **more,
    }


def google(method: str, **payload: Any) -> dict[str, Any]:
    """One call to Google Cloud."""
    return {
        "protoPayload": {"methodName": method, "authenticationInfo": {"principalEmail": "ada@acme.example"}, **payload}
    }


def entra(operation: str, *targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One change to the directory."""
    initiated = {"user": {"userPrincipalName": "ada@acme.example", "id": "a-1"}}
    return {
        "operationName": operation,
        "category": "AuditLogs",
        "properties": {"initiatedBy": initiated, "targetResources": list(targets), "result": "success", **more},
    }


def workspace(action: str) -> dict[str, Any]:
    """One act of an administrator of Google Workspace on Bo."""
    return {"name": action, "actor": {"email": "ada@acme.example"}, "parameters": {"USER_EMAIL": "Bo@acme.example"}}


def asana(event_type: str) -> dict[str, Any]:
    """One act on Bo in Asana."""
    return {"event_type": event_type, "actor": {"email": "ada@acme.example"}, "resource": {"email": "Bo@acme.example"}}


def auth0(description: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call of Auth0's Management API."""
    request = {"auth": {"user": {"email": "ada@acme.example"}}, "body": body}
    return {"data": {"type": "sapi", "description": description, "details": {"request": request}}}


BO = ("self", "bo@acme.example")
SA = "system:serviceaccount:web:deployer"
SERVICE_ACCOUNT = "deployer@project-1.iam.gserviceaccount.com"
KEY = f"projects/project-1/serviceAccounts/{SERVICE_ACCOUNT}/keys/0af1"
BINDING = {
    "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": "web"}, {"kind": "Group", "name": "ops"}]
}

CASES: dict[str, list[Case]] = {
    "AWS.CloudTrail": [
        (
            call("CreateAccessKey", {"userName": "Bo"}, {"accessKey": {"accessKeyId": "AKIANEW", "userName": "Bo"}}),
            [("session", "AKIANEW", Relation.MADE), ("self", "Bo", Relation.CREDENTIAL_ADDED)],
        ),
        (
            call("CreateAccessKey", {"userName": "ada"}, {"accessKey": {"accessKeyId": "AKIANEW"}}),
            [("session", "AKIANEW", Relation.MADE)],
        ),
        (call("UpdateLoginProfile", {"userName": "bo"}), [("self", "bo", Relation.RESET)]),
        (call("AttachUserPolicy", {"userName": "bo", "policyArn": "arn:x"}), [("self", "bo", Relation.GRANTED)]),
        (call("UpdateAssumeRolePolicy", {"roleName": "Deploy"}), [("self", "Deploy", Relation.TRUST_CHANGED)]),
        (
            call("AssumeRole", {"roleArn": "arn:aws:iam::1:role/Ops"}, {"credentials": {"accessKeyId": "ASIANEW"}}),
            [("session", "ASIANEW", Relation.MADE)],
        ),
        (
            call("SendCommand", {"instanceIds": ["i-1", "i-2"]}),
            [("workload", "i-1", Relation.COMMANDED), ("workload", "i-2", Relation.COMMANDED)],
        ),
        (
            call("UpdateFunctionCode20150331v2", {"functionName": "arn:x:pay"}, {"functionName": "pay"}),
            [("workload", "pay", Relation.COMMANDED)],
        ),
        (call("UpdateFunctionCode20150331v2", {"functionName": "pay"}), [("workload", "pay", Relation.COMMANDED)]),
        (
            call("UpdateFunctionCode20150331v2", {"functionName": "arn:aws:lambda:eu-west-1:1:function:pay"}),
            [("workload", "pay", Relation.COMMANDED)],
        ),
        (call("CreateAccessKey", {"userName": "bo"}, errorCode="AccessDenied"), []),
        (call("ListAccessKeys", {"userName": "bo"}), []),
    ],
    "Amazon.EKS.Audit": [
        (audit("create", "clusterrolebindings", "admins", BINDING), [("actor", SA, Relation.GRANTED)]),
        (
            audit("patch", "rolebindings", "edit", {"subjects": [{"kind": "ServiceAccount", "name": "deployer"}]}),
            [("actor", SA, Relation.GRANTED)],
        ),
        (
            audit("create", "clusterrolebindings", "b", {"subjects": [{"kind": "User", "name": "Bo@acme.example"}]}),
            [("actor", "bo@acme.example", Relation.GRANTED)],
        ),
        (audit("create", "serviceaccounts/token", "deployer"), [("actor", SA, Relation.ISSUED_FOR)]),
        (audit("get", "secrets", "deployer-token-x7k2p"), [("actor", SA, Relation.READ_OF)]),
        (
            audit(
                "get",
                "secrets",
                "ci",
                responseObject={"metadata": {"annotations": {"kubernetes.io/service-account.name": "deployer"}}},
            ),
            [("actor", SA, Relation.READ_OF)],
        ),
        (audit("get", "secrets", "database"), []),
        (
            audit("create", "cronjobs", "sweep", {"spec": {"jobTemplate": {"spec": POD_TEMPLATE}}}),
            [("actor", SA, Relation.COMMANDED)],
        ),
        (audit("update", "statefulsets", "shop", {"spec": POD_TEMPLATE}), [("actor", SA, Relation.COMMANDED)]),
        (
            audit(
                "create",
                "pods",
                "debug",
                {
                    "spec": {
                        "nodeName": "Node-7.internal",
                        "serviceAccountName": "deployer",
                        "containers": [{"name": "a"}, {"name": "b", "securityContext": {"privileged": True}}],
                    }
                },
            ),
            [("actor", "system:node:node-7.internal", Relation.HOSTED_ON), ("actor", SA, Relation.COMMANDED)],
        ),
        (
            audit("create", "pods", "job", {"spec": {"nodeName": "node-7", "containers": [{"name": "a"}]}}),
            [],
        ),
        (
            audit("create", "pods", "debug", {"metadata": {"name": "debug"}, "spec": {"containers": [{"name": "a"}]}}),
            [("workload", "debug", Relation.MADE)],
        ),
        (audit("create", "pods/exec", "web-0"), [("workload", "web-0", Relation.COMMANDED)]),
        (audit("create", "clusterrolebindings", "admins", BINDING, responseStatus={"code": 403}), []),
    ],
    "Duo.Administrator": [
        (
            {"action": "admin_create", "username": "Ada", "object": "Bo Vance", "description": "{}"},
            [("actor", "bo vance", Relation.INVITED)],
        ),
        (
            {"action": "bypass_create", "username": "Ada", "object": "Bo@acme.example", "description": "{}"},
            [("actor", "bo@acme.example", Relation.FACTORS_RESET)],
        ),
    ],
    "Zscaler.ZIA.AdminAuditLog": [
        (
            {
                "event": {
                    "adminid": "ada@acme.example",
                    "subcategory": "ADMINISTRATOR_ADMIN_USER",
                    "action": "CREATE",
                    "postaction": {"loginName": "Bo@acme.example"},
                }
            },
            [(*BO, Relation.INVITED)],
        ),
    ],
    "Databricks.Audit": [
        (
            {
                "actionName": name,
                "serviceName": "accounts",
                "userIdentity": {"email": "ada@acme.example"},
                "requestParams": {place: "Bo@acme.example"},
            },
            [("actor", "bo@acme.example", relation)],
        )
        for name, place, relation in (
            ("createUser", "targetUserName", Relation.INVITED),
            ("addPrincipalToGroup", "principal", Relation.GRANTED),
            ("setAccountAdmin", "targetUserName", Relation.GRANTED),
            ("resetPassword", "targetUserName", Relation.RESET),
        )
    ],
    "Anthropic.Activity": [
        (
            {
                "type": "org_user_invite_sent",
                "actor": {"email_address": "ada@acme.example"},
                "invited_email": "Bo@acme.example",
            },
            [("actor", "bo@acme.example", Relation.INVITED)],
        ),
    ],
    "OpenAI.Audit": [
        (
            {
                "type": kind,
                kind.replace(".", "_"): given,
                "actor": {"session": {"user": {"email": "ada@acme.example"}}},
            },
            expected,
        )
        for kind, given, expected in (
            ("api_key.created", {"id": "key-1"}, [("session", "key-1", Relation.MADE)]),
            (
                "invite.sent",
                {"id": "i", "data": {"email": "Bo@acme.example"}},
                [("actor", "bo@acme.example", Relation.INVITED)],
            ),
            (
                "role.assignment.created",
                {"principal_id": "user-2", "principal_type": "user"},
                [("self", "user-2", Relation.GRANTED)],
            ),
            ("role.assignment.created", {"principal_id": "group-2", "principal_type": "group"}, []),
        )
    ],
    "Notion.AuditLogs": [
        (
            {"event": {"type": kind, "actor": {"person": {"email": "ada@acme.example"}}, "details": details}},
            [("actor", "bo@acme.example", relation)],
        )
        for kind, details, relation in (
            ("workspace.member_added", {"member": {"person": {"email": "Bo@acme.example"}}}, Relation.INVITED),
            (
                "page.permissions.guest_role_added",
                {"entity": {"person": {"email": "Bo@acme.example"}}},
                Relation.INVITED,
            ),
            (
                "teamspace.permissions.member_role_updated",
                {"member": {"person": {"email": "Bo@acme.example"}}},
                Relation.GRANTED,
            ),
        )
    ],
    "Panther.Audit": [
        (
            {
                "actionName": "UPDATE_USER",
                "actor": {"attributes": {"email": "ada@acme.example"}},
                "actionParams": {"dynamic": {"input": {"email": "Bo@acme.example"}}},
            },
            [("actor", "bo@acme.example", Relation.GRANTED)],
        ),
    ],
    "Box.Event": [
        (
            {"event_type": kind, "created_by": {"login": "ada@acme.example"}, place: {"login": "Bo@acme.example"}},
            [("actor", "bo@acme.example", relation)],
        )
        for kind, place, relation in (
            ("NEW_USER", "source", Relation.INVITED),
            ("COLLABORATION_INVITE", "accessible_by", Relation.INVITED),
            ("CHANGE_ADMIN_ROLE", "source", Relation.GRANTED),
            ("MULTI_FACTOR_AUTH_DISABLE", "source", Relation.FACTORS_RESET),
        )
    ],
    "Dropbox.TeamEvent": [
        (
            {"event_type": {"_tag": kind}, "actor": {"admin": {"email": "ada@acme.example"}}, **more},
            [("actor", "bo@acme.example", relation)],
        )
        for kind, more, relation in (
            ("sign_in_as_session_start", {"context": {"email": "Bo@acme.example"}}, Relation.OPENED),
            ("member_change_admin_role", {"context": {"email": "Bo@acme.example"}}, Relation.GRANTED),
            ("shared_content_add_member", {"participants": [{"user": {"email": "Bo@acme.example"}}]}, Relation.INVITED),
        )
    ],
    "OnePassword.AuditEvent": [
        (
            {
                "object_type": kind,
                "action": action,
                "actor_details": {"email": "ada@acme.example"},
                place: {"email": "Bo@acme.example"},
            },
            [("actor", "bo@acme.example", relation)],
        )
        for kind, action, place, relation in (
            ("user", "create", "object_details", Relation.INVITED),
            ("user", "begr", "object_details", Relation.RESET),
            ("gm", "join", "aux_details", Relation.GRANTED),
        )
    ],
    "Tailscale.Audit": [
        (
            {
                "event": {
                    "actor": {"loginName": "ada@acme.example"},
                    "action": action,
                    "target": {"type": "USER", "id": "u2", "name": "Bo@acme.example", **more},
                }
            },
            [("actor", "bo@acme.example", relation)],
        )
        for action, more, relation in (
            ("INVITE", {}, Relation.INVITED),
            ("UPDATE", {"property": "USER_ROLE"}, Relation.GRANTED),
        )
    ],
    "CarbonBlack.Audit": [
        (
            {"loginName": "ada@acme.example", "description": "Added user Bo@acme.example to org 1 (Email Invitation)"},
            [("actor", "bo@acme.example", Relation.INVITED)],
        ),
    ],
    "GitHub.Webhook": [
        (
            {"action": action, "sender": {"login": "ada"}, "member": {"login": "bo"}},
            [("actor", "bo", relation)],
        )
        for action, relation in (("added", Relation.INVITED), ("edited", Relation.GRANTED))
    ],
    "Okta.SystemLog": [
        (okta("user.account.reset_password"), [("actor", "bo@acme.example", Relation.RESET)]),
        (okta("user.mfa.factor.reset_all"), [("actor", "bo@acme.example", Relation.FACTORS_RESET)]),
        (okta("user.lifecycle.activate"), [("actor", "bo@acme.example", Relation.INVITED)]),
        (okta("group.user_membership.add"), [("actor", "bo@acme.example", Relation.GRANTED)]),
        (okta("user.session.impersonation.grant"), [("actor", "bo@acme.example", Relation.OPENED)]),
        (okta("user.account.reset_password", outcome={"result": "FAILURE"}), []),
        (okta("user.mfa.factor.activate", target=[{"type": "User", "alternateId": "ada@acme.example"}]), []),
    ],
    "GCP.AuditLog": [
        (
            google("google.iam.admin.v1.CreateServiceAccountKey", response={"name": KEY}),
            [
                ("session", f"//iam.googleapis.com/{KEY}", Relation.MADE),
                ("actor", SERVICE_ACCOUNT, Relation.CREDENTIAL_ADDED),
            ],
        ),
        (
            google(
                "SetIamPolicy",
                serviceData={
                    "policyDelta": {
                        "bindingDeltas": [
                            {"action": "ADD", "member": f"serviceAccount:{SERVICE_ACCOUNT}"},
                            {"action": "REMOVE", "member": "user:cy@acme.example"},
                            {"action": "ADD", "member": "user:bo@acme.example"},
                        ]
                    }
                },
                request={"policy": {"bindings": [{"members": ["user:dee@acme.example"]}]}},
            ),
            [("actor", SERVICE_ACCOUNT, Relation.GRANTED), ("actor", "bo@acme.example", Relation.GRANTED)],
        ),
        (
            google(
                "SetIamPolicy", request={"policy": {"bindings": [{"members": ["user:bo@acme.example", "allUsers"]}]}}
            ),
            [("actor", "bo@acme.example", Relation.GRANTED)],
        ),
        (
            google("GenerateAccessToken", request={"name": f"projects/-/serviceAccounts/{SERVICE_ACCOUNT}"}),
            [("actor", SERVICE_ACCOUNT, Relation.ISSUED_FOR)],
        ),
        (
            google("io.k8s.rbac.v1.clusterrolebindings.create", request=BINDING),
            [("actor", SA, Relation.GRANTED)],
        ),
    ],
    "Azure.Audit": [
        (
            entra("Add service principal credentials", {"type": "ServicePrincipal", "id": "SP-1"}),
            [("workload", "sp-1", Relation.CREDENTIAL_ADDED)],
        ),
        (
            entra("Reset password (by admin)", {"type": "User", "userPrincipalName": "Bo@acme.example", "id": "b-1"}),
            [(*BO, Relation.RESET)],
        ),
        (
            entra("Add member to role", {"type": "User", "userPrincipalName": "Bo@acme.example"}, {"type": "Role"}),
            [(*BO, Relation.GRANTED)],
        ),
        (
            entra(
                "Invite external user",
                {"type": "User", "id": "b-1"},
                additionalDetails=[{"key": "invitedUserEmailAddress", "value": "bo@acme.example"}],
            ),
            [(*BO, Relation.INVITED)],
        ),
    ],
    "Azure.MonitorActivity": [
        (
            {
                "operationName": "Microsoft.Authorization/roleAssignments/write",
                "identity": {"claims": {"appid": "app-1"}},
                "properties": {"requestbody": '{"Properties": {"PrincipalId": "SP-1"}}'},
            },
            [("self", "sp-1", Relation.GRANTED)],
        ),
    ],
    "GitHub.Audit": [
        ({"action": "org.add_member", "actor": "ada", "user": "bo"}, [("actor", "bo", Relation.INVITED)]),
        ({"action": "team.promote_maintainer", "actor": "ada", "user": "bo"}, [("actor", "bo", Relation.GRANTED)]),
        ({"action": "org.add_member", "actor": "ada", "user": "ada"}, []),
    ],
    "GSuite.ActivityEvent": [
        (workspace("CHANGE_PASSWORD"), [("actor", "bo@acme.example", Relation.RESET)]),
        (workspace("CREATE_USER"), [("actor", "bo@acme.example", Relation.INVITED)]),
        (workspace("ASSIGN_ROLE"), [("actor", "bo@acme.example", Relation.GRANTED)]),
    ],
    "OneLogin.Events": [
        ({"event_type_id": 11, "actor_user_id": 7, "user_id": 12}, [("self", "12", Relation.RESET)]),
        ({"event_type_id": 17, "actor_user_id": 7, "user_id": 12}, []),
        ({"event_type_id": 13, "actor_user_id": 7, "user_id": 12}, [("self", "12", Relation.INVITED)]),
        ({"event_type_id": 3, "actor_user_id": 7, "user_id": 12}, [("self", "12", Relation.OPENED)]),
    ],
    "Slack.AuditLogs": [
        (
            {
                "action": "role_change_to_admin",
                "actor": {"user": {"email": "ada@acme.example"}},
                "entity": {"user": {"email": "Bo@acme.example"}},
            },
            [("actor", "bo@acme.example", Relation.GRANTED)],
        ),
    ],
    "Asana.Audit": [
        (asana("user_invited"), [("actor", "bo@acme.example", Relation.INVITED)]),
        (asana("user_workspace_admin_role_changed"), [("actor", "bo@acme.example", Relation.GRANTED)]),
        (asana("user_two_factor_auth_disabled"), [("actor", "bo@acme.example", Relation.FACTORS_RESET)]),
        (asana("user_deprovisioned"), []),
    ],
    "Atlassian.Audit": [
        (
            {
                "attributes": {
                    "action": "user_logged_in_as_user",
                    "actor": {"email": "ada@acme.example"},
                    "context": [{"attributes": {"email": "Bo@acme.example"}}],
                }
            },
            [("actor", "bo@acme.example", Relation.OPENED)],
        ),
    ],
    "Auth0.Events": [
        (
            auth0("Create tenant invitations for a given client", {"owners": ["Bo@acme.example", "cy@acme.example"]}),
            [
                ("actor", "bo@acme.example", Relation.INVITED),
                ("actor", "cy@acme.example", Relation.INVITED),
            ],
        ),
        (
            auth0("Create invitations to organization", {"invitee": {"email": "Bo@acme.example"}}),
            [("actor", "bo@acme.example", Relation.INVITED)],
        ),
        (auth0("Create a role", {"name": "admin"}), []),
    ],
    "Gravitational.TeleportAudit": [
        ({"event": "user.create", "user": "ada", "name": "Bo"}, [("actor", "bo", Relation.MADE)]),
        ({"event": "reset_password_token.create", "user": "ada", "name": "Bo"}, [("actor", "bo", Relation.RESET)]),
        ({"event": "role.created", "user": "ada", "name": "admin"}, []),
    ],
    "Microsoft365.Audit.AzureActiveDirectory": [
        (
            {"Operation": "Add member to role.", "UserId": "ada@acme.example", "ObjectId": "Bo@acme.example"},
            [("actor", "bo@acme.example", Relation.GRANTED)],
        ),
        ({"Operation": "Add member to role.", "UserId": "ada@acme.example", "ObjectId": "0af1-77"}, []),
    ],
    "Microsoft365.Audit.SharePoint": [
        (
            {
                "Operation": "SiteCollectionAdminAdded",
                "UserId": "ada@acme.example",
                "TargetUserOrGroupName": "BO@ACME.EXAMPLE",
            },
            [("actor", "bo@acme.example", Relation.GRANTED)],
        ),
    ],
    "MongoDB.OrganizationEvent": [
        (
            {"eventTypeName": "INVITED_TO_ORG", "username": "ada@acme.example", "targetUsername": "Bo@acme.example"},
            [("actor", "bo@acme.example", Relation.INVITED)],
        ),
    ],
    "Snyk.GroupAudit": [
        (
            {"event": "group.user.role.edit", "userId": "u-1", "content": {"userPublicId": "U-2"}},
            [("actor", "u-2", Relation.GRANTED)],
        ),
    ],
    "Snyk.OrgAudit": [
        (
            {"event": "org.service_account.create", "userId": "u-1", "content": {"serviceAccountPublicId": "S-2"}},
            [("actor", "s-2", Relation.MADE)],
        ),
        # A user whom single sign-on adds is named as the one who adds.
        ({"event": "org.user.add", "userId": "u-1", "content": {"userPublicId": "u-1"}}, []),
    ],
    "Wiz.Audit": [
        (
            {
                "action": "CreateUser",
                "status": "SUCCESS",
                "user": {"id": "ada@acme.example"},
                "actionParameters": {"input": {"email": "Bo@acme.example"}},
            },
            [("actor", "bo@acme.example", Relation.INVITED)],
        ),
        (
            {
                "action": "RotateServiceAccountSecret",
                "status": "SUCCESS",
                "user": {"id": "ada@acme.example"},
                "actionParameters": {"ID": "Rsao1"},
            },
            [("actor", "rsao1", Relation.CREDENTIAL_ADDED)],
        ),
    ],
    "Zendesk.Audit": [
        (
            {
                "actor_id": 7,
                "source_id": 9,
                "source_type": "user",
                "action": "update",
                "change_description": "Role changed from End User to Administrator",
            },
            [("actor", "9", Relation.GRANTED)],
        ),
    ],
    "Zoom.Operation": [
        (
            {
                "operator": "ada@acme.example",
                "category_type": "User",
                "action": "Update",
                "operation_detail": "Change Role  - bo@acme.example: from Member to Admin",
            },
            [(*BO, Relation.GRANTED)],
        ),
    ],
}


@pytest.mark.parametrize("log_type", CASES)
def test_an_act_leads_to_the_identities_under_which_its_harm_may_run(log_type: str) -> None:
    """Each is named as its own acts name it; refused acts lead nowhere, and the actor is not one of them."""
    for event, expected in CASES[log_type]:
        found = [(each.found_in, each.value, each.relation) for each in derived(log_type, event)]
        assert found == expected, event


def test_every_log_type_that_derives_identities_has_a_case_and_can_find_them() -> None:
    """A term of the same file says where an identity is found where it acts itself."""
    files = [file for file in shipped_log_types() if file.derives]
    assert {file.log_type for file in files} == CASES.keys()
    for file in files:
        assert {each.found_in for each in file.derives} <= file.terms.keys()


def test_an_alert_of_many_acts_has_a_few_identities_each_once() -> None:
    """Two acts on one user are one identity, and what does not fit is left out."""
    twice = derived("Okta.SystemLog", okta("user.account.reset_password"), okta("user.mfa.factor.reset_all"))
    assert [(each.value, each.relation) for each in twice] == [("bo@acme.example", Relation.RESET)]
    assert twice[0].email == "bo@acme.example"
    many = derived("AWS.CloudTrail", call("SendCommand", {"instanceIds": [f"i-{number}" for number in range(50)]}))
    assert len(many) == MAX_DERIVED


def test_only_the_actors_own_acts_count() -> None:
    """What a bot did in the same alert is not what the actor did."""
    mine = okta("user.account.reset_password")
    other = okta("user.account.reset_password", actor={"alternateId": "bot@acme.example"})
    other["target"] = [{"type": "User", "alternateId": "cy@acme.example"}]

    assert [each.value for each in derived("Okta.SystemLog", mine, mine, other)] == ["bo@acme.example"]


@pytest.mark.parametrize(
    ("log_type", "kinds"),
    [
        ("AWS.CloudTrail", {IdentityKind.AWS_ACCESS_KEY, IdentityKind.USERNAME, IdentityKind.WORKLOAD}),
        ("Amazon.EKS.Audit", {IdentityKind.KUBERNETES_USER, IdentityKind.WORKLOAD}),
        ("GCP.AuditLog", {IdentityKind.GCP_KEY, IdentityKind.GCP_SERVICE_ACCOUNT, IdentityKind.EMAIL}),
        ("Okta.SystemLog", {IdentityKind.EMAIL}),
        ("Azure.Audit", {IdentityKind.EMAIL, IdentityKind.ENTRA_OBJECT_ID}),
        ("GitHub.Audit", {IdentityKind.GITHUB_LOGIN}),
        ("GSuite.ActivityEvent", {IdentityKind.EMAIL}),
        ("OneLogin.Events", {IdentityKind.ONELOGIN_USER_ID}),
    ],
)
def test_published_events_have_such_identities(log_type: str, kinds: set[IdentityKind]) -> None:
    """The paths exist in events that others have written down."""
    found = {each.identity.kind for event in published_events(log_type) for each in derived(log_type, event)}
    assert kinds <= found
