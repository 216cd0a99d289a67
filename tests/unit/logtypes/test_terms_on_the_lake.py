"""What the SQL of a term gives for a stored row is what is taken from the event: on published events, and on some of our own
where none are published or those lack a column.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.bench.terms import differences, write_events
from tests.support.logtypes import published_events
from tests.support.shared import shared_lines

PUBLISHED = [
    "Asana.Audit",
    "Atlassian.Audit",
    "Auth0.Events",
    "GitLab.Production",
    "Gravitational.TeleportAudit",
    "Microsoft365.Audit.AzureActiveDirectory",
    "Microsoft365.Audit.Exchange",
    "Microsoft365.Audit.SharePoint",
    "MongoDB.OrganizationEvent",
    "MongoDB.ProjectEvent",
    "Salesforce.Login",
    "Salesforce.LoginAs",
    "Snyk.GroupAudit",
    "Snyk.OrgAudit",
    "Tines.Audit",
    "Wiz.Audit",
    "Zendesk.Audit",
]
ADDRESSES = ("192.0.2.1:35194", "192.0.2.1", "[2001:db8::7]:443", "2001:db8::7", "", None)
OWN: dict[str, list[dict[str, Any]]] = {
    "Asana.Audit": [{"event_type": "user_login_failed", "actor": {"gid": "7"}, "resource": {"gid": "9"}}],
    "Atlassian.Audit": [
        {"attributes": {"action": "user_login_failed", "actor": {"id": "A7"}, "location": {"ip": "192.0.2.1"}}},
        {"attributes": {"action": "jira_issue_viewed", "context": [], "container": [{"id": "C1"}]}},
    ],
    "Auth0.Events": [
        {"data": {"type": code, "user_name": "", "user_id": "Auth0|7", "client_id": "C1", "ip": ""}}
        for code in ("s", "f", "fp", "fapi", "seccft", "flows_execution_failed", "gd_auth_rejected", "gd_auth_succeed")
    ],
    "GitLab.Audit": [
        {"author_id": 7, "entity_type": "Project", "change": "visibility", "target_id": 2, "target_type": "Project"},
        {"author_id": 7, "entity_type": "Group", "change": "access_level", "target_id": 9, "target_type": "User"},
    ],
    "GitLab.Production": [
        {"method": "POST", "path": "/users/password", "controller": "PasswordsController", "action": "create", "status": status,
         "username": name, "user_id": 7, "remote_ip": "192.0.2.1"}
        for status, name in ((200, "Ada"), (302, None), (401, ""), (403, "ada"), (404, "ada"), (500, "ada"))
    ],
    "Gravitational.TeleportAudit": [
        {"event": "user.login", "user": "Ada", "success": address is None, "addr_remote": address} for address in ADDRESSES
    ] + [
        {"event": "user.create", "user": "ada", "name": "Bo"},
        {"event": "lock.created", "user": "ada", "name": "88", "target": {"user": "Bo"}},
        {"event": "session.start", "user": "ada", "login": "ada", "server_hostname": "web-1"},
    ],
    "Microsoft365.Audit.Exchange": [
        {"Operation": "MailItemsAccessed", "UserId": "Ada@acme.example", "ClientIP": one, "ClientIPAddress": two,
         "MailboxOwnerUPN": "Bo@acme.example", "ResultStatus": "Failed"}
        for one in ADDRESSES for two in ADDRESSES
    ],
    "Microsoft365.Audit.General": [
        {"Operation": "TeamDeleted", "UserId": "Ada@acme.example", "ClientIP": address, "Workload": "MicrosoftTeams",
         "ResultStatus": "Failed", "ObjectId": "T1"}
        for address in ADDRESSES
    ],
    "Salesforce.Login": [
        {"EVENT_TYPE": "Login", "USER_NAME": "Ada", "LOGIN_STATUS": status, "SOURCE_IP": "", "CLIENT_IP": "192.0.2.1"}
        for status in ("LOGIN_ERROR_INVALID_PASSWORD", "LOGIN_SAML_INVALID_ISSUER", "LOGIN_TWOFACTOR_REQ", "LOGIN_NO_ERROR")
    ],
    "Wiz.Audit": [
        {"action": "Login", "status": status, "user": {"id": "Ada@acme.example"}, "sourceIP": "192.0.2.1"}
        for status in ("SUCCESS", "FAILED", "ACCESS_DENIED")
    ],
}  # fmt: skip


def rows_of(log_type: str) -> list[dict[str, Any]]:
    """The published events of a log type, and our own."""
    found = published_events(log_type) if log_type in PUBLISHED else []
    if log_type.startswith("Snyk."):
        # The tests of its rules don't say of which of both logs an event is.
        tests = shared_lines("data/rule_tests.ndjson")
        found = [test["event"] for test in tests if log_type in (test["log_types"] or ())]
    return [*found, *OWN.get(log_type, [])]


@pytest.mark.parametrize("log_type", sorted({*PUBLISHED, *OWN}))
def test_a_term_is_the_same_in_the_lake_as_in_an_event(tmp_path: Path, log_type: str) -> None:
    """Each log type has a table of its own, in its own letter case."""
    rows = rows_of(log_type)
    assert write_events(tmp_path, {log_type: rows}) == [log_type]
    assert list(differences(tmp_path, [log_type])) == []
