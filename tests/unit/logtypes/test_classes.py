"""Which actions of a log type are of a class, and the terms of the services that are asked by class."""

from typing import Any

import pytest

from tests.support.logtypes import published_events, terms_in
from triage.domain.question import ActionClass
from triage.logtypes import class_globs, shipped_log_types
from triage.questions.classes import class_tests, is_of_class

ADDRESS = "198.51.100.7"
EVENTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "Anthropic.Activity": (
        {
            "type": "admin_api_key_created",
            "admin_api_key_id": "apikey_1",
            "actor": {"email_address": "Nadia@acme.example", "ip_address": ADDRESS},
        },
        "apikey_1",
        "key creation",
    ),
    "OpenAI.Audit": (
        {
            "type": "role.assignment.created",
            "role_assignment_created": {"principal_id": "user-2"},
            "actor": {"session": {"user": {"email": "nadia@acme.example"}, "ip_address": ADDRESS}},
        },
        "user-2",
        "grant",
    ),
    "Notion.AuditLogs": (
        {
            "event": {
                "type": "page.exported",
                "actor": {"person": {"email": "nadia@acme.example"}},
                "details": {"target": {"page_id": "p1"}},
                "ip_address": ADDRESS,
            }
        },
        "p1",
        "data access",
    ),
    "Box.Event": (
        {
            "event_type": "ITEM_SHARED_CREATE",
            "created_by": {"login": "nadia@acme.example"},
            "source": {"item_id": "99"},
            "ip_address": ADDRESS,
        },
        "99",
        "sharing",
    ),
    "Dropbox.TeamEvent": (
        {
            "event_type": {"_tag": "tfa_change_status"},
            "actor": {"user": {"email": "nadia@acme.example"}},
            "context": {"email": "nadia@acme.example"},
            "origin": {"geo_location": {"ip_address": ADDRESS}},
        },
        "nadia@acme.example",
        "factor change",
    ),
    "OnePassword.AuditEvent": (
        {
            "action": "grant",
            "object_type": "gva",
            "object_uuid": "v1",
            "actor_details": {"email": "nadia@acme.example"},
            "session": {"ip": ADDRESS},
        },
        "v1",
        "grant",
    ),
    "Panther.Audit": (
        {
            "actionName": "DELETE_DETECTION",
            "actionParams": {"dynamic": {"input": {"detections": [{"id": "Acme.Rule"}]}}},
            "actor": {"attributes": {"email": "nadia@acme.example"}},
            "sourceIP": ADDRESS,
        },
        "acme.rule",
        "log tampering",
    ),
    "Databricks.Audit": (
        {
            "actionName": "getSecret",
            "requestParams": {"scope": "prod"},
            "userIdentity": {"email": "nadia@acme.example"},
            "sourceIPAddress": ADDRESS,
        },
        "prod",
        "secret access",
    ),
}


@pytest.mark.parametrize("log_type", EVENTS)
def test_an_event_says_who_did_what_to_what_and_from_where(log_type: str) -> None:
    """And its action is of the class that an analyst would name."""
    event, target, each = EVENTS[log_type]
    found = terms_in({"p_log_type": log_type, **event})
    assert (found["actor"], found["target"], found["address"]) == ("nadia@acme.example", target, ADDRESS)
    assert is_of_class(log_type, found["action"], ActionClass(each))


@pytest.mark.parametrize("log_type", EVENTS)
def test_published_events_are_read(log_type: str) -> None:
    """Nine in ten name an actor, and every one an action; no act is a deletion and a read."""
    events = published_events(log_type)
    if not events:
        pytest.skip(f"no events of {log_type} are published")
    found = [terms_in(event) for event in events]
    assert all("action" in each for each in found)
    assert sum("actor" in each for each in found) >= 0.9 * len(found)
    for each in found:
        both = {ActionClass.DELETION, ActionClass.READ}
        assert sum(is_of_class(log_type, each["action"], one) for one in both) < 2, each["action"]


def test_a_class_that_a_file_lists_has_its_own_tests() -> None:
    """Every listed glob fits itself, and an empty list means that there are no such names."""
    for file in shipped_log_types():
        for each, globs in file.classes.items():
            assert (each.value, bool(class_tests(file.log_type, each))) == (each.value, bool(globs))
            plain = [glob for glob in globs if not any(sign in glob for sign in "*?[")]
            assert all(is_of_class(file.log_type, name, each) for name in plain)


def test_what_follows_from_harm_is_left_to_the_list_of_a_class() -> None:
    """Reading role bindings is no grant, although the file calls any call on them harmful."""
    assert not is_of_class("Amazon.EKS.Audit", "get clusterrolebindings/", ActionClass.GRANT)
    assert is_of_class("Amazon.EKS.Audit", "create clusterrolebindings/", ActionClass.GRANT)
    assert "stoplogging" in class_globs("AWS.CloudTrail", ActionClass.LOG_TAMPERING)


def test_numbers_hold_no_words() -> None:
    """OneLogin's actions are numbers: only those that the file lists are changes."""
    assert is_of_class("OneLogin.Events", "17", ActionClass.CHANGE)
    assert not is_of_class("OneLogin.Events", "8", ActionClass.CHANGE)
    assert not is_of_class("OneLogin.Events", "8", ActionClass.READ)
